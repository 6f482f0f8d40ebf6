"""What stands between a road sign and its picture: light, weather, the lens and the sensor.

Each function takes pictures as planes, float32 (3, n, size, size) with values around 0 to 1, and returns new planes. Its
random numbers are its own, so that switching one effect on leaves everything else in the picture as it was.
"""

import zlib

import numpy as np

from lessons_lib.signs.geometry import Array

BLOCK = 64  # images drawn together: few enough to stay in the cache
FOG_COLOUR, SNOW_COLOUR, RAIN_COLOUR, DIRT_COLOUR = 0.82, 0.95, 0.85, 0.16
DUSK_RATES = np.array([1.8, 1.4, 0.9], np.float32).reshape(3, 1, 1, 1)  # red fades first


class Draws:
    """The random numbers of one effect in one block: the same for an image however many follow it in the block."""

    def __init__(self, key: list[int], effect: str, count: int) -> None:
        self.generator = np.random.default_rng([*key, zlib.crc32(effect.encode())])
        self.count = count

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Array:
        """One number an image, float32 (n, 1, 1)."""
        numbers: Array = self.generator.random((BLOCK, 1, 1), np.float32)[: self.count]
        return low + numbers * (high - low)

    def normal(self) -> Array:
        """One standard normal number an image, float32 (n, 1, 1)."""
        return self.generator.standard_normal((BLOCK, 1, 1), np.float32)[: self.count]

    def colour(self, low: float, high: float) -> Array:
        """One number a colour, float32 (3, n, 1, 1)."""
        return np.stack([self.uniform(low, high) for _ in range(3)])

    def normal_colour(self) -> Array:
        """One standard normal number a colour, float32 (3, n, 1, 1)."""
        return np.stack([self.normal() for _ in range(3)])

    def normal_pixels(self, size: int) -> Array:
        """One standard normal number for each pixel and colour, float32 (3, n, size, size)."""
        return self.generator.standard_normal((self.count, 3, size, size), np.float32).transpose(1, 0, 2, 3)

    def ramp(self, x: Array, y: Array) -> Array:
        """From about -1 to 1 across each picture in a random direction, float32 (n, size, size)."""
        angle = self.uniform(high=2 * np.pi)
        return np.cos(angle) * x + np.sin(angle) * y

    def specks(self, size: int, share: float) -> Array:
        """Scattered points of random brightness (n, size, size), `share` of the pixels of a 32 x 32 picture."""
        luck = self.generator.random((self.count, size, size), np.float32)
        chance = np.float32(max(1e-9, min(1.0, share * (32 / size) ** 2)))
        return np.sqrt(np.maximum(np.float32(0), 1 - luck / chance))


def coverage(distance: Array, edge: Array | float) -> Array:
    """How much of a pixel lies inside a shape, from its signed distance and the width of a soft edge."""
    return np.clip(np.float32(0.5) - distance / edge, 0, 1)


def paint(planes: Array, mask: Array | float, colour: Array | float) -> Array:
    """Cover the picture with a colour wherever the mask (n, size, size) says so, in part where it is below 1."""
    return planes + mask * (colour - planes)


def dusk(planes: Array, amount: float) -> Array:
    """Darken, the red more than the blue."""
    return planes * np.exp(-np.float32(amount) * DUSK_RATES)


def fog(planes: Array, amount: float, draws: Draws) -> Array:
    """Veil in grey: exp(-density) of the scene gets through, the density varying by half from picture to picture.

    Source: Koschmieder's law of horizontal visibility.
    """
    return paint(planes, 1 - np.exp(-np.float32(amount) * draws.uniform(0.5, 1.5)), FOG_COLOUR)


def rain(planes: Array, amount: float, draws: Draws) -> Array:
    """Slanting streaks, and a veil."""
    size = planes.shape[-1]
    drops, length = draws.specks(size, 0.02 * amount), max(2, size // 4)
    streaks = drops
    for step in range(1, length):
        fallen = np.roll(drops, (step, -round(0.35 * step)), axis=(1, 2))
        streaks = np.maximum(streaks, fallen * np.float32(1 - step / length))
    veil = 1 - np.exp(-0.4 * amount)
    return paint(paint(planes, veil, 0.5), 0.7 * streaks, RAIN_COLOUR)


def snow(planes: Array, amount: float, draws: Draws) -> Array:
    """White flakes of about a twentieth of the picture, and a veil."""
    size = planes.shape[-1]
    flakes = blur(draws.specks(size, 0.06 * amount)[None])[0] * np.float32(4 * max(1, size / 32) ** 2)
    veil = 1 - np.exp(-0.3 * amount)
    return paint(paint(planes, veil, FOG_COLOUR), np.minimum(flakes, 1), SNOW_COLOUR)


def lens_dirt(planes: Array, amount: float, draws: Draws, x: Array, y: Array) -> Array:
    """Four soft brown smudges, the denser and larger the more dirt there is."""
    opacity = np.float32(1 - np.exp(-2 * amount))
    for _ in range(4):
        centre_x, centre_y, radius = draws.uniform(-1), draws.uniform(-1), draws.uniform(0.1, 0.2 + 0.25 * amount)
        distance = np.sqrt((x - centre_x) ** 2 + (y - centre_y) ** 2) - radius
        planes = paint(planes, opacity * coverage(distance, 0.3), DIRT_COLOUR)
    return planes


def blur(planes: Array) -> Array:
    """Smooth over the neighbours, as widely at every size as one pixel is at 32 x 32."""
    reach = 1
    while reach <= max(1, planes.shape[-1] // 32):
        planes = _smooth(_smooth(planes, reach).swapaxes(-1, -2), reach).swapaxes(-1, -2)
        reach *= 2
    return planes


def _smooth(planes: Array, reach: int) -> Array:
    """Weights 1, 2, 1 down each column, `reach` pixels apart; the picture's edge continues outwards."""
    smooth = planes * np.float32(0.5)
    quarter = planes * np.float32(0.25)
    smooth[:, :, reach:] += quarter[:, :, :-reach]
    smooth[:, :, :reach] += quarter[:, :, :1]
    smooth[:, :, :-reach] += quarter[:, :, reach:]
    smooth[:, :, -reach:] += quarter[:, :, -1:]
    return smooth
