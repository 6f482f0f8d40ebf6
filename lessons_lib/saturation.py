"""From which batch on more images at once bring next to nothing."""

from collections.abc import Sequence

from lessons_lib.batching import BatchPoint

ENOUGH = 0.95  # of the highest throughput


def enough(points: Sequence[BatchPoint]) -> BatchPoint:
    """The smallest batch that comes within 5 % of the highest throughput seen.

    Raises:
        ValueError: no batch size was measured.
    """
    rates = {point.images_per_second: point for point in points if point.images_per_second}
    if not rates:
        raise ValueError("no batch size was measured, so none can be chosen.")
    fits = [point for rate, point in rates.items() if rate is not None and rate >= ENOUGH * max(filter(None, rates))]
    return min(fits, key=lambda point: point.batch)


def sentence(points: Sequence[BatchPoint]) -> str:
    """What the smallest batch that is enough gains over the smallest measured, and what it costs each request."""
    chosen, first = enough(points), min((p for p in points if p.measurement), key=lambda p: p.batch)
    assert chosen.measurement is not None
    assert first.measurement is not None
    assert chosen.images_per_second is not None
    assert first.images_per_second is not None
    if chosen is first:
        return (
            f"A batch of {chosen.batch} is enough already: larger ones bring at most 5 % more images a second here, because "
            "one image gives this engine on these cores all the work that they can do."
        )
    return (
        f"A batch of {chosen.batch} is enough: it comes within 5 % of the highest throughput seen, at "
        f"{chosen.images_per_second / first.images_per_second:.1f} times that of batch {first.batch}, for a wait of "
        f"{chosen.measurement.median_ms:.3g} ms instead of {first.measurement.median_ms:.3g}. Beyond it everybody waits longer "
        "for next to nothing."
    )
