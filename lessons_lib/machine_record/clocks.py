"""How fast a GPU's clocks ran, and how warm it was, as far as nvidia-smi tells: a hot or throttled GPU is slower."""

from typing import Any

import torch

from lessons_lib import machine

# Source: nvidia-smi --help-query-gpu.
FIELDS = {
    "sm_mhz": "clocks.sm",
    "memory_mhz": "clocks.mem",
    "max_sm_mhz": "clocks.max.sm",
    "max_memory_mhz": "clocks.max.mem",
    "power_limit_w": "power.limit",
    "temperature_c": "temperature.gpu",
}
CPU = "The clocks of a CPU are not read: they change from millisecond to millisecond."
UNREADABLE = "nvidia-smi does not tell the clocks of this GPU."
Reading = dict[str, float | None]


def read(device: torch.device) -> Reading | None:
    """Clocks in MHz, power limit in watts, temperature in degrees Celsius; None where nothing can be read."""
    if device.type != "cuda":
        return None
    query = f"--query-gpu={','.join(FIELDS.values())}"
    for name in _names(device):
        line = machine.output_of("nvidia-smi", "-i", name, query, "--format=csv,noheader,nounits")
        values = [_number(text) for text in line.split(",")]
        if len(values) == len(FIELDS) and any(value is not None for value in values):
            return dict(zip(FIELDS, values, strict=True))
    return None


def _names(device: torch.device) -> list[str]:
    """What nvidia-smi may know the device by: its UUID, since it counts the GPUs in another order than PyTorch, else its number if there
    is only one."""
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    return ([f"GPU-{uuid}"] if uuid else []) + (["0"] if len(machine.nvidia_gpus()) == 1 else [])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # [N/A], or [Unknown Error]
        return None


def block(before: Reading | None, after: Reading | None, device: torch.device) -> dict[str, Any]:
    """The block "clocks" of a record: what was read before and after the parts, and a sentence where something lacks."""
    readings = [reading for reading in (before, after) if reading]
    note: str | None
    if device.type != "cuda":
        note = CPU
    elif len(readings) < 2:
        note = UNREADABLE
    else:
        lacking = sorted({name for reading in readings for name, value in reading.items() if value is None})
        note = f"nvidia-smi does not tell {', '.join(lacking)}." if lacking else None
    return {"before": before, "after": after, "note": note}
