"""What every data set becomes: images and labels as tensors, in three parts that share no image."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

SMALLEST_SIZE = 16
RESIZED_AT_ONCE = 1024


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """One part of a data set.

    Args:
        images: uint8 (n, channels, height, width), 0 is black.
        labels: int64 (n,).
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] not in (1, 3):
            raise ValueError(f"Images are uint8 (n, 1 or 3, height, width); these are {_describe(self.images)}.")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"Labels are int64 ({len(self.images)},), one an image; these are {_describe(self.labels)}."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"{len(self):,} images of {' x '.join(str(side) for side in self.images.shape[1:])}"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images to learn from, to choose by and to be judged on.

    Args:
        name: what it was loaded as.
        train: to learn from.
        validation: to compare models and settings by.
        test: to judge the chosen model on, once.
        classes: what each label means.
        provenance: where the images come from.
        notes: what the reader should know, such as files that were passed over; one sentence each.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    provenance: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shapes = {tuple(part.images.shape[1:]) for part in (self.train, self.validation, self.test)}
        if len(shapes) != 1:
            raise ValueError(f"The three parts of {self.name} hold images of different shapes: {sorted(shapes)}.")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour (red, green, blue)."""
        return self.image_shape[0]

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return self.image_shape[1]

    def __repr__(self) -> str:
        counts = f"{len(self.train):,} to train, {len(self.validation):,} to validate, {len(self.test):,} to test"
        lines = [f"{self.name}: {counts}; {' x '.join(map(str, self.image_shape))}; {len(self.classes)} classes"]
        return "\n".join([*lines, self.provenance, *self.notes])


def as_split(images: NDArray[np.uint8], labels: NDArray[np.integer], size: int | None = None) -> Split:
    """A part from arrays, at the size that was asked for.

    Args:
        images: uint8 (n, channels, height, width).
        labels: whole numbers (n,).
        size: height and width of the result; None: as they are.
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    meanings = torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64))
    return Split(pixels if size is None else resized(pixels, size), meanings)


def resized(images: Tensor, size: int) -> Tensor:
    """Images of another size, uint8 (n, channels, size, size), smoothed where they shrink."""
    if tuple(images.shape[2:]) == (size, size):
        return images
    result = torch.empty((*images.shape[:2], size, size), dtype=torch.uint8)
    for start in range(0, len(images), RESIZED_AT_ONCE):  # in pieces: float32 takes four times the memory
        part = images[start : start + RESIZED_AT_ONCE].float()
        part = functional.interpolate(part, (size, size), mode="bilinear", antialias=True, align_corners=False)
        result[start : start + RESIZED_AT_ONCE] = part.round_().clamp_(0, 255)
    return result


def balanced_order(labels: NDArray[np.integer], seed: int) -> NDArray[np.int64]:
    """A random order of all images in which any stretch has the classes in the proportions of the whole.

    The members of each class are shuffled and spread evenly from 0 to 1; the order is that of all of them together.
    """
    random = np.random.default_rng(seed)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[random.permutation(members)] = (np.arange(len(members)) + random.random(len(members))) / len(members)
    return np.argsort(place, kind="stable")


def check_counts(**counts: int | None) -> None:
    """Raise a ValueError where a number of images is no whole number of 1 or more (None: the default)."""
    for part, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ValueError(f"{part} is {count!r}; give a whole number of images, 1 or more, or None for the default.")


def check_size(size: int | None) -> None:
    """Raise a ValueError where `size` is no whole number of pixels that the models can take."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < SMALLEST_SIZE):
        raise ValueError(f"size is {size!r}; give a whole number of pixels from {SMALLEST_SIZE} up, or None.")


def check_seed(seed: int) -> None:
    """Raise a ValueError where `seed` is no whole number of 0 or more."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}; give a whole number of 0 or more.")


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
