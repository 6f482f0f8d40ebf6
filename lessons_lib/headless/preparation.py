"""What `run.py course` makes sure of before the first lesson runs, so that a mistake is told at once."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lessons_lib.device import pick

PROJECT = Path(__file__).resolve().parents[2]
MADE_HERE = "made-by-the-course.txt"


class Refusal(Exception):
    """The request cannot be carried out; the message says why and what to do."""


def output_folder(chosen: str | None) -> Path:
    """The folder of the report as an absolute path; made here."""
    folder = Path(chosen).expanduser().resolve() if chosen else PROJECT / "reports"
    if folder == PROJECT:
        raise Refusal("--output is the project's own folder, and would replace its notebooks; choose another one.")
    try:
        (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Refusal(
            f"The report cannot be written to {folder} ({problem.strerror}); choose another --output."
        ) from None
    return folder


def select(folder: Path, only: list[str] | None) -> list[Path]:
    """The lessons to run, in order.

    Raises:
        Refusal: there are no lessons, or one that was asked for does not exist.
    """
    lessons = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not lessons:
        raise Refusal(f"There are no lessons in {folder}; build them with `python tools/build.py`.")
    numbers = [lesson.name[:2] for lesson in lessons]
    if unknown := [number for number in only or [] if number not in numbers]:
        raise Refusal(f"There is no lesson {', '.join(unknown)}; --only takes {', '.join(numbers)}.")
    return [lesson for lesson in lessons if not only or lesson.name[:2] in only]


def checked_device(name: str) -> str:
    """The device that a run will use, "cpu" or "cuda".

    Raises:
        Refusal: a GPU was asked for and there is none to use.
    """
    try:
        return pick(name).type
    except (RuntimeError, ValueError) as problem:
        raise Refusal(f"--device {name}: {problem}") from None


def absolute_dataset(name: str) -> str:
    """`name`, with the path of a folder of images made absolute: notebooks run in a folder of their own."""
    if not name.removeprefix("folder:").strip() or not name.startswith("folder:"):
        return name
    return "folder:" + str(Path(name.removeprefix("folder:")).expanduser().resolve())


def check_dataset(name: str) -> None:
    """Have a data set ready, downloading it if need be, before the first lesson runs.

    Raises:
        Refusal: there is no such data set, or it cannot be had.
    """
    from lessons_lib import datasets

    try:
        data = datasets.load(name, train=24, validation=24, test=24)
    except (ValueError, OSError, RuntimeError) as problem:
        raise Refusal(f"--dataset {name}: {problem}") from None
    for note in data.notes:
        print(f"Note: {note}", flush=True)


def learner_folder(folder: Path) -> Path:
    """The folder for the record of this run, so that the learner's own stays as it is; nothing is removed yet.

    Raises:
        Refusal: it holds something that no earlier run made.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MADE_HERE).exists():
        raise Refusal(f"{folder} holds files that this course did not make; choose another --output.")
    return folder


def empty(folder: Path) -> Path:
    """Empty a folder that is `learner_folder`, or make it: the record of the last run goes when the next one begins."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    text = "This folder is emptied whenever the course is run into the folder above.\n"
    (folder / MADE_HERE).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Set environment variables (None removes one) for the block."""
    before = {name: os.environ.get(name) for name in values}

    def put(new: dict[str, str | None]) -> None:
        for name, value in new.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    put(values)
    try:
        yield
    finally:
        put(before)
