"""The Kolmogorov-Smirnov distance for many weeks at once; for a single pair of samples take `scipy.stats.ks_2samp`.

The distance is the largest gap between two cumulative distributions. scipy has the distribution of that gap, and is the oracle of
the tests; the loop over weeks and features is what would be slow there.
"""

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 2_000_000  # values in hand


class Reference:
    """A sorted reference, against which weeks are held column by column; `values` are float (m, columns)."""

    def __init__(self, values: NDArray[np.floating]) -> None:
        self.columns = np.sort(values, axis=0)

    def distances(self, pool: NDArray[np.floating], weeks: NDArray[np.integer]) -> NDArray[np.float64]:
        """The distance of each week from the reference in each column, float64 (r, columns).

        Args:
            pool: values (n, columns). weeks: which rows of the pool each week holds (r, w).
        """
        below, up_to = self._ranks(pool, "left"), self._ranks(pool, "right")
        piece = max(1, AT_ONCE // (weeks.shape[1] * pool.shape[1]))
        parts = [weeks[start : start + piece] for start in range(0, len(weeks), piece)]
        return np.concatenate([self._gaps(below[part], up_to[part]) for part in parts])

    def _ranks(self, pool: NDArray[np.floating], side: str) -> NDArray[np.int32]:
        """How many reference values lie below each value of the pool ("left"), or up to it ("right")."""
        pairs = zip(self.columns.T, pool.T, strict=True)
        return np.stack([np.searchsorted(own, theirs, side) for own, theirs in pairs], 1).astype(np.int32)  # type: ignore[call-overload]

    def _gaps(self, below: NDArray[np.int32], up_to: NDArray[np.int32]) -> NDArray[np.float64]:
        """The largest gap, which lies at a value of the week or just before one; ranks (r, w, columns)."""
        m, w = len(self.columns), below.shape[1]
        done = np.arange(1, w + 1)[:, None] / w
        over = (done - np.sort(up_to, axis=1) / m).max(1)
        under = (np.sort(below, axis=1) / m - (done - 1 / w)).max(1)
        return np.maximum(over, under)


def p_value(distance: NDArray[np.floating] | float, m: int, w: int) -> NDArray[np.float64]:
    """How often chance alone makes a gap as large between samples of m and of w, as `ks_2samp(method="asymp")` has it."""
    from scipy.stats import kstwo

    return kstwo.sf(distance, round(m * w / (m + w)))
