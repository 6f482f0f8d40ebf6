"""Pruning that pays: whole channels are taken out, so that the arrays, and with them the work, get smaller."""

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from lessons_lib.models import ConvNet, ResidualBlock, ResNet


def channel_importance(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """How much each output channel of a convolution can say: the L2 norm of its filter times the scale of its norm.

    Returns:
        float32 (channels,), 0 or larger.

    Source: Li et al., Pruning Filters for Efficient ConvNets, 2016 (L1 there); Liu et al., Network Slimming, 2017.
    """
    spread = (norm.running_var + norm.eps).sqrt() if norm.running_var is not None else 1.0
    return (conv.weight.flatten(1).norm(dim=1) * norm.weight.abs() / spread).detach()


def keep_channels(importance: Tensor, fraction: float, round_to: int = 4) -> Tensor:
    """The channels that stay, int64 (kept,), in their order: a multiple of `round_to`, since kernels like round sizes."""
    wanted = len(importance) * (1 - fraction) / round_to
    count = min(len(importance), max(1, round(wanted)) * round_to)
    return importance.topk(count).indices.sort().values


def remove_channels(model: nn.Module, fraction: float | Sequence[float], round_to: int = 4) -> nn.Module:
    """Take the least important channels out of every layer.

    Args:
        model: a `ConvNet`, or a `ResNet`, of which only the inner channels of each block can go: what is added to the
            skip connection keeps its width.
        fraction: the share of the channels to remove, 0 or more and less than 1; or one such share for each layer (of a
            `ResNet`: for each block).
        round_to: the channels that stay are a multiple of this.

    Returns:
        A smaller copy in eval mode on the same device; `model` stays as it is. Fine-tune it before you judge it.

    Raises:
        ValueError: a fraction out of range, or not one for each layer. TypeError: a model that is neither.
    """
    layers = prunable_layers(model)
    fractions = [fraction] * len(layers) if isinstance(fraction, int | float) else list(fraction)
    for share in fractions:
        if not 0 <= share < 1:
            raise ValueError(f"fraction is {share!r}; give the share of the channels to remove, from 0 to less than 1.")
    if len(fractions) != len(layers):
        raise ValueError(f"{len(fractions)} fractions for {len(layers)} layers; give one for each, or a single number.")
    kept = [keep_channels(channel_importance(*layer), f, round_to) for layer, f in zip(layers, fractions, strict=True)]
    return narrowed(model, kept)


def prunable_layers(model: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """The convolutions that can lose output channels, each with its batch norm.

    Raises:
        TypeError: a model that is neither a `ConvNet` nor a `ResNet`.
    """
    if isinstance(model, ConvNet):
        return model.layers()
    if isinstance(model, ResNet):
        return [(block.conv1, block.norm1) for block in model.blocks if isinstance(block, ResidualBlock)]
    raise TypeError(f"remove_channels knows ConvNet and ResNet; this model is a {type(model).__name__}.")


def narrowed(model: nn.Module, kept: Sequence[Tensor]) -> nn.Module:
    """A copy in eval mode in which each of the `prunable_layers` has only these output channels, int64 (kept,)."""
    slim = copy.deepcopy(model).eval()
    if isinstance(slim, ConvNet):
        _narrow_chain(slim, kept)
    else:
        for block, channels in zip(slim.blocks, kept, strict=True):  # type: ignore[arg-type]
            assert isinstance(block, ResidualBlock)
            _narrow_conv(block.conv1, channels, None)
            _narrow_norm(block.norm1, channels)
            _narrow_conv(block.conv2, None, channels)
    return slim


def _narrow_chain(slim: ConvNet, kept_channels: Sequence[Tensor]) -> None:
    inputs: Tensor | None = None  # the first layer keeps all the channels of the image
    for (conv, norm), kept in zip(slim.layers(), kept_channels, strict=True):
        _narrow_conv(conv, kept, inputs)
        _narrow_norm(norm, kept)
        inputs = kept
    assert inputs is not None
    slim.head.weight = nn.Parameter(slim.head.weight[:, inputs].detach().clone())
    slim.head.in_features = len(inputs)


def _narrow_conv(conv: nn.Conv2d, outputs: Tensor | None, inputs: Tensor | None) -> None:
    weight = conv.weight.detach()
    weight = weight if outputs is None else weight[outputs]
    weight = weight if inputs is None else weight[:, inputs]
    conv.weight = nn.Parameter(weight.clone())
    conv.out_channels, conv.in_channels = weight.shape[:2]


def _narrow_norm(norm: nn.BatchNorm2d, kept: Tensor) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.weight, norm.bias = nn.Parameter(norm.weight[kept].detach()), nn.Parameter(norm.bias[kept].detach())
    norm.running_mean, norm.running_var = norm.running_mean[kept], norm.running_var[kept]
    norm.num_features = len(kept)
