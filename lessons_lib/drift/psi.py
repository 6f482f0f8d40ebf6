"""The population stability index: how far apart two histograms are.

Source: Siddiqi, Credit Risk Scorecards, 2006; the rule of thumb of 0.1 and 0.25 is from there too and knows nothing of sample sizes.
Yurdakul, Statistical Properties of Population Stability Index, 2018: without drift it is about (bins - 1) (1/n + 1/m).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

RULE_OF_THUMB = 0.25
BINS = 10
HALF = 0.5  # added to each count, so that an empty bin has a logarithm


def psi(reference: ArrayLike, week: ArrayLike) -> NDArray[np.float64]:
    """The index of counts against counts: the sum over the bins of (p - q) ln(p / q), with p and q their shares.

    Args:
        reference: counts (..., bins). week: counts (..., bins); leading axes broadcast.

    Returns:
        float64 (...), 0 where the shares agree.
    """
    p, q = _shares(week), _shares(reference)
    return ((p - q) * np.log(p / q)).sum(-1)


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    smoothed = np.asarray(counts, np.float64) + HALF
    return smoothed / smoothed.sum(-1, keepdims=True)


def edges(reference: NDArray[np.floating], bins: int = BINS) -> NDArray[np.floating]:
    """The inner edges of bins that hold equally many reference values, float (bins - 1,)."""
    return np.quantile(reference, np.arange(1, bins) / bins)


def counts(bins_of: NDArray[np.integer], weeks: NDArray[np.integer], bins: int) -> NDArray[np.int64]:
    """A histogram for each week.

    Args:
        bins_of: the bin of each image of a pool (n,). weeks: which images each week holds (r, w). bins: how many there are.

    Returns:
        int64 (r, bins).
    """
    places = bins_of[weeks] + bins * np.arange(len(weeks))[:, None]
    return np.bincount(places.ravel(), minlength=bins * len(weeks)).reshape(len(weeks), bins)
