"""Matrix products in fewer bits on a GPU: bfloat16, and int8 or fp8 through torchao where the hardware has them.

torchao quantizes linear layers, not convolutions; so what is measured is a stack of them, as transformers have.
"""

import copy
import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.tables import Table
from lessons_lib.timing import Comparison, compare

# The compute capability from which a GPU multiplies in this precision. Source: NVIDIA, CUDA C++ Programming Guide, tensor cores.
NEEDS = {"float16": (7, 0), "bfloat16": (8, 0), "int8": (8, 0), "fp8": (8, 9)}
THROUGH_TORCHAO = ("int8", "fp8")
INSTALL = '`pip install "torchao>=0.10"`'


@dataclass(frozen=True)
class Machine:
    """What decides which precisions can be measured. capability: of the GPU, None without one."""

    capability: tuple[int, int] | None
    torchao: bool
    compiler: bool


def machine(device: str | torch.device = "auto") -> Machine:
    """This machine; without its GPU where `device` is "cpu"."""
    gpu = torch.cuda.is_available() and str(device) != "cpu"
    compiler = importlib.util.find_spec("triton") is not None and any(map(shutil.which, ("cc", "gcc", "clang")))
    return Machine(
        torch.cuda.get_device_capability() if gpu else None, importlib.util.find_spec("torchao") is not None, compiler
    )


def missing(precision: str, on: Machine) -> str | None:
    """Why a precision cannot be measured, in a sentence; None where it can.

    Args:
        precision: one of `NEEDS`.

    Raises:
        ValueError: unknown precision.
    """
    if precision not in NEEDS:
        raise ValueError(f"there is no precision {precision!r} here; choose one of {', '.join(NEEDS)}.")
    if on.capability is None:
        return f"{precision}: PyTorch sees no NVIDIA GPU here."
    if on.capability < NEEDS[precision]:
        needed, has = (".".join(map(str, pair)) for pair in (NEEDS[precision], on.capability))
        return f"{precision}: needs a GPU of compute capability {needed} or newer; this one has {has}."
    if precision in THROUGH_TORCHAO and not on.torchao:
        return f"{precision}: torchao is not installed; {INSTALL} brings it."
    return None


def stack(width: int, depth: int, device: str | torch.device, seed: int = 0) -> nn.Sequential:
    """Linear layers with ReLUs between them, float32: what runs in few bits below."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [part for _ in range(depth) for part in (nn.Linear(width, width, bias=False), nn.ReLU())]
    return nn.Sequential(*layers[:-1]).to(device).eval()


def converted(model: nn.Module, precision: str) -> nn.Module:
    """A copy whose linear layers multiply in this precision; int8 and fp8 take and give bfloat16.

    Source: torchao.quantization.quantize_, with ranges of the activations found anew in each call ("dynamic").
    """
    if precision == "float16":
        return copy.deepcopy(model).half()
    changed = copy.deepcopy(model).bfloat16()
    if precision in THROUGH_TORCHAO:
        from torchao.quantization import quantize_

        quantize_(changed, _torchao_config(precision))
    return changed


def _torchao_config(precision: str) -> Any:
    from torchao import quantization

    if precision == "int8":
        return quantization.Int8DynamicActivationInt8WeightConfig()
    return quantization.Float8DynamicActivationFloat8WeightConfig(granularity=quantization.PerRow())


def measure(
    precisions: tuple[str, ...], *, width: int, depth: int = 4, batch: int = 2048, seconds: float = 4.0
) -> tuple[Comparison, dict[str, float]]:
    """Time the stack on the GPU in several precisions against float32, and how far its results move.

    Args:
        precisions: those for which `missing` gives None. width: of the layers. batch: rows at once.

    Returns:
        The comparison, whose baseline is float32; and by precision the norm of the difference as a share of the result's.
    """
    base = stack(width, depth, "cuda")
    x = torch.randn(batch, width, device="cuda", generator=torch.Generator("cuda").manual_seed(0))
    compiled = machine().compiler  # for all or for none, or the ratios would hold what compiling gains
    calls, differences = {"float32": _call(base, x, compiled)}, {}
    exact = calls["float32"]()
    for precision in precisions:
        model = converted(base, precision)
        inputs = x.to(torch.float16 if precision == "float16" else torch.bfloat16)
        calls[precision] = _call(model, inputs, compiled)
        differences[precision] = relative_difference(calls[precision](), exact)
    return compare(calls, seconds=seconds, device="cuda"), differences


def _call(model: nn.Module, x: Tensor, compiled: bool) -> Any:
    ready = torch.compile(model) if compiled else model  # fuses the search for the ranges into the products

    def call() -> Tensor:
        with torch.no_grad():
            return ready(x)

    return call


def relative_difference(result: Tensor, exact: Tensor) -> float:
    """The norm of the difference as a share of the norm of `exact`."""
    return ((result.float() - exact.float()).norm() / exact.float().norm()).item()


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


def available(on: Machine | None = None) -> tuple[tuple[str, ...], list[str]]:
    """The precisions that can be measured here, and a sentence for each that cannot."""
    here = on or machine()
    if here.capability is None:
        return (), [f"{', '.join(NEEDS)}: these are measured on an NVIDIA GPU, and none is used here."]
    reasons = {precision: missing(precision, here) for precision in NEEDS}
    return tuple(p for p, reason in reasons.items() if reason is None), [r for r in reasons.values() if r]
