"""Is one thing faster than another? Ratios measured in rounds go in, a verdict with a confidence interval comes out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

TRIMMED_SHARE = 0.2  # cut off at either end: on a shared machine one call in ten can stall, up to twentyfold
SYSTEMATIC_ERROR = 0.005  # of the ratio; more samples do not average out where code and data happen to lie in memory


@dataclass(frozen=True)
class Verdict:
    """How many times faster than the baseline something is (below 1: slower), from `low` to `high`."""

    ratio: float
    low: float
    high: float

    @property
    def word(self) -> str:
        """Either "faster", "slower" or, where the interval contains 1, "cannot tell"."""
        if self.low > 1:
            return "faster"
        return "slower" if self.high < 1 else "cannot tell"

    @property
    def figures(self) -> str:
        """The ratio and its interval with as many decimals as the interval deserves: "2.9x, 2.7 to 3.1"."""
        decimals = _decimals(min(self.ratio - self.low, self.low))
        if self.high > 100 * self.low:  # noise of that size deserves no figures
            return f"between {_rough(self.low)}x and {_rough(self.high)}x"
        bound = self.low if self.word == "faster" else self.high
        while self.word != "cannot tell" and decimals < 6 and round(bound, decimals) == 1:
            decimals += 1  # "faster, 1.00 to 1.02" would contradict itself
        return f"{self.ratio:.{decimals}f}x, {self.low:.{decimals}f} to {self.high:.{decimals}f}"

    def __str__(self) -> str:
        return f"{self.word}, {self.figures}"


def _rough(value: float) -> str:
    """One significant digit, or two from 10 to 10,000, without an exponent: "0.3", "17", "1200"."""
    digits = 2 if 10 <= value < 10_000 else 1
    return f"{float(f'{value:.{digits}g}'):g}"


def _decimals(uncertainty: float) -> int:
    """Decimals that show the first digit of an uncertainty, 0 to 6; two where there is none."""
    return min(max(-math.floor(math.log10(uncertainty)), 0), 6) if uncertainty > 0 else 2


def judge(baseline_s: Sequence[float], candidate_s: Sequence[float], *, confidence: float = 0.995) -> Verdict:
    """Compare two things whose latencies were measured in turns.

    The ratio is taken within each round, so that what slows the whole machine down for a while cancels out, and as a
    logarithm, so that twice as fast and twice as slow are equally far from 1. The interval is that of the trimmed mean,
    widened by half a per cent for what differs between two copies of the same thing.

    Args:
        baseline_s: latency in each round, in seconds; four rounds or more.
        candidate_s: the other's latency in the same rounds.
        confidence: probability that the interval covers the true ratio.

    Raises:
        ValueError: the two differ in length.
    """
    if len(baseline_s) != len(candidate_s):
        raise ValueError(f"{len(baseline_s)} samples against {len(candidate_s)}: each round must hold one of each.")
    log_ratios = np.log(np.asarray(baseline_s, dtype=float)) - np.log(np.asarray(candidate_s, dtype=float))
    middle, low, high = trimmed_mean_interval(log_ratios, confidence=confidence)
    return Verdict(math.exp(middle), math.exp(low - SYSTEMATIC_ERROR), math.exp(high + SYSTEMATIC_ERROR))


def trimmed_mean_interval(values: np.ndarray | Sequence[float], *, confidence: float) -> tuple[float, float, float]:
    """The 20 % trimmed mean with a confidence interval; a few stalled calls, however long, do not move it.

    Args:
        values: (n,) numbers; n is 3 or more.
        confidence: probability that the interval covers the true trimmed mean, between 0 and 1.

    Returns:
        Trimmed mean, lower and upper bound.

    Raises:
        ValueError: fewer than three values.

    Source: Tukey and McLaughlin (1963), Sankhya A 25; R. Wilcox, Introduction to Robust Estimation, section 4.3.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    count = len(ordered)
    if count < 3:
        raise ValueError(f"{count} values; a confidence interval needs at least 3.")
    cut = int(TRIMMED_SHARE * count)
    middle = float(ordered[cut : count - cut].mean())
    winsorised = np.clip(ordered, ordered[cut], ordered[count - cut - 1])
    standard_error = float(winsorised.std(ddof=1)) / ((1 - 2 * TRIMMED_SHARE) * math.sqrt(count))
    margin = student_t(confidence, count - 2 * cut - 1) * standard_error
    return middle, middle - margin, middle + margin


@lru_cache(maxsize=1024)
def student_t(confidence: float, degrees: int) -> float:
    """The t for which a Student variable lies between -t and t with this probability: 2.228 for 0.95 and 10 degrees.

    Found by bisection on the angle atan(t / sqrt(degrees)), in which the probability is a finite sum.

    Raises:
        ValueError: `confidence` is not between 0 and 1, or `degrees` is below 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}; give a number between 0 and 1, such as 0.995.")
    if degrees < 1:
        raise ValueError(f"{degrees} degrees of freedom; at least 1 is needed.")
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _central_probability(angle, degrees) < confidence else (low, angle)
    return math.sqrt(degrees) * math.tan(low)


def _central_probability(angle: float, degrees: int) -> float:
    """P(|T| < tan(angle) sqrt(degrees)). Source: Abramowitz and Stegun, formulas 26.7.3 and 26.7.4."""
    odd = degrees % 2
    steps = 2.0 * np.arange(1, degrees // 2)
    factors = (steps / (steps + 1) if odd else (steps - 1) / steps) * math.cos(angle) ** 2
    series = (1 + np.cumprod(factors).sum()) * math.sin(angle) if degrees > 1 else 0.0
    return 2 / math.pi * (angle + series * math.cos(angle)) if odd else float(series)
