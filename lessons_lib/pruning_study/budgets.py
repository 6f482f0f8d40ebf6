"""Which variant to take: what nothing beats, and the most accurate one inside the budgets."""

from collections.abc import Sequence

from lessons_lib.pruning_study.variants import Variant

QUANTITIES = {"latency": "latency_ms", "file": "file_bytes", "zipped file": "zipped_bytes"}  # smaller is better


def front(rows: Sequence[Variant], quantities: Sequence[str] = ("latency_ms", "zipped_bytes")) -> list[Variant]:
    """The rows that no other beats: at least as accurate and as small in every quantity, and better in one of them.

    Args:
        quantities: fields of `Variant` of which less is better.
    """

    def beats(a: Variant, b: Variant) -> bool:
        pairs = [(getattr(a, name), getattr(b, name)) for name in quantities] + [(-a.accuracy, -b.accuracy)]
        return all(mine <= other for mine, other in pairs) and any(mine < other for mine, other in pairs)

    return [row for row in rows if not any(beats(other, row) for other in rows)]


def most_accurate(rows: Sequence[Variant], latency_ms: float, zipped_bytes: float) -> Variant | None:
    """The most accurate row within both budgets, the faster one of two that are equal; None where nothing fits."""
    fitting = [row for row in rows if row.latency_ms <= latency_ms and row.zipped_bytes <= zipped_bytes]
    return max(fitting, key=lambda row: (row.accuracy, -row.latency_ms), default=None)
