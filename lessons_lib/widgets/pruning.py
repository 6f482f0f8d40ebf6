"""Lesson 07: set budgets for time and bytes, and see which variant to take; the rows are looked up, nothing is measured."""

import math
from collections.abc import Sequence

from lessons_lib import plots
from lessons_lib.pruning_study.budgets import QUANTITIES, most_accurate
from lessons_lib.pruning_study.variants import Variant, kib
from lessons_lib.timing.table import duration
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets
from lessons_lib.widgets.keyboard import choice

ANY = math.inf


def describe(rows: Sequence[Variant], latency_ms: float, zipped_bytes: float) -> str:
    """The most accurate variant within the budgets, and what the budgets cost, in sentences.

    Args:
        rows: one or more, the dense variant first. latency_ms, zipped_bytes: the budgets; infinite for none.
    """
    limits = [f"at most {duration(latency_ms)}"] if latency_ms < ANY else []
    limits += [f"at most {kib(zipped_bytes)} zipped"] if zipped_bytes < ANY else []
    within = f"With {' and '.join(limits)}" if limits else "Without budgets"
    taken = most_accurate(rows, latency_ms, zipped_bytes)
    if taken is None:
        return f"{within} nothing fits: give it more time or more bytes."
    least = f"a model file of {kib(taken.file_bytes)}, {kib(taken.zipped_bytes)} zipped"
    loss = 100 * (taken.accuracy - rows[0].accuracy)
    return (
        f"{within}, take {taken.name}: {taken.accuracy:.1%} ({loss:+.1f} points against {rows[0].name}), "
        f"{duration(taken.latency_ms)} an image, {least}."
    )


def steps(values: Sequence[float]) -> list[float]:
    """The budgets that change anything: each value that was measured, and no limit."""
    return [*sorted(set(values)), ANY]


def pareto_explorer(rows: Sequence[Variant]) -> None:
    """Two sliders for the budgets and three buttons for what the picture shows; a sentence names the variant to take.

    Args:
        rows: from `pruning_study.measure`, the dense variant first.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("there are no variants to look at: run the cell that measures them first.")
    times, sizes = steps([row.latency_ms for row in rows]), steps([row.zipped_bytes for row in rows])
    text = "\n".join(dict.fromkeys(describe(rows, time, ANY) for time in reversed(times)))
    if not have_widgets():
        print(text)
        return

    time = _slider("latency", [("any" if t == ANY else duration(t), t) for t in times])
    size = _slider("zipped", [("any" if s == ANY else kib(s), s) for s in sizes])
    across = choice("Across", list(QUANTITIES))
    explorer(
        [time, size, across],
        lambda time, size, _: describe(rows, time, size),
        lambda time, size, across: _picture(rows, across, time, size, describe(rows, time, size)),
        name="pareto",
        text=text,
    )


def _slider(name: str, options: list[tuple[str, float]]):
    """A slider over places in the list, since two budgets may look alike; it starts at no limit."""
    import ipywidgets

    labels = [label if label not in dict(options[:i]) else f"{label} ({i + 1})" for i, (label, _) in enumerate(options)]
    pairs = [(label, value) for label, (_, value) in zip(labels, options, strict=True)]
    return ipywidgets.SelectionSlider(options=pairs, value=ANY, description=name, layout={"width": "32em"})


def _picture(rows: Sequence[Variant], across: str, latency_ms: float, zipped_bytes: float, sentence: str) -> str:
    budget = {"latency": latency_ms, "zipped file": zipped_bytes}.get(across, ANY)
    taken = most_accurate(rows, latency_ms, zipped_bytes)
    picture = plots.trade_off(rows, across, chosen=taken, budget=budget if budget < ANY else None, alt=sentence)
    return picture._repr_html_()
