"""Mistake 1: no warm-up. The first call pays for what all later ones find ready."""

import time
from collections.abc import Callable
from statistics import median

from lessons_lib.timing.stopwatch import Call, Clock, garbage_collection_paused
from lessons_lib.timing.table import duration
from lessons_lib.timing_mistakes.finding import Finding
from lessons_lib.timing_mistakes.sampling import once, several

CLEARLY = 1.2  # times: beyond what a repetition would explain


def no_warm_up(
    make: Callable[[], Call], *, fresh: int = 5, calls: int = 20, clock: Clock = time.perf_counter
) -> Finding:
    """Time the first call of something just built, and its later calls.

    Args:
        make: builds it anew and returns a call that waits for the result. fresh: how often to build it.
        calls: later calls of each.
    """
    firsts, later = [], []
    with garbage_collection_paused():
        for _ in range(fresh):
            call = make()
            firsts.append(once(call, clock))
            later.append(median(several(call, calls, clock)))
    first, warm = median(firsts), median(later)
    slower = [cold / hot for cold, hot in zip(firsts, later, strict=True)]
    return Finding(
        mistake="no warm-up",
        arranged=f"An engine was loaded {fresh} times and called {calls + 1} times in a row after each.",
        wrong=f"It takes {duration(1e3 * first)}, says the first call after loading (the middle of {fresh}).",
        honest=f"It takes {duration(1e3 * warm)}, says the median of the later calls: the first one was "
        f"{first / warm:.1f} times as slow as the very same engine a moment later.",
        assertions={
            "each first call took longer than the median of the later ones": min(slower) > 1,
            f"the middle first call took {CLEARLY:g} times as long or more": median(slower) >= CLEARLY,
        },
        figures={"first_ms": 1e3 * first, "later_ms": 1e3 * warm, "ratio": first / warm},
    )
