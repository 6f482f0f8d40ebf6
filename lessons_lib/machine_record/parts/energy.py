"""Part 09.energy: what an image costs in energy, by batch: on the GPU in float32 and in half precision, on the CPU beside it."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from lessons_lib import energy
from lessons_lib.device import synchronise
from lessons_lib.energy import Counter, Energy
from lessons_lib.explained import NotHere
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded
from lessons_lib.machine_record.part import Part
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.tf32 import tf32

NAME = "09.energy"
PRECISIONS = ("float32", "TF32", "float16")  # a GPU from before Ampere calculates TF32 as float32
CPU = torch.device("cpu")
Counters = Callable[[str], tuple[list[Counter], str]]


def measure(context: Context, counters: Counters = energy.counters) -> Findings:
    """Every device that counts, every precision and batch; a sentence for each that does not."""
    seconds = choose(context.profile, smoke=0.1, quick=1.5, full=5.0)
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for device in dict.fromkeys((context.device, CPU)):
        found, reason = counters(str(device))
        if not found:
            notes.append(reason)
            continue
        try:
            rows += of_device(context, device, found, seconds, notes)
        except NotHere as lost:
            notes.append(str(lost))
    return Findings((), {"rows": rows} if rows else {}, tuple(notes))


def of_device(
    context: Context, device: torch.device, found: Sequence[Counter], seconds: float, notes: list[str]
) -> list[dict[str, Any]]:
    """The rows of one device, each precision at each batch."""
    context.say(f"energy per image on {device}")
    network = context.network("vgg")
    if device.type == "cuda":
        time.sleep(seconds)  # its clocks stay up for a while after the part before
    idle = energy.idle_watts(found, seconds)
    rows = []
    for precision, batch in loads(context.profile, device):
        try:
            call = calling(network, device, precision, batch, context)
            with tf32(precision == "TF32"):
                used = energy.of_load(precision, call, batch, found, idle, seconds=seconds)
        except torch.cuda.OutOfMemoryError:
            notes.append(f"{precision}, batch {batch}: the memory of the device did not suffice.")
            continue
        rows.append(row(used, device, precision, batch, found))
    return rows


def loads(profile: str, device: torch.device) -> Iterator[tuple[str, int]]:
    """Precision and batch of each load."""
    batches = choose(profile, smoke=(1, 8), quick=(1, 64, 1024), full=(1, 16, 256, 1024, 4096))
    for precision in PRECISIONS if device.type == "cuda" else PRECISIONS[:1]:
        yield from ((precision, batch) for batch in batches if device.type == "cuda" or batch <= 256)


def calling(
    network: nn.Module, device: torch.device, precision: str, batch: int, context: Context
) -> Callable[[], None]:
    """One batch that is on the device already, and waiting for its answers."""
    dtype = torch.float16 if precision == "float16" else torch.float32
    model: Any = copy.deepcopy(network).eval().to(device, dtype)
    model = model.to(memory_format=torch.channels_last)
    x = torch.randn(batch, *context.data().image_shape, generator=torch.Generator().manual_seed(context.seed))
    there = x.to(device, dtype, memory_format=torch.channels_last)

    def call() -> None:
        with torch.inference_mode():
            model(there)
        synchronise(device)

    return call


def row(used: Energy, device: torch.device, precision: str, batch: int, found: Sequence[Counter]) -> dict[str, Any]:
    """What was counted, for JSON."""
    figures = {name: rounded(value) for name, value in asdict(used).items() if isinstance(value, float)}
    per_image = {
        "joules_per_image": rounded(used.joules_per_image),
        "added_joules_per_image": rounded(used.added_joules_per_image),
    }
    labels = {"device": device.type, "precision": precision, "batch": batch, "images": used.images}
    return labels | {"counter": ", ".join(counter.name for counter in found)} | figures | per_image


def tables(findings: Findings) -> list[Table]:
    """A row for each load, in the order in which they ran."""
    rows = [
        {
            "device": one["device"].upper() if one["device"] == "cpu" else "GPU",
            "precision": one["precision"],
            "batch": one["batch"],
            "energy per image": joules(one["joules_per_image"]),
            "added to the idle power": joules(one["added_joules_per_image"]),
            "power": f"{one['joules'] / one['seconds']:.3g} W (idle: {one['idle_watts']:.3g} W)",
            "counted by": one["counter"],
        }
        for one in findings.facts.get("rows", [])
    ]
    caption = "Energy per image; a GPU's counter is that of its board, without the processor that feeds it"
    return [Table(caption, rows)] if rows else []


def joules(value: float) -> str:
    """An energy with its unit."""
    if value >= 1:
        return f"{value:.3g} J"
    return f"{1e3 * value:.3g} mJ" if value >= 1e-3 else f"{1e6 * value:.3g} µJ"


PART = Part(NAME, "Energy per image", measure, tables)
