"""Finds the learner's images: which files belong to which class, and to which part where the folder says so."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lessons_lib.datasets.picture import endings

PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
RUBBISH = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass
class Found:
    """The files of one part by class, and a sentence about each thing that was passed over."""

    files: dict[str, list[Path]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find(root: Path) -> dict[str, Found]:
    """The image files of each part; a folder without train and test parts is one part named "all".

    Args:
        root: a folder with one folder for each class, or with folders train, test and perhaps validation that have them.

    Raises:
        ValueError: there is nothing to learn from, or not what the folder promises.
    """
    if not root.exists():
        raise ValueError(f"There is no folder {root}. Check the path after 'folder:'.")
    if not root.is_dir():
        raise ValueError(f"{root} is a file; give the folder that holds one folder for each class.")
    folders = {PARTS.get(folder.name.lower(), ""): folder for folder in _folders(root)}
    if "train" in folders and any(_folders(folders["train"])):
        found = {part: _classes(folder, root) for part, folder in folders.items() if part}
    else:
        found = {"all": _classes(root, root)}
    _check(root, found)
    return found


def _classes(folder: Path, root: Path) -> Found:
    found = Found()
    others: Counter[str] = Counter()
    for class_folder in _folders(folder):
        seen = {os.path.realpath(root), os.path.realpath(folder)}
        images = []
        for file in _files(class_folder, seen, found.notes):
            if file.suffix.lower() in endings():
                images.append(file)
            else:
                others[file.suffix.lower()] += 1
        if images:
            name = unicodedata.normalize("NFC", class_folder.name)  # macOS writes é as two characters
            found.files.setdefault(name, []).extend(images)
        else:
            found.notes.append(f"The folder {class_folder} holds no images and was passed over.")
    if others:
        kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(others.items()))
        found.notes.append(f"Files in {folder} that are no images were passed over: {kinds}.")
    return found


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder, []) if path.is_dir()]


def _files(folder: Path, seen: set[str], notes: list[str]) -> Iterator[Path]:
    """Every file below a folder; a link that leads back to a folder that was already visited is not followed."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for path in _entries(folder, notes):
        if path.is_dir():
            yield from _files(path, seen, notes)
        elif path.is_file():
            yield path


def _entries(folder: Path, notes: list[str]) -> list[Path]:
    """What is in a folder, in order, without hidden things and what operating systems leave behind."""
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        notes.append(f"The folder {folder} cannot be read ({error.strerror or error}).")
        return []
    return [path for path in paths if not path.name.startswith(".") and path.name.lower() not in RUBBISH]


def _check(root: Path, found: dict[str, Found]) -> None:
    learned = found.get("train") or found["all"]
    if not learned.files:
        raise ValueError(
            f"{root} holds no class folders with images. Make one folder for each class, with images in it."
        )
    if len(learned.files) == 1:
        only = next(iter(learned.files))
        raise ValueError(f"{root} holds only one class, {only!r}. There is nothing to tell apart; add a second folder.")
    for part in ("validation", "test"):
        unknown = set(found.get(part, Found()).files) - set(learned.files)
        if unknown:
            raise ValueError(
                f"{root}: {part} has the class {', '.join(sorted(unknown))}, which train lacks. "
                f"The classes in train are {', '.join(sorted(learned.files))}."
            )
