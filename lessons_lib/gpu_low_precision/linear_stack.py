"""A stack of linear layers in several precisions, in turns: what lesson 06 shows on a GPU."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from lessons_lib.gpu_low_precision.calls import call_of, fresh_compiler
from lessons_lib.gpu_low_precision.conversion import converted, dtype_of, relative_difference
from lessons_lib.gpu_low_precision.hardware import machine
from lessons_lib.tables import Table
from lessons_lib.tf32 import tf32
from lessons_lib.timing import Comparison, compare


def stack(width: int, depth: int, device: str | torch.device, seed: int = 0) -> nn.Sequential:
    """Linear layers with ReLUs between them, float32: what runs in few bits below."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [part for _ in range(depth) for part in (nn.Linear(width, width, bias=False), nn.ReLU())]
    return nn.Sequential(*layers[:-1]).to(device).eval()


def measure(
    precisions: tuple[str, ...],
    *,
    width: int,
    depth: int = 4,
    batch: int = 2048,
    seconds: float = 4.0,
    device: str | torch.device = "cuda",
) -> tuple[Comparison, dict[str, float]]:
    """Time the stack in several precisions against float32, and how far its results move.

    Args:
        precisions: those for which `missing` gives None. width: of the layers. batch: rows at once. device: "cuda:1", "cpu".

    Returns:
        The comparison, whose baseline is float32; and by precision the norm of the difference as a share of the result's.
    """
    base = stack(width, depth, device)
    x = torch.randn(batch, width, generator=torch.Generator().manual_seed(0)).to(device)
    compiled = (
        machine(device).compiler and torch.device(device).type == "cuda"
    )  # all or none: or compiling would be in the ratios
    with tf32(False), fresh_compiler() if compiled else nullcontext():
        calls, differences = {"float32": call_of(_ready(base, compiled), x)}, {}
        exact = calls["float32"]()
        for precision in precisions:
            model = converted(base, precision)
            calls[precision] = call_of(_ready(model, compiled), x.to(dtype_of(precision)), precision)
            differences[precision] = relative_difference(calls[precision](), exact)
        return compare(calls, seconds=seconds, device=device), differences


def _ready(model: nn.Module, compiled: bool) -> Any:
    return torch.compile(model) if compiled else model  # fuses the search for the ranges into the products


def table(comparison: Comparison, differences: Mapping[str, float], caption: str) -> Table:
    """A row for each precision: time, verdict against float32, and how far the result moved."""
    rows = [
        {
            "precision": name,
            "ms": f"{measurement.median_ms:.3f}",
            "against float32": str(comparison.verdicts.get(name, "")),
            "result moved by": f"{differences[name]:.2%}" if name in differences else "",
        }
        for name, measurement in comparison.measurements.items()
    ]
    return Table(caption, rows)
