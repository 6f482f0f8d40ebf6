"""Real disturbances, started on purpose: another thread of this program that computes in Python.

Python lets one thread at a time run Python code (the global interpreter lock). An engine gives the lock away while it
computes, and has to wait for it when it returns. So a thread that adds up numbers stalls every prediction of the same
program, on any machine: as parsing a request, drawing a picture or collecting garbage does.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lessons_lib.timing.stopwatch import Clock


def numbers_for(seconds: float, clock: Clock = time.perf_counter) -> int:
    """How many numbers take about so many seconds to add up on this machine, in one call that lets nobody in between."""
    count = 20_000
    start = clock()
    sum(range(count))
    return max(1, round(count * seconds / max(clock() - start, 1e-6)))


@contextmanager
def burst(numbers: int, after_s: float) -> Iterator[None]:
    """Within the block, another thread waits `after_s` seconds, then adds up that many numbers in one go."""

    def work() -> None:
        time.sleep(after_s)
        sum(range(numbers))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


class Load:
    """Another thread that adds up numbers until it is told to stop; a context manager, so that it always is.

    It begins with `start`, which may be called later than the block is entered.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begin to compute."""
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            sum(range(1_000))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
