"""Watches how much memory the processes of a notebook hold at most."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import psutil

SAMPLE_S, LOOK_FOR_CHILDREN_S = 0.1, 1.0


class MemoryWatch:
    """Samples the memory of the processes that this one starts, while the block runs.

    Looking for children walks every process of the machine, so once there is one it happens ten times less often than sampling.

    Args:
        on_tick: called about once a second.
    """

    def __init__(self, on_tick: Callable[[], None] = lambda: None):
        self.own, self.on_tick, self.peak_bytes = psutil.Process(), on_tick, 0
        self.before = set(self.own.children(recursive=True))
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self.thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop.set()
        self.thread.join()
        self.end_children()  # an interrupt can leave a kernel behind

    def end_children(self) -> None:
        """Kill the processes that were started since."""
        for process in self.children():
            with suppress(psutil.Error):
                process.kill()

    def children(self) -> list[psutil.Process]:
        """The processes that were started since this watch was made."""
        return [process for process in self.own.children(recursive=True) if process not in self.before]

    def watch(self) -> None:
        """Keep the peak until told to stop."""
        children, looked_at = self.children(), time.monotonic()
        while not self.stop.wait(SAMPLE_S):
            if not children or time.monotonic() - looked_at > LOOK_FOR_CHILDREN_S:
                children, looked_at = self.children(), time.monotonic()
                self.on_tick()
            if sum(map(resident_bytes, children)) > self.peak_bytes:  # no less than the other, and quicker to ask for
                self.peak_bytes = max(self.peak_bytes, sum(map(held_bytes, children)))


def resident_bytes(process: psutil.Process) -> int:
    """The memory that a process has in its view now, with all that it shares; 0 where it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def held_bytes(process: psutil.Process) -> int:
    """The memory that a process holds now; of what several share, its part, where the system tells (Linux); 0 where it has ended."""
    try:
        return int(getattr(process.memory_full_info(), "pss", 0)) or resident_bytes(process)
    except psutil.Error:
        return resident_bytes(process)
