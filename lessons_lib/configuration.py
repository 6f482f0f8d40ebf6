"""One configuration that was measured: a model variant on an engine, on a device, at a batch size."""

from dataclasses import asdict, dataclass
from typing import Any


def accuracy_error(accuracy: float, images: int) -> float:
    """Standard error of an accuracy (0 to 1) from the number of test images; not 0 where all of them are right.

    Source: Agresti and Coull, Approximate Is Better than "Exact", 1998.
    """
    share = (accuracy * images + 2) / (images + 4)
    return (share * (1 - share) / (images + 4)) ** 0.5


def points_error(only_first_right: int, only_second_right: int, images: int) -> float:
    """Standard error of a difference of accuracies, in points: both judge the same images, only those on which they differ count.

    Source: Agresti and Min, Simple improved confidence intervals for comparing matched proportions, 2005: half an
    image is added to each of the four counts, so that it is not 0 where they agree on all.
    """
    first, second, total = only_first_right + 0.5, only_second_right + 0.5, images + 2
    return 100 * (first + second - (first - second) ** 2 / total) ** 0.5 / total


@dataclass(frozen=True)
class Row:
    """One configuration at one batch size. Latency is that of a whole batch; accuracy is a share, 0 to 1.

    `times_faster` than the baseline (the first configuration, at the same batch size), from `low` to `high`. Of the test
    images `only_baseline_right` are those that the baseline got right and this one wrong, `only_this_right` the reverse.
    """

    variant: str
    engine: str
    device: str
    threads: int | None
    batch: int
    accuracy: float
    test_images: int
    size_bytes: int
    latency_ms: float
    p95_ms: float
    images_per_second: float
    verdict: str
    times_faster: float
    low: float
    high: float
    only_baseline_right: int
    only_this_right: int

    @property
    def name(self) -> str:
        """Variant and engine in one label."""
        return f"{self.variant} · {self.engine}"

    @property
    def accuracy_error(self) -> float:
        """Standard error of the accuracy; see `accuracy_error`."""
        return accuracy_error(self.accuracy, self.test_images)

    @property
    def points_lost(self) -> float:
        """Percentage points of accuracy less than the baseline, on the same images; below 0 where it is more."""
        return 100 * (self.only_baseline_right - self.only_this_right) / self.test_images

    @property
    def points_error(self) -> float:
        """Standard error of `points_lost`; see `points_error`."""
        return points_error(self.only_baseline_right, self.only_this_right, self.test_images)

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        return asdict(self)


def in_words(row: Row) -> dict[str, str]:
    """A row as a learner reads it, with units."""
    return {
        "variant": row.variant,
        "engine": row.engine,
        "device": row.device if row.threads is None else f"{row.device}, {row.threads} thread{'s' * (row.threads > 1)}",
        "accuracy": f"{row.accuracy:.1%} ± {100 * row.accuracy_error:.1f}",
        "size": f"{row.size_bytes / 1024:,.0f} KiB",
        "latency": f"{row.latency_ms:.3g} ms",
        "p95": f"{row.p95_ms:.3g} ms",
        "images/s": f"{row.images_per_second:,.0f}",
        "against the baseline": row.verdict,
    }
