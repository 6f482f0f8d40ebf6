"""The learner's own images: `folder:PATH`, with one folder for each class."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lessons_lib.datasets import class_folders
from lessons_lib.datasets.picture import Unreadable, read
from lessons_lib.datasets.split import Dataset, as_split, balanced_order

SIZE = 32
SHARE = 0.15  # of the images that validation and test get each, where the folder has no such part
VERBS = {"train": "train", "validation": "validate", "test": "test"}
NAMED_FILES = 10  # passed-over files that the notes name one by one

Wanted = dict[str, int | None]


class Example(NamedTuple):
    """An image file and the number of its class."""

    path: Path
    label: int


def load(
    path: str,
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a folder of images.

    Args:
        path: one folder for each class in it; or folders train, test and perhaps validation (or val) that have them. What
            is not there is taken from the training images: 15 % of each class.
        train, validation, test: how many images at most; None: all.
        size: height and width; each image's middle square is brought to it. None: 32.
        seed: which images go where.

    Returns:
        Images with 1 channel where every one is grey, else 3. Files that could not be read are in the notes.

    Raises:
        ValueError: the folder does not hold two classes or more with enough images each.
    """
    root = Path(path).expanduser()
    if not path.strip():
        raise ValueError("Write the path of your folder of images after 'folder:', such as folder:~/pictures.")
    found = class_folders.find(root)
    classes = tuple(sorted((found.get("train") or found["all"]).files))
    examples = _divide(root, found, classes, seed)
    wanted = {"train": train, "validation": validation, "test": test}
    notes = [note for part in found.values() for note in part.notes]
    passed_over: list[str] = []
    arrays = {part: _read(examples[part], wanted[part], size or SIZE, seed, passed_over) for part in VERBS}
    labels = {part: labels for part, (_, labels) in arrays.items()}
    notes += [*_summary(passed_over), *_gaps(root, labels, classes, wanted)]
    channels = 1 if all(_is_grey(images) for images, _ in arrays.values()) else 3
    parts = {part: as_split(images[:, :channels], labels) for part, (images, labels) in arrays.items()}
    return Dataset(
        name=f"folder:{path}", **parts, classes=classes, provenance=f"Your images in {root}.", notes=tuple(notes)
    )


def _divide(
    root: Path, found: dict[str, class_folders.Found], classes: tuple[str, ...], seed: int
) -> dict[str, list[Example]]:
    """Which files go into which part; parts that the folder lacks are carved from the training images."""
    examples = {
        part: [Example(path, classes.index(name)) for name in sorted(there.files) for path in there.files[name]]
        for part, there in found.items()
    }
    rest = examples.pop("all", None) or examples.pop("train")
    carved = [part for part in ("validation", "test") if not examples.get(part)]
    _check_enough(root, rest, classes, len(carved) + 1)
    examples |= {part: [] for part in (*carved, "train")}
    random = np.random.default_rng(seed)
    for label in range(len(classes)):
        members = [example for example in rest if example.label == label]
        shuffled = [members[index] for index in random.permutation(len(members))]
        share = max(1, round(SHARE * len(members)))
        for part in carved:
            examples[part] += shuffled[:share]
            shuffled = shuffled[share:]
        examples["train"] += shuffled
    return examples


def _check_enough(root: Path, examples: list[Example], classes: tuple[str, ...], needed: int) -> None:
    counts = Counter(example.label for example in examples)
    poor = [f"{classes[label]} ({count})" for label, count in sorted(counts.items()) if count < needed]
    if poor:
        raise ValueError(
            f"{root}: too few images to divide them into parts: {', '.join(poor)}. Every class needs at least {needed}, "
            f"and {10 * needed} or more to learn anything."
        )


def _read(
    examples: list[Example], wanted: int | None, size: int, seed: int, passed_over: list[str]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode as many images as are wanted, the classes in proportion; what cannot be read is named in `passed_over`."""
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for index in balanced_order(np.array([example.label for example in examples]), seed):
        if len(images) == wanted:
            break
        path, label = examples[index]
        try:
            images.append(read(path, size))
            labels.append(label)
        except Unreadable as error:
            passed_over.append(f"{path} {error}; it was passed over.")
    pixels = np.stack(images) if images else np.empty((0, 3, size, size), np.uint8)
    return pixels, np.array(labels, np.int64)


def _is_grey(images: NDArray[np.uint8]) -> bool:
    red, green, blue = images[:, 0], images[:, 1], images[:, 2]
    return bool((red == green).all() and (green == blue).all())


def _summary(passed_over: list[str]) -> list[str]:
    more = len(passed_over) - NAMED_FILES
    return [
        *passed_over[:NAMED_FILES],
        *([f"{more:,} more files were passed over for such reasons."] if more > 0 else []),
    ]


def _gaps(root: Path, labels: dict[str, NDArray[np.int64]], classes: tuple[str, ...], wanted: Wanted) -> Iterator[str]:
    """Sentences about parts with fewer images or classes than one would expect.

    Raises:
        ValueError: too little could be read to go on.
    """
    for part, there in labels.items():
        asked, present = wanted[part], set(there.tolist())
        if not present or (part == "train" and len(present) < 2 and (asked is None or asked > 1)):
            raise ValueError(
                f"{root}: only {len(there)} images of {len(present)} classes could be read to {VERBS[part]} with."
            )
        if asked is not None and asked > len(there):
            yield f"{asked:,} images were asked for to {VERBS[part]} with; the folder has {len(there):,}."
        absent = [name for label, name in enumerate(classes) if label not in present]
        if absent and (asked is None or asked >= len(classes)):
            yield f"There is no image to {VERBS[part]} with of {', '.join(absent)}."
