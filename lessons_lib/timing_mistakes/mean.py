"""Mistake 4: the mean instead of the median. A few stalls, which hit one of the two by chance, decide."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from statistics import mean, median

from lessons_lib.timing.stopwatch import Call, Clock, garbage_collection_paused
from lessons_lib.timing.table import duration
from lessons_lib.timing.verdict import judge
from lessons_lib.timing_mistakes.disturbance import burst, numbers_for
from lessons_lib.timing_mistakes.finding import Finding
from lessons_lib.timing_mistakes.sampling import once, repeated, warm

CALLS = 4  # the faster one does 4 calls, the slower one 5
EVERY = 8  # of the faster one's samples, one in 8 meets the disturbance
LONG = 6.0  # a stall lasts about as long as so many samples


def mean_instead_of_median(
    call: Call,
    *,
    rounds: int = 48,
    clock: Clock = time.perf_counter,
    disturb: Callable[[int, float], AbstractContextManager] = burst,
) -> Finding:
    """Compare 4 calls with 5 calls while another thread stalls some of the samples of the 4.

    Args:
        call: real work that gives Python's lock away while it computes, as PyTorch and ONNX Runtime do.
        rounds: a multiple of 8. disturb: given how many numbers to add up and after how many seconds; replaced in tests.
    """
    faster, slower = repeated(call, CALLS), repeated(call, CALLS + 1)
    fast_s: list[float] = []
    slow_s: list[float] = []
    with garbage_collection_paused():
        typical_s = warm(faster, clock)
        numbers = numbers_for(LONG * typical_s, clock)
        for index in range(rounds):
            stalled = index % EVERY == EVERY // 2
            with disturb(numbers, 0.3 * typical_s) if stalled else nullcontext():
                fast_s.append(once(faster, clock))
            slow_s.append(once(slower, clock))
    by_mean = mean(slow_s) / mean(fast_s)
    by_median = median(slow / fast for slow, fast in zip(slow_s, fast_s, strict=True))
    verdict = judge(slow_s, fast_s)
    return Finding(
        mistake="mean instead of median",
        arranged=f"The first makes {CALLS + 1} predictions, the second {CALLS}. In every {EVERY}th round, while the second ran, another "
        f"thread of this program added up {numbers:,} numbers in Python.",
        wrong=f"By the means, {CALLS + 1} predictions take {duration(1e3 * mean(slow_s))} and {CALLS} take "
        f"{duration(1e3 * mean(fast_s))}: less work, {_compared(by_mean)}.",
        honest=f"In the middle of the rounds less work is {_compared(by_median)} ({duration(1e3 * median(slow_s))} and "
        f"{duration(1e3 * median(fast_s))} are the medians). The verdict: {verdict}.",
        assertions={
            "the mean calls the one with less work slower": by_mean < 1,
            "the median of the rounds calls it faster": by_median > 1,
            "the verdict does not call it slower": verdict.word != "slower",
        },
        figures={"mean_ratio": by_mean, "median_ratio": by_median, "ratio": verdict.ratio},
    )


def _compared(times_faster: float) -> str:
    return f"{1 / times_faster:.2f} times as slow" if times_faster < 1 else f"{times_faster:.2f} times as fast"
