"""Accuracy against what it costs, for the variants of one model: which are worth having?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.pruning_study.budgets import QUANTITIES, front
from lessons_lib.pruning_study.variants import Variant, rows_table
from lessons_lib.timing.table import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# colour, marker and filling of a kind: zeros leave the arrays as large as they were, so they are drawn hollow
LOOK = {"dense": ("float32", "o", True), "zeros": ("pruned", "s", False), "channels": ("pruned", "^", True)}
LABELS_ABOVE_EACH_OTHER = 22  # that fit into the picture
UNITS = {
    "latency": ("median latency, ms", 1.0),
    "file": ("file, KiB", 1024.0),
    "zipped file": ("zipped file, KiB", 1024.0),
}


def trade_off(
    rows: Sequence[Variant],
    across: str = "latency",
    *,
    chosen: Variant | None = None,
    budget: float | None = None,
    alt: str = "",
) -> Picture:
    """Accuracy against one quantity, with a line along those that nothing beats in it.

    Args:
        rows: one for each variant. across: "latency", "file" or "zipped file". chosen: ringed.
        budget: a dashed line, in ms or bytes; what lies to the right of it is too much. alt: says what the picture shows, in place
            of the sentence made here.
    """
    field, (label, unit) = QUANTITIES[across], UNITS[across]
    best = sorted(front(rows, (field,)), key=lambda row: getattr(row, field))

    def paint(axes: "Axes") -> None:
        places = [getattr(row, field) / unit for row in best]
        axes.step(places, [100 * row.accuracy for row in best], where="post", color=COLOURS["grey"], linewidth=1)
        for kind, (idea, marker, filled) in LOOK.items():
            shown = [row for row in rows if row.kind == kind]
            x, y = [getattr(row, field) / unit for row in shown], [100 * row.accuracy for row in shown]
            face = COLOURS[idea] if filled else "none"
            axes.scatter(x, y, s=60, marker=marker, facecolor=face, edgecolor=COLOURS[idea], linewidth=1.5, label=kind)
        if chosen is not None:
            at_x, at_y = getattr(chosen, field) / unit, 100 * chosen.accuracy
            axes.scatter(at_x, at_y, s=320, facecolor="none", edgecolor="black", linewidth=2)
        if budget is not None:
            axes.axvline(budget / unit, color=COLOURS["GPU"], linestyle="--", linewidth=1.5)
        axes.set(xlabel=f"{label} (log scale; left is better)", ylabel="accuracy, %", xscale="log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
        axes.margins(0.12, 0.15)
        left, right = axes.get_xlim()
        axes.set_xlim(left, right * (right / left) ** 0.18)  # room for the labels
        heights = label_heights([100 * row.accuracy for row in rows], axes.get_ylim())
        for row, height in zip(rows, heights, strict=True):
            axes.annotate(
                row.name, (getattr(row, field) / unit, height), xytext=(9, 0), textcoords="offset points", va="center",
                fontsize=7, fontweight="bold" if row in best else "normal",
            )  # fmt: skip
        axes.figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(LOOK))

    names = ", ".join(row.name for row in best)
    told = alt or f"Accuracy against {label} of {len(rows)} variants. Nothing is better in both than: {names}."
    return draw(
        paint,
        alt=told,
        table=rows_table(rows, f"All variants; the dense one takes {duration(rows[0].latency_ms)}"),
        size=(7, 3.8),
    )


def label_heights(values: Sequence[float], limits: tuple[float, float]) -> list[float]:
    """Where labels go that would stand at these heights: moved down until no two of them overlap, the highest first."""
    line = (limits[1] - limits[0]) / LABELS_ABOVE_EACH_OTHER
    heights, last = [0.0] * len(values), limits[1] + line
    for place in sorted(range(len(values)), key=lambda place: -values[place]):
        last = min(values[place], last - line)
        heights[place] = last
    return heights
