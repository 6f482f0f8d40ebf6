"""The ways in which a GPU, or a CPU, can do the same training step; and why one cannot be done here."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import torch

from lessons_lib.engines import presence
from lessons_lib.machine import cpu_model
from lessons_lib.training_steps import half_precision

AMPERE = (8, 0)  # the compute capability from which a GPU multiplies in TF32 and in bfloat16


@dataclass(frozen=True)
class Way:
    """How a step is computed.

    precision: what autocast computes in, torch.bfloat16 or torch.float16; None for float32. tf32: multiply float32 with 10
    bits of mantissa. channels_last: the channels of a pixel side by side. compiled: with torch.compile. graph: the step is
    captured once as a CUDA graph and then replayed, so that Python and PyTorch's dispatcher are out of the way.
    """

    precision: torch.dtype | None = None
    tf32: bool = False
    channels_last: bool = False
    compiled: bool = False
    graph: bool = False

    @property
    def layout(self) -> torch.memory_format:
        """How the numbers of a batch lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def arithmetic(self) -> str:
        """What the convolutions multiply: float32, tf32, bfloat16 or float16."""
        if self.precision is not None:
            return str(self.precision).removeprefix("torch.")
        return "tf32" if self.tf32 else "float32"

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """The context of the forward pass. No cache of converted weights: what a graph captures must convert them itself."""
        enabled = self.precision is not None
        return torch.autocast(device.type, self.precision, enabled=enabled, cache_enabled=False)

    def __str__(self) -> str:
        knobs = ("channels_last", "compiled", "graph")
        return ", ".join([self.arithmetic, *(knob for knob in knobs if getattr(self, knob))]).replace(
            "graph", "CUDA graph"
        )


def best(device: torch.device) -> Way:
    """What pays for a training of seconds: on a GPU 16 bits and a CUDA graph; compiling would take longer than the training."""
    if device.type == "cpu":
        return Way(channels_last=True)
    return Way(half_precision(device), tf32=True, channels_last=True, graph=True)


def ladder(device: torch.device, *, compiled: bool = False) -> dict[str, Way]:
    """From float32 upwards, one knob more each time; torch.compile and the CUDA graph each on top of the 16 bits."""
    half = half_precision(device)
    name = str(half).removeprefix("torch.")
    gpu = device.type == "cuda"
    last = Way(tf32=gpu and torch.cuda.get_device_capability(device) >= AMPERE, channels_last=True)
    steps = {"float32": Way()}
    if gpu:
        steps["TF32"] = Way(tf32=True)
    steps |= {"and channels_last": last, f"and {name}": replace(last, precision=half)}
    if compiled:
        steps[f"{name}, compiled"] = replace(last, precision=half, compiled=True)
    if gpu:
        steps[f"{name}, CUDA graph"] = replace(last, precision=half, graph=True)
    return steps


def why_not(way: Way, device: torch.device) -> str | None:
    """Why a way cannot be gone on this device, in a sentence; None where it can. A GPU that is too old is not one that lacks."""
    if device.type == "cpu":
        gpu_only = [name for name, wanted in (("TF32", way.tf32), ("CUDA graphs", way.graph)) if wanted]
        return f"{' and '.join(gpu_only)}: these are for NVIDIA GPUs, and this is the CPU." if gpu_only else None
    needs = {
        "GPU eager": True,
        "GPU bfloat16": way.precision is torch.bfloat16,
        "GPU TF32": way.tf32 and way.precision is None,
        "GPU compiled": way.compiled,
    }
    reasons = (presence.why_not(name, device) for name, needed in needs.items() if needed)
    return next((reason for reason in reasons if reason), None)


@contextmanager
def cudnn_benchmark() -> Iterator[None]:
    """Within the block, cuDNN tries its algorithms for a convolution of a new shape and keeps the fastest."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def name_of(device: torch.device) -> str:
    """What the device is called by those who sell it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else " ".join(cpu_model().split())
