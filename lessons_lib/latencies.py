"""Many single latencies of several engines: percentiles, deadlines, and what a page of many calls has to expect."""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from lessons_lib.tables import Table
from lessons_lib.timing.stopwatch import Clock
from lessons_lib.timing.table import duration

PERCENTS = (50.0, 95.0, 99.0, 99.9)
NEAR = 0.1  # a mean that is no further from the median, as a share of it, lies near it
IN_A_ROW = 10  # calls of one engine before the next has its turn


@dataclass(frozen=True)
class Latencies:
    """How long each single prediction of an engine took, in the order in which they were made."""

    name: str
    samples_ms: tuple[float, ...]

    @cached_property
    def ordered_ms(self) -> tuple[float, ...]:
        """The samples, fastest first."""
        return tuple(sorted(self.samples_ms))

    def percentile_ms(self, percent: float) -> float:
        """The smallest latency such that `percent` of the samples are no slower: always one that was measured.

        Raises:
            ValueError: `percent` is not above 0 and at most 100.

        Source: the nearest-rank definition.
        """
        if not 0 < percent <= 100:
            raise ValueError(f"percent is {percent!r}; give a number above 0, up to 100.")
        rank = math.ceil(percent * len(self.samples_ms) / 100)
        return self.ordered_ms[rank - 1]

    def share_within(self, deadline_ms: float) -> float:
        """The share (0 to 1) of predictions that were in time; exactly on time is in time."""
        return sum(sample <= deadline_ms for sample in self.samples_ms) / len(self.samples_ms)

    def keeps(self, deadline_ms: float, percent: float) -> bool:
        """True where at least `percent` of the predictions were in time."""
        return self.percentile_ms(percent) <= deadline_ms

    @property
    def mean_ms(self) -> float:
        """The sum over the count: nobody waits that long in particular."""
        return sum(self.samples_ms) / len(self.samples_ms)


def collect(
    engines: Mapping[str, Callable[[Tensor], object]],
    images: Tensor,
    *,
    seconds: float,
    clock: Clock = time.perf_counter,
) -> dict[str, Latencies]:
    """Time single predictions, each on its own, another image every time; what disturbs them stays in, as in service.

    The engines have turns of ten calls, after one that is not timed, so that a lull or a rush of the machine meets all.

    Args:
        engines: by name. images: float32 (n, c, h, w), predicted one by one, over and over.
        seconds: to spend, warm-up included; two rounds at least.

    Raises:
        ValueError: no engines or no images.
    """
    if not engines or not len(images):
        raise ValueError(f"latencies need an engine and an image; got {len(engines)} and {len(images)}.")
    samples: dict[str, list[float]] = {name: [] for name in engines}
    singles = [image.contiguous() for image in images.split(1)]
    start, turn = clock(), 0
    for engine in engines.values():
        for _ in range(5):
            engine(singles[0])
    while turn < 2 or clock() - start < seconds:
        chosen = [singles[(turn * IN_A_ROW + i) % len(singles)] for i in range(IN_A_ROW)]
        for name, engine in engines.items():
            engine(chosen[0])
            for x in chosen:
                began = clock()
                engine(x)
                samples[name].append(1e3 * (clock() - began))
        turn += 1
    return {name: Latencies(name, tuple(found)) for name, found in samples.items()}


def percentile_table(found: Mapping[str, Latencies], deadlines_ms: Sequence[float]) -> Table:
    """One row for each engine: its percentiles, its mean and slowest, and the share within each deadline."""
    count = min(len(one.samples_ms) for one in found.values())
    rows = [
        {"engine": name}
        | {_percent(p): duration(one.percentile_ms(p)) for p in PERCENTS}
        | {"mean": duration(one.mean_ms), "slowest": duration(one.ordered_ms[-1])}
        | {f"within {d:g} ms": f"{one.share_within(d):.1%}" for d in deadlines_ms}
        for name, one in found.items()
    ]
    return Table(f"Latency of one image, {count:,} predictions of each engine", rows)


def as_dict(found: Mapping[str, Latencies], deadlines_ms: Sequence[float]) -> dict[str, dict[str, float]]:
    """Percentiles in milliseconds and shares within each deadline, by engine, for the record."""
    return {
        name: {f"p{p:g}_ms": one.percentile_ms(p) for p in PERCENTS}
        | {f"within_{d:g}_ms": one.share_within(d) for d in deadlines_ms}
        | {"samples": len(one.samples_ms)}
        for name, one in found.items()
    }


def deadline_told(found: Mapping[str, Latencies], deadline_ms: float, percent: float) -> str:
    """Which engines keep a deadline for so many of a hundred predictions, in a sentence."""
    keeping = [name for name, one in found.items() if one.keeps(deadline_ms, percent)]
    what = f"{percent:g} % of the predictions within {deadline_ms:g} ms"
    if len(keeping) == len(found):
        return f"Every engine here makes {what}."
    return (
        f"No engine here makes {what}."
        if not keeping
        else f"Here {_and(keeping)} make{'s' * (len(keeping) == 1)} {what}."
    )


def mean_told(one: Latencies) -> str:
    """Where the mean of an engine's latencies lies, and what it says of those who wait long; in a sentence."""
    times = one.mean_ms / one.percentile_ms(50)
    where = f"The mean of {one.name} is {duration(one.mean_ms)}"
    if times > 1 + NEAR:
        waits = 1 - one.share_within(one.mean_ms)
        return f"{where}, {times:.1f} times the median: only {waits:.0%} of the predictions take longer than that."
    if times < 1 - NEAR:
        return f"{where}, below the median: it is pulled down by the fast ones, and says nothing of how slow the slow ones are."
    place = "a little above the median, pulled up by the slow ones" if times > 1 else "at the median or just below it"
    return (
        f"{where}: it lies {place}, and says nothing of how slow the slow ones are; with rare long stalls it would lie where "
        "hardly anybody waits."
    )


def few_samples_told(count: int, percent: float = 99.9) -> str:
    """How many samples lie beyond a percentile: what it rests on."""
    beyond = count - math.ceil(percent * count / 100)
    return f"Of {count:,} samples {beyond} lie{'s' * (beyond == 1)} beyond p{percent:g}"


def chance_of_a_slow_one(calls: int, percent: float = 99.0) -> float:
    """The chance (0 to 1) that at least one of so many independent calls is slower than the percentile.

    Source: Dean and Barroso, The Tail at Scale, Communications of the ACM 56 (2013).
    """
    return 1 - (percent / 100) ** calls


def pages_with_a_slow_one(
    one: Latencies, calls: int, percent: float = 99.0, pages: int = 2_000, seed: int = 0
) -> float:
    """The same share, found by drawing pages of so many calls from the samples."""
    draw, limit = random.Random(seed), one.percentile_ms(percent)
    slow = sum(any(draw.choice(one.samples_ms) > limit for _ in range(calls)) for _ in range(pages))
    return slow / pages


def _percent(percent: float) -> str:
    return f"p{percent:g}" if percent != 50 else "median"


def _and(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
