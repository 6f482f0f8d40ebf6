"""Where and how the work runs: device, threads, seeds, and a fingerprint of the machine."""

import importlib.metadata
import os
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from lessons_lib.explained import Mistake, NotHere
from lessons_lib.machine import (
    cpu_limit,
    cpu_model,
    memory_limit_bytes,
    nvidia_gpu,
    peak_memory_bytes,
    vector_instructions,
)

__all__ = [
    "cpu_limit", "fingerprint", "memory_limit_bytes", "peak_memory_bytes", "pick", "seed_everything", "synchronise",
    "threads",
]  # fmt: skip

PACKAGES = ("torch", "numpy", "onnxruntime", "onnx", "ipywidgets", "openvino", "nncf")


def pick(device: str | torch.device = "auto") -> torch.device:
    """The device to work on.

    Args:
        device: "auto" (the GPU where there is one, else the CPU), "cpu" or "cuda".

    Raises:
        Mistake: `device` is something else.
        NotHere: a GPU was asked for and PyTorch cannot use one; says why.
    """
    name = str(device)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise Mistake(f"device is {name!r}; choose auto, cpu or cuda.")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise NotHere(f"The device {name!r} was asked for, but {why_no_cuda()} Use 'cpu' or 'auto'.")
    return torch.device(name)


def why_no_cuda() -> str:
    """One sentence on why PyTorch cannot use a GPU here."""
    gpu = nvidia_gpu()
    if gpu is None:
        return "this machine has no NVIDIA GPU that its driver can see."
    if torch.version.cuda is None:
        return f"PyTorch {torch.__version__} is a build without CUDA, although there is an {gpu['name']}."
    return f"PyTorch's CUDA {torch.version.cuda} does not start with the driver {gpu['driver']} of the {gpu['name']}."


def synchronise(device: str | torch.device) -> None:
    """Wait until the device has finished everything asked of it; a GPU works on after a call has returned."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def seed_everything(seed: int) -> None:
    """Start the random numbers of Python, numpy and PyTorch (every device) from `seed`, 0 to 2**32 - 1."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch use `count` CPU threads within the block, and as many as before after it.

    Raises:
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"threads({count}): at least one thread is needed.")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fingerprint() -> dict[str, Any]:
    """What a figure measured here depends on; every value can be written as JSON. Memory is in bytes."""
    return {
        "system": platform.platform(),
        "cpu": cpu_model(),
        "vector_instructions": vector_instructions(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "cpu_limit": cpu_limit(),
        "memory_limit_bytes": memory_limit_bytes(),
        "threads": torch.get_num_threads(),
        "allocator": os.environ.get("LESSONS_ALLOCATOR", "keep freed memory"),
        "python": platform.python_version(),
        "packages": versions(PACKAGES),
        "gpu": gpu(),
    }


def versions(packages: tuple[str, ...]) -> dict[str, str | None]:
    """The installed version of each package, without importing it; None where it is missing."""
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def gpu(which: str | torch.device = "cuda:0") -> dict[str, Any] | None:
    """An NVIDIA GPU, its driver and what PyTorch makes of it; None where there is none.

    Args:
        which: as PyTorch counts them, which CUDA_VISIBLE_DEVICES may number otherwise than nvidia-smi.

    Returns:
        name, driver, memory_bytes, compute_capability, multiprocessors, index, count of GPUs, mig (whether it is a slice of one)
        and cuda, which PyTorch was built with; name, driver and cuda alone where PyTorch cannot use it.
    """
    facts: dict[str, Any] = dict(nvidia_gpu() or {})
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(which)
        facts |= {
            "name": properties.name,
            "memory_bytes": properties.total_memory,
            "compute_capability": f"{properties.major}.{properties.minor}",
            "multiprocessors": properties.multi_processor_count,
            "index": torch.device(which).index or 0,
            "count": torch.cuda.device_count(),
            "mig": is_slice(properties.name),
        }
    return facts | {"cuda": torch.version.cuda} if facts else None


def is_slice(name: str) -> bool:
    """Whether a GPU is a slice of one ("MIG"), by its name in PyTorch or by what CUDA was told to use.

    Source: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/ (device names, CUDA_VISIBLE_DEVICES)
    """
    return "MIG" in name.split() or os.environ.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-")
