"""What each of several changes did, seed by seed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lessons_lib.paired import Effect
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOK = {"helped": ("pruned", "o"), "hurt": ("GPU", "v"), "cannot tell": ("grey", "s")}  # colour and marker


def effects(
    found: Mapping[str, Effect], *, title: str = "What helped?", measured: str = "validation accuracy"
) -> Picture:
    """A line for each change: a hollow ring for every seed, a filled mark at the mean, a bar over the 95 % interval.

    `measured` names the accuracy in question.
    """

    def paint(axes: "Axes") -> None:
        axes.axvline(0, color="black", linewidth=1)
        for place, one in enumerate(found.values()):
            idea, marker = LOOK[one.word]
            points = [100 * value for value in one.differences.values()]
            axes.plot(points, [place] * len(points), "o", markersize=6, markerfacecolor="none", color=COLOURS[idea])
            axes.plot(100 * one.mean, place, marker, markersize=9, color=COLOURS[idea])
            if one.margin < 1:
                axes.plot([100 * one.low, 100 * one.high], [place, place], color=COLOURS[idea], linewidth=2)
            axes.annotate(one.word, (1.01, place), xycoords=("axes fraction", "data"), va="center", color=COLOURS[idea])
        axes.set_yticks(range(len(found)), list(found))
        axes.set(title=title, xlabel=f"difference in {measured}, percentage points")
        axes.set_ylim(len(found) - 0.5, -0.5)
        widest = max((abs(100 * d) for one in found.values() for d in one.differences.values()), default=1)
        axes.set_xlim(-1.6 * max(widest, 1), 1.6 * max(widest, 1))

    told = "; ".join(f"{name} {one}" for name, one in found.items())
    return draw(paint, alt=f"{title} {told}.", table=table(found, title), size=(7, 1.2 + 0.4 * len(found)))


def table(found: Mapping[str, Effect], title: str = "What helped?") -> Table:
    """A row for each change: verdict, mean difference with its interval, and the difference for every seed."""
    rows = [
        {
            "change": name,
            "verdict": one.word,
            "difference and its 95 % interval": one.figures,
            "seed by seed": ", ".join(f"{100 * value:+.1f}" for value in one.differences.values()),
        }
        for name, one in found.items()
    ]
    return Table(title, rows)
