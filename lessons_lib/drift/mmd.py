"""Maximum mean discrepancy: are images of a week as like each other as they are like those of the reference?

Likeness is a kernel, exp(-d² / 2 width²) of the distance d between two feature vectors. Within the week, within the reference and
between both it is averaged over all pairs; where both follow the same distribution, the three averages agree.

Source: Gretton et al., A Kernel Two-Sample Test, 2012; lemma 6 for the unbiased estimate, section 8 for the median width.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def likeness(x: Floats, y: Floats, width: float) -> Floats:
    """The kernel between all rows of x (n, d) and of y (m, d): (n, m), 1 where they agree and near 0 where they do not."""
    values = _squared_distances(x, y)
    values /= -2 * width**2
    return np.exp(values, out=values)


def median_distance(x: Floats) -> float:
    """The median distance between two rows of x (n, d), the usual width; 1 where all rows are equal."""
    pairs = _squared_distances(x, x)[np.triu_indices(len(x), 1)]
    middle = float(np.median(np.sqrt(pairs))) if len(pairs) else 0.0
    return middle or 1.0


def _squared_distances(x: Floats, y: Floats) -> Floats:
    """Of all rows of x from all rows of y: |x|² + |y|² - 2xy, in one array, since pools make it large."""
    values = x @ y.T
    values *= -2
    values += (x**2).sum(1)[:, None]
    values += (y**2).sum(1)[None, :]
    return np.maximum(values, 0, out=values)  # rounding may bring it below 0


def mmd_squared(x: Floats, y: Floats, width: float) -> float:
    """The squared discrepancy of x (n, d) from y (m, d), unbiased: about 0, and at times below, where there is none."""
    within_x = _mean_of_pairs(likeness(x, x, width))
    within_y = _mean_of_pairs(likeness(y, y, width))
    return within_x + within_y - 2 * float(likeness(x, y, width).mean())


def _mean_of_pairs(kernel: Floats) -> float:
    """The mean without the diagonal: an image is no pair with itself."""
    n = len(kernel)
    return float((kernel.sum(dtype=np.float64) - np.trace(kernel)) / max(1, n * (n - 1)))


class Reference:
    """Reference features (m, d), against which many weeks are held at once."""

    def __init__(self, features: Floats, largest: int = 1000) -> None:
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-6  # so that no feature outweighs the others
        self.own = self._scaled(features[:largest])
        self.width = median_distance(self.own[:500])
        self.within = _mean_of_pairs(likeness(self.own, self.own, self.width))

    def _scaled(self, features: Floats) -> Floats:
        return ((features - self.mean) / self.spread).astype(np.float32)

    def discrepancies(self, pool: Floats, weeks: NDArray[np.integer]) -> NDArray[np.float64]:
        """The squared discrepancy of each week, float64 (r,).

        Weeks drawn with replacement hold some images twice; these count, but are no pairs with themselves.

        Args:
            pool: features (n, d). weeks: which rows each week holds (r, w).
        """
        seen = self._scaled(pool)
        often = _how_often(weeks, len(pool))  # (r, n)
        totals = ((often @ likeness(seen, seen, self.width)) * often).sum(1)
        same = (often**2).sum(1)  # pairs of an image with itself, each with a likeness of 1
        pairs = np.maximum(often.sum(1) ** 2 - same, 1)
        between = likeness(seen, self.own, self.width).mean(1)[weeks].mean(1)
        return (totals - same) / pairs + self.within - 2 * between


def _how_often(weeks: NDArray[np.integer], images: int) -> NDArray[np.float32]:
    places = weeks + images * np.arange(len(weeks))[:, None]
    return np.bincount(places.ravel(), minlength=images * len(weeks)).reshape(-1, images).astype(np.float32)
