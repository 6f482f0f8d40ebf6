"""Costs over the months, the share of inference in them, and which input matters most."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from lessons_lib.plots.load import plain_numbers
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lessons_lib.economics.crossing import Curves
    from lessons_lib.economics.sensitivity import Swing

LOOKS = (("float32", "-"), ("GPU", "--"), ("pruned", "-."), ("both", ":"))
TABLE_MONTHS = 6
MOST_BARS = 8  # the narrow rest is in the table
REST_WIDTH = 70  # characters of a line below the axis
WIDE_RANGE = 30.0  # largest over smallest figure from which a logarithmic axis is easier to read


def costs_over_time(
    found: "Curves", months: float, crossing: float | None, *, title: str, unit: str, words: Callable[[float], str],
    times: Callable[[float], str],
) -> Picture:  # fmt: skip
    """What training and serving have cost so far, on logarithmic axes; a ring where they cross.

    Args:
        found: both curves. months: how far to draw. crossing: months after launch; None: they do not cross.
        unit: of the costs, for the axis. words, times: a cost, and a time after launch, in words.
    """
    start = min(crossing or months, months) / 10
    end = max(months, 2 * (crossing or 0))
    moments = np.geomspace(start, end, 200)

    def paint(axes: "Axes") -> None:
        series = {"training": found.training(moments), "serving": found.serving(moments)}
        for (name, values), (idea, style) in zip(series.items(), LOOKS, strict=False):
            values = np.where(values > 0, values, np.nan)
            axes.plot(moments, values, style, color=COLOURS[idea], linewidth=2)
            axes.annotate(f" {name}", (moments[-1], values[-1]), color=COLOURS[idea], va="center")
        if crossing and float(found.serving(crossing)) > 0:
            paid = float(found.serving(crossing))
            axes.plot(crossing, paid, "o", color="black", markersize=12, fillstyle="none")
            axes.annotate(times(crossing), (crossing, paid), xytext=(8, -16), textcoords="offset points")
        axes.set(title=title, xlabel="months after launch", ylabel=f"paid so far, {unit}")
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            plain_numbers(axis)
        axes.margins(x=0.12)

    shown = sorted({*np.geomspace(start, end, TABLE_MONTHS), *([crossing] if crossing else [])})
    rows = [
        {
            "after launch": times(moment),
            "training": words(float(found.training(moment))),
            "serving": words(float(found.serving(moment))),
        }
        for moment in shown
    ]
    met = "Serving does not overtake training." if crossing is None else f"They meet after {times(crossing)}."
    alt = (
        f"{title}: training reaches {rows[-1]['training']} and serving {rows[-1]['serving']} after {times(end)}. {met}"
    )
    return draw(paint, alt=alt, table=Table(title, rows))


def bill_shares(
    shares: Mapping[str, Sequence[float]], months: Sequence[float], times: Callable[[float], str], claimed: tuple[float, float]
) -> Picture:  # fmt: skip
    """Inference's share of all that was paid so far; shaded where each of the two claims would hold.

    Args:
        shares: by name of the bill, 0 to 1, one for each of `months` after launch. claimed: both claims' share, from and to.
        times: a time after launch in words.
    """
    low, high = (100 * share for share in claimed)

    def paint(axes: "Axes") -> None:
        for bottom, name, place in ((low, "inference", 0.01), (100 - high, "training", 0.76)):
            axes.axhspan(bottom, bottom + high - low, color="#DDDDDD", zorder=0)
            text = f"{name} is {low:.0f} to {high:.0f} %"
            axes.annotate(text, (place, bottom + 3), xycoords=("axes fraction", "data"), fontsize=8)
        for (name, values), (idea, style) in zip(shares.items(), cycle(LOOKS), strict=False):
            axes.plot(months, [100 * value for value in values], style, color=COLOURS[idea], linewidth=2, label=name)
        axes.set(xlabel="months after launch", ylabel="inference's share, %", title="Whose bill is it?")
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
        axes.set_ylim(0, 100)
        axes.figure.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=2)

    places = sorted({round(place) for place in np.linspace(0, len(months) - 1, TABLE_MONTHS)})
    rows = [
        {"after launch": times(months[place])} | {name: f"{values[place]:.1%}" for name, values in shares.items()}
        for place in places
    ]
    told = "; ".join(f"{name} from {values[0]:.0%} to {values[-1]:.0%}" for name, values in shares.items())
    alt = f"Inference's share of the bill from {times(months[0])} to {times(months[-1])} after launch: {told}."
    return draw(paint, alt=alt, table=Table("Inference's share of what was paid so far", rows), size=(7.0, 3.6))


def tornado(
    swings: Sequence["Swing"],
    usual: float,
    *,
    title: str,
    xlabel: str,
    words: Callable[[float], str],
    table: Table,
    still: str = "",
) -> Picture:
    """One bar for each input, from the outcome at its low end to that at its high end; beside it, how far apart these are.

    Args:
        swings: widest first. usual: the outcome where nothing is moved. words: an outcome in words. table: the same figures.
        still: the inputs that move nothing, in a line.
    """
    ends = [end for swing in swings for end in (swing.at_low, swing.at_high)]
    below = textwrap.wrap(still, REST_WIDTH)
    logarithmic = bool(ends) and min(ends) > 0 and max(ends) / min(ends) > WIDE_RANGE

    def paint(axes: "Axes") -> None:
        for place, swing in enumerate(swings[:MOST_BARS]):
            for end, idea, text in ((swing.at_low, "CPU", swing.low), (swing.at_high, "float32", swing.high)):
                axes.plot([usual, end], [place, place], color=COLOURS[idea], linewidth=9, solid_capstyle="butt")
                right = end == max(swing.at_low, swing.at_high)
                axes.annotate(
                    text.replace("predictions ", ""), (end, place), xytext=(4 if right else -4, 0), textcoords="offset points", fontsize=7,
                    va="center", ha="left" if right else "right",
                )  # fmt: skip
        axes.axvline(usual, color="black", linewidth=1)
        shown = [f"{swing.label}: {words(swing.width)}" for swing in swings[:MOST_BARS]]
        axes.set_yticks(range(len(shown)), shown, fontsize=8)
        axes.invert_yaxis()
        scale = " (log scale: compare the amounts beside the bars, not their lengths)" if logarithmic else ""
        axes.set(title=title)
        axes.set_xlabel("\n".join([*textwrap.wrap(f"{xlabel}{scale}", REST_WIDTH), *below]), fontsize=8)
        if logarithmic:
            axes.set_xscale("log")
            plain_numbers(axes.xaxis)
        axes.margins(x=0.6)

    told = "; ".join(f"{s.label}: {words(s.at_low)} at {s.low}, {words(s.at_high)} at {s.high}" for s in swings[:5])
    rest = f" {still[:1].upper()}{still[1:]}." if still else ""
    alt = f"{title} In {xlabel}, with nothing moved: {words(usual)}. {told or 'No input moves it'}.{rest}"
    height = 1.2 + 0.32 * max(1, min(MOST_BARS, len(swings))) + 0.16 * (len(below) + 1)
    return draw(paint, alt=alt, table=table, size=(8.0, height))
