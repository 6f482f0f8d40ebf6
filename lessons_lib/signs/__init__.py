"""Renders road signs under the pose, weather and light that the caller asks for: data without a download.

The same arguments give the same images. A seed shows the same scenes whatever the conditions: where two calls differ in the
fog, the images differ in the fog alone.

Reading order: `geometry`, `shapes` (the twelve signs), `more_shapes` (ten more, to learn afterwards), `conditions`, `effects`, `scene`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessons_lib.signs.conditions import DEFAULT, Conditions
from lessons_lib.signs.effects import BLOCK
from lessons_lib.signs.more_shapes import NEW_SIGNS
from lessons_lib.signs.scene import Scene
from lessons_lib.signs.shapes import SIGNS, Sign

CLASSES: tuple[str, ...] = tuple(sign.name for sign in SIGNS)
NEW_CLASSES: tuple[str, ...] = tuple(sign.name for sign in NEW_SIGNS)
SMALLEST_SIZE, LARGEST_SIZE = 16, 128


def render(
    count: int,
    *,
    seed: int = 0,
    size: int = 32,
    conditions: Conditions = DEFAULT,
    labels: ArrayLike | None = None,
    signs: tuple[Sign, ...] = SIGNS,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Render road signs; a longer series begins with the images of a shorter one.

    Args:
        count: how many images.
        seed: which series of images, 0 or more.
        size: height and width in pixels, 16 to 128.
        conditions: pose, weather, light and so on.
        labels: which sign each image shows, indices into `signs`, (count,); None: all classes equally often, shuffled.
        signs: the set of signs: SIGNS, named in CLASSES, or NEW_SIGNS, named in NEW_CLASSES.

    Returns:
        Images, uint8 (count, size, size, 3), and their labels, int64 (count,).

    Raises:
        ValueError: an argument is out of its range.
    """
    _check_whole("count", count, 0)
    _check_whole("seed", seed, 0)
    _check_whole("size", size, SMALLEST_SIZE, LARGEST_SIZE)
    if not isinstance(conditions, Conditions):
        raise ValueError(f"conditions is {conditions!r}; give a Conditions, such as Conditions(fog=0.5).")
    shown = _balanced(count, seed, len(signs)) if labels is None else _checked(labels, count, len(signs))
    images = np.empty((count, size, size, 3), np.uint8)
    for block, start in enumerate(range(0, count, BLOCK)):
        part = slice(start, start + BLOCK)
        images[part] = Scene(shown[part], [seed, block], size, conditions, signs).pictures()
    return images, shown


def _balanced(count: int, seed: int, classes: int) -> NDArray[np.int64]:
    """Rounds of all the classes, each round shuffled."""
    rounds = -(-count // classes)
    in_order = np.tile(np.arange(classes, dtype=np.int64), (rounds, 1))
    return np.random.default_rng(seed).permuted(in_order, axis=1).ravel()[:count]


def _checked(labels: ArrayLike, count: int, classes: int) -> NDArray[np.int64]:
    given = np.asarray(labels)
    if given.shape != (count,) or (count and not np.issubdtype(given.dtype, np.integer)):
        raise ValueError(f"labels is {given.dtype} with shape {given.shape}; give {count} whole numbers.")
    if count and not 0 <= given.min() <= given.max() < classes:
        raise ValueError(f"labels reach from {given.min()} to {given.max()}; the classes are 0 to {classes - 1}.")
    return given.astype(np.int64)


def _check_whole(name: str, value: object, low: int, high: int | None = None) -> None:
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not is_whole or value < low or (high is not None and value > high):  # type: ignore[operator]
        limits = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} is {value!r}; give a whole number {limits}.")
