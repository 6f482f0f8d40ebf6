"""PyTorch networks as versions: their weights as arrays, and their answers as plain numbers."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lessons_lib.models import to_input

BATCH = 256


def arrays(model: nn.Module) -> dict[str, np.ndarray]:
    """The weights and running statistics by name, for a registry."""
    return {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}


def answers(model: nn.Module, images: Tensor) -> list[int]:
    """The class that a network says for each image, uint8 (n, c, h, w)."""
    found: list[int] = []
    with torch.inference_mode():
        for batch in images.split(BATCH):
            found += model.eval()(to_input(batch)).argmax(1).tolist()
    return found


def predictor(model: nn.Module) -> Callable[[Tensor], int]:
    """What a router calls: one image, uint8 (c, h, w), in; its class out."""
    model.eval()

    def predict(image: Tensor) -> int:
        with torch.inference_mode():  # in here, since the mode belongs to the thread
            return int(model(to_input(image[None])).argmax(1))

    return predict


def lost_and_won(live: list[int], new: list[int], labels: list[int]) -> tuple[float, float]:
    """The shares of the images, 0 to 1, that only the live version gets right, and only the new one."""
    rows = list(zip(live, new, labels, strict=True))
    lost = sum(old == right != young for old, young, right in rows)
    won = sum(old != right == young for old, young, right in rows)
    return lost / max(1, len(rows)), won / max(1, len(rows))
