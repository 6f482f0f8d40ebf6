"""Files and folders that appear whole or not at all, also when the process is killed or the power fails."""

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

ATTEMPTS = 20  # Windows refuses a rename while somebody else has the file open, for a moment
PAUSE_S = 0.05


def sha256(content: bytes) -> str:
    """The content hash in hexadecimal, 64 digits: change one bit, and it is another."""
    return hashlib.sha256(content).hexdigest()


def temporary(path: Path) -> Path:
    """A name beside `path`, on the same file system, that nobody else uses."""
    return path.with_name(f"{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside `path`, make sure that it is on the disk, and put it in place in one step.

    Whoever reads `path` meanwhile sees the old content or the new one, never a half.
    """
    part = temporary(path)
    try:
        _write(part, content)
        patiently(lambda: os.replace(part, path))
    finally:
        part.unlink(missing_ok=True)
    flush_folder(path.parent)


def create_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Write a folder under a temporary name, with all its files, and rename it when everything is on the disk.

    Raises:
        FileExistsError: there is such a folder already; it is left as it is.
    """
    part = temporary(path)
    part.mkdir(parents=True)
    try:
        for name, content in contents.items():
            _write(part / name, content)
        flush_folder(part)
        if path.exists():
            raise FileExistsError(f"{path} exists already.")
        patiently(lambda: os.rename(part, path))
    finally:
        remove_folder(part)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; Windows does so by itself and has no call for it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """Delete a folder of files, as far as possible; nothing where there is none."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


def patiently(action: Callable[[], None]) -> None:
    """Do it; where another process has the file open on Windows, try again for a second."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return action()
        except PermissionError:
            if os.name != "nt" or not left:
                raise
            time.sleep(PAUSE_S)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
