"""What this machine can multiply with: told apart are no GPU, one that is too old, and a package that is missing."""

import importlib.util
import shutil
from dataclasses import dataclass

import torch

# The compute capability from which a GPU multiplies in this precision. Source: NVIDIA, CUDA C++ Programming Guide, tensor cores.
NEEDS = {"float16": (7, 0), "bfloat16": (8, 0), "int8": (8, 0), "fp8": (8, 9)}
TF32_NEEDS = (8, 0)
THROUGH_TORCHAO = ("int8", "fp8")
ON_A_CPU = ("bfloat16", "int8")  # what a CPU is asked for, so that the same code runs there
INSTALL = '`pip install "torchao>=0.10"`'


@dataclass(frozen=True)
class Machine:
    """What decides which precisions can be measured. capability: of the GPU, None without one."""

    capability: tuple[int, int] | None
    torchao: bool
    compiler: bool


def machine(device: str | torch.device = "auto") -> Machine:
    """This machine, with the GPU that `device` names ("cuda:1"); without any where `device` is "cpu"."""
    gpu = torch.cuda.is_available() and str(device) != "cpu"
    capability = torch.cuda.get_device_capability(None if str(device) == "auto" else device) if gpu else None
    compiler = importlib.util.find_spec("triton") is not None and any(map(shutil.which, ("cc", "gcc", "clang")))
    return Machine(capability, importlib.util.find_spec("torchao") is not None, compiler)


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
        return too_old(precision, NEEDS[precision], on.capability)
    if precision in THROUGH_TORCHAO and not on.torchao:
        return without_torchao(precision)
    return None


def too_old(what: str, needed: tuple[int, int], has: tuple[int, int]) -> str:
    """The sentence about a GPU that is there, but of an earlier generation."""
    need, have = (".".join(map(str, pair)) for pair in (needed, has))
    return f"{what}: needs a GPU of compute capability {need} or newer; this one has {have}."


def without_torchao(what: str) -> str:
    """The sentence about the package that is missing."""
    return f"{what}: torchao is not installed; {INSTALL} brings it."


def available(on: Machine | None = None) -> tuple[tuple[str, ...], list[str]]:
    """The precisions that can be measured here, and a sentence for each that cannot."""
    here = on or machine()
    if here.capability is None:
        return (), [f"{', '.join(NEEDS)}: these are measured on an NVIDIA GPU, and none is used here."]
    reasons = {precision: missing(precision, here) for precision in NEEDS}
    return tuple(p for p, reason in reasons.items() if reason is None), [r for r in reasons.values() if r]


def for_sweep(on: Machine) -> tuple[tuple[str, ...], list[str]]:
    """Like `available`, with float32 first and TF32 second; and on a CPU those precisions that it has as well."""
    if on.capability is None:
        kept = tuple(p for p in ON_A_CPU if on.torchao or p not in THROUGH_TORCHAO)
        reasons = [] if on.torchao else [without_torchao("int8")]
        return ("float32", *kept), [
            *reasons,
            "TF32, float16, fp8: these are measured on an NVIDIA GPU, and this is a CPU.",
        ]
    found, reasons = available(on)
    if on.capability < TF32_NEEDS:
        return ("float32", *found), [too_old("TF32", TF32_NEEDS, on.capability), *reasons]
    return ("float32", "TF32", *found), reasons


def uncompiled(on: Machine) -> str | None:
    """Why nothing is compiled here, in a sentence; None where compiling is possible."""
    if on.capability is None:
        return "Compiled: this is measured on an NVIDIA GPU, and this is a CPU."
    if on.capability < (7, 0):
        return too_old("Compiled", (7, 0), on.capability)  # Source: Triton's documentation
    if not on.compiler:
        return "Compiled: torch.compile needs the triton package and a C compiler, and one of them is missing here."
    return None
