"""Counters of energy: Intel's and AMD's RAPL for a CPU, NVIDIA's NVML for a GPU."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons_lib.energy import board
from lessons_lib.explained import NotHere
from lessons_lib.machine import read

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Counter:
    """A count of energy in microjoules that only rises, until it starts again from 0 after `range_uj` (None: never)."""

    name: str
    device: str
    read_uj: Callable[[], int]
    range_uj: int | None = None

    def used_joules(self, before_uj: int, after_uj: int) -> float:
        """The energy between two readings; the counter may have started again once."""
        used = after_uj - before_uj
        if used < 0 and self.range_uj:
            used += self.range_uj + 1  # after the largest value comes 0
        return used / 1e6


def rapl(powercap: Path = POWERCAP) -> tuple[list[Counter], str]:
    """A counter for each CPU package, and a sentence where there is none.

    Source: https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
    """
    domains = [d for d in sorted(powercap.glob("intel-rapl:*")) if read(d / "name").strip().startswith("package")]
    if not domains:
        return (
            [],
            "This machine reports no energy of its CPU (no RAPL under /sys/class/powercap), like most virtual machines.",
        )
    hidden = [d for d in domains if not read(d / "energy_uj").strip().isdigit()]
    if hidden:
        return [], "This machine counts the energy of its CPU, but only its administrator may read the count."
    return [_rapl_counter(domain) for domain in domains], ""


def _rapl_counter(domain: Path) -> Counter:
    limit = read(domain / "max_energy_range_uj").strip()
    name = f"CPU {read(domain / 'name').strip()}, RAPL"
    return Counter(name, "cpu", lambda: int(read(domain / "energy_uj")), int(limit) if limit.isdigit() else None)


def nvml(library: Any = None, device: str = "cuda") -> tuple[list[Counter], str]:
    """A counter for the NVIDIA GPU that PyTorch calls by this name, and a sentence where there is none.

    Args:
        library: the loaded NVML; found by itself unless given. device: "cuda", or "cuda:1" for the second GPU.

    Source: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html (nvmlDeviceGetTotalEnergyConsumption,
    millijoules since the driver was loaded, Volta or newer)
    """
    import ctypes

    library = library or _nvml_library()
    if library is None or library.nvmlInit_v2() != board.SUCCESS:
        return [], "This machine has no NVIDIA GPU whose energy could be read."
    handle, reason = board.find(library, board.identity(device))
    if handle is None:
        return [], reason
    count_mj = ctypes.c_ulonglong()

    def read_uj() -> int:
        if library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(count_mj)) != board.SUCCESS:
            raise NotHere("The GPU no longer reports its energy: its driver may have lost it.")
        return count_mj.value * 1000

    try:
        read_uj()
    except NotHere:
        return [], "The NVIDIA GPU of this machine does not count its energy; those from 2017 (Volta) on do."
    return [Counter("GPU board, NVML", "cuda", read_uj)], ""


def _nvml_library() -> Any:
    import ctypes
    import sys

    try:
        return ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
    except OSError:
        return None


def counters(device: str) -> tuple[list[Counter], str]:
    """The counters for a device ("cpu", "cuda" or "cuda:1"), and a sentence where there are none."""
    return nvml(device=device) if device.startswith("cuda") else rapl()
