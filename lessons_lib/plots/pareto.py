"""Accuracy against latency: what nothing beats."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lessons_lib.grid import Row

MARKERS = {"float32": "o", "int8": "s", "pruned": "^", "both": "D"}


def idea_of(variant: str) -> str:
    """Which colour and marker a model variant has."""
    eight_bit, pruned = variant.endswith("int8"), variant.startswith("channels")
    if variant == "both" or (eight_bit and pruned):
        return "both"
    return "int8" if eight_bit else "pruned" if pruned else "float32"


def _side(value: float, low: float, high: float) -> Literal["left", "center", "right"]:
    """How to align a label on a logarithmic axis so that it stays inside."""
    share = math.log(value / low) / math.log(high / low)
    return "left" if share < 0.25 else "right" if share > 0.75 else "center"


def pareto(
    rows: Sequence["Row"], best: Sequence["Row"], chosen: "Row | None" = None, others: Sequence["Row"] = ()
) -> Picture:
    """Accuracy against latency, area of a marker by size in bytes; those that nothing beats are named and joined by a line.

    So is the baseline named; the table has the others.

    Args:
        rows: one batch size. best: the rows on the Pareto front. chosen: ringed. others: recorded rows, drawn hollow.
    """

    from matplotlib.ticker import LogLocator, NullFormatter

    def paint(axes: "Axes") -> None:
        front = sorted(best, key=lambda row: row.latency_ms)
        axes.step(
            [r.latency_ms for r in front],
            [100 * r.accuracy for r in front],
            where="post",
            color=COLOURS["grey"],
            linewidth=1,
        )
        for row in [*rows, *others]:
            idea = idea_of(row.variant)
            axes.hlines(100 * row.accuracy, row.latency_ms, row.p95_ms, color=COLOURS[idea], linewidth=1)
            axes.scatter(
                row.latency_ms, 100 * row.accuracy, s=30 + row.size_bytes / 8192, marker=MARKERS[idea], alpha=0.85,
                color=COLOURS[idea] if row in rows else "none", edgecolor=COLOURS[idea], linewidth=1.5,
            )  # fmt: skip
        if chosen is not None:
            axes.scatter(
                chosen.latency_ms, 100 * chosen.accuracy, s=420, facecolor="none", edgecolor="black", linewidth=2
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(
            title="left is faster; larger is more bytes; a line reaches to the 95th percentile",
            xlabel="median latency of a batch, ms (log scale)",
            ylabel="accuracy, %",
        )
        axes.title.set_fontsize(9)
        for idea in MARKERS:
            axes.scatter([], [], marker=MARKERS[idea], color=COLOURS[idea], label=idea)
        axes.figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(MARKERS))
        axes.margins(0.15, 0.4)
        axes.set_ylim(top=min(axes.get_ylim()[1], 101))
        named = [row for row in rows if row in front or row is chosen or row.verdict == "the baseline"]
        for place, row in enumerate(sorted(named, key=lambda row: row.latency_ms)):
            axes.annotate(
                row.name + (" (front)" if row in front else ""),
                (row.latency_ms, 100 * row.accuracy),
                xytext=(0, 12 + 11 * (place % 3)),  # neighbours one above the other
                textcoords="offset points",
                ha=_side(row.latency_ms, *axes.get_xlim()),
                fontsize=7,
                fontweight="bold" if row in front else "normal",
            )

    from lessons_lib.grid import in_words

    batch = rows[0].batch if rows else 0
    names = ", ".join(row.name for row in sorted(best, key=lambda row: row.latency_ms))
    ringed = f" Chosen: {chosen.name}, {chosen.latency_ms:.3g} ms, {chosen.accuracy:.1%}." if chosen else ""
    alt = (
        f"Accuracy against latency of {len(rows)} configurations at batch size {batch}. Nothing beats: {names}.{ringed}"
    )
    table = Table(
        f"Batch size {batch}",
        [in_words(row) | {"on the front": "yes" if row in best else ""} for row in [*rows, *others]],
    )
    return draw(paint, alt=alt, table=table, size=(7, 4))
