"""Shapes as signed distances: how far a point is from an edge, negative inside, zero on the edge, positive outside.

Shapes written this way can be turned, scaled and smoothed at the edge with plain arithmetic on whole arrays of coordinates.
x runs to the right and y down; a sign has a radius of about 1.

Source: Quilez, "2D distance functions", https://iquilezles.org/articles/distfunctions2d/.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]  # float32 throughout
Shape = Callable[[Array, Array], Array]

HALF_TURN, SQRT_HALF = np.pi, np.float32(np.sqrt(0.5))


def disc(x: Array, y: Array, radius: float, cx: float = 0.0, cy: float = 0.0) -> Array:
    """A filled circle around (cx, cy)."""
    return np.sqrt((x - cx) ** 2 + (y - cy) ** 2) - np.float32(radius)


def box(x: Array, y: Array, half_width: float, half_height: float, cx: float = 0.0, cy: float = 0.0) -> Array:
    """A filled rectangle around (cx, cy)."""
    return np.maximum(np.abs(x - cx) - half_width, np.abs(y - cy) - half_height)


def hollow(distance: Array, half_width: float) -> Array:
    """Only the edge of a shape, as a line of some width."""
    return np.abs(distance) - np.float32(half_width)


def union(*distances: Array) -> Array:
    """Whatever is in one of the shapes."""
    nearest = distances[0]
    for distance in distances[1:]:
        nearest = np.minimum(nearest, distance)
    return nearest


def polygon(sides: int, first_normal: float, inner_radius: float) -> Shape:
    """A regular polygon: the furthest of its sides decides."""
    angles = first_normal + 2 * np.pi * np.arange(sides) / sides
    normals = [(np.float32(np.cos(angle)), np.float32(np.sin(angle))) for angle in angles]

    def distance(x: Array, y: Array) -> Array:
        furthest = x * normals[0][0] + y * normals[0][1]
        for nx, ny in normals[1:]:
            np.maximum(furthest, x * nx + y * ny, out=furthest)
        return furthest - np.float32(inner_radius)

    return distance
