"""The conditions under which a road sign is seen: pose, weather, light, lens and sensor."""

import math
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Conditions:
    """How hard the pictures are. Each field is a number of 0 or more, and 0 means none of it.

    Raises:
        ValueError: a field is negative or no number.
    """

    scale: float = 0.47  # how far the sign's radius may fall below 0.82 of half the picture (never below 0.27)
    shift: float = 0.22  # furthest way from the middle, as a share of half the picture
    rotation_degrees: float = 9.0  # standard deviation of the turn
    shear: float = 0.14  # standard deviation of the slant; signs are also squeezed, by about half as much
    fog: float = 0.0  # mean optical density: 1 lets a third of the scene through
    rain: float = 0.0  # 1 is a downpour
    snow: float = 0.0  # 1 is heavy
    exposure: float = 0.38  # standard deviation of the logarithm of the brightness; pictures darken with it
    colour_cast: float = 0.12  # standard deviation of the logarithm of each colour's gain
    shadow: float = 0.45  # largest difference in light between the middle and one side
    dusk: float = 0.0  # 1 leaves about a quarter of the light, more of the blue than of the red
    lens_dirt: float = 0.0  # 1 makes large smudges that hide most of what is behind them
    blur: float = 0.75  # largest blur; 1 smooths over about three pixels at 32 x 32
    noise: float = 0.10  # largest standard deviation of the sensor's noise, where white is 1
    occlusion: float = 0.30  # probability of a bar in front of the sign; the bar is wider when that is higher
    clutter: float = 0.16  # unevenness of the background, which also gets a disc
    fading: float = 0.07  # standard deviation of the colours of the sign's paint

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(f"Conditions({field.name}={getattr(self, field.name)!r})", getattr(self, field.name))

    @classmethod
    def of_severity(cls, severity: float) -> "Conditions":
        """The default conditions times `severity`: 0 is the plain sign, 1 the default, 1.4 hard."""
        _check(f"Conditions.of_severity({severity!r})", severity)
        return cls(**{field.name: field.default * severity for field in fields(cls)})  # type: ignore[operator]


def _check(call: str, value: object) -> None:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:  # type: ignore[arg-type, operator]
        raise ValueError(f"{call}: give a number of 0 or more, where 0 means none of it.")


DEFAULT = Conditions()
