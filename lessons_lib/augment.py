"""Augmentation: every training step sees each image turned, resized, moved, noisy or partly hidden in a new way.

Whole batches at once, each image with random numbers of its own. What does not change the label of an image is for
whoever knows the images to say: a mirrored "turn left" is a "turn right".
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons_lib.explained import Mistake

RANGE = 4.0  # from black to white, in what `models.to_input` returns
MOST = {"rotation_degrees": 180.0, "scale": 0.9, "shift": 0.5, "noise": 1.0, "erase": 0.9}


@dataclass(frozen=True)
class Augmentation:
    """How far random changes of the images may go; 0 leaves a kind of change out.

    rotation_degrees: the largest turn to either side. scale: 0.2 draws the content between 0.8 and 1.2 times its size.
    shift: the largest move in each direction, as a share of width and height. noise: standard deviation of the noise of
    each pixel, where black to white is 1. erase: the share of the area that a grey rectangle hides, in a place and with
    proportions (1:2 to 2:1) of each image's own. flip: mirrors half of the images left to right.

    Sources: the rectangle is that of Zhong et al., Random Erasing Data Augmentation, 2017, filled with the middle grey
    of DeVries and Taylor, Cutout, 2017.

    Raises:
        Mistake: a strength below 0 or above its largest value in MOST.
    """

    rotation_degrees: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    flip: bool = False

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise Mistake(f"Augmentation({name}={value!r}): give a number from 0 (none of it) to {most:g}.")

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A changed copy of a batch; without any change, the batch itself.

        Args:
            x: float32 (n, c, h, w) as `models.to_input` makes it.
            generator: of the random numbers, on the device of `x`; None: PyTorch's global one.
        """
        # The same numbers are drawn whatever the strengths are: one more kind of change leaves the others as they were.
        draws = torch.rand(8, len(x), generator=generator, device=x.device)
        turn, size, right, down, coin = *(2 * draws[:4] - 1), draws[4]
        if self.flip:
            x = torch.where((coin < 0.5)[:, None, None, None], x.flip(3), x)
        if self.rotation_degrees or self.scale or self.shift:
            x = warped(x, self.rotation_degrees * turn, 1 + self.scale * size, self.shift * right, self.shift * down)
        if self.noise:
            x = x + torch.empty_like(x).normal_(0, RANGE * self.noise, generator=generator)
        return erased(x, self.erase, *draws[5:]) if self.erase else x


def warped(x: Tensor, degrees: Tensor, scale: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Each image turned, resized and moved, in one resampling; what comes into view repeats the border.

    Args:
        x: float32 (n, c, h, w). degrees: counter-clockwise (n,). scale: of the content (n,), 2 doubles it.
        right, down: how far the content moves, as a share of width and height (n,).

    Source: Jaderberg et al., Spatial Transformer Networks, 2015.
    """
    height, width = x.shape[2:]
    angle = torch.deg2rad(degrees)
    cos, sin = angle.cos() / scale, angle.sin() / scale
    # `affine_grid` asks where each output pixel comes from, in coordinates from -1 to 1: the inverse of the change.
    across, along = sin * height / width, sin * width / height
    to_x = torch.stack([cos, -across, 2 * (across * down - cos * right)], 1)
    to_y = torch.stack([along, cos, -2 * (along * right + cos * down)], 1)
    grid = F.affine_grid(torch.stack([to_x, to_y], 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def erased(x: Tensor, share: float, top: Tensor, left: Tensor, proportions: Tensor) -> Tensor:
    """Each image with one grey rectangle that covers this share of its area.

    Args:
        x: float32 (n, c, h, w). share: 0 to 1. top, left: 0 to 1, from one side to the other (n,).
        proportions: 0 to 1, from twice as wide as high to twice as high as wide (n,).
    """
    height, width = x.shape[2:]
    stretch = 2 ** (proportions - 0.5)
    tall = (math.sqrt(share) * height * stretch).round().clamp(max(1, math.ceil(share * height)), height)
    wide = (share * height * width / tall).round().clamp(1, width)
    rows = _within(top * (height - tall), tall, height)
    columns = _within(left * (width - wide), wide, width)
    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def _within(start: Tensor, length: Tensor, count: int) -> Tensor:
    """Which of `count` places lie in a stretch of its own for each image, bool (n, count)."""
    places = torch.arange(count, device=start.device)
    first = start.round()[:, None]
    return (places >= first) & (places < first + length[:, None])
