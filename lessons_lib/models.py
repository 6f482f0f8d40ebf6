"""The networks of the course, and what they weigh: parameters, bytes and multiply-accumulates."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# output channels of each layer, and whether it ends with pooling
CHAINS: dict[str, tuple[tuple[int, ...], tuple[bool, ...]]] = {
    "small": ((32, 64, 128), (True, True, False)),
    "vgg": ((32, 64, 64, 128, 128, 128), (True, False, True, False, True, False)),
}


def to_input(images: Tensor) -> Tensor:
    """Turn pixels into what every network of the course takes.

    Args:
        images: uint8 (n, c, h, w), 0 to 255.

    Returns:
        float32 (n, c, h, w), about -2 to 2: the same fixed scaling for every data set, so that no statistics have to
        travel with a model.

    Raises:
        TypeError: `images` is not uint8 with four dimensions.
    """
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise TypeError(f"to_input takes uint8 images (n, c, h, w); these are {images.dtype} {tuple(images.shape)}.")
    return images.float().div_(63.75).sub_(2.0)


def conv_block(inputs: int, outputs: int, pool: bool) -> nn.Sequential:
    """Convolution 3x3, batch norm, ReLU and, if asked for, a halving of height and width."""
    layers = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


class ConvNet(nn.Module):
    """A plain chain of convolution blocks, an average over the image, and one linear layer.

    Takes float32 (n, channels, h, w) of any height and width, returns logits float32 (n, classes).
    """

    def __init__(
        self, widths: Sequence[int], pools: Sequence[bool], channels: int = 3, classes: int = 12, dropout: float = 0.0
    ):
        super().__init__()
        inputs = (channels, *widths[:-1])
        self.blocks = nn.Sequential(*map(conv_block, inputs, widths, pools))
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], classes)

    def layers(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """The convolutions in order, each with its batch norm."""
        found = [m for m in self.blocks.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
        return list(zip(found[::2], found[1::2], strict=True))  # type: ignore[arg-type]

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, float32 (n, width): each channel averaged over the image."""
        return self.blocks(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.features(x)))


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to the input; the first may halve height and width.

    Source: He et al., Deep Residual Learning for Image Recognition, 2015.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, inner: int | None = None):
        super().__init__()
        inner = inner or outputs  # pruning makes it narrower
        self.conv1 = nn.Conv2d(inputs, inner, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.skip(x))


class ResNet(nn.Module):
    """A small residual network: a stem, then one block a stage, each stage at half the height and width.

    Takes float32 (n, channels, h, w) of any height and width, returns logits float32 (n, classes). `inner` holds the
    width between the two convolutions of each block; by default that of the block.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128),
        channels: int = 3,
        classes: int = 12,
        inner: Sequence[int] | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.stem = conv_block(channels, widths[0], pool=False)
        strides = (1, *[2] * (len(widths) - 1))
        self.blocks = nn.Sequential(*map(ResidualBlock, (widths[0], *widths[:-1]), widths, strides, inner or widths))
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], classes)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees, float32 (n, width): each channel averaged over the image."""
        return self.blocks(self.stem(x)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.features(x)))


NAMES = ("small", "vgg", "resnet")


def build(
    name: str, *, channels: int = 3, classes: int = 12, dropout: float = 0.0, seed: int | None = None
) -> nn.Module:
    """Make an untrained network.

    Args:
        name: "small" (three layers), "vgg" (six layers) or "resnet" (seven).
        channels: of the images, 1 or 3 in this course.
        classes: how many logits come out.
        dropout: the share of features that each training step hides from the last layer, 0 to below 1.
        seed: fixes the random start; the global random state stays as it was.

    Raises:
        ValueError: unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"there is no network {name!r}; choose one of {', '.join(NAMES)}.")
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        if name == "resnet":
            return ResNet(channels=channels, classes=classes, dropout=dropout)
        widths, pools = CHAINS[name]
        return ConvNet(widths, pools, channels, classes, dropout)


def parameters(model: nn.Module) -> int:
    """How many numbers training adjusts."""
    return sum(p.numel() for p in model.parameters())


def size_bytes(model: nn.Module) -> int:
    """Bytes of everything that has to be stored: parameters and the running statistics of batch norm."""
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


def macs(model: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Multiply-accumulates of one prediction, counted in the convolutions and linear layers.

    Args:
        model: any network made of Conv2d and Linear; it is run once on one image of zeros, in eval mode.
        image_shape: (c, h, w).
    """
    counts: list[int] = []

    def count(layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        # every output value of one image costs one multiply-accumulate for each weight of its channel
        counts.append(output[0].numel() * weight[0].numel())

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    was_training = model.training
    try:
        with torch.inference_mode():
            model.eval()(torch.zeros(1, *image_shape, device=next(model.parameters()).device))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return sum(counts)


def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of every weight that is a matrix or a filter bank, by name."""
    return {name: tuple(p.shape) for name, p in model.named_parameters() if p.ndim > 1}
