"""What the twelve road signs look like: outline, symbol and colours."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lessons_lib.signs.geometry import HALF_TURN, SQRT_HALF, Array, Shape, box, disc, hollow, polygon, union

Colour = tuple[float, float, float]

RIM_WIDTH = 0.17


def circle(x: Array, y: Array) -> Array:
    return disc(x, y, 0.95)


def nothing(x: Array, y: Array) -> Array:
    return np.full_like(x, 9.0)


def _bar(x: Array, y: Array) -> Array:
    return box(x, y, 0.56, 0.15)


def _stop(x: Array, y: Array) -> Array:
    """The word STOP, each letter from a few strokes."""
    across, stroke, top, middle, bottom = 0.1, 0.045, -0.23, 0.0, 0.23
    letter_s, letter_t, letter_o, letter_p = x + 0.51, x + 0.17, x - 0.17, x - 0.51
    high, low = 0.115, 0.12
    return union(
        *[box(letter_s, y, across, stroke, cy=cy) for cy in (top, middle, bottom)],
        box(letter_s, y, stroke, low, -across, -high),
        box(letter_s, y, stroke, low, across, high),
        box(letter_t, y, across + stroke, stroke, cy=top),
        box(letter_t, y, stroke, 0.275),
        hollow(box(letter_o, y, across, bottom), stroke),
        box(letter_p, y, stroke, 0.275, -across),
        hollow(box(letter_p, y, across, high, cy=-high), stroke),
    )


def _exclamation_mark(x: Array, y: Array) -> Array:
    return union(box(x, y, 0.11, 0.29, cy=-0.1), disc(x, y, 0.13, cy=0.35))


def _diagonal_cross(x: Array, y: Array) -> Array:
    u, v = (x + y) * SQRT_HALF, (x - y) * SQRT_HALF
    return union(box(u, v, 0.46, 0.1), box(u, v, 0.1, 0.46))


def _two_slashes(x: Array, y: Array) -> Array:
    u, v = (x + y) * SQRT_HALF, (x - y) * SQRT_HALF
    return union(box(u, v, 0.8, 0.1), box(u, v, 0.1, 0.8))


def arrow_up(x: Array, y: Array) -> Array:
    head = np.maximum(np.abs(x) - (y + 0.58) * np.float32(0.8), y + 0.08)
    return union(box(x, y, 0.12, 0.36, cy=0.14), head)


def _arrow_left(x: Array, y: Array) -> Array:
    return arrow_up(y, x)


def _arrow_right(x: Array, y: Array) -> Array:
    return arrow_up(y, -x)


def _letter_p(x: Array, y: Array) -> Array:
    return union(box(x, y, 0.1, 0.5, -0.2), hollow(disc(x, y, 0.22, 0.02, -0.2), 0.09))


class Sign(NamedTuple):
    """One class: its name, outline, symbol, and the colours of rim, face and symbol (red, green, blue; 0 to 1)."""

    name: str
    outline: Shape
    symbol: Shape
    rim: Colour
    face: Colour
    ink: Colour


RED, BLUE, YELLOW = (0.80, 0.10, 0.12), (0.10, 0.25, 0.70), (0.95, 0.78, 0.10)
WHITE, BLACK = (0.95, 0.95, 0.93), (0.08, 0.08, 0.08)

_octagon = polygon(8, HALF_TURN / 8, 0.9)
triangle_up = polygon(3, HALF_TURN / 2, 0.55)
_triangle_down = polygon(3, -HALF_TURN / 2, 0.55)
_diamond = polygon(4, HALF_TURN / 4, 0.74)
square = polygon(4, 0.0, 0.78)

SIGNS = (
    Sign("stop", _octagon, _stop, WHITE, RED, WHITE),
    Sign("no entry", circle, _bar, RED, RED, WHITE),
    Sign("no vehicles", circle, nothing, RED, WHITE, BLACK),
    Sign("no stopping", circle, _two_slashes, RED, BLUE, RED),
    Sign("give way", _triangle_down, nothing, RED, WHITE, BLACK),
    Sign("danger", triangle_up, _exclamation_mark, RED, WHITE, BLACK),
    Sign("crossroads", triangle_up, _diagonal_cross, RED, WHITE, BLACK),
    Sign("priority", _diamond, nothing, WHITE, YELLOW, BLACK),
    Sign("ahead only", circle, arrow_up, WHITE, BLUE, WHITE),
    Sign("turn left", circle, _arrow_left, WHITE, BLUE, WHITE),
    Sign("turn right", circle, _arrow_right, WHITE, BLUE, WHITE),
    Sign("parking", square, _letter_p, WHITE, BLUE, WHITE),
)


def distances(labels: NDArray[np.int64], x: Array, y: Array, signs: tuple[Sign, ...] = SIGNS) -> tuple[Array, Array]:
    """How far each point is from the outline and from the symbol of its image's sign.

    Args:
        labels: the class of each image, int64 (n,): indices into `signs`.
        x: horizontal coordinates in the sign's own frame, float32 (n, h, w).
        y: vertical ones, the same shape.
        signs: which set of signs.

    Returns:
        Distance to the outline and distance to the symbol, float32 (n, h, w) each.
    """
    outline, symbol = np.empty_like(x), np.empty_like(x)
    for label in np.unique(labels):
        chosen, sign = labels == label, signs[label]
        sign_x, sign_y = x[chosen], y[chosen]
        outline[chosen], symbol[chosen] = sign.outline(sign_x, sign_y), sign.symbol(sign_x, sign_y)
    return outline, symbol


def colours(labels: NDArray[np.int64], signs: tuple[Sign, ...] = SIGNS) -> tuple[Array, Array, Array]:
    """The colours of rim, face and symbol of each image's sign, float32 (3, n, 1, 1) each."""
    table = np.array([(sign.rim, sign.face, sign.ink) for sign in signs], np.float32)
    rim, face, ink = table[labels].transpose(1, 2, 0)[..., None, None]
    return rim, face, ink
