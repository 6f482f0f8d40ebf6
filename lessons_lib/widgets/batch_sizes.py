"""Lesson 02: pick a batch size and a memory, and look up what was measured; nothing is trained when a slider moves."""

from collections.abc import Sequence

from lessons_lib import plots
from lessons_lib.timing.table import duration
from lessons_lib.training_batches import BatchCost
from lessons_lib.training_memory import in_words
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets

MEMORIES = tuple(2**power for power in (20, 23, 26, 28, 30, 33, 35))  # bytes: 1 MiB to 32 GiB


def describe(cost: BatchCost, memory_bytes: int) -> str:
    """What a batch size costs and buys, and whether it fits into a memory."""
    fits = "fits" if cost.total_bytes <= memory_bytes else "does not fit"
    most = cost.largest_batch(memory_bytes)
    limit = f"about {most:,} images would be the most" if most else "not even one image would"
    return (
        f"Batch {cost.batch}: {cost.images_per_second:,.0f} images/s, {duration(cost.step.median_ms)} a step. "
        f"Activations {in_words(cost.activations)}, all together {in_words(cost.total_bytes)}: "
        f"{fits} into {in_words(memory_bytes)}, where {limit}."
    )


def batch_explorer(costs: Sequence[BatchCost]) -> None:
    """Two sliders, over the batch sizes that were measured and over sizes of memory; a sentence and a picture.

    Args:
        costs: from `training_batches.sweep_batches`.

    Raises:
        ValueError: no costs.
    """
    if not costs:
        raise ValueError("there are no batch sizes to look at: run the cell that measures them first.")
    memory = MEMORIES[2]
    if not have_widgets():
        print("\n".join(describe(cost, memory) for cost in costs))
        return
    import ipywidgets

    wide = {"width": "32em"}
    batch = ipywidgets.SelectionSlider(
        options=[(str(cost.batch), place) for place, cost in enumerate(costs)], value=len(costs) // 2,
        description="batch", layout=wide,
    )  # fmt: skip
    room = ipywidgets.SelectionSlider(
        options=[(in_words(size), size) for size in MEMORIES], value=memory, description="memory", layout=wide
    )
    text = "\n".join(describe(cost, memory) for cost in costs)
    explorer(
        [batch, room],
        lambda place, size: describe(costs[place], size),
        lambda place, size: _picture(costs, costs[place], size),
        name="batch",
        text=text,
    )


def _picture(costs: Sequence[BatchCost], chosen: BatchCost, memory_bytes: int) -> str:
    sizes = [cost.batch for cost in costs]
    blue, red = plots.COLOURS["float32"], plots.COLOURS["GPU"]

    def paint(left, right) -> None:
        left.plot(sizes, [cost.images_per_second for cost in costs], "o-", color=blue)
        left.plot(chosen.batch, chosen.images_per_second, "o", color="black", markersize=12, fillstyle="none")
        left.set(title="throughput", xlabel="batch size", ylabel="images/s")
        left.set_ylim(0, 1.15 * max(cost.images_per_second for cost in costs))
        right.plot(sizes, [cost.total_bytes for cost in costs], "o-", color=blue)
        right.plot(chosen.batch, chosen.total_bytes, "o", color="black", markersize=12, fillstyle="none")
        right.axhline(memory_bytes, color=red, linestyle="--", linewidth=1.5)
        right.annotate(
            in_words(memory_bytes), (0, memory_bytes), xycoords=("axes fraction", "data"), xytext=(4, 3),
            textcoords="offset points", color=red,
        )  # fmt: skip
        right.set(title="memory of a step", xlabel="batch size", ylabel="")
        right.set_yscale("log", base=2)
        right.set_ylim(top=3 * max(memory_bytes, *(cost.total_bytes for cost in costs)))
        right.yaxis.set_major_formatter(lambda value, _: in_words(value))
        for axes in (left, right):
            axes.set_xscale("log", base=2)
            axes.set_xticks(sizes, [str(size) for size in sizes])
            axes.minorticks_off()

    rows = [{"batch": cost.batch, "what it costs and buys": describe(cost, memory_bytes)} for cost in costs]
    table = plots.Table("Batch sizes", rows)
    return plots.draw(paint, alt=describe(chosen, memory_bytes), table=table, panels=2)._repr_html_()
