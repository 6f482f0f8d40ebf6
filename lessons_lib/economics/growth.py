"""Traffic that grows by the same share each month, and the machine time that it needs: integrals in closed form."""

import math

import numpy as np
from numpy.typing import ArrayLike


def grown(rate: float, months: ArrayLike) -> np.ndarray:
    """The integral of exp(rate * t) from 0 to `months`: how many first months' worth of requests have come.

    Args:
        rate: a month; the natural logarithm of 1 + growth. months: 0 or more, any shape.
    """
    from scipy.special import exprel  # (exp(x) - 1) / x, exact near 0

    months = np.asarray(months, dtype=float)
    return months * exprel(rate * months)


def months_until(fewest: float, busy: float, rate: float) -> float:
    """When growing or shrinking traffic needs exactly the fewest machines; inf where it never does, 0 where that is past."""
    if rate == 0 or fewest == 0 or busy == 0:
        return math.inf
    return max(0.0, math.log(fewest / busy) / rate)


def busy_time(fewest: float, busy: float, rate: float, months: ArrayLike) -> np.ndarray:
    """The integral of max(fewest, busy * exp(rate * t)) from 0 to `months`, in machine-months.

    Args:
        fewest: machines that run whatever comes. busy: machines that the first requests keep busy. rate: see `grown`.
        months: 0 or more, any shape.
    """
    months = np.asarray(months, dtype=float)
    if busy == 0 or rate == 0:
        return max(fewest, busy) * months
    if fewest == 0:
        return busy * grown(rate, months)
    first = np.minimum(months_until(fewest, busy, rate), months)
    rest = months - first
    if rate > 0:  # first the fewest machines, then as many as are busy
        return fewest * first + busy * np.exp(rate * first) * grown(rate, rest)
    return busy * grown(rate, first) + fewest * rest
