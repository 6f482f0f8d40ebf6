"""A whole network as it would be with fewer bits; arithmetic stays float32, but only values that could be stored occur."""

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lessons_lib.explained import Mistake
from lessons_lib.quantization.affine import Affine, between, choose, fake_quantize
from lessons_lib.quantization.calibration import find_range, joined
from lessons_lib.quantization.qtype import QType, activation_type
from lessons_lib.quantization.straight_through import straight_through

Layers = dict[str, nn.Conv2d | nn.Linear]


def layers(model: nn.Module) -> Layers:
    """Every convolution and linear layer by name, in order; those of a `FakeQuantized` by the name of the whole."""
    found = {name: m for name, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    return {name.removesuffix(".layer"): layer for name, layer in found.items()}


def short_names(model: nn.Module) -> dict[str, str]:
    """A name for people for each layer: "conv 1", "conv 2", "linear 4"."""
    kinds = {nn.Conv2d: "conv", nn.Linear: "linear"}
    return {name: f"{kinds[type(layer)]} {place}" for place, (name, layer) in enumerate(layers(model).items(), 1)}


class FakeQuantized(nn.Module):
    """A layer that sees its input and its weight through few bits, and can be trained so.

    Args:
        layer: a convolution or linear layer; it is used as it is.
        weights: how the weight is stored; its range is that of its values at each moment. None: float32.
        inputs: the mapping of the input, from `calibrate`. None: float32.
    """

    def __init__(self, layer: nn.Module, weights: QType | None, inputs: Affine | None):
        super().__init__()
        self.layer, self.weights, self.inputs = layer, weights, inputs

    def forward(self, x: Tensor) -> Tensor:
        weight = self.layer.weight
        assert isinstance(weight, Tensor)
        if self.inputs is not None:
            x = straight_through(x, self.inputs)
        if self.weights is not None:
            weight = straight_through(weight, choose(weight, self.weights))
        return functional_call(self.layer, {"weight": weight}, (x,))


def quantize_weights(model: nn.Module, types: QType | Mapping[str, QType]) -> nn.Module:
    """A copy whose weights hold only values that few bits can stand for; `types` is for all layers, or by layer."""
    changed = copy.deepcopy(model).eval()
    found = layers(changed)
    chosen = types if isinstance(types, Mapping) else dict.fromkeys(found, types)
    _must_be_layers(chosen, found)
    with torch.no_grad():
        for name, qtype in chosen.items():
            weight = found[name].weight
            weight.copy_(fake_quantize(weight, choose(weight, qtype)))
    return changed


def inputs_of(model: nn.Module, batches: Iterable[Tensor]) -> dict[str, Tensor]:
    """The values that enter each layer, by layer, float32 (n,), when batches of float32 (n, c, h, w) pass."""
    seen: dict[str, list[Tensor]] = {name: [] for name in layers(model)}

    def keep(name: str) -> Callable:
        return lambda _layer, inputs: seen[name].append(inputs[0].detach().flatten())

    handles = [layer.register_forward_pre_hook(keep(name)) for name, layer in layers(model).items()]
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()
            for batch in batches:
                model(batch)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    if not any(seen.values()):
        raise Mistake("Calibration needs images to look at, a hundred or more; none were given.")
    return {name: joined(parts) for name, parts in seen.items()}


def calibrate(values: Mapping[str, Tensor], bits: int, method: str = "min-max") -> dict[str, Affine]:
    """The mapping of the input of each layer to unsigned whole numbers.

    Args:
        values: from `inputs_of`. method: one of `calibration.METHODS`.
    """
    found = {}
    for name, x in values.items():
        negative = bool((x < 0).any())
        low, high = find_range(method, x, 2 ** (bits - 1) if negative else 2**bits)
        found[name] = between(torch.tensor(low), torch.tensor(high), activation_type(bits))
    return found


def fake_quantized(
    model: nn.Module, weights: QType | Mapping[str, QType] | None, inputs: Mapping[str, Affine] | None = None
) -> nn.Module:
    """A copy in which layers are `FakeQuantized`: weights by type, inputs by mapping; what is not named stays float32."""
    changed = copy.deepcopy(model)
    names = layers(changed)
    types = weights if isinstance(weights, Mapping) else dict.fromkeys(names, weights)
    mappings = inputs or {}
    _must_be_layers(types, names)
    _must_be_layers(mappings, names)
    for name, layer in names.items():
        parent, _, last = name.rpartition(".")
        setattr(changed.get_submodule(parent), last, FakeQuantized(layer, types.get(name), mappings.get(name)))
    return changed


def size_bytes(model: nn.Module, types: QType | Mapping[str, QType] | None = None) -> int:
    """Bytes to store: weights with the bits of their type (32 where none is given), all else and every scale with 32, zero points with the bits of the weights."""
    found = layers(model)
    chosen = types if isinstance(types, Mapping) else ({} if types is None else dict.fromkeys(found, types))
    others = sum(p.numel() for p in model.parameters()) - sum(layer.weight.numel() for layer in found.values())
    bits = 32 * others
    for name, layer in found.items():
        qtype = chosen.get(name)
        scales = 0 if qtype is None else 1 if qtype.axis is None else layer.weight.shape[qtype.axis]
        each = 0 if qtype is None else 32 if qtype.symmetric else 32 + qtype.bits
        bits += layer.weight.numel() * (32 if qtype is None else qtype.bits) + each * scales
    return -(-bits // 8)


def _must_be_layers(chosen: Mapping, found: Mapping) -> None:
    for name in chosen:
        if name not in found:
            raise Mistake(f"The network has no layer {name!r}; its layers are {', '.join(found)}.")
