"""TF32: float32 numbers whose products a GPU's tensor cores calculate from 10 of the 23 bits after the point. On or off.

PyTorch switches it off for matrix products and on for convolutions, so that "float32" on a GPU means two things at once.
PyTorch has two ways to ask and to set (the older one for everything, since 2.9 one for each kind of operation), keeps both in
memory, and refuses to answer the older one where they disagree.

The older way sets both, so it goes first; the newer one alone is what still works for whoever mixed them.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
"""

import contextlib
import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

MATMUL, CUDNN = torch.backends.cuda.matmul, torch.backends.cudnn
_asked: bool | None = None  # by the innermost block


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Within the block float32 on a GPU is calculated in TF32, or is not; after it everything is as it was.

    Args:
        allowed: True for TF32 in matrix products and convolutions, False for float32 in both.

    It takes more than ten microseconds, as long as a GPU takes for a small layer; a block within one that asked for the same
    takes one. So whoever times a call in float32 enters the block before the clock starts (`timing.Within`).
    """
    global _asked
    if _asked is allowed:
        yield
        return
    (old, new), before = switches(), _asked
    _set(None if old is None else (allowed, allowed), ("tf32" if allowed else "ieee",) * len(new))
    _asked = allowed
    try:
        yield
    finally:
        _set(old, new)
        _asked = before


def switches() -> tuple[tuple[bool, bool] | None, tuple[str, ...]]:
    """For matrix products and convolutions: the older way (None where the two ways disagree, which only the newer one
    survives), and the newer one ("tf32", "ieee" or "none"; empty before PyTorch 2.9)."""
    _hush()
    new = tuple(operation.fp32_precision for operation in _operations())
    try:
        return (MATMUL.allow_tf32, CUDNN.allow_tf32), new
    except RuntimeError:
        return None, new


def _operations() -> tuple[Any, ...]:
    convolution = getattr(CUDNN, "conv", None)
    return (MATMUL, convolution) if hasattr(convolution, "fp32_precision") else ()


@functools.cache
def _hush() -> None:
    """PyTorch 2.9 recommends the newer way at the first use of the older one; a learner can do nothing about it."""
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):
        warnings.simplefilter("ignore")
        _set((MATMUL.allow_tf32, CUDNN.allow_tf32), tuple(operation.fp32_precision for operation in _operations()))


def _set(old: tuple[bool, bool] | None, new: tuple[str, ...]) -> None:
    if old is not None:  # first, since it sets the newer way as well
        MATMUL.allow_tf32, CUDNN.allow_tf32 = old
    for operation, precision in zip(_operations(), new, strict=True):
        operation.fp32_precision = precision
