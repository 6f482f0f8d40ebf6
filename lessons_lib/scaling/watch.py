"""A process that nobody waits for any more ends itself: no orphan goes on computing after its notebook was killed."""

import os
import shutil
import threading
import time
from pathlib import Path

import psutil

NOTEBOOK = "LESSONS_SCALING_NOTEBOOK"
EVERY_S = 0.5


def end_with_parents(folder: Path) -> None:
    """From now on, end this process as soon as the launcher above it or the notebook above that has ended.

    Both are seen in one way that every system has: the notebook is no longer among the ancestors. Started by hand, on
    one of several machines, there is no notebook and only the launcher counts.

    Args:
        folder: of the job; removed if the notebook, whose business that is, has gone.
    """
    notebook = os.environ.get(NOTEBOOK)
    ancestor = int(notebook) if notebook else os.getppid()

    def watch() -> None:
        while ancestor in ancestors():
            time.sleep(EVERY_S)
        if notebook and not running(ancestor):
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)  # at once: the main thread may wait for a process that will never answer

    threading.Thread(target=watch, name="watch parents", daemon=True).start()


def ancestors() -> list[int]:
    """The process ids of this process's parent, its parent, and so on, as far as they still run."""
    try:
        return [process.pid for process in psutil.Process().parents()]
    except psutil.Error:  # one of them ended meanwhile
        return [os.getppid()]


def running(pid: int) -> bool:
    """Is there such a process, and has it not ended?"""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
