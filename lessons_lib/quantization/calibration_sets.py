"""Good and bad choices of images to calibrate with."""

import torch
from torch import Tensor


def calibration_sets(images: Tensor, labels: Tensor, count: int = 256) -> dict[str, Tensor]:
    """Sets to find ranges with, by name; the first is a good one.

    Args:
        images: uint8 (n, c, h, w), as the network meets them in use. labels: int64 (n,). count: images of the good set.
    """
    from_dark_to_light = images.float().mean((1, 2, 3)).argsort()
    few = min(count, len(images)) // 4 or 1
    return {
        f"{min(count, len(images))} images of all kinds": images[:count],
        "4 images": images[:4],
        "one class alone": images[labels == labels[0]][:few],
        f"the {few} darkest images": images[from_dark_to_light[:few]],
        "black images": torch.zeros_like(images[:few]),
        "noise": torch.randint(
            0, 256, images[:few].shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        ),
    }
