"""Engines that are PyTorch itself: eager, with batch norms folded, on a GPU, in half precision, compiled."""

import copy
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.device import threads as cpu_threads
from lessons_lib.engines.engine import Engine, Source
from lessons_lib.engines.folding import fold_batch_norm
from lessons_lib.models import size_bytes


def _engine(
    name: str, model: nn.Module, threads: int | None, tolerance: float, layout: torch.memory_format, **cuda: Any
) -> Engine:
    device, dtype = cuda.get("device", "cpu"), cuda.get("dtype", torch.float32)
    ready = copy.deepcopy(model).eval().to(device=device, dtype=dtype).to(memory_format=layout)  # type: ignore[call-overload]
    size = size_bytes(ready)
    call = torch.compile(ready, dynamic=True) if cuda.get("compiled") else ready

    def run(x: Tensor) -> Tensor:
        with torch.inference_mode(), cpu_threads(threads) if threads else nullcontext():
            return call(x.to(device=device, dtype=dtype, memory_format=layout)).float().cpu()

    return Engine(name, run, size, device, threads, "float16" if dtype == torch.float16 else "float32", tolerance)


def eager(s: Source) -> Engine:
    """PyTorch as it was trained."""
    return _engine("eager", s.model, s.threads, 1e-5, torch.contiguous_format)


def eager_folded(s: Source) -> Engine:
    """Batch norms folded into the convolutions, channels last in memory."""
    return _engine("eager, folded", fold_batch_norm(s.model), s.threads, 1e-4, torch.channels_last)


def gpu(s: Source) -> Engine:
    """On a GPU in float32; TF32 where PyTorch allows it."""
    return _engine("GPU eager", s.model, None, 1e-2, torch.channels_last, device="cuda")


def gpu_half(s: Source) -> Engine:
    """On a GPU in float16, folded."""
    folded = fold_batch_norm(s.model)
    return _engine("GPU half", folded, None, 3e-2, torch.channels_last, device="cuda", dtype=torch.float16)


def gpu_compiled(s: Source) -> Engine:
    """On a GPU in float16, folded and compiled."""
    folded, layout = fold_batch_norm(s.model), torch.channels_last
    return _engine("GPU compiled", folded, None, 3e-2, layout, device="cuda", dtype=torch.float16, compiled=True)
