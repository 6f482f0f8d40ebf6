"""Pruning that pays: whole channels are taken out, so that the arrays, and with them the work, get smaller."""

import copy

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


def remove_channels(model: nn.Module, fraction: float, round_to: int = 4) -> nn.Module:
    """Take the least important channels out of every layer.

    Args:
        model: a `ConvNet`, or a `ResNet`, of which only the inner channels of each block can go: what is added to the
            skip connection keeps its width.
        fraction: the share of the channels to remove, 0 or more and less than 1.
        round_to: the channels that stay are a multiple of this.

    Returns:
        A smaller copy in eval mode on the same device; `model` stays as it is. Fine-tune it before you judge it.

    Raises:
        ValueError: a fraction out of range. TypeError: a model that is neither.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction is {fraction!r}; give the share of the channels to remove, from 0 to less than 1.")
    slim = copy.deepcopy(model).eval()
    if isinstance(slim, ConvNet):
        _slim_chain(slim, fraction, round_to)
    elif isinstance(slim, ResNet):
        for block in slim.blocks:
            assert isinstance(block, ResidualBlock)
            kept = keep_channels(channel_importance(block.conv1, block.norm1), fraction, round_to)
            _narrow_conv(block.conv1, kept, None)
            _narrow_norm(block.norm1, kept)
            _narrow_conv(block.conv2, None, kept)
    else:
        raise TypeError(f"remove_channels knows ConvNet and ResNet; this model is a {type(model).__name__}.")
    return slim


def _slim_chain(slim: ConvNet, fraction: float, round_to: int) -> None:
    inputs: Tensor | None = None  # the first layer keeps all the channels of the image
    for conv, norm in slim.layers():
        kept = keep_channels(channel_importance(conv, norm), fraction, round_to)
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
