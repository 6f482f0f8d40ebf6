"""Asks a version that may raise, hang, or answer nonsense: there is an answer in time, or a reason why not."""

import reprlib
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

Predict = Callable[[Any], Any]


class Failed(Exception):
    """A version gave no answer that can be used; `word` is "raised", "too late", "stuck" or "no answer"."""

    def __init__(self, word: str, why: str):
        super().__init__(why)
        self.word = word


class Guard:
    """Calls `predict` in a thread of its own, with a time limit; may be called from several threads at once.

    Python cannot stop a thread. One that hangs is left behind and never used again; as soon as `most_stuck` hang, the version is
    not asked any more. A version that has to be stopped for sure needs a process of its own.
    """

    def __init__(
        self,
        predict: Predict,
        time_limit_s: float = 1.0,
        *,
        valid: Callable[[Any], bool] | None = None,
        most_stuck: int = 3,
    ):
        self._predict, self._time_limit_s, self._valid, self._most_stuck = predict, time_limit_s, valid, most_stuck
        self._idle: list[_Worker] = []
        self._stuck: set[_Worker] = set()
        self._lock = threading.Lock()

    @property
    def stuck(self) -> int:
        """How many calls hang at this moment."""
        with self._lock:
            self._stuck = {worker for worker in self._stuck if worker.is_alive()}
            return len(self._stuck)

    def __call__(self, x: Any) -> tuple[Any, float]:
        """The answer and the seconds that it took.

        Raises:
            Failed: it raised, took too long, gave an answer that is not valid, or too many calls hang already.
        """
        if self.stuck >= self._most_stuck:
            raise Failed("stuck", f"{self._most_stuck} calls hang already; it is not asked any more")
        worker = self._worker()
        try:
            answer, seconds = worker.ask(x, self._time_limit_s)
        except Empty:
            self._leave(worker)
            raise Failed("too late", f"no answer within {self._time_limit_s:g} s") from None
        except BaseException:
            self._leave(worker)  # the caller was interrupted: nobody waits for this answer any more
            raise
        with self._lock:
            self._idle.append(worker)
        if isinstance(answer, _Error):
            raise Failed("raised", f"{type(answer.error).__name__}: {answer.error}") from answer.error
        if not self._is_valid(answer):
            raise Failed("no answer", f"{reprlib.repr(answer)} is not a valid answer")
        return answer, seconds

    def close(self) -> None:
        """End the threads that wait for work."""
        with self._lock:
            for worker in self._idle:
                worker.leave()
            self._idle.clear()

    def _is_valid(self, answer: Any) -> bool:
        """What `valid` cannot even look at is no answer either."""
        try:
            return self._valid is None or bool(self._valid(answer))
        except Exception:
            return False

    def _worker(self) -> "_Worker":
        with self._lock:
            return self._idle.pop() if self._idle else _Worker(self._predict)

    def _leave(self, worker: "_Worker") -> None:
        worker.leave()
        with self._lock:
            self._stuck.add(worker)


class _Error:
    def __init__(self, error: BaseException):
        self.error = error


class _Worker(threading.Thread):
    """Answers one question after the other; a daemon, so that one that hangs does not keep the program from ending."""

    def __init__(self, predict: Predict):
        super().__init__(daemon=True, name="version")
        self._predict = predict
        self._questions: SimpleQueue = SimpleQueue()
        self._answers: SimpleQueue = SimpleQueue()
        self.start()

    def ask(self, x: Any, time_limit_s: float) -> tuple[Any, float]:
        self._questions.put((x,))
        return self._answers.get(timeout=time_limit_s)

    def leave(self) -> None:
        """End when the question in hand, if any, is answered."""
        self._questions.put(None)

    def run(self) -> None:
        while (question := self._questions.get()) is not None:
            began = time.perf_counter()
            try:
                answer = self._predict(*question)
            except BaseException as error:  # also SystemExit: a version must not end the program
                answer = _Error(error)
            self._answers.put((answer, time.perf_counter() - began))
