"""Which layers can spare what? One layer is pruned at a time, without fine-tuning, and the accuracy is looked at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from lessons_lib import models, training
from lessons_lib.datasets.split import Split
from lessons_lib.pruning import magnitude_mask, masked, prunable_layers, remove_channels
from lessons_lib.pruning.masks import weights
from lessons_lib.tables import Table

LEAST, MOST = 0.1, 0.9  # of a layer's channels that a guided choice removes


@dataclass(frozen=True)
class Sensitivity:
    """One layer of a chain: what is left of the accuracy (0 to 1) when it alone is pruned.

    channels: outputs of the layer. weight_share: of the weights of the network. without_channels: accuracy with half of its channels
    taken out. with_zeros: accuracy with 80 % of its weights at zero.
    """

    layer: str
    channels: int
    weight_share: float
    without_channels: float
    with_zeros: float


def sensitivity(model: nn.Module, split: Split, channels: float = 0.5, zeros: float = 0.8) -> list[Sensitivity]:
    """Prune one layer at a time, in both ways, and measure the accuracy on a split.

    Args:
        model: a `ConvNet`, or a `ResNet`, of which the first convolution of each block is judged; it stays as it is.
        split: validation images. channels: the share of the layer's channels to remove. zeros: of its weights to set to zero.
    """
    layers = [conv for conv, _ in prunable_layers(model)]
    named = {id(weight): name for name, weight in weights(model).items()}
    every = sum(weight.numel() for weight in weights(model).values())
    found = []
    for place, conv in enumerate(layers):
        name = named[id(conv.weight)]
        slim = remove_channels(model, [channels if i == place else 0.0 for i in range(len(layers))], round_to=1)
        thin = masked(model, {name: magnitude_mask(conv.weight, zeros)})
        share = conv.weight.numel() / every
        accuracies = (training.accuracy(slim, split), training.accuracy(thin, split))
        found.append(Sensitivity(f"convolution {place + 1}", conv.out_channels, share, *accuracies))
    return found


def sensitivity_table(found: Sequence[Sensitivity], base: float) -> Table:
    """A row for each layer; `base` is the accuracy of the whole network."""
    rows = [
        {
            "pruned alone": one.layer,
            "channels": one.channels,
            "share of the weights": f"{one.weight_share:.0%}",
            "half of its channels gone": f"{one.without_channels:.1%}",
            "80 % of its weights at zero": f"{one.with_zeros:.1%}",
        }
        for one in found
    ]
    return Table(f"Accuracy on validation images without fine-tuning; unpruned: {base:.1%}", rows)


def in_words(found: Sequence[Sensitivity], base: float) -> str:
    """Which layer suffers most and least, in a sentence."""
    worst, easiest = (pick(found, key=lambda one: one.without_channels) for pick in (min, max))
    if worst.without_channels == easiest.without_channels:
        return "All layers suffer alike when half of their channels go."
    return (
        f"Half of its channels gone costs most in {worst.layer} ({100 * (worst.without_channels - base):+.1f} points) and least in "
        f"{easiest.layer} ({100 * (easiest.without_channels - base):+.1f})."
    )


def guided_fractions(
    model: nn.Module, found: Sequence[Sensitivity], fraction: float, image_shape: tuple[int, int, int]
) -> list[float]:
    """A share to remove for each layer: less where it hurts more, with about the work of removing `fraction` everywhere.

    Args:
        found: from `sensitivity`. image_shape: (c, h, w).

    Returns:
        One share a layer, for `remove_channels`; channels go in fours, so that the work is not quite equal.
    """
    even = remove_channels(model, fraction)
    target, even_shapes = models.macs(even, image_shape), models.shapes(even)
    left = [one.without_channels for one in found]
    if len(set(left)) == 1:
        return [fraction] * len(found)
    middle, spread = sum(left) / len(left), max(left) - min(left)

    def shares(level: float, lean: float) -> list[float]:
        wanted = [level + lean * (share - middle) / spread for share in left]
        return [min(MOST, max(LEAST, share)) for share in wanted]

    def error(choice: list[float]) -> float:
        """How far its work is from the target; infinite where it comes out as the even choice does."""
        slim = remove_channels(model, choice)
        same = models.shapes(slim) == even_shapes
        return math.inf if same else abs(models.macs(slim, image_shape) / target - 1)

    levels = [fraction + step / 100 for step in range(-12, 13, 2)]
    choices = [shares(level, lean) for lean in (0.2, 0.16, 0.12, 0.08) for level in levels]
    errors = [error(choice) for choice in choices]
    smallest = min(errors)
    return choices[errors.index(smallest)] if smallest < math.inf else [fraction] * len(found)
