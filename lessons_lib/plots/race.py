"""Runs racing to a target: accuracy against the seconds spent training."""

from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from lessons_lib.plots.bands import LINES
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table
from lessons_lib.time_to_accuracy import conclusion, rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lessons_lib.history import History


def race(runs: Mapping[str, "History"], target: float, *, title: str = "Accuracy against time") -> Picture:
    """One line for each run, with a mark at every look at the validation images, and a rule at the target.

    Args:
        runs: by name; two or more. target: accuracy, 0 to 1.
    """

    def paint(axes: "Axes") -> None:
        for (name, run), (idea, style, marker) in zip(runs.items(), LINES, strict=False):
            spent = list(accumulate(run.step_seconds))
            seconds = [spent[step - 1] for step, _ in run.accuracy]
            shares = [100 * share for _, share in run.accuracy]
            axes.plot(seconds, shares, style, marker=marker, markersize=4, color=COLOURS[idea], linewidth=2, label=name)
        axes.axhline(100 * target, color=COLOURS["grey"], linewidth=1, linestyle=":")
        axes.annotate(
            f"{target:.0%}", (1, 100 * target), xycoords=("axes fraction", "data"), xytext=(-4, 3),
            textcoords="offset points", ha="right", color=COLOURS["grey"],
        )  # fmt: skip
        axes.set(title=title, xlabel="seconds of training", ylabel="validation accuracy, %", ylim=(0, 101))
        axes.set_xlim(left=0)
        axes.legend(frameon=False, fontsize=9, loc="best")

    return draw(paint, alt=f"{title}. {conclusion(runs, target)}", table=Table(title, rows(runs, target)))
