"""Lesson 11: how much worse is the new version, and how exact should the rollout be? Simulated rollouts are looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lessons_lib import plots
from lessons_lib.rollout import Outcomes, Policy, simulate
from lessons_lib.rollout.told import kind
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets

DIFFERENCES = (-0.02, -0.01, 0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
MARGINS = (0.01, 0.02, 0.05)
Grid = Mapping[tuple[float, float], Outcomes]


def rollout_grid(
    disagreement: float,
    policy: Policy | None = None,
    *,
    differences: Sequence[float] = DIFFERENCES,
    margins: Sequence[float] = MARGINS,
    runs: int = 100,
    seed: int = 0,
) -> Grid:
    """Simulate rollouts for every difference with every margin; by (difference, margin).

    Args:
        disagreement: the share of the requests, 0 to 1, that only one of the versions gets right. Where the difference is larger, it
            counts. runs: rollouts of each.
    """
    policy = policy or Policy()
    found = {}
    for difference in differences:
        differ = min(1.0, max(disagreement, abs(difference)))
        lost, won = (differ + difference) / 2, (differ - difference) / 2
        for margin in margins:
            found[difference, margin] = simulate(lost, won, replace(policy, margin=margin), runs=runs, seed=seed)
    return found


def describe(difference: float, margin: float, found: Outcomes, before: float = 0.20) -> str:
    """What becomes of a version, and what it takes to know."""
    wrong = (
        "as often wrong as the live one"
        if not difference
        else f"wrong {'more' if difference > 0 else 'less'} often by "
    )
    wrong += _points(abs(difference)) if difference else ""
    judged = {
        "worse": "It should go.", "not worse": "It should stay.", "in between": "Below the margin: either end is right.",
    }[kind(difference, margin)]  # fmt: skip
    return (
        f"A new version that is {wrong}, with a margin of {_points(margin)}: promoted in {found.promoted_share:.0%} of "
        f"{len(found.promoted):,} rollouts, rolled back before {before:.0%} of the traffic in {found.rolled_back_before(before):.0%}. "
        f"Half of the rollouts took {np.median(found.compared):,.0f} compared requests or fewer, {np.median(found.requests):,.0f} in "
        f"all. {judged}"
    )


def rollout_explorer(grid: Grid, before: float = 0.20) -> None:
    """Two sliders, over the difference between the versions and over the margin; a sentence and a picture.

    Args:
        grid: from `rollout_grid`. before: the share of the traffic before which a bad version should be gone.

    Raises:
        ValueError: an empty grid.
    """
    if not grid:
        raise ValueError("there are no rollouts to look at: run the cell that simulates them first.")
    differences, margins = (sorted({key[place] for key in grid}) for place in (0, 1))
    middle = margins[len(margins) // 2]
    text = "\n".join(describe(value, middle, grid[value, middle], before) for value in differences)
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    wide = {"width": "34em"}
    gap = ipywidgets.SelectionSlider(
        options=[(f"{100 * value:+g}", value) for value in differences], value=differences[len(differences) // 2],
        description="worse by", layout=wide,
    )  # fmt: skip
    exact = ipywidgets.SelectionSlider(
        options=[(f"{100 * value:g}", value) for value in margins], value=middle, description="margin", layout=wide
    )

    def say(difference: float, margin: float) -> str:
        return describe(difference, margin, grid[difference, margin], before)

    def draw(difference: float, margin: float) -> str:
        row = [grid[value, margin] for value in differences]
        return plots.fates(differences, row, margin, before, difference)._repr_html_()

    explorer([gap, exact], say, draw, name="rollout", text=text)


def _points(share: float) -> str:
    """A share as percentage points: "1 point", "0.5 points"."""
    number = f"{100 * share:g}"
    return f"{number} point" if number == "1" else f"{number} points"
