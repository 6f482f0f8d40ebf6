"""What is timed: a network and its input as a call, in TF32 where asked, compiled where asked; and running out of memory."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.tf32 import tf32
from lessons_lib.timing import Within

Call = Callable[[], Tensor]


def call_of(model: Callable[[Tensor], Tensor], x: Tensor, precision: str = "float32") -> Call:
    """A call without gradients; for "TF32" the products are rounded within it, and within it alone."""

    def call() -> Tensor:
        with torch.no_grad():
            return model(x)

    def rounded() -> Tensor:
        with tf32(True):
            return call()

    return Within(rounded, lambda: tf32(True)) if precision == "TF32" else call


def compiled_blocks(model: Any) -> Any:
    """A transformer with the same weights whose blocks are compiled; the one that is given stays as it is.

    They are all alike, so that one compilation serves them all, in a fraction of the time that the whole takes.
    Source: PyTorch's tutorial on regional compilation.
    """
    changed = copy.copy(model)  # a deep one would copy quantized weights, which not every version of torchao can
    changed.__dict__["_modules"] = dict(model._modules)
    blocks: list[Any] = [torch.compile(block, dynamic=False) for block in model.blocks]
    changed.blocks = nn.Sequential(*blocks)
    return changed


@contextmanager
def fresh_compiler() -> Iterator[None]:
    """Forget what was compiled before and after the block; and rather fail than run uncompiled unnoticed.

    After eight versions of one function (precisions, batch sizes) torch.compile would fall back to running it as it is.
    """
    from torch._dynamo import config, reset

    changes: dict[str, Any] = {name: True for name in ("fail_on_recompile_limit_hit",) if hasattr(config, name)}
    changes |= {name: 64 for name in ("recompile_limit", "cache_size_limit") if hasattr(config, name)}
    reset()
    try:
        with config.patch(changes):  # type: ignore[attr-defined]
            yield
    finally:
        reset()


def out_of_memory(problem: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or (where it is a plain RuntimeError) on a CPU."""
    return isinstance(problem, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(problem)


def first_line(problem: BaseException) -> str:
    """What went wrong, short enough for a sentence."""
    lines = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {lines[0][:160] if lines else 'no message'}"
