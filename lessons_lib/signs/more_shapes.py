"""Ten more road signs, in the style of the twelve: new to a network that has learnt those, yet made of the same parts."""

import numpy as np

from lessons_lib.signs.geometry import SQRT_HALF, Array, Shape, box, disc, hollow, union
from lessons_lib.signs.shapes import BLACK, BLUE, RED, WHITE, Sign, arrow_up, circle, square, triangle_up

# the strokes of a digit, as on a pocket calculator
STROKES = {"0": "abcdef", "3": "abcdg", "5": "acdfg", "8": "abcdefg"}


def _digit(x: Array, y: Array, shown: str) -> Array:
    """A digit about 0.46 wide and 0.86 high around the origin."""
    across, up, half_stroke = 0.16, 0.34, 0.085
    places = {"a": (0, -up), "g": (0, 0), "d": (0, up)}
    flat = [box(x, y, across + half_stroke, half_stroke, cy=places[s][1]) for s in STROKES[shown] if s in places]
    sides = {"f": (-across, -up / 2), "b": (across, -up / 2), "e": (-across, up / 2), "c": (across, up / 2)}
    upright = [box(x, y, half_stroke, up / 2, *sides[s]) for s in STROKES[shown] if s in sides]
    return union(*flat, *upright)


def _speed(tens: str) -> Shape:
    return lambda x, y: union(_digit(x + np.float32(0.3), y, tens), _digit(x - np.float32(0.3), y, "0"))


def _height(x: Array, y: Array) -> Array:
    """Two arrowheads that point at each other, from above and from below."""
    depth = np.abs(y)
    return np.maximum(np.abs(x) - (depth - np.float32(0.14)) * np.float32(0.75), depth - np.float32(0.6))


def _width(x: Array, y: Array) -> Array:
    return _height(y, x)


def _arrow_down_right(x: Array, y: Array) -> Array:
    """The arrow of "ahead only", turned."""
    return arrow_up((x - y) * SQRT_HALF, -(x + y) * SQRT_HALF)


def _arrow_down_left(x: Array, y: Array) -> Array:
    return _arrow_down_right(-x, y)


def _roundabout(x: Array, y: Array) -> Array:
    """A ring with three gaps, and an arrowhead at each."""
    radius = 0.43
    ring, heads = hollow(disc(x, y, radius), 0.09), []
    for turn in (0, 1, 2):
        cos, sin = np.float32(np.cos(turn * 2 * np.pi / 3)), np.float32(np.sin(turn * 2 * np.pi / 3))
        along, out = cos * x + sin * y, cos * y - sin * x + np.float32(radius)
        ring = np.maximum(ring, -box(along, out, 0.17, 0.3, -0.25))
        heads.append(np.maximum(np.abs(out) - (along + np.float32(0.28)) * np.float32(0.9), along))
    return union(ring, *heads)


def _letter_h(x: Array, y: Array) -> Array:
    return union(box(x, y, 0.1, 0.5, -0.27), box(x, y, 0.1, 0.5, 0.27), box(x, y, 0.27, 0.1))


def _bumps(x: Array, y: Array) -> Array:
    """Two humps on a road."""
    humps = union(disc(x, y, 0.2, -0.22, 0.2), disc(x, y, 0.2, 0.22, 0.2))
    return union(np.maximum(humps, y - np.float32(0.2)), box(x, y, 0.52, 0.08, cy=0.27))


NEW_SIGNS = (
    Sign("speed limit 30", circle, _speed("3"), RED, WHITE, BLACK),
    Sign("speed limit 50", circle, _speed("5"), RED, WHITE, BLACK),
    Sign("speed limit 80", circle, _speed("8"), RED, WHITE, BLACK),
    Sign("height limit", circle, _height, RED, WHITE, BLACK),
    Sign("width limit", circle, _width, RED, WHITE, BLACK),
    Sign("keep left", circle, _arrow_down_left, WHITE, BLUE, WHITE),
    Sign("keep right", circle, _arrow_down_right, WHITE, BLUE, WHITE),
    Sign("roundabout", circle, _roundabout, WHITE, BLUE, WHITE),
    Sign("hospital", square, _letter_h, WHITE, BLUE, WHITE),
    Sign("bumpy road", triangle_up, _bumps, RED, WHITE, BLACK),
)
