"""Affine quantization: real number = scale * (whole number - zero point). Scale, zero point, rounding, clipping.

Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2017;
the rules of rounding and clipping are those of QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear of ONNX.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.explained import Mistake
from lessons_lib.quantization.qtype import QType

SMALLEST_SCALE = torch.finfo(torch.float32).tiny  # what is smaller loses digits, and in the end is 0


@dataclass(frozen=True, eq=False)
class Affine:
    """Which real number each whole number stands for.

    scale: float32, the distance between two neighbours; a scalar, or (channels,) along `qtype.axis`.
    zero_point: int32 in the shape of `scale`, the whole number that stands for 0.
    """

    scale: Tensor
    zero_point: Tensor
    qtype: QType

    def along(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Scale and zero point in a shape that lines up with a tensor of this shape."""
        if self.qtype.axis is None:
            return self.scale, self.zero_point
        view = [1] * len(shape)
        view[self.qtype.axis] = -1
        return self.scale.view(view), self.zero_point.view(view)


def between(low: Tensor, high: Tensor, qtype: QType) -> Affine:
    """The mapping whose whole numbers cover the real numbers from `low` to `high`, and 0 in any case.

    Padding, and half of what a ReLU gives, is exactly 0: a 0 that came back as 0.003 would be wrong everywhere.

    Args:
        low, high: float32, scalars or (channels,).

    Returns:
        Scale and zero point. Where there is no range (only zeros), the scale is 1 / number of steps.
    """
    low, high = low.float().clamp(max=0), high.float().clamp(min=0)
    if qtype.symmetric:
        scale = torch.maximum(-low, high) / qtype.highest
        scale = torch.where(scale == 0, 1 / qtype.highest, scale).clamp(min=SMALLEST_SCALE)
        return Affine(scale, torch.zeros_like(scale, dtype=torch.int32), qtype)
    steps = qtype.highest - qtype.lowest
    spread = high - low
    scale = torch.where(spread == 0, 1.0, spread) / steps
    scale = torch.where(scale.isinf(), high / steps - low / steps, scale).clamp(min=SMALLEST_SCALE)
    zero_point = (qtype.lowest - low / scale).clamp(qtype.lowest, qtype.highest).round()
    return Affine(scale, zero_point.to(torch.int32), qtype)


def choose(x: Tensor, qtype: QType) -> Affine:
    """The mapping that just covers all values of a tensor, or all of each channel.

    Raises:
        Mistake: NaN or infinity among the values.
    """
    _must_be_finite(x)
    values = x.detach()[None] if qtype.axis is None else x.detach().movedim(qtype.axis, 0)
    if not x.numel():  # no values: any mapping is right
        low = high = torch.zeros(len(values), device=x.device)
    else:
        low, high = values.reshape(len(values), -1).aminmax(dim=1)
    return between(low[0], high[0], qtype) if qtype.axis is None else between(low, high, qtype)


def quantize(x: Tensor, affine: Affine) -> Tensor:
    """Round to the nearest whole number, the even one of two that are equally near, and clip to those there are.

    Args:
        x: float32 of any shape.

    Returns:
        int8 or uint8 in the shape of `x`.

    Raises:
        Mistake: NaN or infinity among the values.
    """
    _must_be_finite(x)
    scale, zero_point = affine.along(x.shape)
    whole = (x / scale).round() + zero_point
    return whole.clamp(affine.qtype.lowest, affine.qtype.highest).to(affine.qtype.storage)


def dequantize(whole: Tensor, affine: Affine) -> Tensor:
    """The real numbers, float32, that whole numbers stand for."""
    scale, zero_point = affine.along(whole.shape)
    return (whole.to(torch.int32) - zero_point).float() * scale


def fake_quantize(x: Tensor, affine: Affine) -> Tensor:
    """Quantize and come back: float32 that holds only values the whole numbers can stand for."""
    return dequantize(quantize(x, affine), affine)


def error(x: Tensor, affine: Affine) -> float:
    """What is lost: the norm of the difference as a share of the norm of the tensor; 0 for an empty one."""
    size = x.norm().item()
    return (fake_quantize(x, affine) - x).norm().item() / size if size else 0.0


def _must_be_finite(x: Tensor) -> None:
    if not x.dtype.is_floating_point:
        raise Mistake(f"Quantization starts from float32; this tensor is {x.dtype}. Is it quantized already?")
    if not (finite := x.detach().isfinite()).all():
        place = [int(index) for index in (~finite).nonzero()[0]]
        bad = x.detach()[tuple(place)].item()
        raise Mistake(
            f"Quantization needs finite numbers: this tensor of shape {tuple(x.shape)} holds {bad} at {place}. "
            "No scale can cover it; find out where it comes from, or clip it first."
        )
