"""The doctor's questions about the machine: Python, CPU, memory, disk, write access, internet."""

import os
import platform
import shutil
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from lessons_lib import machine, record
from lessons_lib.doctor.finding import Finding

PROJECT = Path(__file__).resolve().parents[2]
GIB = 2**30
ELSEWHERE = "set LESSONS_VENV to a folder on a larger disk"


def python() -> Finding:
    """Is this a Python that the packages exist for?"""
    version, bits = sys.version_info[:2], 8 * struct.calcsize("P")
    sentence = f"Python {platform.python_version()}, {bits} bits, on {platform.system()} ({platform.machine()})."
    if version < (3, 11) or bits < 64:
        return Finding("problem", sentence, "install a 64-bit Python 3.11, 3.12 or 3.13 from python.org.")
    if version > (3, 13):
        remedy = "if the installation fails, use Python 3.11, 3.12 or 3.13."
        return Finding("warning", f"{sentence} The course has been tested up to 3.13.", remedy)
    return Finding("ok", sentence)


def processors() -> Finding:
    """How many cores may be used, also within a container?"""
    usable, every = machine.cpu_limit(), os.cpu_count() or 1
    vectors = ", ".join(machine.vector_instructions()) or "not known"
    limited = f" of {every} (limited by the container or the system)" if usable < every else ""
    sentence = f"{usable:g} CPU cores{limited}: {machine.cpu_model()}; vector instructions: {vectors}."
    if usable < 2:
        return Finding(
            "warning", sentence, "lessons take about twice as long; give the container two cores if you can."
        )
    return Finding("ok", sentence)


def memory() -> Finding:
    """Is there memory for a lesson (up to 1.2 GB), also within a container?"""
    limit, whole = machine.memory_limit_bytes(), machine.total_memory_bytes()
    if not limit:
        return Finding("ok", "The size of the memory can be read once the packages are installed.")
    limited = f" of {whole / GIB:.1f} GiB (limited by the container)" if limit < whole else ""
    sentence = f"{limit / GIB:.1f} GiB of memory{limited}."
    if limit < 1.5 * GIB:
        return Finding("problem", sentence, "a lesson needs up to 1.2 GB: give the container 2 GB or more.")
    if limit < 2.5 * GIB:
        return Finding("warning", sentence, "close other programs and other notebooks while a lesson runs.")
    return Finding("ok", sentence)


def disk(*, installed: bool) -> Finding:
    """Is there room for the packages, if they are not installed yet, and for the data sets?"""
    place = existing(Path(os.environ.get("LESSONS_VENV") or PROJECT))
    free_gib, needed_gib = shutil.disk_usage(place).free / GIB, 1 if installed else 3
    sentence = f"{free_gib:.1f} GiB free on the disk of {place}."
    if free_gib < needed_gib:
        return Finding("problem", sentence, f"free {needed_gib} GiB, or {ELSEWHERE}.")
    return Finding("ok", sentence)


def writable_folders() -> Iterator[Finding]:
    """May the course write where it has to?"""
    data = Path(os.environ.get("LESSONS_DATA") or record.home() / "data")
    yield writable(PROJECT, "the project", "problem", "copy the project to a folder of yours.")
    yield writable(
        record.home(), "your record", "warning", "set LESSONS_HOME to a folder of yours; else nothing is kept."
    )
    yield writable(data, "the data sets", "warning", "set LESSONS_DATA to a folder of yours to allow downloads.")


def writable(folder: Path, what: str, word: str, remedy: str) -> Finding:
    """Try to write into a folder, or into the nearest one above it that exists; `word` and `remedy` if it fails."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)):
            return Finding("ok", f"The folder for {what} can be written: {folder}.")
    except OSError as problem:
        return Finding(word, f"The folder for {what} cannot be written: {folder} ({problem.strerror}).", remedy)


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())


def internet() -> Finding:
    """Is there a connection? Once everything is installed, the default data set needs none."""
    if answers("download.pytorch.org", 443):
        return Finding("ok", "The internet can be reached.")
    remedy = (
        "installing needs a package index; fashion_mnist and cifar10 need their files in LESSONS_DATA; all else works."
    )
    return Finding("warning", "The internet cannot be reached directly.", remedy)


def answers(host: str, port: int, seconds: float = 4.0) -> bool:
    """Whether a connection can be made in time; in a thread, since looking up a name knows no time limit."""
    made: list[bool] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=seconds).close()
            made.append(True)
        except OSError:
            pass

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(seconds)
    return bool(made)
