"""The ways in which the images of a data set may drift, each at any strength from 0 (as in training) to 1."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from lessons_lib import signs
from lessons_lib.datasets.split import Dataset, Split, as_split
from lessons_lib.drift import corruptions
from lessons_lib.explained import Mistake

PARTS = ("train", "validation", "test")
WEATHER = {"dusk": ("dusk", 1.5), "fog": ("fog", 1.5), "snow": ("snow", 1.0), "dirty lens": ("lens_dirt", 3.0)}
NEW_SIGNS, OTHER_MIX = "new signs", "other mix of classes"
UNKNOWN = -1  # the label of an image of which no class of the model is true

Make = Callable[[str, float, int], Split]


@dataclass(frozen=True)
class Kind:
    """One way to drift.

    name: in a word or two. make: called with a part of the data set ("test"), a strength from 0 to 1 and a number of images;
    the same arguments give the same images.
    """

    name: str
    make: Make

    def images(self, part: str, strength: float, count: int) -> Split:
        """Images after the drift, uint8, with their labels; -1 where no class of the model is true.

        Raises:
            Mistake: the strength is not from 0 to 1.
        """
        if not 0 <= strength <= 1:
            raise Mistake(f"The strength of a drift is a number from 0 to 1; this is {strength!r}.")
        return self.make(part, strength, count)


def kinds(data: Dataset, seed: int = 0) -> dict[str, Kind]:
    """The ways in which a data set can drift, by name: weather and new signs for road_signs, corruptions for others.

    The last one, another mix of the same classes, is no harm in itself.

    Args:
        data: from `datasets.load`. seed: what it was loaded with, and what chance follows from.
    """
    if data.name == "road_signs":
        made = {name: partial(_weather, data, seed, *effect) for name, effect in WEATHER.items()}
        made[NEW_SIGNS] = partial(_new_signs, data, seed)
    else:
        made = {name: partial(_corrupted, data, seed, change) for name, change in corruptions.ALL.items()}
    made[OTHER_MIX] = partial(_other_mix, data, seed)
    return {name: Kind(name, make) for name, make in made.items()}


def examples(ways: Mapping[str, Kind], strengths: Sequence[float], among: int = 24) -> tuple[Tensor, list[str]]:
    """One scene of each kind as the drift gets stronger, uint8 (n, c, h, w), with captions; of new signs, one that is new."""
    images, captions = [], []
    for way in ways.values():
        for strength in strengths:
            some = way.images("test", strength, among)
            place = int((some.labels == UNKNOWN).int().argmax())  # the first where none is unknown
            images.append(some.images[place])
            captions.append(f"{way.name}\n{strength:g}")
    return torch.stack(images), captions


def _weather(data: Dataset, seed: int, field: str, most: float, part: str, strength: float, count: int) -> Split:
    """The scenes of a part of road_signs once more, under another sky."""
    conditions = replace(signs.DEFAULT, **{field: most * strength})
    series = 3 * seed + PARTS.index(part)
    images, labels = signs.render(count, seed=series, size=data.size, conditions=conditions)
    return as_split(images.transpose(0, 3, 1, 2), labels)


def _new_signs(data: Dataset, seed: int, part: str, strength: float, count: int) -> Split:
    """Up to half of the images show signs that were put up after the training."""
    before = _weather(data, seed, "dusk", 0.0, part, 0.0, count)
    series = 3 * seed + PARTS.index(part)
    images, _ = signs.render(count, seed=series, size=data.size, signs=signs.NEW_SIGNS)
    new = torch.from_numpy(np.random.default_rng([series, 1]).random(count) < strength / 2)
    rendered = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    return Split(
        torch.where(new[:, None, None, None], rendered, before.images), before.labels.masked_fill(new, UNKNOWN)
    )


def _corrupted(
    data: Dataset, seed: int, change: corruptions.Corruption, part: str, strength: float, count: int
) -> Split:
    given: Split = getattr(data, part)
    images, labels = given.images[:count], given.labels[:count]
    if strength == 0:
        return Split(images, labels)
    random = np.random.default_rng([seed, PARTS.index(part)])
    return Split(torch.from_numpy(change(images.numpy(), strength, random)), labels)


def _other_mix(data: Dataset, seed: int, part: str, strength: float, count: int) -> Split:
    """The same classes in other proportions: the second half of them becomes rarer, at strength 1 by 90 %."""
    given: Split = getattr(data, part)
    rare = (given.labels >= len(data.classes) // 2).numpy()
    weights = np.where(rare, 1 - 0.9 * strength, 1.0)
    random = np.random.default_rng([seed, PARTS.index(part), 2])
    chosen = torch.from_numpy(random.choice(len(given), count, p=weights / weights.sum()))
    return Split(given.images[chosen], given.labels[chosen])
