"""Throughput and latency against the batch size, until the memory ends."""

from functools import partial
from typing import Any

import torch

from lessons_lib import batching
from lessons_lib.engines.resident import Form, Resident
from lessons_lib.gpu_inference import memory
from lessons_lib.gpu_inference.precisions import waited
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.models import to_input
from lessons_lib.profiles import choose
from lessons_lib.tables import Table

ALLOWED_MIB = 1024  # for the second round: so that the memory of any GPU ends within sight


def measure(context: Context) -> Findings:
    """About 30 seconds on a GPU."""
    device, on_gpu = context.device, context.device.type == "cuda"
    images = to_input(context.data().test.images[:128])
    runs = {
        f"{name}, {form.precision}": partial(waited, Resident(context.network(name), form, device), device)
        for name, form in (("vgg", Form()), ("vgg", Form(torch.float16)), ("small", Form()))
        if on_gpu or form.dtype == torch.float32
    }
    for run in runs.values():
        run(images)  # the libraries take a share of the memory at their first call, and keep it
    before = memory.allocated_bytes(device)
    largest = min(memory.largest_batch(context.network(name), context.data().image_shape) for name in ("vgg", "small"))
    found: dict[int | None, Any] = {
        None: _sweeps(context, runs, images, memory.sizes_up_to(_largest(context, largest)), None)
    }
    if on_gpu:
        found[ALLOWED_MIB] = _sweeps(context, runs, images, memory.sizes_up_to(largest, first=64), ALLOWED_MIB)
    series = [
        series_of(point.measurement, run=name, batch=point.batch, allowed_mib=allowed)
        for allowed, sweeps in found.items()
        for name, points in sweeps.items()
        for point in batching.measured(points)
        if point.measurement
    ]
    problems = [
        {"run": name, "batch": point.batch, "allowed_mib": allowed, "problem": point.problem}
        for allowed, sweeps in found.items()
        for name, points in sweeps.items()
        for point in points
        if point.problem
    ]
    left = memory.allocated_bytes(device) - before
    facts = {"problems": problems, "largest_tried": _largest(context, largest), "bytes_left_behind": left}
    return Findings(tuple(series), facts, tuple(_notes(on_gpu, facts)))


def _largest(context: Context, countable: int) -> int:
    if context.device.type == "cpu":
        return choose(context.profile, smoke=4, quick=64, full=256)
    return choose(context.profile, smoke=256, quick=countable, full=countable)


def _sweeps(context: Context, runs: dict[str, Any], images: torch.Tensor, sizes: list[int], allowed: int | None) -> Any:
    context.say("batches until the memory ends" + (f", with {allowed:,} MiB of it" if allowed else ""))
    seconds = choose(context.profile, smoke=0.05, quick=0.3, full=1.0)
    most_bytes = allowed * 2**20 if allowed else None
    return memory.sweeps(runs, images, sizes, context.device, seconds=seconds, most_bytes=most_bytes)


def _notes(on_gpu: bool, facts: dict[str, Any]) -> list[str]:
    notes = []
    if not on_gpu:
        notes.append(
            "On a CPU the batches end where they were told to: exhausting its memory would hurt the whole machine."
        )
    elif not any(one["allowed_mib"] is None for one in facts["problems"]):
        notes.append(
            f"The whole memory held every batch up to {facts['largest_tried']:,}; larger ones have more numbers in a layer than "
            "32 bits can count, which many kernels rely on."
        )
    if facts["bytes_left_behind"] > 0:
        notes.append(f"{facts['bytes_left_behind']:,} bytes of the GPU's memory were not given back.")
    return notes


def tables(findings: Findings) -> list[Table]:
    """Throughput and latency by batch size, with the whole memory and with a part of it."""
    limits = dict.fromkeys(s["allowed_mib"] for s in findings.series)
    return [_table(findings, allowed) for allowed in limits]


def _table(findings: Findings, allowed: int | None) -> Table:
    cells: dict[int, dict[str, str]] = {}
    for one in [s for s in findings.series if s["allowed_mib"] == allowed]:
        rate = one["batch"] / one["median_ms"] * 1e3
        cells.setdefault(one["batch"], {})[one["run"]] = f"{rate:,.0f} images/s, {one['median_ms']:.3g} ms"
    for one in [p for p in findings.facts["problems"] if p["allowed_mib"] == allowed]:
        cells.setdefault(one["batch"], {})[one["run"]] = one["problem"]
    names = dict.fromkeys(name for row in cells.values() for name in row)
    rows = [{"batch": f"{b:,}", **{name: cells[b].get(name, "") for name in names}} for b in sorted(cells)]
    rest = "with all of the memory" if allowed is None else f"with {allowed:,} MiB of the memory allowed"
    return Table(f"Throughput and latency on the device, {rest}", rows)


PART = Part("08.batching", "Batches until the memory ends", measure, tables)
