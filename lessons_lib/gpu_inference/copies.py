"""Copies to a device and back, by size: from ordinary memory and from pinned memory.

A GPU fetches from pages that cannot move. Ordinary ("pageable") memory is first copied to such pages by the CPU; pinned memory already
is such.

Source: https://docs.pytorch.org/tutorials/intermediate/pinmem_nonblock.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.device import synchronise
from lessons_lib.timing import Measurement, compare


@dataclass(frozen=True)
class Copy:
    """One way of copying so many bytes. there: to the device, else back."""

    size_bytes: int
    there: bool
    pinned: bool
    measurement: Measurement

    @property
    def gigabytes_per_second(self) -> float:
        """10**9 bytes a second, at the median."""
        return self.size_bytes / self.measurement.median_ms / 1e6


def measure(sizes_bytes: Sequence[int], device: torch.device, *, seconds: float = 0.5) -> list[Copy]:
    """Time all ways in turns at each size; every copy is waited for. A CPU has no pinned memory: there one array is copied to another.

    Args:
        sizes_bytes: multiples of 4. seconds: for each size.

    Raises:
        RuntimeError: what arrived is not what was sent.
    """
    found = []
    for size in sizes_bytes:
        ways = _ways(size // 4, device)
        compared = compare({_name(way): call for way, call in ways.items()}, seconds=seconds, device=device)
        found += [Copy(size, *way, compared.measurements[_name(way)]) for way in ways]
    return found


def _ways(count: int, device: torch.device) -> dict[tuple[bool, bool], Callable[[], None]]:
    there = torch.empty(count, device=device)
    ways = {}
    for pinned in (False, True) if device.type == "cuda" else (False,):
        sent, returned = (torch.rand(count, pin_memory=pinned) for _ in range(2))
        ways[True, pinned] = _waited(there, sent, device)
        ways[False, pinned] = _waited(returned, there, device)
        _check(ways[True, pinned], ways[False, pinned], sent, returned)
    return ways


def _waited(to: Tensor, origin: Tensor, device: torch.device) -> Callable[[], None]:
    def copy() -> None:
        to.copy_(origin, non_blocking=True)
        synchronise(device)

    return copy


def _check(there: Callable[[], None], back: Callable[[], None], sent: Tensor, returned: Tensor) -> None:
    there()
    back()
    if not torch.equal(sent, returned):
        raise RuntimeError("A copy to the device and back is not what was sent: something is broken here.")


def _name(way: tuple[bool, bool]) -> str:
    there, pinned = way
    return f"{'there' if there else 'back'}, {'pinned' if pinned else 'ordinary'} memory"
