"""Many ways to quantize one network, each judged on the same images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.quantization.affine import choose, error
from lessons_lib.quantization.network import fake_quantized, layers, quantize_weights, size_bytes
from lessons_lib.quantization.qtype import SCHEMES, QType, weight_type


@dataclass(frozen=True)
class Score:
    """What a network makes of some images: right, bool (n,), one an image; loss: the mean cross-entropy."""

    right: Tensor
    loss: float

    @property
    def accuracy(self) -> float:
        """The share of the images that it gets right, 0 to 1."""
        return self.right.float().mean().item()


Judge = Callable[[nn.Module], Score]


def score(logits: Tensor, labels: Tensor) -> Score:
    """Judge logits float32 (n, classes) by labels int64 (n,)."""
    return Score(logits.argmax(1) == labels, F.cross_entropy(logits, labels).item())


@dataclass(frozen=True)
class Trial:
    """A network whose weights are stored in one way: its score, its bytes, and the error of each layer's weight."""

    qtype: QType
    score: Score
    size_bytes: int
    errors: Mapping[str, float]


def weight_errors(model: nn.Module, qtype: QType) -> dict[str, float]:
    """What each layer's weight loses, as a share of its norm."""
    weights = {name: layer.weight.detach() for name, layer in layers(model).items()}
    return {name: error(weight, choose(weight, qtype)) for name, weight in weights.items()}


def sweep(
    model: nn.Module, judge: Judge, bits: Iterable[int] = range(8, 1, -1), schemes: Iterable[str] = tuple(SCHEMES)
) -> dict[tuple[int, str], Trial]:
    """Every number of bits with every scheme, weights only; by (bits, scheme). What is finished when it is stopped is kept.

    Args:
        model: trained, its batch norms folded. judge: gives the score of a network.
    """
    trials: dict[tuple[int, str], Trial] = {}
    schemes = tuple(schemes)
    try:
        for count in bits:
            for scheme in schemes:
                qtype = weight_type(count, scheme)
                found = judge(quantize_weights(model, qtype))
                trials[count, scheme] = Trial(qtype, found, size_bytes(model, qtype), weight_errors(model, qtype))
    except KeyboardInterrupt:
        print(f"Stopped after {len(trials)} trials; they are kept.")
    return trials


def sensitivity(model: nn.Module, judge: Judge, qtype: QType) -> dict[str, Score]:
    """The score with one layer quantized and all others in float32, by layer, the most sensitive first.

    They are ordered by the loss, which moves before an answer changes.
    """
    found = {name: judge(quantize_weights(model, {name: qtype})) for name in layers(model)}
    return dict(sorted(found.items(), key=lambda item: -item[1].loss))


@dataclass(frozen=True)
class Mixture:
    """A network of which some layers keep more bits than the others."""

    kept: tuple[str, ...]
    size_bytes: int
    score: Score


def mixtures(model: nn.Module, judge: Judge, order: Sequence[str], many: QType, few: QType) -> list[Mixture]:
    """With 0, 1, 2, ... of the layers named first in `order` stored as `many`, and the rest as `few`."""
    found = []
    for count in range(len(order) + 1):
        types = {name: many if name in order[:count] else few for name in layers(model)}
        found.append(Mixture(tuple(order[:count]), size_bytes(model, types), judge(quantize_weights(model, types))))
    return found


def with_inputs(model: nn.Module, judge: Judge, weights: QType, inputs: Mapping) -> Score:
    """The score with weights and inputs of every layer in few bits; `inputs` is from `network.calibrate`."""
    with torch.no_grad():
        return judge(fake_quantized(model, weights, inputs))
