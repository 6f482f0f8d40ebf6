"""One way to run a trained model, however it is executed.

An engine is called with float32 (n, c, h, w) on the CPU and returns logits float32 (n, classes) on the CPU: whatever
has to be moved to a device and back is part of the call, as it is for whoever sends the request.

Reading order: `padding`, `engine`, `folding`, `cuda_graph`, `resident`, `quiet`, `pytorch`, `onnx_runtime`, `openvino_engine`,
`presence`.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from lessons_lib.engines import onnx_runtime, openvino_engine, presence, pytorch
from lessons_lib.engines.engine import Engine, Source
from lessons_lib.engines.folding import fold_batch_norm

__all__ = [
    "CPU_NAMES", "GPU_NAMES", "GPU_USUAL", "MAKERS", "NAMES", "OPTIONAL_NAMES", "Engine", "Source", "available", "build",
    "fold_batch_norm", "missing", "which_gpu",
]  # fmt: skip

MAKERS: dict[str, Callable[[Source], Engine]] = {
    "eager": pytorch.eager,
    "eager, folded": pytorch.eager_folded,
    "ONNX Runtime": onnx_runtime.onnx_float32,
    "ONNX Runtime int8": onnx_runtime.onnx_int8,
    "OpenVINO": openvino_engine.openvino_float32,
    "OpenVINO int8": openvino_engine.openvino_int8,
    **{name: partial(pytorch.on_gpu, name) for name in pytorch.GPU_FORMS},
}
NAMES = tuple(MAKERS)
OPTIONAL_NAMES = ("OpenVINO", "OpenVINO int8")
GPU_NAMES = tuple(pytorch.GPU_FORMS)
GPU_USUAL = ("GPU eager", "GPU half", "GPU graph")  # what a lesson has the time for; the others take part in a record
CPU_NAMES = tuple(name for name in NAMES if name not in GPU_NAMES + OPTIONAL_NAMES)


def missing(name: str, gpu: str | torch.device = "cuda") -> str | None:
    """Why this machine cannot run an engine, in a sentence; None where it can.

    Args:
        name: from `NAMES`. gpu: which GPU, where there are several.

    Raises:
        ValueError: unknown name.
    """
    if name not in MAKERS:
        raise ValueError(f"there is no engine {name!r}; choose from {', '.join(NAMES)}.")
    return presence.why_not(name, gpu)


def available(device: str | torch.device = "auto", gpu_names: Sequence[str] = GPU_NAMES) -> tuple[list[str], list[str]]:
    """The engines that this machine can run, and a sentence for each that it cannot; one for all of a GPU that is not there.

    Args:
        device: "cpu" leaves the GPU engines out without a word; "cuda", "cuda:1" or "auto" asks for all.
        gpu_names: those of the GPU engines that are asked for.
    """
    on_gpu = [] if str(device) == "cpu" else [name for name in GPU_NAMES if name in gpu_names]
    asked = [name for name in NAMES if name in on_gpu or name not in GPU_NAMES]
    reasons = {name: missing(name, which_gpu(device)) for name in asked}
    told = {name: reason for name, reason in reasons.items() if reason}
    if on_gpu and not torch.cuda.is_available():
        told = {name: reason for name, reason in told.items() if name not in on_gpu}
        told["GPU"] = f"{', '.join(on_gpu)}: PyTorch sees no NVIDIA GPU here."
    return [name for name, reason in reasons.items() if reason is None], list(told.values())


def which_gpu(device: str | torch.device) -> str:
    """The GPU that a device names, such as "cuda:1"; the current one where it names none."""
    return str(device) if str(device).startswith("cuda") else "cuda"


def build(
    names: Sequence[str],
    model: nn.Module,
    image_shape: tuple[int, int, int],
    calibration: Tensor,
    threads: int | None = None,
    gpu: str | torch.device = "cuda",
) -> dict[str, Engine]:
    """Make a model ready to run in several ways.

    Args:
        names: from `NAMES`. model: trained; it stays as it is. image_shape: (c, h, w).
        calibration: float32 (n, c, h, w), from which int8 learns its ranges.
        threads: CPU threads that each engine uses, whatever PyTorch uses outside; None for as many as that.
        gpu: where the GPU engines run, such as "cuda:1".

    Raises:
        ValueError: unknown name. RuntimeError: an engine that this machine lacks, with the reason.
    """
    reasons = [reason for name in names if (reason := missing(name, gpu))]
    if reasons:
        raise RuntimeError(" ".join(reasons))
    source = Source(model, image_shape, calibration, threads or torch.get_num_threads(), gpu)
    return {name: MAKERS[name](source) for name in names}
