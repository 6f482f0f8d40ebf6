"""Where the files of a data set are or go, and whether they are the official ones."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lessons_lib.explained import NotHere


class DatasetUnavailable(NotHere):
    """The files of a data set are neither on this machine nor to be had; the message says how to place them by hand."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as its authors published it.

    Args:
        name: the file's name.
        size_bytes: how long it is exactly.
        md5: the checksum that its authors gave.
        sha256: a checksum that nobody can forge.
        urls: where to get it, the official place first, mirrors after it.
    """

    name: str
    size_bytes: int
    md5: str
    sha256: str
    urls: tuple[str, ...]


def home_data() -> Path:
    """The course's own data folder: `data` in LESSONS_HOME, else in `.lessons` in the home folder."""
    home = os.environ.get("LESSONS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".lessons") / "data"


def roots() -> tuple[Path, ...]:
    """Folders that may hold data: LESSONS_DATA where it is set, then the course's own."""
    given = os.environ.get("LESSONS_DATA")
    return (Path(given).expanduser(), home_data()) if given else (home_data(),)


def candidates(name: str, layouts: Iterable[str]) -> Iterator[Path]:
    """Every place where a file of that name may lie that is there.

    Args:
        name: of the file or folder.
        layouts: the folders, relative to a root, that hold it by custom.
    """
    for root in roots():
        for layout in layouts:
            path = root / layout / name
            if path.exists():
                yield path


def find(file: RemoteFile, layouts: Iterable[str]) -> tuple[Path | None, list[str]]:
    """The official file, if it is here, and a sentence about each file of its name that is not the official one."""
    problems: list[str] = []
    for path in candidates(file.name, layouts):
        problem = defect(path, file)
        if problem is None:
            return path, problems
        problems.append(f"{path} was not used: {problem}")
    return None, problems


def defect(path: Path, file: RemoteFile) -> str | None:
    """Why this is not the official file, in a sentence; None where it is."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes != file.size_bytes:
            return f"it has {size_bytes:,} bytes, the official file {file.size_bytes:,}."
        md5, sha256 = checksums(path)
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})."
    if md5 != file.md5:
        return f"its MD5 is {md5}, that of the official file {file.md5}."
    return None if sha256 == file.sha256 else f"its SHA-256 is {sha256}, that of the official file {file.sha256}."


def checksums(path: Path) -> tuple[str, str]:
    """MD5 and SHA-256 of a file, as hexadecimal digits."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with open(path, "rb") as stream:
        while piece := stream.read(2**20):
            md5.update(piece)
            sha256.update(piece)
    return md5.hexdigest(), sha256.hexdigest()


def writable_folder(name: str) -> Path:
    """The folder that downloads go to: in LESSONS_DATA, or in the course's own folder where that is read-only.

    Raises:
        DatasetUnavailable: neither can be written.
    """
    reasons = []
    for root in roots():
        folder = root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError as error:
            reasons.append(f"{folder} cannot be written ({error.strerror or error})")
    raise DatasetUnavailable(f"{'; '.join(reasons)}. Set LESSONS_DATA to a folder that can.")
