"""One convolution in whole numbers, as an int8 engine computes it: multiply, add up in 32 bits, scale down once.

    real output = scale_x * scale_w * sum((x - zero_x) * (w - zero_w)) + bias

The sum holds whole numbers alone; the scales stand in front of it. Source: Jacob et al., 2017, section 2.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class IntegerConv:
    """All that a quantized convolution knows.

    weight: int8 (out, in, kernel, kernel). bias: int32 (out,), in units of scale_x * scale_w.
    scale_x, zero_x: of the input. scale_w: (out,), the zero points of the weights are 0. scale_y, zero_y: of the output.
    stride, padding: in pixels, the same in both directions.
    """

    weight: Tensor
    bias: Tensor
    scale_x: Tensor
    zero_x: int
    scale_w: Tensor
    scale_y: Tensor
    zero_y: int
    stride: int = 1
    padding: int = 1


def patches(x: Tensor, kernel: int, stride: int = 1, padding: int = 1) -> Tensor:
    """What the filter sees at each place: (n, c, h, w) of any type becomes (n, places, c * kernel * kernel)."""
    around = F.pad(x, (padding,) * 4)
    cut = around.unfold(2, kernel, stride).unfold(3, kernel, stride)  # (n, c, rows, columns, kernel, kernel)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def accumulate(x: Tensor, conv: IntegerConv) -> Tensor:
    """The sums of products, int32 (n, out, rows, columns), for an input uint8 (n, in, h, w)."""
    rows = (x.shape[2] + 2 * conv.padding - conv.weight.shape[2]) // conv.stride + 1
    centred = x.to(torch.int32) - conv.zero_x  # now 0 is 0, and so is the padding
    seen = patches(centred, conv.weight.shape[2], conv.stride, conv.padding)
    sums = seen @ conv.weight.flatten(1).to(torch.int32).T  # (n, places, out)
    return (sums + conv.bias).transpose(1, 2).unflatten(2, (rows, -1))


def requantize(sums: Tensor, conv: IntegerConv) -> Tensor:
    """Bring the sums into the units of the output: one float32 product each, rounded and clipped to uint8."""
    factor = (conv.scale_x * conv.scale_w / conv.scale_y).view(-1, 1, 1)
    return ((sums.float() * factor).round() + conv.zero_y).clamp(0, 255).to(torch.uint8)


def integer_conv(x: Tensor, conv: IntegerConv) -> Tensor:
    """A whole quantized convolution: uint8 (n, in, h, w) in, uint8 (n, out, rows, columns) out.

    With a zero point of 0 the clipping at 0 is the ReLU: it costs nothing.
    """
    return requantize(accumulate(x, conv), conv)
