"""What goes wrong on CPUs without VNNI: two products are added in 16 bits, and what does not fit is cut off.

The instruction is vpmaddubsw. It multiplies 32 pairs of uint8 and int8 at once, adds neighbouring products and keeps the sum in
int16, with saturation. 255 * 127 * 2 is twice what fits. With weights of 7 bits it always fits: 255 * 64 * 2 = 32,640.

Source: Intel Intrinsics Guide, _mm256_maddubs_epi16; ONNX Runtime, "Quantize ONNX models", on reduce_range.
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.quantization.affine import Affine, choose, quantize
from lessons_lib.quantization.integer_conv import patches
from lessons_lib.quantization.network import Layers, layers
from lessons_lib.quantization.qtype import QType

INT16 = (-(2**15), 2**15 - 1)
AT_ONCE = 1_000_000  # products that are held in memory together


def saturates(instructions: Sequence[str]) -> bool | None:
    """Whether int8 kernels add pairs in 16 bits on a CPU with these vector instructions; None where it cannot be told.

    Args:
        instructions: from `machine.vector_instructions`.
    """
    found = set(instructions)
    if not found:
        return None
    return not found & {"avx512_vnni", "avx_vnni", "amx_int8", "asimd"}  # ARM has no such instruction


def told_of_cpu(instructions: Sequence[str]) -> str:
    """The same in a sentence."""
    answer = saturates(instructions)
    if answer is None:
        return "Whether this CPU has VNNI cannot be told here: the system does not list its instructions."
    if answer:
        return "This CPU has no VNNI: an engine that is given 8-bit weights adds pairs of products in 16 bits, and some may not fit."
    if "asimd" in instructions:
        return "This is an ARM CPU: its instructions add products in 32 bits, so nothing is cut off."
    return "This CPU has VNNI: its instructions add products in 32 bits at once, so nothing is cut off."


def pair_sums(x: Tensor, weight: Tensor) -> Tensor:
    """The sums of two neighbouring products, exactly: int32 (rows, out, pairs) of uint8 (rows, k) and int8 (out, k)."""
    if x.shape[1] % 2:
        x, weight = F.pad(x, (0, 1)), F.pad(weight, (0, 1))
    products = x.to(torch.int32)[:, None] * weight.to(torch.int32)
    return products[..., 0::2] + products[..., 1::2]


def saturating_dot(x: Tensor, weight: Tensor) -> tuple[Tensor, int]:
    """The product of two matrices of 8-bit numbers as vpmaddubsw gives it, and how many pairs did not fit.

    Args:
        x: uint8 (rows, k). weight: int8 (out, k).

    Returns:
        int32 (rows, out), and the pairs that were cut off.
    """
    sums, cut = torch.empty(len(x), len(weight), dtype=torch.int32), 0
    rows = max(1, AT_ONCE // max(1, weight.numel()))
    for part, place in zip(x.split(rows), sums.split(rows), strict=True):
        pairs = pair_sums(part, weight)
        kept = pairs.clamp(*INT16)
        cut += int((kept != pairs).count_nonzero())
        place.copy_(kept.sum(-1, dtype=torch.int32))  # into place: many small results between large ones waste memory
    return sums, cut


def engine_weights(reduce_range: bool) -> QType:
    """What an engine stores weights in: 7 of the 8 bits where the sums of pairs have to fit into 16."""
    return QType(7 if reduce_range else 8, axis=0)


class WholeNumberLayer(nn.Module):
    """A convolution or linear layer computed in whole numbers, with sums of pairs that saturate.

    Args:
        layer: convolution (square kernel, no groups) or linear layer. weights: a symmetric type. inputs: from `calibrate`.

    Attributes:
        pairs, cut: how many sums of pairs there were so far, and how many of them did not fit.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear, weights: QType, inputs: Affine):
        super().__init__()
        self.layer, self.inputs, self.pairs, self.cut = layer, inputs, 0, 0
        weight = layer.weight.detach().flatten(1)
        self.mapping = choose(weight, weights)
        self.whole = quantize(weight, self.mapping)

    def forward(self, x: Tensor) -> Tensor:
        whole, zero = quantize(x, self.inputs), int(self.inputs.zero_point)
        if isinstance(self.layer, nn.Linear):
            return self._dot(whole, zero)
        size, stride, padding = (int(v[0]) for v in (self.layer.kernel_size, self.layer.stride, self.layer.padding))
        around = F.pad(whole, (padding,) * 4, value=zero)
        seen = patches(around, size, stride, 0)  # (n, places, k)
        rows = (x.shape[2] + 2 * padding - size) // stride + 1
        out = self._dot(seen.flatten(0, 1), zero).unflatten(0, seen.shape[:2])
        return out.transpose(1, 2).unflatten(2, (rows, -1))

    def _dot(self, x: Tensor, zero: int) -> Tensor:
        sums, cut = saturating_dot(x, self.whole)
        self.pairs += sums.numel() * -(-x.shape[1] // 2)
        self.cut += cut
        sums = sums - zero * self.whole.sum(1, dtype=torch.int32)
        real = sums.float() * (self.inputs.scale * self.mapping.scale)
        return real if self.layer.bias is None else real + self.layer.bias


def as_without_vnni(model: nn.Module, inputs: Mapping[str, Affine], reduce_range: bool) -> nn.Module:
    """A copy that computes every layer in whole numbers as a CPU without VNNI would; slow, for a few images."""
    changed = copy.deepcopy(model).eval()
    found: Layers = layers(changed)
    for name, layer in found.items():
        parent, _, last = name.rpartition(".")
        whole = WholeNumberLayer(layer, engine_weights(reduce_range), inputs[name])
        setattr(changed.get_submodule(parent), last, whole)
    return changed


def cut_off(model: nn.Module) -> dict[str, float]:
    """The share of the sums of pairs that did not fit into 16 bits, by layer, over all images so far."""
    found = {name: m for name, m in model.named_modules() if isinstance(m, WholeNumberLayer)}
    return {name: layer.cut / max(1, layer.pairs) for name, layer in found.items()}
