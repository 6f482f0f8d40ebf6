"""Which image stands where in which batch, and how it is changed: all drawn beforehand, one column of numbers an image.

Drawn on the CPU from the seed, so that every device trains on the same images; 24 MB for ten epochs of CIFAR-10.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.explained import Mistake
from lessons_lib.models import to_input

ROWS = ("place", "down", "right", "mirrored", "top", "left")  # what the numbers of a column are


@dataclass(frozen=True)
class Changes:
    """How far an image may be changed; which changes keep its label is for whoever knows the images to say.

    mirror: each image left to right in every second epoch; not for road signs, whose "turn left" becomes "turn right".
    shift: pixels, to either side and up or down; what comes into view reflects the border. cutout: side in pixels of a grey
    square, 0 for none.

    Sources: alternating mirrors, K. Jordan, arXiv:2404.00498, 2024; cutout, DeVries and Taylor, 2017.
    """

    mirror: bool = False
    shift: int = 2
    cutout: int = 0


def drawn(images: int, epochs: float, changes: Changes, size: int, seed: int) -> Tensor:
    """The orders of a whole training, int64 (6, images x epochs): ROWS for each image, epoch after epoch.

    Raises:
        Mistake: a shift or cutout that an image of `size` pixels is too small for.
    """
    if not (0 <= changes.shift < size and 0 <= changes.cutout <= size):
        raise Mistake(f"shift {changes.shift} and cutout {changes.cutout} do not fit images of {size} pixels.")
    random = torch.Generator().manual_seed(seed)
    coins = torch.randint(2, (images,), generator=random)
    parts = []
    for epoch in range(math.ceil(epochs)):
        place = torch.randperm(images, generator=random)
        moves = torch.randint(-changes.shift, changes.shift + 1, (2, images), generator=random)
        mirrored = (coins[place] + epoch) % 2 if changes.mirror else torch.zeros_like(place)
        corner = torch.randint(size - changes.cutout + 1, (2, images), generator=random)
        parts.append(torch.cat([place[None], moves, mirrored[None], corner]))
    return torch.cat(parts, 1)


def batch(images: Tensor, orders: Tensor, cutout: int = 0) -> Tensor:
    """A whole batch, picked and changed at once: no image is touched on its own.

    A shifted, mirrored image is the old one read in another order of rows and columns; so is the reflected border.

    Args:
        images: all of them, uint8 (n, c, h, w). orders: int64 (6, batch), on the same device. cutout: see `Changes`.

    Returns:
        float32 (batch, c, h, w), as `models.to_input` makes it.
    """
    place, down, right, mirrored, top, left = orders[:, :, None]
    _, channels, height, width = images.shape
    every = [torch.arange(count, device=images.device) for count in (channels, height, width)]
    rows = reflected(every[1] + down, height)
    columns = reflected(every[2] + right, width)
    columns = torch.where(mirrored == 1, columns.flip(1), columns)
    x = to_input(
        images[place[:, :, None, None], every[0][:, None, None], rows[:, None, :, None], columns[:, None, None]]
    )
    if cutout:
        hidden_rows = (every[1] >= top) & (every[1] < top + cutout)
        hidden_columns = (every[2] >= left) & (every[2] < left + cutout)
        x = x.masked_fill((hidden_rows[:, :, None] & hidden_columns[:, None])[:, None], 0.0)
    return x


def reflected(places: Tensor, count: int) -> Tensor:
    """Places before 0 and from `count` on, mirrored at the border, which is not repeated: -1 is 1, `count` is count - 2."""
    return count - 1 - (count - 1 - places.abs()).abs()
