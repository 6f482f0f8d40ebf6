"""What holds a prediction up: starting the work, or the work? The curve of time against batch size tells.

Starting costs the same for one image as for many: as long as it rules, the time does not grow with the batch. Once the work rules,
twice the images take twice as long.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

FLAT = 1.25  # times the time of the smallest batch: within this it has not grown
PROPORTIONAL = 0.8  # slope in a plot with logarithmic axes; 1 is proportional, 0 is flat
CALLED = {"cuda": "launch-bound", "cpu": "overhead-bound"}


@dataclass(frozen=True)
class Bound:
    """What was found on a curve of times.

    flat_up_to: the largest measured batch up to which the time does not grow; None where it grows from the first on.
    proportional_from: the smallest batch from which on the time grows with the batch; None where it never does.
    smallest, largest: the batches that were measured.
    """

    flat_up_to: int | None
    proportional_from: int | None
    smallest: int
    largest: int


def slopes(times_ms: Mapping[int, float]) -> dict[int, float]:
    """How steeply the time rises from each batch size to the next: 0 is flat, 1 is proportional.

    Args:
        times_ms: time of a whole batch by batch size.
    """
    points = sorted(times_ms.items())
    return {a: math.log(more / ms) / math.log(b / a) for (a, ms), (b, more) in pairwise(points)}


def judge(times_ms: Mapping[int, float]) -> Bound:
    """Find the flat and the proportional end of a curve.

    Args:
        times_ms: median time of a whole batch by batch size; two sizes or more.

    Raises:
        ValueError: fewer than two batch sizes, or a time that is not above 0.
    """
    if len(times_ms) < 2 or min(times_ms.values()) <= 0:
        raise ValueError(f"judging a curve takes two batch sizes and times above 0; these are {dict(times_ms)}.")
    sizes = sorted(times_ms)
    flat = [size for size in sizes if all(times_ms[b] <= FLAT * times_ms[sizes[0]] for b in sizes if b <= size)]
    steep = slopes(times_ms)
    work = [size for size in steep if all(slope >= PROPORTIONAL for b, slope in steep.items() if b >= size)]
    return Bound(flat[-1] if len(flat) > 1 else None, min(work, default=None), sizes[0], sizes[-1])


def told(found: Bound, kind: str = "cuda") -> str:
    """The judgement in a sentence. kind: of the device, "cuda" or "cpu"."""
    name, up_to = CALLED[kind], found.flat_up_to
    if up_to == found.largest:
        return f"It is {name} up to a batch of {up_to:,}, the largest measured: all sizes take about the same time."
    start = (
        f"It is not {name} at any batch size that was measured"
        if up_to is None
        else f"It is {name} up to a batch of {up_to:,}: so many take about as long as {found.smallest}"
    )
    if found.proportional_from is None:
        return f"{start}; the time grows with the batch, but less than in proportion."
    return f"{start}; from {found.proportional_from:,} on the time grows in proportion: the arithmetic or the memory rules."
