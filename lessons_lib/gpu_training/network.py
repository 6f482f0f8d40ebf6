"""A network that learns fast: a fixed whitening layer, then three blocks of two convolutions.

Source: K. Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single GPU, 2024 (arXiv:2404.00498), and the works that it names.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.models import to_input

FULL = (64, 256, 256)  # the widths of the source: 2 million parameters
PATCH = 2  # height and width of a patch that the first layer looks at
MOST_PATCHES = 2**20  # their covariance has 144 numbers, which this many tell well enough
SMALLEST = 5e-4  # added to the variances: directions in which the images hardly differ are noise
LOGIT_SCALE = 1 / 9


class Convolution(nn.Conv2d):
    """A 3x3 convolution that begins by passing its input on: the first filters are the identity."""

    def reset_parameters(self) -> None:
        super().reset_parameters()
        with torch.no_grad():
            nn.init.dirac_(self.weight[: self.in_channels])


class Norm(nn.BatchNorm2d):
    """Batch norm with a bias and no scale; its running statistics follow quickly, since the training is so short."""

    def __init__(self, channels: int):
        super().__init__(channels, momentum=0.4)
        self.weight.requires_grad_(False)


class Block(nn.Module):
    """Convolution, halving, norm, GELU; convolution, norm, GELU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv1 = Convolution(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = Norm(outputs)
        self.conv2 = Convolution(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = Norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class FastNet(nn.Module):
    """Takes float32 (n, channels, h, w) as `models.to_input` makes it, 16 pixels or more; returns logits (n, classes)."""

    def __init__(self, channels: int = 3, classes: int = 10, widths: Sequence[int] = FULL):
        super().__init__()
        directions = channels * PATCH**2
        self.whiten = nn.Conv2d(channels, 2 * directions, PATCH)
        self.whiten.weight.requires_grad_(False)
        nn.init.zeros_(self.whiten.bias)  # type: ignore[arg-type]
        self.blocks = nn.Sequential(*map(Block, (2 * directions, *widths[:-1]), widths))
        self.head = nn.Linear(widths[-1], classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.gelu(self.whiten(x)))
        return self.head(x.amax((2, 3))) * LOGIT_SCALE


def build(channels: int, classes: int, widths: Sequence[int] = FULL, *, seed: int = 0) -> FastNet:
    """An untrained network; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FastNet(channels, classes, widths)


@torch.no_grad()
def whiten(net: FastNet, images: Tensor) -> None:
    """Set the first layer so that its outputs are uncorrelated and of variance 1 over the patches of these images.

    Each direction in which patches differ becomes a filter, and so does its opposite: after the GELU nothing is lost.

    Args:
        images: uint8 (n, c, h, w), on the device of the network.
    """
    enough = max(1, MOST_PATCHES // (images.shape[2] * images.shape[3]))
    x = to_input(images[:enough])
    patches = x.unfold(2, PATCH, 1).unfold(3, PATCH, 1).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
    covariance = (patches.T @ patches / len(patches)).double().cpu()  # so small that a GPU would only start up for it
    variances, directions = torch.linalg.eigh(covariance)
    filters = (directions / (variances + SMALLEST).sqrt()).T.reshape(-1, *net.whiten.weight.shape[1:])
    net.whiten.weight.copy_(torch.cat([filters, -filters]))
