"""A time limit for code that may never end, also for code that catches every exception.

The alarm raises TimeUp inside the running code and rings again until that code has ended. Against `except BaseException`
it does two things. It raises once more on the next line that runs, which is the `except` line, where the same `try` no
longer catches. And SignalLimit varies the pauses between rings, from 0.2 s down to a microsecond, so that some ring falls
outside of any `try`.
"""

import ctypes
import itertools
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from lessons_lib.checks.whose import is_checkers, is_learners


class TimeUp(BaseException):
    """Raised inside the learner's code; no Exception, so that `except Exception` lets it through."""

    def __init__(self) -> None:
        super().__init__()
        _raise_on_next_line(sys._getframe(1))


def _raise_on_next_line(frame: FrameType | None) -> None:
    """Trace the learner's frames between here and the checker, so that each raises TimeUp on its next line."""
    while frame is not None and (frame.f_globals is globals() or not is_checkers(frame.f_code.co_filename)):
        if is_learners(frame.f_code.co_filename):  # a library would be left half-way, with its locks held
            frame.f_trace = _raise_here
        frame = frame.f_back
    sys.settrace(_ignore_calls)


def _raise_here(frame: FrameType, event: str, value: Any) -> Any:
    if event == "line":
        raise BaseException.__new__(TimeUp)  # without __init__: Python ends the tracing when a tracer raises
    return _raise_here


def _ignore_calls(frame: FrameType, event: str, value: Any) -> None:
    return None


def _pauses_s() -> Iterator[float]:
    return itertools.cycle([0.2 / 2**step for step in range(18)])


class SignalLimit:
    """Rings by SIGALRM, which also ends a sleep: for the main thread on Linux and macOS.

    Args:
        seconds: how long the code inside the `with` block may run.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.rang = False
        self._over = False
        self._pauses_s = _pauses_s()

    def __enter__(self) -> "SignalLimit":
        self._trace_before = sys.gettrace()
        self._started_s = time.monotonic()
        self._handler_before = signal.signal(signal.SIGALRM, self._ring)
        self._timer_before = signal.setitimer(signal.ITIMER_REAL, self.seconds)
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop ringing; a second call does nothing."""
        if self._over:
            return
        self._over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler_before)
        sys.settrace(self._trace_before)
        self._set_the_timer_before_again()

    def _ring(self, signal_number: int, frame: FrameType | None) -> None:
        if self._over:
            return
        signal.setitimer(signal.ITIMER_REAL, next(self._pauses_s))
        # Never inside this file: an exception on the way into __exit__ would leave the alarm ringing.
        if frame is not None and frame.f_globals is not globals():
            self.rang = True
            raise TimeUp

    def _set_the_timer_before_again(self) -> None:
        delay_s, interval_s = self._timer_before  # pytest-timeout, for one, uses the same timer
        if delay_s:
            left_s = delay_s - (time.monotonic() - self._started_s)
            signal.setitimer(signal.ITIMER_REAL, max(left_s, 0.001), interval_s)


class ThreadLimit:
    """Rings from a second thread, between two steps of the interpreter: for Windows and for other threads.

    A single long call into compiled code ends first, then the ring takes effect. Two nested loops that both catch
    everything escape it.

    Args:
        seconds: how long the code inside the `with` block may run.

    Source: PyThreadState_SetAsyncExc in the Python/C API manual.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.rang = False
        self._over = threading.Event()
        self._thread_id = threading.get_ident()

    def __enter__(self) -> "ThreadLimit":
        self._trace_before = sys.gettrace()
        self._bell = threading.Thread(target=self._ring, daemon=True)
        self._bell.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop ringing. A ring that is under way still raises, at the latest here."""
        self._over.set()
        self._bell.join()
        sys.settrace(self._trace_before)

    def _ring(self) -> None:
        pause_s = self.seconds
        while not self._over.wait(pause_s):
            pause_s = 0.1
            frame = sys._current_frames().get(self._thread_id)
            if frame is not None and frame.f_globals is not globals():  # as in SignalLimit
                self.rang = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread_id), ctypes.py_object(TimeUp))


def time_limit(seconds: float) -> SignalLimit | ThreadLimit:
    """The limit that works here; `limit.rang` tells whether time was up.

    Use it as `with time_limit(5.0) as limit:` and, inside, `try: ... finally: limit.end()`: a ring of the last moment may
    fall on the way into `end`, and then the `with` calls it once more.

    Raises:
        TimeUp: out of the `with` block, when the time is up.
    """
    on_main_thread = threading.current_thread() is threading.main_thread()
    if on_main_thread and hasattr(signal, "setitimer"):
        return SignalLimit(seconds)
    return ThreadLimit(seconds)
