"""From which batch on more images at once bring next to nothing."""

from collections.abc import Sequence

from lessons_lib.batching import BatchPoint, enough, measured, saturated


def sentence(points: Sequence[BatchPoint]) -> str:
    """What the smallest batch that is enough gains over the smallest measured, and what it costs each request.

    Raises:
        ValueError: no batch size was measured.
    """
    if not measured(points):
        raise ValueError("no batch size was measured, so none can be chosen.")
    chosen, first = enough(points), measured(points)[0]
    assert chosen.measurement is not None
    assert first.measurement is not None
    assert chosen.images_per_second is not None
    assert first.images_per_second is not None
    if len(measured(points)) == 1:
        return f"Only a batch of {chosen.batch} was measured, so nothing can be said of larger ones."
    if chosen is first:
        return (
            f"A batch of {chosen.batch} is enough already: larger ones bring at most 5 % more images a second here, because "
            "one image gives this engine on these cores all the work that they can do."
        )
    beyond = (
        "Beyond it everybody waits longer for next to nothing."
        if saturated(points)
        else "It is the largest that was measured: still larger ones may bring more."
    )
    return (
        f"A batch of {chosen.batch} is enough: it comes within 5 % of the highest throughput seen, at "
        f"{chosen.images_per_second / first.images_per_second:.1f} times that of batch {first.batch}, for a wait of "
        f"{chosen.measurement.median_ms:.3g} ms instead of {first.measurement.median_ms:.3g}. {beyond}"
    )
