"""Taking samples by hand, the right way and the wrong way."""

import time
from collections.abc import Callable
from statistics import median

from lessons_lib.timing.stopwatch import Call, Clock


def once(call: Call, clock: Clock = time.perf_counter) -> float:
    """Seconds that one call takes."""
    start = clock()
    call()
    return clock() - start


def several(call: Call, count: int, clock: Clock = time.perf_counter) -> list[float]:
    """Seconds of each of a number of calls in a row."""
    return [once(call, clock) for _ in range(count)]


def in_turns(
    first: Call,
    second: Call,
    rounds: int,
    clock: Clock = time.perf_counter,
    before: Callable[[int], None] = lambda i: None,
) -> tuple[list[float], list[float]]:
    """Seconds of two calls that take turns, the other one first in every second round; `before` is told each round."""
    samples: tuple[list[float], list[float]] = ([], [])
    pair = list(zip((first, second), samples, strict=True))
    for index in range(rounds):
        before(index)
        for call, kept in pair:
            kept.append(once(call, clock))
        pair.reverse()
    return samples


def repeated(call: Call, count: int) -> Call:
    """A call that calls `call` so many times."""

    def many() -> None:
        for _ in range(count):
            call()

    return many


def warm(call: Call, clock: Clock = time.perf_counter, calls: int = 5) -> float:
    """Call it a few times untimed, then say how many seconds it takes: the median of as many more."""
    several(call, calls, clock)
    return median(several(call, calls, clock))
