"""Bars of budget used: where a bar ends before the line, the budget is met."""

from typing import TYPE_CHECKING

from lessons_lib.plots.picture import COLOURS, Picture, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lessons_lib.capstone.judging import Judged, Line

BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # a label, where the line crosses it
WIDEST = 2.0  # times the budget: a longer bar is cut, and its label says how long it is


def budgets(judged: "Judged") -> Picture:
    """A bar for each budget; those that are missed are hatched and say so, so that colour is never alone."""
    lines = judged.lines

    def paint(axes: "Axes") -> None:
        widths = [100 * min(line.used, WIDEST) for line in lines]
        drawn = axes.barh([line.budget for line in lines], widths, color=[_colour(line) for line in lines])
        for bar, line in zip(drawn, lines, strict=True):
            bar.set_hatch("" if line.met else "///")
            bar.set_edgecolor("white")
        axes.bar_label(drawn, labels=[_label(line) for line in lines], padding=4, zorder=3, bbox=BEHIND)
        axes.axvline(100, color="black", linewidth=1.5, linestyle="--")
        axes.annotate("the budget", (100, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")
        axes.set_title(f"{judged.measured.name}, for {judged.scenario.title}", pad=18)
        axes.set(xlabel="used, % of the budget", xlim=(0, 100 * WIDEST * 1.5))
        axes.set_xticks(range(0, int(100 * WIDEST) + 1, 50))
        axes.invert_yaxis()

    return draw(paint, alt=describe(judged), table=judged.table(), size=(7.0, 0.9 + 0.45 * len(lines)))


def describe(judged: "Judged") -> str:
    """What the bars show, in a sentence each."""
    told = " ".join(f"{line.budget[:1].upper()}{line.budget[1:]}: {line.verdict}." for line in judged.lines)
    return f"Budgets used by {judged.measured.name}, for {judged.scenario.title}. {told}"


def _colour(line: "Line") -> str:
    return COLOURS["pruned"] if line.met else COLOURS["GPU"]


def _label(line: "Line") -> str:
    from lessons_lib.capstone.judging import used_in_words

    cut = " (bar cut short)" if line.used > WIDEST else ""
    return f"{used_in_words(line.used)}{cut}, {line.word}"
