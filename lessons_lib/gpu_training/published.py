"""The best public record of this kind: inputs taken from its source, not measured here.

Source: https://github.com/KellerJordan/cifar10-airbench, the heads of the three files at commits 096d14d, 2501e32 and 01a2367.
"""

from dataclasses import asdict, dataclass
from typing import Any

from lessons_lib.peak_arithmetic import published

A100_PEAK = 312e12  # bfloat16, dense: what makes a GPU comparable with the record's


@dataclass(frozen=True)
class Published:
    """A time to a mean accuracy (0 to 1) on CIFAR-10's test images, as its author states it."""

    program: str
    seconds: float
    accuracy: float
    gpu: str
    torch: str
    method: str


RECORD = Published("airbench94_muon.py", 2.59, 0.9401, "NVIDIA A100, 400 W", "2.4.1", "Muon, compiled, 6 views")
COMPILED = Published(
    "airbench94_compiled.py", 3.09, 0.9401, "NVIDIA A100", "2.4.0", "Nesterov momentum, compiled, 6 views"
)
PLAIN = Published("airbench94.py", 3.83, 0.9401, "NVIDIA A100-SXM4-80GB", "2.1.2", "Nesterov momentum, 6 views")
ALL = (RECORD, COMPILED, PLAIN)


def facts() -> list[dict[str, Any]]:
    """All three, as JSON can hold them."""
    return [asdict(one) for one in ALL]


def comparable(gpu: str) -> bool:
    """Whether a GPU of this name is an A100, or at least as fast on its data sheet."""
    peak = published(gpu, "bfloat16")
    return peak is not None and peak >= A100_PEAK


def against(seconds: float, gpu: str, target: float = 0.94) -> str:
    """What the readable version costs against the record, in a sentence; only the figures where the GPUs cannot be compared."""
    record = f"{RECORD.program} is published with {RECORD.seconds} s on one {RECORD.gpu}"
    same = f"{PLAIN.program}, without Muon and without a compiler, with {PLAIN.seconds} s"
    here = f"Here, on one {gpu}, {target:.0%} took {seconds:.2f} s"
    if not comparable(gpu):
        return f"{here}. {record}, {same}; this device is of another class, so no ratio is given."
    return f"{here}: {seconds / RECORD.seconds:.2f} times the record ({record}), {seconds / PLAIN.seconds:.2f} times {same}."
