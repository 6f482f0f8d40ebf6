"""Puts a block of road signs into their surroundings and takes the pictures."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lessons_lib.signs import effects
from lessons_lib.signs.conditions import Conditions
from lessons_lib.signs.effects import Draws, coverage, paint
from lessons_lib.signs.geometry import Array
from lessons_lib.signs.shapes import RIM_WIDTH, SIGNS, Sign, colours, distances

LARGEST_RADIUS, SMALLEST_RADIUS = 0.82, 0.27
CLUTTER_CELLS = 6
SOFT_EDGE = 0.08


class Scene:
    """Up to BLOCK pictures that are rendered together.

    Args:
        labels: the sign in each picture, int64 (n,).
        key: what the random numbers follow from: the seed and the number of the block.
        size: height and width in pixels.
        conditions: how the signs are seen.
        signs: the set that the labels count in.
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        key: list[int],
        size: int,
        conditions: Conditions,
        signs: tuple[Sign, ...] = SIGNS,
    ) -> None:
        self.labels, self.key, self.size, self.conditions, self.signs = labels, key, size, conditions, signs

    @cached_property
    def x(self) -> Array:
        """Where the pixels' centres are from left (-1) to right (1), float32 (1, 1, size)."""
        centres = (np.arange(self.size) + 0.5) / self.size * 2 - 1
        return centres.astype(np.float32)[None, None, :]

    @property
    def y(self) -> Array:
        """The same from top to bottom, float32 (1, size, 1)."""
        return self.x.swapaxes(1, 2)

    def pictures(self) -> NDArray[np.uint8]:
        """The finished pictures, uint8 (n, size, size, 3)."""
        planes = self._add_occluder(self._add_sign(self._background()))
        planes = self._sense(self._see_through_weather(self._light(planes)))
        return (np.clip(planes, 0, 1) * np.float32(255)).astype(np.uint8).transpose(1, 2, 3, 0)

    def _draws(self, effect: str) -> Draws:
        return Draws(self.key, effect, len(self.labels))

    def _background(self) -> Array:
        """A gradient between two muted colours, with uneven patches and a disc."""
        draws, clutter = self._draws("background"), self.conditions.clutter
        near, far = self._muted(draws), self._muted(draws)
        planes = near + (far - near) * (0.5 + 0.5 * draws.ramp(self.x, self.y))
        if clutter == 0:
            return planes
        centre_x, centre_y, radius = draws.uniform(-1), draws.uniform(-1), draws.uniform(0.1, 0.45)
        disc = np.sqrt((self.x - centre_x) ** 2 + (self.y - centre_y) ** 2) - radius
        planes = paint(planes, coverage(disc, SOFT_EDGE), draws.colour(0, 1))
        weights = self._stretch_weights
        return planes + clutter * (weights @ draws.normal_pixels(CLUTTER_CELLS) @ weights.T)

    def _muted(self, draws: Draws) -> Array:
        colour = draws.colour(0.05, 0.85)
        return paint(colour.mean(axis=0, keepdims=True), 0.75, colour)

    @cached_property
    def _stretch_weights(self) -> Array:
        """Linear interpolation from a few cells to every pixel, float32 (size, cells)."""
        position = (self.x.reshape(-1, 1) + 1) / 2 * (CLUTTER_CELLS - 1)
        return np.maximum(0, 1 - np.abs(position - np.arange(CLUTTER_CELLS))).astype(np.float32)

    def _add_sign(self, planes: Array) -> Array:
        """Paint rim, face and symbol where the pixels, seen in the sign's own frame, lie inside them."""
        x, y, edge = self._sign_frame()
        outline, symbol = distances(self.labels, x, y, self.signs)
        draws, fading = self._draws("paint"), np.float32(self.conditions.fading)
        paints = colours(self.labels, self.signs)
        rim, face, ink = (np.clip(colour + fading * draws.normal_colour(), 0, 1) for colour in paints)
        planes = paint(planes, coverage(outline, edge), rim)
        planes = paint(planes, coverage(outline + np.float32(RIM_WIDTH), edge), face)
        return paint(planes, coverage(np.maximum(symbol, outline + np.float32(0.05)), edge), ink)

    def _sign_frame(self) -> tuple[Array, Array, Array]:
        """Coordinates of every pixel in the sign's frame, and the width there of a soft edge."""
        draws, pose = self._draws("pose"), self.conditions
        smallest = max(min(SMALLEST_RADIUS, LARGEST_RADIUS), LARGEST_RADIUS - pose.scale)
        radius = draws.uniform(smallest, LARGEST_RADIUS)
        x = (self.x - pose.shift * draws.uniform(-1)) / radius
        y = (self.y - pose.shift * draws.uniform(-1)) / radius
        turn = np.float32(np.radians(pose.rotation_degrees)) * draws.normal()
        slant = np.float32(pose.shear) * draws.normal()
        squeeze = np.exp(np.float32(0.55 * pose.shear) * draws.normal())
        turned_x, turned_y = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
        squeezed_x = turned_x * squeeze
        return squeezed_x, turned_y + slant * squeezed_x, np.float32(2.4 / self.size) / radius

    def _add_occluder(self, planes: Array) -> Array:
        """A dark bar across some of the pictures."""
        draws, occlusion = self._draws("occlusion"), self.conditions.occlusion
        if occlusion == 0:
            return planes
        present = draws.uniform() < occlusion
        width = draws.uniform(0.05, 0.16) * np.float32(0.5 + 0.5 * occlusion / 0.3)
        distance = np.abs(draws.ramp(self.x, self.y) - draws.uniform(-0.8, 0.8)) - width
        return paint(planes, coverage(distance, SOFT_EDGE) * present, draws.colour(0.02, 0.6))

    def _light(self, planes: Array) -> Array:
        """Exposure, colour cast, light from one side, dusk."""
        draws, light = self._draws("light"), self.conditions
        exposure = np.float32(light.exposure) * (draws.normal() - np.float32(0.4))
        gain = np.exp(exposure + np.float32(light.colour_cast) * draws.normal_colour())
        side = 1 + np.float32(light.shadow) * draws.uniform() * draws.ramp(self.x, self.y)
        lit = planes * (gain * np.maximum(side, 0))
        return effects.dusk(lit, light.dusk) if light.dusk else lit

    def _see_through_weather(self, planes: Array) -> Array:
        weather = {"fog": effects.fog, "rain": effects.rain, "snow": effects.snow}
        for name, effect in weather.items():
            if amount := getattr(self.conditions, name):
                planes = effect(planes, amount, self._draws(name))
        if amount := self.conditions.lens_dirt:
            planes = effects.lens_dirt(planes, amount, self._draws("dirt"), self.x, self.y)
        return planes

    def _sense(self, planes: Array) -> Array:
        """Blur of the lens and noise of the sensor, more in some pictures than in others."""
        if self.conditions.blur:
            planes = self._blur(planes, 2 * min(1.0, self.conditions.blur) * self._draws("blur").uniform())
        if self.conditions.noise:
            draws = self._draws("noise")
            deviation = np.float32(self.conditions.noise) * draws.uniform()
            planes = planes + draws.normal_pixels(self.size) * deviation
        return planes

    def _blur(self, planes: Array, width: Array) -> Array:
        """From sharp (width 0) over smoothed once (1) to smoothed three times (2)."""
        once = effects.blur(planes)
        thrice = effects.blur(effects.blur(once))
        return paint(paint(planes, np.minimum(width, 1), once), np.maximum(width - 1, 0), thrice)
