"""What the figures of a record were measured on: the device, and the versions of what ran on it."""

import os
from typing import Any

import torch

from lessons_lib import device as devices
from lessons_lib import machine
from lessons_lib.engines.presence import built_for
from lessons_lib.explained import Mistake, NotHere

FIELDS = (
    "name", "compute_capability", "memory_bytes", "multiprocessors", "driver", "cuda", "mig", "index", "count",
)  # fmt: skip
ON_PURPOSE = "To record the CPU on purpose, choose --device cpu."
PACKAGES = (*devices.PACKAGES, "torchao", "triton")


def choose(name: str) -> torch.device:
    """The device that is asked for, with its number; PyTorch takes it for "cuda" from now on.

    Args:
        name: auto, cpu, cuda, or cuda:1 for the second GPU.

    Raises:
        Mistake: there is no such device. NotHere: PyTorch can use no GPU, or not this one; all say what to do.
    """
    if name.partition(":")[0] in ("auto", "cuda") and not torch.cuda.is_available() and machine.nvidia_gpu():
        raise NotHere(f"The GPU cannot be recorded: {_why_not()} {ON_PURPOSE}")
    try:
        found = devices.pick(name)
    except NotHere:
        raise
    except RuntimeError:  # torch cannot read the number
        raise Mistake(f"device is {name!r}; choose auto, cpu, cuda or cuda:1.") from None
    if found.type == "cpu":
        return found
    index, count = found.index or 0, torch.cuda.device_count()
    if index >= count:
        raise Mistake(f"device is {name!r}; PyTorch sees {count} GPU{'s' * (count > 1)}, counted from cuda:0.")
    properties = torch.cuda.get_device_properties(torch.device("cuda", index))
    if not built_for((properties.major, properties.minor)):
        raise NotHere(
            f"This PyTorch ({torch.__version__}) has no programs for the {properties.name}, whose compute capability is "
            f"{properties.major}.{properties.minor}: it is too old or too new for it. Install a PyTorch that has, or choose --device cpu."
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def _why_not() -> str:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden} hides it from PyTorch."
    return devices.why_no_cuda()


def block(device: torch.device) -> dict[str, Any]:
    """The device block of a record; docs/record.md explains its fields."""
    return _gpu(device) if device.type == "cuda" else _cpu()


def _cpu() -> dict[str, Any]:
    return {
        "kind": "cpu",
        "name": " ".join(machine.cpu_model().split()),
        "compute_capability": None,
        "memory_bytes": machine.memory_limit_bytes(),
        "multiprocessors": None,
        "driver": None,
        "cuda": None,
        "mig": None,
        "index": None,
        "count": 1,
    }


def _gpu(device: torch.device) -> dict[str, Any]:
    found = devices.gpu(device) or {}
    told = {name: found.get(name) for name in FIELDS}
    return {"kind": "cuda", **told, "driver": told["driver"] or None, "mig": is_mig(found["name"])}


def is_mig(name: str) -> bool | None:
    """Whether the GPU that PyTorch calls by this name is a slice of one; None where nothing can tell.

    Where neither its name nor the variable CUDA_VISIBLE_DEVICES says so, it is none if nvidia-smi lists none.
    Source: https://docs.nvidia.com/datacenter/tesla/mig-user-guide/ (nvidia-smi -L)
    """
    if devices.is_slice(name):
        return True
    listed = machine.output_of("nvidia-smi", "-L")
    if not listed:
        return None
    slices = [line for line in listed.splitlines() if line.strip().startswith("MIG ")]
    return None if slices else False


def versions() -> dict[str, str]:
    """The version of every package that takes part, where it is installed."""
    found = devices.versions(PACKAGES)
    return {name: version for name, version in found.items() if version} | {"torch": str(torch.__version__)}
