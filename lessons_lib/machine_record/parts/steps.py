"""What makes a training step fast on this device: one knob after the other, in several batch sizes, in turns."""

from typing import Any

import torch

from lessons_lib import peak_arithmetic
from lessons_lib.gpu_training import network, ways
from lessons_lib.gpu_training.sweeping import Swept, sweep
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.profiles import choose
from lessons_lib.tables import Table, filled
from lessons_lib.tf32 import tf32
from lessons_lib.timing import Measurement
from lessons_lib.training_memory import in_words

CPU_WIDTHS = (8, 32, 32)  # a CPU would need minutes for what a GPU does in this time


def measure(context: Context) -> Findings:
    """Time training steps of the fast network; on a CPU of a narrow one, without TF32 and graphs."""
    device, gpu = context.device, context.device.type == "cuda"
    data = context.data(train=choose(context.profile, smoke=256, quick=4_000, full=12_000))
    widths = network.FULL if gpu else CPU_WIDTHS
    net = network.build(data.channels, len(data.classes), widths, seed=context.seed)
    compiled = context.profile == "full" or (gpu and context.profile == "quick")
    candidates = ways.ladder(device, compiled=compiled)
    batches = choose(context.profile, smoke=(16, 64), quick=(64, 512), full=(64, 512)) + (1024,) * gpu
    context.say(f"training steps with batches of {', '.join(map(str, batches))}")
    # the first use of the GPU, and compiling, take the rest of the minute
    seconds = choose(context.profile, smoke=1.5, quick=15.0 if gpu else 8.0, full=60.0)
    swept = sweep(
        net, data.train, candidates, batches, device=device, seconds=seconds, compiled_at=(512,), seed=context.seed
    )
    used = {candidates[name].arithmetic for by_name in swept.measured.values() for name in by_name}
    peaks = {name: peak(device, name, choose(context.profile, smoke=0.1, quick=0.5, full=1.0)) for name in sorted(used)}
    flop = peak_arithmetic.training_flop(net, data.image_shape)
    rows = [
        _row(name, candidates[name].arithmetic, batch, measurement, swept, flop, peaks)
        for batch in sorted(swept.measured)
        for name, measurement in swept.measured[batch].items()
    ]
    series = [
        series_of(measurement, knobs=name, batch=batch, images=swept.images[batch])
        for batch in sorted(swept.measured)
        for name, measurement in swept.measured[batch].items()
    ]
    facts = {
        "device": ways.name_of(device),
        "widths": list(widths),
        "parameters": sum(p.numel() for p in net.parameters()),
        "image_shape": list(data.image_shape),
        "training_flop_per_image": flop,
        "peaks_flop_per_s": peaks,
        "rows": rows,
    }
    notes = list(swept.problems) if compiled else [*swept.problems, NOT_COMPILED]
    return Findings(tuple(series), facts, tuple(notes))


NOT_COMPILED = 'torch.compile is left out in this profile on this device: it takes half a minute, and a C++ compiler. "full" has it.'


def peak(device: torch.device, arithmetic: str, seconds: float) -> dict[str, float | None]:
    """Operations a second, of the data sheet and of matrix products on the device."""
    with tf32(arithmetic == "tf32"):
        reached = peak_arithmetic.measured(device, arithmetic, seconds=seconds)
    sheet = peak_arithmetic.published(ways.name_of(device), arithmetic)
    return {"data_sheet": sheet, "matrix_products": rounded(reached)}


def _row(
    name: str,
    arithmetic: str,
    batch: int,
    measurement: Measurement,
    swept: Swept,
    flop: int,
    peaks: dict[str, dict[str, float | None]],
) -> dict[str, Any]:
    rate = swept.images[batch] * measurement.per_second
    shares = {kind: peak_arithmetic.share(rate * flop, value) for kind, value in peaks[arithmetic].items()}
    return {
        "knobs": name,
        "arithmetic": arithmetic,
        "batch": batch,
        "ms_per_step": rounded(measurement.median_ms * batch / swept.images[batch]),
        "images_per_second": rounded(rate),
        "flop_per_s": rounded(rate * flop),
        "share_of_data_sheet": shares["data_sheet"] and rounded(shares["data_sheet"]),
        "share_of_matrix_products": shares["matrix_products"] and rounded(shares["matrix_products"]),
        "memory_bytes": swept.memory_bytes[batch][name],
    }


def tables(found: Findings) -> list[Table]:
    """A table for each batch size."""
    rows = found.facts["rows"]
    return [
        Table(
            f"Training steps on one {found.facts['device']}, batch of {batch:,}",
            filled([_cells(row, rows) for row in rows if row["batch"] == batch], missing="not known"),
        )
        for batch in dict.fromkeys(row["batch"] for row in rows)
    ]


def _cells(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, str | None]:
    first = next(other for other in rows if other["batch"] == row["batch"])
    memory = row["memory_bytes"]
    return {
        "knobs": row["knobs"],
        "ms a step": f"{row['ms_per_step']:.3g}",
        "images/s": f"{row['images_per_second']:,.0f}",
        "against the first": f"{row['images_per_second'] / first['images_per_second']:.2f}x",
        "share of the data sheet's peak": _percent(row["share_of_data_sheet"]),
        "share of what matrix products reach": _percent(row["share_of_matrix_products"]),
        "memory": in_words(memory) if memory else None,
    }


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


PART = Part("02.steps", "What makes a training step fast", measure, tables)
