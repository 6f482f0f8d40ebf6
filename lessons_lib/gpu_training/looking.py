"""What a network makes of images, each seen once or in several slightly changed views."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.datasets.split import Split
from lessons_lib.gpu_training.ways import Way
from lessons_lib.models import to_input

AT_ONCE = 2000


@dataclass(frozen=True)
class Views:
    """Test-time augmentation: the logits of several views are averaged. It costs a prediction for each view.

    mirror: also left to right. shift: also moved by so many pixels, up and left, and down and right; half the weight.
    Source: airbench94.py, whose "level 2" is mirror=True, shift=1.
    """

    mirror: bool = False
    shift: int = 0

    @property
    def count(self) -> int:
        """Predictions an image."""
        return (2 if self.mirror else 1) * (3 if self.shift else 1)

    def __str__(self) -> str:
        return "1 view" if self.count == 1 else f"{self.count} views (test-time augmentation)"


def logits_of(net: nn.Module, x: Tensor, views: Views) -> Tensor:
    """Logits float32 (n, classes), averaged over the views; x float32 (n, c, h, w)."""
    shifted = [x]
    if views.shift:
        step, (height, width) = views.shift, x.shape[2:]
        padded = F.pad(x, (step,) * 4, "reflect")
        shifted += [padded[:, :, :height, :width], padded[:, :, 2 * step :, 2 * step :]]
    seen = []
    for view in shifted:
        logits = net(view).float()
        seen.append((logits + net(view.flip(3)).float()) / 2 if views.mirror else logits)
    return seen[0] if len(seen) == 1 else seen[0] / 2 + (seen[1] + seen[2]) / 4


def accuracy(net: nn.Module, split: Split, way: Way, views: Views | None = None) -> float:
    """The share (0 to 1) of a split's images whose largest logit is the label's; the images may lie on the device already."""
    device = next(net.parameters()).device
    was_training, right = net.training, torch.zeros((), dtype=torch.int64, device=device)
    net.eval()
    try:
        with torch.no_grad(), way.autocast(device):
            for images, labels in zip(split.images.split(AT_ONCE), split.labels.split(AT_ONCE), strict=True):
                x = to_input(images.to(device)).contiguous(memory_format=way.layout)
                right += (logits_of(net, x, views or Views()).argmax(1) == labels.to(device)).sum()
    finally:
        net.train(was_training)
    return right.item() / max(1, len(split))
