"""Makes the virtual environment of the course and knows whether it is whole; needs only the standard library."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lessons_lib.machine import read

PROJECT = Path(__file__).resolve().parents[2]
VENV = Path(os.path.abspath(os.environ.get("LESSONS_VENV") or PROJECT / ".venv"))
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OURS = VENV / "made-by-run.py.txt"  # without it the environment is somebody else's, and never deleted
COURSE, DEV = "requirements.txt", "requirements-dev.txt"

# Runs in the virtual environment: which pinned packages does it lack? What only some systems need is not asked for.
PROBE = """
import importlib.metadata, json, re, sys
def version(name):
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None
pins = re.findall(r"^([\\w.-]+)==([^\\s#;]+)[ \\t]*$", open(sys.argv[1], encoding="utf-8").read(), re.MULTILINE)
wrong = [name for name, pin in pins if version(name) != pin]
print(json.dumps({"python": list(sys.version_info[:2]), "wrong": wrong}))
"""


class Failed(Exception):
    """Setting up did not work; the message says why and what to do."""


def ready(requirements: str) -> bool:
    """Whether the environment was finished for these files, in this place, and still holds what was installed."""
    if read(stamp(requirements)) != fingerprint(requirements):
        return False
    found = probe(requirements)
    return found is not None and not found["wrong"]


def stamp(requirements: str) -> Path:
    """The file that says that an installation was finished."""
    return VENV / f"{requirements}.installed"


def fingerprint(requirements: str) -> str:
    """What an environment depends on: the place (scripts hold absolute paths) and the files that name its packages."""
    files = [PROJECT / name for name in sorted({COURSE, requirements, "pyproject.toml"})]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
    return f"{PROJECT}\n{VENV}\n{digest}\n"


def probe(requirements: str) -> dict[str, Any] | None:
    """Ask the environment's Python what it lacks; None where it does not run (moved, half made, Python replaced)."""
    command = [str(PYTHON), "-c", PROBE, str(PROJECT / requirements)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(result.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return found if found["python"] >= [3, 11] else None


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[IO[str]]:
    """Wait while another start sets the same environment up; yields the open file that holds the lock.

    The system frees the lock when the last process that has the file open ends, however it ends.
    """
    key = hashlib.sha256(f"{Path.home()}{VENV}".encode()).hexdigest()[:16]
    with open(Path(tempfile.gettempdir()) / f"lessons-{key}.lock", "a") as file:
        told = False
        while not locked(file):
            if not told:
                print("Another start is setting the course up; waiting for it ...", flush=True)
            told = True
            time.sleep(1)
        yield file


def locked(file: IO[str]) -> bool:
    """Take the lock if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make_environment() -> None:
    """Make the virtual environment, or make it anew where it is broken, half finished or from another place."""
    whole = read(stamp(COURSE)).startswith(f"{PROJECT}\n{VENV}\n")
    runs = probe(COURSE) is not None
    if OURS.exists() and not (whole and runs):
        print(f"Removing an environment that is unfinished, moved or broken: {VENV}", flush=True)
        remove_environment()
    elif not OURS.exists() and VENV.exists() and any(VENV.iterdir()):
        if not runs:
            raise Failed(f"{VENV} was not made by run.py and is no working environment: remove it or set LESSONS_VENV.")
        print(f"Using the environment that is there: {VENV}", flush=True)
    for name in (COURSE, DEV):  # until the installation is finished, it is not
        stamp(name).unlink(missing_ok=True)
    if not PYTHON.exists():
        print(f"Making a virtual environment in {VENV} ...", flush=True)
        new_environment()


def remove_environment() -> None:
    """Delete the environment, if run.py made it.

    Raises:
        Failed: it did not, or a file is in use.
    """
    if not OURS.exists():
        raise Failed(f"Nothing was removed: {VENV} was not made by run.py.")
    inside = [path for path in VENV.iterdir() if path != OURS]
    try:
        for path in sorted(inside, key=Path.is_dir):  # the stamps first, and last the mark that it is ours
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        OURS.unlink()
        VENV.rmdir()
    except OSError as problem:
        raise Failed(
            f"{VENV} cannot be removed ({problem}): close JupyterLab and other programs that use it."
        ) from None


def new_environment() -> None:
    """Make a virtual environment with pip in it, in the first way that this Python offers."""
    VENV.mkdir(parents=True, exist_ok=True)
    OURS.write_text("run.py made this folder and may delete it.\n", encoding="utf-8")
    here, there, folder = sys.executable, str(PYTHON), str(VENV)
    ways = [
        [[here, "-m", "venv", folder]],
        # Debian without python3-venv lacks ensurepip; pip 22.3 or newer can install into another environment.
        [[here, "-m", "venv", "--without-pip", folder], [here, "-m", "pip", "--python", there, "install", "pip"]],
        [[here, "-m", "virtualenv", folder]],
    ]
    for way in ways:
        if all(map(quiet, way)) and quiet([there, "-m", "pip", "--version"]):
            return
    raise Failed(
        "This Python can make no virtual environment with pip in it. On Debian or Ubuntu: "
        "apt install python3-venv; elsewhere install Python from python.org. Then start again."
    )


def quiet(command: list[str]) -> bool:
    """Run a command without showing what it prints; whether it succeeded."""
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False
