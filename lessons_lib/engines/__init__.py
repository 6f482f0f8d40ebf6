"""One way to run a trained model, however it is executed.

An engine is called with float32 (n, c, h, w) on the CPU and returns logits float32 (n, classes) on the CPU: whatever
has to be moved to a device and back is part of the call, as it is for whoever sends the request.

Reading order: `padding`, `engine`, `folding`, `quiet`, `pytorch`, `onnx_runtime`, `openvino_engine`, `presence`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lessons_lib.engines import onnx_runtime, openvino_engine, presence, pytorch
from lessons_lib.engines.engine import Engine, Source
from lessons_lib.engines.folding import fold_batch_norm

__all__ = [
    "CPU_NAMES", "MAKERS", "NAMES", "OPTIONAL_NAMES", "Engine", "Source", "available", "build", "fold_batch_norm",
    "missing",
]  # fmt: skip

MAKERS: dict[str, Callable[[Source], Engine]] = {
    "eager": pytorch.eager,
    "eager, folded": pytorch.eager_folded,
    "ONNX Runtime": onnx_runtime.onnx_float32,
    "ONNX Runtime int8": onnx_runtime.onnx_int8,
    "OpenVINO": openvino_engine.openvino_float32,
    "OpenVINO int8": openvino_engine.openvino_int8,
    "GPU eager": pytorch.gpu,
    "GPU half": pytorch.gpu_half,
    "GPU compiled": pytorch.gpu_compiled,
}
NAMES = tuple(MAKERS)
OPTIONAL_NAMES = ("OpenVINO", "OpenVINO int8")
CPU_NAMES = tuple(name for name in NAMES if not name.startswith("GPU") and name not in OPTIONAL_NAMES)


def missing(name: str) -> str | None:
    """Why this machine cannot run an engine, in a sentence; None where it can.

    Raises:
        ValueError: unknown name.
    """
    if name not in MAKERS:
        raise ValueError(f"there is no engine {name!r}; choose from {', '.join(NAMES)}.")
    return presence.why_not(name)


def available(device: str = "auto") -> tuple[list[str], list[str]]:
    """The engines that this machine can run, and a sentence for each that it cannot.

    Args:
        device: "cpu" leaves the GPU engines out without a word; "cuda" or "auto" asks for all.
    """
    asked = [name for name in NAMES if not (str(device) == "cpu" and name.startswith("GPU"))]
    reasons = {name: missing(name) for name in asked}
    return [n for n, reason in reasons.items() if reason is None], [r for r in reasons.values() if r]


def build(
    names: Sequence[str],
    model: nn.Module,
    image_shape: tuple[int, int, int],
    calibration: Tensor,
    threads: int | None = None,
) -> dict[str, Engine]:
    """Make a model ready to run in several ways.

    Args:
        names: from `NAMES`. model: trained; it stays as it is. image_shape: (c, h, w).
        calibration: float32 (n, c, h, w), from which int8 learns its ranges.
        threads: CPU threads that each engine uses, whatever PyTorch uses outside; None for as many as that.

    Raises:
        ValueError: unknown name. RuntimeError: an engine that this machine lacks, with the reason.
    """
    reasons = [reason for reason in map(missing, names) if reason]
    if reasons:
        raise RuntimeError(" ".join(reasons))
    source = Source(model, image_shape, calibration, threads or torch.get_num_threads())
    return {name: MAKERS[name](source) for name in names}
