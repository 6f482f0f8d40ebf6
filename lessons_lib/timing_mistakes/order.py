"""Mistake 5: first A, then B. The machine changes in between, and B gets the blame."""

import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from lessons_lib.timing.stopwatch import Call, Clock, garbage_collection_paused
from lessons_lib.timing.table import duration
from lessons_lib.timing.verdict import judge
from lessons_lib.timing_mistakes.disturbance import Load
from lessons_lib.timing_mistakes.finding import Finding
from lessons_lib.timing_mistakes.sampling import in_turns, repeated, several, warm

CLEARLY = 1.2
SAMPLE_S = 0.015  # Python hands its lock on every 5 ms: a sample should last longer, so that each meets the load


def a_then_b(
    call: Call, *, samples: int = 16, clock: Clock = time.perf_counter, load: Callable[[], Any] = Load
) -> Finding:
    """Compare a call with itself while something else starts to run: one after the other, then in turns.

    Args:
        call: real work that gives Python's lock away while it computes. samples: of each.
        load: makes the background load; replaced in tests.
    """
    with garbage_collection_paused():
        calls = max(1, math.ceil(SAMPLE_S / warm(call, clock)))
        work = repeated(call, calls)
        with load() as other:
            first = several(work, samples, clock)
            other.start()
            second = several(work, samples, clock)
        with load() as other:
            halfway = samples // 2
            a, b = in_turns(
                work, work, samples, clock, before=lambda index: other.start() if index == halfway else None
            )
    ratio, verdict = median(second) / median(first), judge(a, b)
    return Finding(
        mistake="A, then B",
        arranged=f"A and B are the same, {calls} prediction{'s' * (calls > 1)}. When half of the samples had been taken, a thread of this "
        "program began to add up numbers.",
        wrong=f"B takes {duration(1e3 * median(second))} and A {duration(1e3 * median(first))}: B is {ratio:.2g} times as slow "
        "(first all of A, then all of B).",
        honest=f"B against A is: {verdict} (in turns, under the same load).",
        assertions={
            f"measured second, the same call took {CLEARLY:g} times as long or more": ratio >= CLEARLY,
            'in turns the verdict is "cannot tell"': verdict.word == "cannot tell",
        },
        figures={
            "first_ms": 1e3 * median(first),
            "second_ms": 1e3 * median(second),
            "ratio": ratio,
            "in_turns": verdict.ratio,
        },
    )
