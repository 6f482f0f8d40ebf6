"""A small part of a data set: so many training images a class, and everything else as it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.explained import Mistake


@dataclass(frozen=True)
class Stage:
    """How to learn from so many training images a class: in how many steps, repeated with how many seeds."""

    per_class: int
    steps: int
    seeds: int


def few(data: Dataset, per_class: int, seed: int = 0) -> Dataset:
    """The same data set with few training images; validation and test stay.

    Args:
        data: where the images are drawn from.
        per_class: how many of each class; all there are of a class that has fewer.
        seed: which ones.

    Raises:
        Mistake: `per_class` is below 1, or a class has no training image.
    """
    if per_class < 1:
        raise Mistake(f"per_class is {per_class!r}; give 1 or more training images a class.")
    random = torch.Generator().manual_seed(seed)
    chosen = []
    for label, name in enumerate(data.classes):
        members = (data.train.labels == label).nonzero()[:, 0]
        if not len(members):
            raise Mistake(f"There is no training image of {name!r} in {data.name}; add some, or remove the class.")
        chosen.append(members[torch.randperm(len(members), generator=random)[:per_class]])
    picked = torch.cat(chosen)
    return replace(data, train=Split(data.train.images[picked], data.train.labels[picked]))


def in_colour(data: Dataset) -> Dataset:
    """The same data set with three channels: grey images are repeated, so that a network for colour can take them."""
    if data.channels == 3:
        return data
    grey = (data.train, data.validation, data.test)
    train, validation, test = (Split(part.images.repeat(1, 3, 1, 1), part.labels) for part in grey)
    return replace(data, train=train, validation=validation, test=test)


def fitting(data: Dataset, stages: Sequence[Stage]) -> tuple[list[Stage], list[str]]:
    """The stages that a data set has enough images for, and a sentence about each thing that is less than asked for.

    A stage with more images a class than the largest class has becomes one with all of them.
    """
    counts = torch.bincount(data.train.labels, minlength=len(data.classes)).tolist()
    most = max(counts)
    kept = [stage for stage in stages if stage.per_class <= most]
    beyond = [stage for stage in stages if stage.per_class > most]
    notes = []
    if beyond:
        asked = listed([stage.per_class for stage in beyond])
        notes.append(f"{data.name} has at most {most} training images a class; {asked} a class were asked for.")
        if not kept or kept[-1].per_class < most:
            kept.append(replace(beyond[0], per_class=most))
    largest = kept[-1].per_class
    poor = [f"{name} ({count})" for name, count in zip(data.classes, counts, strict=True) if count < largest]
    if poor:
        notes.append(f"Fewer than {largest} training images: {', '.join(poor)}; all of them are used.")
    return kept, notes


def listed(things: Sequence[object]) -> str:
    """In words: "a", "a and b", "a, b and c"."""
    *most, last = map(str, things)
    return f"{', '.join(most)} and {last}" if most else last
