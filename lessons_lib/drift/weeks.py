"""Many weeks of production at once: images are looked at once, and weeks are drawn from them again and again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lessons_lib.drift.detectors import Detector, Scores, Weeks
from lessons_lib.drift.signals import Signals

Place = tuple[str, float]  # the kind of a drift and its strength
SMALLEST_WEEK = 5
TOO_FEW = 20  # images a week; with fewer, chance rules
HARMLESS = 1.0  # points of accuracy; less is no harm
# a pool has to be that many times as large, or weeks drawn from two pools differ by the pools alone
POOL_FOR_A_WEEK = 20


@dataclass(frozen=True)
class Watched:
    """What the detectors made of quiet weeks and of weeks after a drift.

    size: images a week. calibration: scores (r,) of the quiet weeks that thresholds follow from, by detector. quiet: the same for
    quiet weeks of other images. drifted: scores by kind and strength, then by detector. accuracies: by kind and strength.
    quiet_accuracy: without drift. watches: what each detector watches.
    grain: points of accuracy that chance may make of a difference: two standard errors.
    """

    size: int
    calibration: Mapping[str, Scores]
    quiet: Mapping[str, Scores]
    drifted: Mapping[Place, Mapping[str, Scores]]
    accuracies: Mapping[Place, float]
    quiet_accuracy: float
    watches: Mapping[str, str]
    grain: float = 0.0

    @property
    def without_labels(self) -> list[str]:
        """The detectors that need no labels."""
        return [name for name, watched in self.watches.items() if watched != "labels"]

    @property
    def kinds(self) -> list[str]:
        """The kinds of drift, in the order in which they were given."""
        return list(dict.fromkeys(kind for kind, _ in self.drifted))

    @property
    def strengths(self) -> list[float]:
        """The strengths of the drifts, the weakest first."""
        return sorted({strength for _, strength in self.drifted})

    def points_lost(self, place: Place) -> float:
        """How many percentage points of accuracy a drift costs."""
        return 100 * (self.quiet_accuracy - self.accuracies[place])

    def harmful(self, place: Place) -> bool:
        """Does a drift cost a point of accuracy or more, and more than chance makes?"""
        return self.points_lost(place) >= max(HARMLESS, self.grain)


def week_size(wanted: int, *pools: int) -> int:
    """How many images a week may have, so that pools of these sizes still tell weeks apart rather than pools."""
    return max(SMALLEST_WEEK, min(wanted, min(pools) // POOL_FOR_A_WEEK))


def few_told(wanted: int, *pools: int) -> str:
    """That there are too few images for a finding, in a sentence or two; empty where there are enough."""
    size = week_size(wanted, *pools)
    if size >= TOO_FEW:
        return ""
    return (
        f"Too few images: weeks of {size}, where {TOO_FEW} are the least that tell a drift from chance. The lesson runs and shows how it is "
        "done; take no figure of it for a finding."
    )


def draw(images: int, weeks: int, size: int, seed: int) -> Weeks:
    """Weeks of a pool of `images`, drawn with replacement: int64 (weeks, size)."""
    return np.random.default_rng([seed, images]).integers(images, size=(weeks, size))


def watch(
    found: Mapping[str, Detector],
    calibration: Signals,
    quiet: Signals,
    drifted: Mapping[Place, Signals],
    *,
    size: int,
    calibration_weeks: int = 1000,
    weeks: int = 400,
    seed: int = 0,
) -> Watched:
    """Hold many weeks of each pool against the reference.

    Args:
        found: from `detectors.detectors`. calibration, quiet: pools of images without drift; they must share none with each
            other or with the reference. drifted: a pool for each kind and strength. size: images a week.
        calibration_weeks: for the thresholds. weeks: of every other pool. seed: which images each week holds.
    """

    def scores(pool: Signals, count: int, series: int) -> dict[str, Scores]:
        drawn = draw(len(pool), count, size, seed + series)
        return {name: one.scores(pool, drawn) for name, one in found.items()}

    return Watched(
        size,
        scores(calibration, calibration_weeks, 1),
        scores(quiet, weeks, 2),
        {place: scores(pool, weeks, 3) for place, pool in drifted.items()},
        {place: pool.accuracy for place, pool in drifted.items()},
        quiet.accuracy,
        {name: one.watches for name, one in found.items()},
        _grain(quiet, drifted),
    )


def _grain(quiet: Signals, drifted: Mapping[Place, Signals]) -> float:
    """Two standard errors of a difference between two accuracies like that of the quiet images, in points.

    Two right and two wrong answers are added, or a handful of right ones would leave no room for chance.

    Source: Agresti and Coull, Approximate Is Better than "Exact" for Interval Estimation of Binomial Proportions, 1998.
    """
    right = (quiet.accuracy * len(quiet) + 2) / (len(quiet) + 4)
    return 200 * math.sqrt(right * (1 - right) * (1 / len(quiet) + 1 / min(map(len, drifted.values()))))
