"""Lesson 01: pick a learning rate and look the finished run up; nothing is trained when the slider moves."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

from lessons_lib import plots
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets


def describe(rate: float, losses: Sequence[float]) -> str:
    """What a run with this learning rate did, in a sentence.

    Args:
        rate: the learning rate. losses: of each step; a run that blew up ends early, with a loss that is not finite.
    """
    if not math.isfinite(sum(losses)):
        return f"Learning rate {rate:g}: after {len(losses)} steps the loss is no longer a number: steps overshoot."
    few = max(1, min(10, len(losses) // 2))
    first, last, highest = sum(losses[:few]) / few, sum(losses[-few:]) / few, max(losses)
    told = f"Learning rate {rate:g}: the mean loss of {few} step{'s' * (few > 1)} goes from {first:.2f} at the start to {last:.2f} at the end"
    if highest > 1.5 * losses[0]:
        return f"{told}, and in between it jumps to {highest:.2f}: steps overshoot."
    change = last / first - 1
    return f"{told}: it {'falls' if change < -0.05 else 'rises' if change > 0.05 else 'hardly moves'}."


def rate_explorer(runs: Mapping[float, Sequence[float]]) -> None:
    """A slider over learning rates; the run that belongs to it is drawn in front of the others.

    Args:
        runs: the loss of each step by learning rate, all from the same start.

    Raises:
        ValueError: no runs.
    """
    if not runs:
        raise ValueError("there are no runs to look at: run the cell that trains them first.")
    rates = sorted(runs)
    if not have_widgets():
        print("\n".join(describe(rate, runs[rate]) for rate in rates))
        return
    import ipywidgets

    middle = rates[len(rates) // 2]
    slider = ipywidgets.SelectionSlider(
        options=[(f"{rate:g}", rate) for rate in rates], value=middle, description="rate", layout={"width": "32em"}
    )
    text = "\n".join(describe(rate, runs[rate]) for rate in rates)
    explorer([slider], lambda rate: describe(rate, runs[rate]), partial(_picture, runs), name="rate", text=text)


def _picture(runs: Mapping[float, Sequence[float]], rate: float) -> str:
    chosen = plots.running_mean(runs[rate], 10)
    top = 2 * max(losses[0] for losses in runs.values())

    def paint(axes) -> None:
        for losses in runs.values():
            axes.plot(plots.running_mean(losses, 10), color="#BBBBBB", linewidth=1)
        axes.plot(chosen, color=plots.COLOURS["float32"], linewidth=2.5)
        axes.annotate(
            f" {rate:g}", (len(chosen) - 1, min(chosen[-1], top)), color=plots.COLOURS["float32"], va="center"
        )
        axes.set(title="loss, mean of 10 steps (grey: the other rates)", xlabel="step", ylabel="cross-entropy")
        axes.set_ylim(0, top)

    rows = [{"learning rate": f"{r:g}", "what happened": describe(r, losses)} for r, losses in sorted(runs.items())]
    table = plots.Table("Learning rates", rows)
    return plots.draw(paint, alt=describe(rate, runs[rate]), table=table)._repr_html_()
