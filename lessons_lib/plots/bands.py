"""Lines over an axis of numbers, each with the spread of its repetitions."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = Mapping[float, Sequence[float]]
LINES = tuple(
    zip(("float32", "GPU", "pruned", "both", "int8", "CPU"), ("-", "--", "-.", ":", "-", "--"), "osD^vX", strict=True)
)


def bands(
    series: Mapping[str, Series],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    log: bool = False,
    log_y: bool = False,
    words: Callable[[float], str] = "{:.3g}".format,
) -> Picture:
    """One labelled line through the medians of each series; a band reaches from the lowest value to the highest.

    Args:
        series: by name: the values of every repetition (one or more) at each place on the horizontal axis.
        title, xlabel, ylabel: with units. log: a logarithmic horizontal axis. log_y: a logarithmic vertical one.
        words: writes a value in the table and the alternative text.
    """

    def paint(axes: "Axes") -> None:
        for (name, points), (idea, style, marker) in zip(series.items(), cycle(LINES), strict=False):
            places = sorted(points)
            middles = [median(points[x]) for x in places]
            lows, highs = [min(points[x]) for x in places], [max(points[x]) for x in places]
            axes.plot(places, middles, style, marker=marker, color=COLOURS[idea], linewidth=2, label=name)
            axes.fill_between(places, lows, highs, color=COLOURS[idea], alpha=0.18, linewidth=0)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        if log:
            axes.set_xscale("log")
        if log_y:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ticks = apart(sorted({x for points in series.values() for x in points}), log=log)
        axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
        axes.minorticks_off()
        if len(series) > 1:
            axes.legend(frameon=False, fontsize=9)

    rows = [row for name, points in series.items() for row in _rows(name, points, xlabel, ylabel, words)]
    if not any(row["lowest to highest"] for row in rows):  # nothing was repeated
        rows = [{key: value for key, value in row.items() if key != "lowest to highest"} for row in rows]
    table = Table(title, rows)
    told = "; ".join(
        f"{name} {', '.join(_at(x, points[x], words) for x in sorted(points))}" for name, points in series.items()
    )
    return draw(paint, alt=f"{title}. {ylabel} at each {xlabel}: {told}.", table=table)


def apart(places: Sequence[float], *, log: bool, share: float = 0.06) -> list[float]:
    """Of places in rising order those whose labels do not overlap: each lies a share of the axis from the one before."""
    on_axis = [math.log(x) if log else x for x in places]
    kept = [0]
    for i in range(1, len(places)):
        if on_axis[i] - on_axis[kept[-1]] >= share * (on_axis[-1] - on_axis[0]):
            kept.append(i)
    return [places[i] for i in kept]


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _at(x: float, values: Sequence[float], words: Callable[[float], str]) -> str:
    return f"{words(median(values))} at {x:g}"


def _rows(name: str, points: Series, xlabel: str, ylabel: str, words: Callable[[float], str]) -> list[dict[str, str]]:
    return [
        {
            "line": name,
            xlabel: f"{x:g}",
            ylabel: words(median(points[x])),
            "lowest to highest": f"{words(min(points[x]))} to {words(max(points[x]))}" if len(points[x]) > 1 else "",
        }
        for x in sorted(points)
    ]
