"""What the twelve road signs look like: outline, symbol and colours, as signed distances.

A signed distance says how far a point is from an edge: negative inside, zero on the edge, positive outside. Shapes written
this way can be turned, scaled and smoothed at the edge with plain arithmetic on whole arrays of coordinates. x runs to the
right and y down; a sign has a radius of about 1.

Source: Quilez, "2D distance functions", https://iquilezles.org/articles/distfunctions2d/.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]  # float32 throughout
Shape = Callable[[Array, Array], Array]
Colour = tuple[float, float, float]

RIM_WIDTH = 0.17
HALF_TURN, SQRT_HALF = np.pi, np.float32(np.sqrt(0.5))


def _disc(x: Array, y: Array, radius: float, cx: float = 0.0, cy: float = 0.0) -> Array:
    return np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - np.float32(radius)


def _box(x: Array, y: Array, half_width: float, half_height: float, cx: float = 0.0, cy: float = 0.0) -> Array:
    return np.maximum(np.abs(x - cx) - half_width, np.abs(y - cy) - half_height)


def _outline(distance: Array, half_width: float) -> Array:
    return np.abs(distance) - np.float32(half_width)


def _union(*distances: Array) -> Array:
    nearest = distances[0]
    for distance in distances[1:]:
        nearest = np.minimum(nearest, distance)
    return nearest


def _polygon(sides: int, first_normal: float, inner_radius: float) -> Shape:
    """A regular polygon: the furthest of its sides decides."""
    angles = first_normal + 2 * np.pi * np.arange(sides) / sides
    normals = [(np.float32(np.cos(angle)), np.float32(np.sin(angle))) for angle in angles]

    def distance(x: Array, y: Array) -> Array:
        furthest = x * normals[0][0] + y * normals[0][1]
        for nx, ny in normals[1:]:
            np.maximum(furthest, x * nx + y * ny, out=furthest)
        return furthest - np.float32(inner_radius)

    return distance


def _circle(x: Array, y: Array) -> Array:
    return _disc(x, y, 0.95)


def _nothing(x: Array, y: Array) -> Array:
    return np.full_like(x, 9.0)


def _bar(x: Array, y: Array) -> Array:
    return _box(x, y, 0.56, 0.15)


def _stop(x: Array, y: Array) -> Array:
    """The word STOP, each letter from a few strokes."""
    across, stroke, top, middle, bottom = 0.1, 0.045, -0.23, 0.0, 0.23
    letter_s, letter_t, letter_o, letter_p = x + 0.51, x + 0.17, x - 0.17, x - 0.51
    high, low = 0.115, 0.12
    return _union(
        *[_box(letter_s, y, across, stroke, cy=cy) for cy in (top, middle, bottom)],
        _box(letter_s, y, stroke, low, -across, -high),
        _box(letter_s, y, stroke, low, across, high),
        _box(letter_t, y, across + stroke, stroke, cy=top),
        _box(letter_t, y, stroke, 0.275),
        _outline(_box(letter_o, y, across, bottom), stroke),
        _box(letter_p, y, stroke, 0.275, -across),
        _outline(_box(letter_p, y, across, high, cy=-high), stroke),
    )


def _exclamation_mark(x: Array, y: Array) -> Array:
    return _union(_box(x, y, 0.11, 0.29, cy=-0.1), _disc(x, y, 0.13, cy=0.35))


def _diagonal_cross(x: Array, y: Array) -> Array:
    u, v = (x + y) * SQRT_HALF, (x - y) * SQRT_HALF
    return _union(_box(u, v, 0.46, 0.1), _box(u, v, 0.1, 0.46))


def _two_slashes(x: Array, y: Array) -> Array:
    u, v = (x + y) * SQRT_HALF, (x - y) * SQRT_HALF
    return _union(_box(u, v, 0.8, 0.1), _box(u, v, 0.1, 0.8))


def _arrow_up(x: Array, y: Array) -> Array:
    head = np.maximum(np.abs(x) - (y + 0.58) * np.float32(0.8), y + 0.08)
    return _union(_box(x, y, 0.12, 0.36, cy=0.14), head)


def _arrow_left(x: Array, y: Array) -> Array:
    return _arrow_up(y, x)


def _arrow_right(x: Array, y: Array) -> Array:
    return _arrow_up(y, -x)


def _letter_p(x: Array, y: Array) -> Array:
    return _union(_box(x, y, 0.1, 0.5, -0.2), _outline(_disc(x, y, 0.22, 0.02, -0.2), 0.09))


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

_octagon = _polygon(8, HALF_TURN / 8, 0.9)
_triangle_up = _polygon(3, HALF_TURN / 2, 0.55)
_triangle_down = _polygon(3, -HALF_TURN / 2, 0.55)
_diamond = _polygon(4, HALF_TURN / 4, 0.74)
_square = _polygon(4, 0.0, 0.78)

SIGNS = (
    Sign("stop", _octagon, _stop, WHITE, RED, WHITE),
    Sign("no entry", _circle, _bar, RED, RED, WHITE),
    Sign("no vehicles", _circle, _nothing, RED, WHITE, BLACK),
    Sign("no stopping", _circle, _two_slashes, RED, BLUE, RED),
    Sign("give way", _triangle_down, _nothing, RED, WHITE, BLACK),
    Sign("danger", _triangle_up, _exclamation_mark, RED, WHITE, BLACK),
    Sign("crossroads", _triangle_up, _diagonal_cross, RED, WHITE, BLACK),
    Sign("priority", _diamond, _nothing, WHITE, YELLOW, BLACK),
    Sign("ahead only", _circle, _arrow_up, WHITE, BLUE, WHITE),
    Sign("turn left", _circle, _arrow_left, WHITE, BLUE, WHITE),
    Sign("turn right", _circle, _arrow_right, WHITE, BLUE, WHITE),
    Sign("parking", _square, _letter_p, WHITE, BLUE, WHITE),
)


def distances(labels: NDArray[np.int64], x: Array, y: Array) -> tuple[Array, Array]:
    """How far each point is from the outline and from the symbol of its image's sign.

    Args:
        labels: the class of each image, int64 (n,).
        x: horizontal coordinates in the sign's own frame, float32 (n, h, w).
        y: vertical ones, the same shape.

    Returns:
        Distance to the outline and distance to the symbol, float32 (n, h, w) each.
    """
    outline, symbol = np.empty_like(x), np.empty_like(x)
    for label in np.unique(labels):
        chosen, sign = labels == label, SIGNS[label]
        sign_x, sign_y = x[chosen], y[chosen]
        outline[chosen], symbol[chosen] = sign.outline(sign_x, sign_y), sign.symbol(sign_x, sign_y)
    return outline, symbol


def colours(labels: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """The colours of rim, face and symbol of each image's sign, float32 (3, n, 1, 1) each."""
    table = np.array([(sign.rim, sign.face, sign.ink) for sign in SIGNS], np.float32)
    rim, face, ink = table[labels].transpose(1, 2, 0)[..., None, None]
    return rim, face, ink
