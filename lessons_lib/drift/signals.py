"""What can be watched without labels: the images themselves, the model's features, and what it says."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lessons_lib.datasets.split import Split
from lessons_lib.models import to_input

INPUTS = ("brightness", "contrast", "sharpness", "red against blue")
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class Signals:
    """What is seen of n images.

    inputs: float32 (n, i), the statistics named in INPUTS; grey images lack the last. features: float32 (n, d), what the last layer
    sees. confidence: float32 (n,), the probability of the answer, by the model's own account. predicted: int64 (n,).
    correct: bool (n,): needs labels, so that production learns it late or never.
    """

    inputs: Floats
    features: Floats
    confidence: Floats
    predicted: NDArray[np.int64]
    correct: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.predicted)

    def part(self, which: slice) -> "Signals":
        """Some of the images."""
        return Signals(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @property
    def accuracy(self) -> float:
        """The share of right answers, 0 to 1."""
        return float(self.correct.mean())


def look(model: nn.Module, split: Split, device: str | torch.device = "cpu", batch_size: int = 256) -> Signals:
    """Run a model over images once and keep everything that the detectors want.

    Args:
        model: a network of the course, with `features` and `head`. split: its labels are used for `correct` alone.
        device: where to run; the model is left there, in eval mode.
    """
    model.to(device).eval()
    features, chances = [], []
    with torch.inference_mode():
        for images in split.images.split(batch_size):
            x = to_input(images.to(device)).contiguous(memory_format=torch.channels_last)
            found = model.features(x)  # type: ignore[operator]
            features.append(found.float().cpu())
            chances.append(model.head(found).float().softmax(1).cpu())  # type: ignore[operator]
    confidence, predicted = torch.cat(chances).max(1)
    return Signals(
        input_statistics(split.images), torch.cat(features).numpy(), confidence.numpy(), predicted.numpy(),
        (predicted == split.labels).numpy(),
    )  # fmt: skip


def input_statistics(images: Tensor) -> Floats:
    """Brightness, contrast, sharpness and, of colour images, red against blue: float32 (n, 3 or 4), for uint8 (n, c, h, w)."""
    rows = [_statistics(part) for part in images.split(1024)]  # in pieces: float32 takes four times the memory
    return torch.cat(rows).numpy()


def _statistics(images: Tensor) -> Tensor:
    x = images.float() / 255
    edges = x.diff(dim=2).abs().mean((1, 2, 3)) + x.diff(dim=3).abs().mean((1, 2, 3))
    found = [x.mean((1, 2, 3)), x.std((1, 2, 3)), edges]
    if x.shape[1] == 3:
        found.append((x[:, 0] - x[:, 2]).mean((1, 2)))
    return torch.stack(found, 1)
