"""A task without signs, drawn on the spot: grey waves under noise, told apart by their direction and their length."""

import numpy as np
from numpy.typing import NDArray

from lessons_lib.datasets.split import Dataset, Split, as_split

DIRECTIONS_DEGREES = (0, 36, 72, 108, 144)
WAVES = {"long": 2.5, "short": 5.0}  # waves across the picture
CLASSES = tuple(f"{degrees}°, {name}" for degrees in DIRECTIONS_DEGREES for name in WAVES)
SIZE = 32


def textures(*, train: int, validation: int, test: int, seed: int = 0) -> Dataset:
    """Render the three parts: grey images 32 x 32 of the 10 classes in CLASSES, all classes equally often."""
    learn, compare, judge = (_part(count, [seed, index]) for index, count in enumerate((train, validation, test)))
    told = f"Rendered on this machine from seed {seed}; nothing was downloaded."
    return Dataset("textures", learn, compare, judge, CLASSES, told)


def _part(count: int, key: list[int]) -> Split:
    random = np.random.default_rng(key)
    labels = random.permutation(np.arange(count) % len(CLASSES))
    return as_split(_waves(labels, random)[:, None], labels)


def _waves(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
    """Pictures uint8 (n, SIZE, SIZE): direction, length, phase, contrast and light vary, and noise lies over them."""

    def vary(low: float, high: float) -> NDArray[np.float64]:
        return random.uniform(low, high, (len(labels), 1, 1))

    degrees = np.repeat(DIRECTIONS_DEGREES, len(WAVES))[labels][:, None, None] + vary(-9, 9)
    waves = np.tile(list(WAVES.values()), len(DIRECTIONS_DEGREES))[labels][:, None, None] * vary(0.8, 1.2)
    y, x = np.mgrid[0 : 1 : SIZE * 1j, 0 : 1 : SIZE * 1j]
    along = np.cos(np.radians(degrees)) * x + np.sin(np.radians(degrees)) * y
    pattern = np.sin(2 * np.pi * (waves * along + vary(0, 1)))
    noise = random.normal(0, 40, (len(labels), SIZE, SIZE))
    return np.clip(vary(80, 170) + vary(10, 60) * pattern + noise, 0, 255).astype(np.uint8)
