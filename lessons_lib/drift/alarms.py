"""When a detector rings: thresholds from quiet weeks, false alarms, power, and the weeks that pass until an alarm."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessons_lib.drift.detectors import Scores
from lessons_lib.drift.weeks import Place, Watched
from lessons_lib.explained import Mistake

WEEKS_A_YEAR = 52
Thresholds = Mapping[str, float]


def threshold(quiet: Scores, rate: float) -> float:
    """The score above which so small a share of quiet weeks lies; an alarm is a score above it.

    The k-th smallest of n scores with k = (n + 1)(1 - rate), rounded up: a new quiet week lies above with a chance of at most
    `rate`. With too few weeks for so small a rate it is the largest score.

    Args:
        quiet: scores (n,) of weeks without drift. rate: of false alarms, between 0 and 1.

    Raises:
        Mistake: the rate lies outside.

    Source: Lei et al., Distribution-Free Predictive Inference for Regression, 2018 (the split conformal quantile).
    """
    if not 0 < rate < 1:
        raise Mistake(f"A rate of false alarms lies between 0 and 1, such as 1/52 for one a year; this is {rate!r}.")
    place = math.ceil((len(quiet) + 1) * (1 - rate))
    return float(np.sort(quiet)[min(place, len(quiet)) - 1])


def thresholds(watched: Watched, a_year: float, *, together: int = 1) -> dict[str, float]:
    """The threshold of each detector for so many false alarms a year.

    Args:
        a_year: false alarms in 52 quiet weeks, at most 26. together: how many detectors share them (Bonferroni).

    Raises:
        Mistake: `a_year` is not above 0 and at most 26.
    """
    if not 0 < a_year <= WEEKS_A_YEAR / 2:
        raise Mistake(f"Give a number of false alarms a year above 0 and up to 26; this is {a_year!r}.")
    rate = a_year / WEEKS_A_YEAR / together
    return {name: threshold(scores, rate) for name, scores in watched.calibration.items()}


@dataclass(frozen=True)
class Rate:
    """How many of so many weeks had an alarm, with the exact interval of 95 % (Clopper and Pearson, 1934)."""

    alarms: int
    weeks: int

    @property
    def share(self) -> float:
        """Of the weeks, with an alarm, 0 to 1."""
        return self.alarms / self.weeks

    @property
    def a_year(self) -> float:
        """Alarms in 52 such weeks."""
        return WEEKS_A_YEAR * self.share

    @property
    def interval(self) -> tuple[float, float]:
        """Between which the true share lies, with a confidence of 95 %."""
        from scipy.stats import binomtest

        found = binomtest(self.alarms, self.weeks).proportion_ci(0.95)
        return float(found.low), float(found.high)

    def within(self, rate: float) -> bool:
        """Is it compatible with a true rate of at most this?"""
        return self.interval[0] <= rate

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.share:.1%}, {low:.1%} to {high:.1%}"


def rate(scores: Scores, limit: float) -> Rate:
    """How many weeks lie above a threshold."""
    return Rate(int((scores > limit).sum()), len(scores))


def false_alarms(watched: Watched, limits: Thresholds) -> dict[str, Rate]:
    """Of the quiet weeks that the thresholds were not chosen on, by detector."""
    return {name: rate(watched.quiet[name], limit) for name, limit in limits.items()}


def rings(scores: Mapping[str, Scores], limits: Thresholds, names: Sequence[str]) -> NDArray[np.bool_]:
    """In which weeks at least one of these detectors has an alarm, bool (r,)."""
    return np.any([scores[name] > limits[name] for name in names], axis=0)


def any_of(scores: Mapping[str, Scores], limits: Thresholds, names: Sequence[str]) -> Rate:
    """How many weeks had an alarm of at least one of these detectors."""
    found = rings(scores, limits, names)
    return Rate(int(found.sum()), len(found))


def power(watched: Watched, limits: Thresholds, place: Place) -> dict[str, Rate]:
    """How many weeks after a drift have an alarm, by detector."""
    return {name: rate(watched.drifted[place][name], limit) for name, limit in limits.items()}


def weeks_until(chance: float, sure: float = 0.95) -> float:
    """After how many weeks an alarm has sounded with a probability of `sure`, when each week has this chance; may be infinite."""
    if chance >= sure:
        return 1
    return math.ceil(math.log(1 - sure) / math.log(1 - chance)) if chance > 0 else math.inf


def first_alarms(ringing: NDArray[np.bool_], runs: int, longest: int, seed: int = 0) -> NDArray[np.float64]:
    """In which week after a drift the first alarm sounds, in many runs of weeks drawn from these: float64 (runs,).

    Args:
        ringing: which weeks after the drift have an alarm (r,). runs: how often to begin anew. longest: weeks a run; where none
            of them rings the answer is infinite.
    """
    drawn = np.random.default_rng(seed).integers(len(ringing), size=(runs, longest))
    run = ringing[drawn]
    return np.where(run.any(1), run.argmax(1) + 1.0, math.inf)
