"""Takes one honest sample of how long a call lasts; `timing` decides how many samples to take, and in which order."""

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import repeat
from typing import Any

SHORTEST_SAMPLE_S = 100e-6  # a thousand times the resolution of the coarsest clock (Windows: 100 ns)
MOST_CALLS_PER_SAMPLE = 2**20
SETTLED_AFTER = 5  # calls in a row that bring no better time

Call = Callable[[], Any]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Within:
    """A call that is timed within a context, which is entered before the clock starts: to set a switch is no part of the work."""

    call: Call
    context: Callable[[], AbstractContextManager[Any]]

    def __call__(self) -> Any:
        return self.call()


class Stopwatch:
    """Times one call, or the mean of several in a row where a single one is too short for the clock.

    Args:
        name: what errors call it.
        call: what to time; takes no argument.
        synchronise: waits until the device is idle: a GPU works on after a call has returned.
        clock: seconds from an arbitrary start; never goes backwards.

    Attributes:
        calls_per_sample: 1 unless a call is shorter than 100 microseconds.
    """

    def __init__(self, name: str, call: Call, *, synchronise: Callable[[], None], clock: Clock) -> None:
        self.name, self.call, self.synchronise, self.clock = name, call, synchronise, clock
        self.context = call.context if isinstance(call, Within) else nullcontext
        self.calls_per_sample = 1

    def sample(self) -> float:
        """Seconds per call, with the device idle before and after."""
        call, calls = self.call, repeat(None, self.calls_per_sample)
        with self._named_errors(), self.context():
            self.synchronise()
            start = self.clock()
            for _ in calls:
                call()
            self.synchronise()
            return (self.clock() - start) / self.calls_per_sample

    def call_untimed(self) -> None:
        """Bring code and data back into the caches after something else ran."""
        with self._named_errors():
            self.call()

    def warm_up(self, budget_s: float) -> float:
        """Call at least once, until the time settles or the budget is spent; then choose `calls_per_sample`.

        Returns:
            Seconds that a sample takes.

        Raises:
            RuntimeError: the clock stands still.
        """
        start, best_s, calls_since_best = self.clock(), math.inf, 0
        while calls_since_best < SETTLED_AFTER:
            call_s = self.sample()
            calls_since_best = 0 if call_s < 0.98 * best_s else calls_since_best + 1
            best_s = min(best_s, call_s)
            if self.clock() - start >= budget_s:
                break
        return self._choose_calls_per_sample(best_s)

    def _choose_calls_per_sample(self, call_s: float) -> float:
        """Double the calls in a sample until it is long enough for the clock; return the seconds it takes."""
        while call_s * self.calls_per_sample < SHORTEST_SAMPLE_S:
            if self.calls_per_sample >= MOST_CALLS_PER_SAMPLE:
                raise RuntimeError(f"A million calls of {self.name!r} took no time: the clock does not advance.")
            self.calls_per_sample *= 2
            call_s = min(self.sample() for _ in range(3))  # one stalled sample must not end the search
        return call_s * self.calls_per_sample

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            error.add_note(f"This happened while timing {self.name!r}.")
            raise


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Keep Python's garbage collector out of the samples; it runs again afterwards, whatever happens."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
