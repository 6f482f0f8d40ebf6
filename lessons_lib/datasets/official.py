"""What the published data sets have in common: get their files, and carve the three parts out of them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessons_lib.datasets.cache import DatasetUnavailable, RemoteFile, find, roots, writable_folder
from lessons_lib.datasets.download import Patience, Progress, fetch
from lessons_lib.datasets.split import Dataset, Split, as_split, balanced_order

VALIDATION_SHARE = 0.1
Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images (n, c, h, w) and labels (n,)


def obtain(
    files: tuple[RemoteFile, ...],
    layouts: tuple[str, ...],
    *,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> tuple[dict[str, Path], list[str]]:
    """Every file of a data set by name, found here or downloaded, and a sentence about each that was not used.

    Args:
        files: what belongs to the data set.
        layouts: the folders in a data folder that may hold the files; the first is where downloads go.
        progress: as for `fetch`.
        patience: as for `fetch`.

    Raises:
        DatasetUnavailable: a file is neither here nor to be had.
    """
    paths: dict[str, Path] = {}
    notes: list[str] = []
    for file in files:
        path, problems = find(file, layouts)
        notes += problems
        if path is not None:
            paths[file.name] = path
    missing = [file for file in files if file.name not in paths]
    try:
        for file in missing:
            paths[file.name] = fetch(file, writable_folder(layouts[0]), progress=progress, patience=patience)
    except DatasetUnavailable as error:
        still_missing = [file for file in missing if file.name not in paths]
        raise DatasetUnavailable(_by_hand(still_missing, layouts[0], str(error), notes)) from error
    return paths, notes


def _by_hand(missing: list[RemoteFile], layout: str, reasons: str, notes: list[str]) -> str:
    """What is missing, why, and how to place it without the course's help."""
    folder = roots()[0] / layout
    needed = [f"  {file.name} ({file.size_bytes:,} bytes, MD5 {file.md5})\n    {file.urls[0]}" for file in missing]
    return "\n".join(
        [
            "These files could not be downloaded:",
            *needed,
            "What happened:",
            *[f"  {line}" for line in [*reasons.splitlines(), *notes]],
            f"Fetch them where there is a connection and put them into {folder},",
            f"or set the environment variable LESSONS_DATA to the folder that holds {layout}; then try again.",
            "Without any download: road_signs.",
        ]
    )


def carve(
    name: str,
    training_files: Arrays,
    test_files: Arrays,
    classes: tuple[str, ...],
    provenance: str,
    notes: list[str],
    *,
    train: int | None,
    validation: int | None,
    test: int | None,
    size: int | None,
    seed: int,
) -> Dataset:
    """The three parts: training and validation images from the training files, test images from the test files.

    Args:
        training_files, test_files: images and labels as published.
        train, validation, test: how many; None: a tenth of the training files to validate with, and all the others.
        size: height and width; None: as published.
        seed: which images; the validation images stay the same whatever `train` is.
    """
    available, available_test = len(training_files[1]), len(test_files[1])
    to_validate = validation or min(round(VALIDATION_SHARE * available), max(1, available - (train or 0)))
    to_train = train or max(1, available - to_validate)
    if to_train + to_validate > available:
        raise ValueError(
            f"{name} has {available:,} training images; {to_train:,} to train and {to_validate:,} to validate with are "
            f"{to_train + to_validate:,}. Ask for fewer."
        )
    if (test or 0) > available_test:
        raise ValueError(f"{name} has {available_test:,} test images; {test:,} were asked for. Ask for fewer.")
    order = balanced_order(training_files[1], seed)
    test_order = balanced_order(test_files[1], seed)[: test or available_test]

    def part(arrays: Arrays, chosen: NDArray[np.int64]) -> Split:
        return as_split(arrays[0][chosen], arrays[1][chosen], size)

    return Dataset(
        name=name,
        train=part(training_files, order[:to_train]),
        validation=part(training_files, order[available - to_validate :]),
        test=part(test_files, test_order),
        classes=classes,
        provenance=provenance,
        notes=tuple(notes),
    )
