"""Shadow mode: the new version gets all of the traffic, and nobody gets its answers; they are only compared."""

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Any

from lessons_lib.rollout.guard import Guard, Predict


class Shadow:
    """Serves with the live version and lets a new one answer the same requests in a thread of its own.

    No user waits for the shadow: what it has no time for is dropped and counted. No label is needed either. Where both agree, both
    are right or both are wrong, so the share of disagreement bounds how far their accuracies can lie apart.

    Attributes: agreed, differed, failed, dropped: numbers of requests.
    """

    def __init__(
        self,
        live: Predict,
        new: Predict,
        *,
        time_limit_s: float = 1.0,
        valid: Callable[[Any], bool] | None = None,
        most_waiting: int = 256,
    ):
        self.agreed = self.differed = self.failed = self.dropped = 0
        self._live, self._new = live, Guard(new, time_limit_s, valid=valid)
        self._waiting: Queue = Queue(most_waiting)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._compare, daemon=True, name="shadow")
        self._thread.start()

    def answer(self, x: Any) -> Any:
        """The live version's answer."""
        answer = self._live(x)
        try:
            self._waiting.put_nowait((x, answer))
        except Full:
            with self._lock:
                self.dropped += 1
        return answer

    def close(self) -> None:
        """Compare what still waits, then end."""
        self._waiting.put(None)
        self._thread.join()
        self._new.close()

    @property
    def disagreement(self) -> float:
        """The share of the compared requests on which the two differ, 0 to 1: their accuracies differ by no more."""
        return self.differed / max(1, self.agreed + self.differed)

    def _compare(self) -> None:
        while (item := self._waiting.get()) is not None:
            x, answer = item
            try:
                other, _ = self._new(x)
                same = bool(other == answer)
            except Exception:  # also an answer that cannot be compared, such as an array: this thread has to go on
                self.failed += 1
                continue
            if same:
                self.agreed += 1
            else:
                self.differed += 1

    def __str__(self) -> str:
        differ = "answer differs" if self.differed == 1 else "answers differ"
        return (
            f"{self.agreed + self.differed:,} requests compared, {self.differed:,} {differ} ({self.disagreement:.1%}), "
            f"{self.failed:,} failed, {self.dropped:,} dropped"
        )
