"""Did it help? Two ways of training, compared seed by seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lessons_lib.timing.verdict import student_t

CONFIDENCE = 0.95
FEWEST_SEEDS = 3


@dataclass(frozen=True)
class Effect:
    """What a change does to an accuracy (0 to 1): the difference for each seed, and what can be said of them together.

    differences: with the change minus without it, by seed. grain: the smallest possible difference, one image of
    those that were judged; the interval is widened by it.
    """

    differences: Mapping[int, float]
    grain: float = 0.0

    @property
    def mean(self) -> float:
        """The mean difference; 0 without any."""
        return sum(self.differences.values()) / max(1, len(self.differences))

    @property
    def margin(self) -> float:
        """How far the true mean may lie from the one that was found: half of the t-interval at 95 %.

        Infinite with fewer than three seeds. Source: Student, The probable error of a mean, Biometrika 6, 1908.
        """
        count = len(self.differences)
        if count < FEWEST_SEEDS:
            return math.inf
        variance = sum((value - self.mean) ** 2 for value in self.differences.values()) / (count - 1)
        return student_t(CONFIDENCE, count - 1) * math.sqrt(variance / count) + self.grain

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.mean - self.margin

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.mean + self.margin

    @property
    def word(self) -> str:
        """Either "helped", "hurt" or, where the interval contains 0, "cannot tell"."""
        if self.low > 0:
            return "helped"
        return "hurt" if self.high < 0 else "cannot tell"

    @property
    def figures(self) -> str:
        """The mean and its interval in percentage points: "+3.1 points, +1.2 to +5.0"."""
        if math.isinf(self.margin):
            return f"{100 * self.mean:+.1f} points, too few seeds for an interval"
        return f"{100 * self.mean:+.1f} points, {100 * self.low:+.1f} to {100 * self.high:+.1f}"

    def __str__(self) -> str:
        return f"{self.word}, {self.figures}"


def effect(before: Mapping[int, float], after: Mapping[int, float], grain: float = 0.0) -> Effect:
    """Compare accuracies (0 to 1) by seed; a seed that one of the two lacks is left out.

    A pair shares its initial weights and its images, so that the luck of a seed cancels out in the difference.
    """
    return Effect({seed: after[seed] - before[seed] for seed in before if seed in after}, grain)
