"""Mistake 2: no synchronisation. A call that hands work over returns at once; the work is still to be done."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import Any

from lessons_lib.timing.stopwatch import Call, Clock, garbage_collection_paused
from lessons_lib.timing.table import duration
from lessons_lib.timing_mistakes.finding import Finding

Launch = Callable[[Call], Any]
ON_GPU = "A GPU works on after a call has returned: this is the real thing."
STAND_IN = (
    "There is no GPU at work here, so another thread stands in for it: it is handed the prediction, and the call that hands "
    "it over returns at once, as a launch on a GPU does."
)


@contextmanager
def asynchronous(device: str) -> Iterator[tuple[Launch, Callable[[], None]]]:
    """What launches a call without waiting for it, and what waits until all that was launched is done.

    Args:
        device: "cuda": the GPU's own queue. "cpu": a thread that takes the work.
    """
    if str(device).startswith("cuda"):
        from lessons_lib.device import synchronise

        yield (lambda call: call()), (lambda: synchronise(device))
        return
    pending: list[Future] = []

    def wait() -> None:
        while pending:
            pending.pop().result()

    with ThreadPoolExecutor(1) as pool:
        yield (lambda call: pending.append(pool.submit(call))), wait


def no_synchronisation(
    small: Call,
    large: Call,
    *,
    images: tuple[int, int],
    device: str = "cpu",
    samples: int = 15,
    clock: Clock = time.perf_counter,
) -> Finding:
    """Time a small and a large batch, with and without waiting for the result.

    Args:
        small, large: predictions; on a GPU they must not fetch the result, since that waits.
        images: how many each predicts. device: "cpu" or "cuda". samples: of each kind.
    """
    with garbage_collection_paused(), asynchronous(device) as (launch, wait):

        def seconds(call: Call, waiting: bool) -> float:
            start = clock()
            launch(call)
            if waiting:
                wait()
            taken = clock() - start
            wait()
            return taken

        def typical(call: Call, waiting: bool) -> float:
            seconds(call, waiting)
            return median(seconds(call, waiting) for _ in range(samples))

        launches = [typical(call, False) for call in (small, large)]
        whole = [typical(call, True) for call in (small, large)]
    few, many = images
    by_launch, honest = launches[1] / launches[0], whole[1] / whole[0]
    return Finding(
        mistake="no synchronisation",
        arranged=ON_GPU if str(device).startswith("cuda") else STAND_IN,
        wrong=f"{many} images take {duration(1e3 * launches[1])}, {by_launch:.2g} times as long as {_images(few)}.",
        honest=f"{many} images take {duration(1e3 * whole[1])}, {honest:.2g} times as long as {_images(few)}: the clock had "
        "been stopped before the work was done.",
        assertions={
            f"launching {many} images took less than half the time of predicting them": launches[1] < whole[1] / 2,
            "the launches make the large batch look less than half as expensive as it is": by_launch < honest / 2,
        },
        figures={
            "launch_ms": 1e3 * launches[1],
            "whole_ms": 1e3 * whole[1],
            "launch_ratio": by_launch,
            "ratio": honest,
        },
    )


def _images(count: int) -> str:
    return "one" if count == 1 else str(count)
