"""Training through a staircase: forward it rounds, backward it pretends that it did not.

Rounding is flat almost everywhere, so its true gradient is 0 and nothing would ever be learnt. The straight-through estimator
passes the gradient on as if rounding were the identity; where a value was clipped, more of it changes nothing, and the
gradient is 0.

Source: Bengio, Leonard and Courville, Estimating or Propagating Gradients Through Stochastic Neurons, 2013.
"""

from typing import Any

import torch
from torch import Tensor

from lessons_lib.quantization.affine import Affine


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, zero_point: Tensor, lowest: int, highest: int) -> Tensor:
        whole = (x / scale).round() + zero_point
        ctx.save_for_backward((whole >= lowest) & (whole <= highest))
        return (whole.clamp(lowest, highest) - zero_point) * scale

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None, None, None, None


def straight_through(x: Tensor, affine: Affine) -> Tensor:
    """`affine.fake_quantize` with the gradient of the straight-through estimator; the values are the same bit for bit."""
    scale, zero_point = affine.along(x.shape)
    result = _StraightThrough.apply(x, scale, zero_point, affine.qtype.lowest, affine.qtype.highest)
    assert isinstance(result, Tensor)
    return result
