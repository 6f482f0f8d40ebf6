"""One process at a time: a lock that the operating system lets go of when its holder ends, however it ends."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

POLL_S = 0.1

if sys.platform == "win32":
    import msvcrt

    def _try(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try(stream: IO[bytes]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def only_one(path: Path, message: str) -> Iterator[None]:
    """Wait until no other process holds the lock, hold it for the block, and let it go.

    Args:
        path: a file for the lock alone. It is created, and it stays, since removing it would race with those who wait.
        message: printed to standard error where it has to wait.
    """
    with open(path, "ab") as stream:
        if not _taken(stream):
            print(message, file=sys.stderr, flush=True)
            while not _taken(stream):
                time.sleep(POLL_S)
        yield  # closing the file lets the lock go


def _taken(stream: IO[bytes]) -> bool:
    try:
        _try(stream)
    except (BlockingIOError, PermissionError):  # held by another; Windows says so with the second
        return False
    except OSError:  # a file system without locks: the checksum has to do
        return True
    return True
