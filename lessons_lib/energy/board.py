"""Which GPU of NVML is the one that PyTorch uses, and whether others share its counter.

NVML numbers all GPUs of a machine; CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER give them other numbers, so the identity decides.
Source: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html; MIG: group__nvmlMultiInstanceGPU.html
"""

import ctypes
from typing import Any

SUCCESS = 0
MIG_ENABLED = 1
Handle = ctypes.c_void_p
SEVERAL = (
    "This machine has {count} NVIDIA GPUs, and NVML cannot tell which of them PyTorch uses; so no energy is counted."
)
SHARED = (
    "This GPU is divided into slices (MIG). Its counter is that of the whole board, whoever uses the other slices, so the energy of "
    "this slice cannot be told."
)
LOST = "NVML does not find the GPU that PyTorch uses; so no energy is counted."


def identity(device: str) -> str | None:
    """The UUID of the GPU that PyTorch calls by this name; None where it has none, or does not tell."""
    import torch

    if not torch.cuda.is_available():
        return None
    return str(getattr(torch.cuda.get_device_properties(device), "uuid", "")) or None


def find(library: Any, uuid: str | None) -> tuple[Handle | None, str]:
    """The board's handle in NVML, and a sentence where there is none to read from.

    Args:
        library: the loaded and initialised NVML. uuid: from `identity`.
    """
    handle, is_slice = _by_uuid(library, uuid) if uuid else (None, False)
    if handle is None:
        count = _count(library)
        if count > 1:
            return None, LOST if uuid else SEVERAL.format(count=count)
        handle = _handle(library, "nvmlDeviceGetHandleByIndex_v2", 0)
    if handle is None:
        return None, LOST
    return (None, SHARED) if is_slice or _divided(library, handle) else (handle, "")


def _by_uuid(library: Any, uuid: str) -> tuple[Handle | None, bool]:
    """The handle, and whether it is that of a slice of a GPU."""
    plain = uuid.removeprefix("GPU-").removeprefix("MIG-")
    for prefix in ("GPU-", "MIG-"):
        handle = _handle(library, "nvmlDeviceGetHandleByUUID", f"{prefix}{plain}".encode())
        if handle is not None:
            return handle, prefix == "MIG-"
    return None, False


def _handle(library: Any, function: str, *arguments: Any) -> Handle | None:
    handle = Handle()
    return handle if _asked(library, function, *arguments, ctypes.byref(handle)) else None


def _count(library: Any) -> int:
    count = ctypes.c_uint(1)
    return count.value if _asked(library, "nvmlDeviceGetCount_v2", ctypes.byref(count)) else 1


def _divided(library: Any, handle: Handle) -> bool:
    current, pending = ctypes.c_uint(0), ctypes.c_uint(0)
    known = _asked(library, "nvmlDeviceGetMigMode", handle, ctypes.byref(current), ctypes.byref(pending))
    return known and current.value == MIG_ENABLED


def _asked(library: Any, function: str, *arguments: Any) -> bool:
    """Whether a function of NVML is there and succeeded; older drivers lack some."""
    call = getattr(library, function, None)
    return call is not None and call(*arguments) == SUCCESS
