"""CPU against GPU: the engines of lesson 09 in turns, and the batch from which a GPU pays, with and without the copies."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from lessons_lib import compare, models
from lessons_lib.batching import take_batch
from lessons_lib.configuration import Row, in_words
from lessons_lib.engines.resident import Form, Resident
from lessons_lib.gpu_inference import paying, precisions
from lessons_lib.gpu_inference.judged import judged
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.timing import Comparison
from lessons_lib.timing import compare as in_turns

# All but the compiled one: torch.compile takes longer than all of them are measured, and 05.precision has it.
GPU_NAMES = ("GPU eager", "GPU TF32", "GPU half", "GPU bfloat16", "GPU graph")


def measure(context: Context) -> Findings:
    """About 60 seconds."""
    data = context.data()
    lined_up, notes = compare.line_up(
        {"base": context.network("vgg")}, data, device=context.device, gpu_names=GPU_NAMES
    )
    context.say(f"{len(lined_up)} engines in turns")
    batches = choose(context.profile, smoke=(1, 4), quick=(1, 8, 64, 256), full=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
    seconds = choose(context.profile, smoke=0.3, quick=5.0, full=10.0)
    grid = compare.measure_grid(lined_up, data, batches, seconds=seconds)
    series, verdicts = _break_even(context) if context.device.type == "cuda" else ([], [])
    facts = {"dataset": data.name, "rows": [row.as_dict() for row in grid.rows], "break_even": verdicts}
    if context.device.type == "cpu":
        notes.append("From which batch a GPU pays was not measured: this record is of a CPU.")
    return Findings(tuple(series), facts, (*notes, *grid.notes))


def _break_even(context: Context) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    series: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    shape, classes = context.data().image_shape, len(context.data().classes)
    networks = {
        name: models.build(name, channels=shape[0], classes=classes, seed=context.seed) for name in models.NAMES
    }
    batches = choose(context.profile, smoke=(1, 8), quick=(1, 4, 16, 64, 256), full=(1, 2, 4, 8, 16, 32, 64, 128, 256))
    for name, network in networks.items():
        context.say(f"from which batch a GPU pays for {name}")
        for batch in batches:
            compared = _duel(network, take_batch(torch.rand(64, *shape), batch), context)
            series += [series_of(m, model=name, place=place, batch=batch) for place, m in compared.measurements.items()]
            verdicts += judged(compared, "place", model=name, batch=batch)
    return series, verdicts


def _duel(network: nn.Module, x: torch.Tensor, context: Context) -> Comparison:
    """A CPU in float32 against a GPU in float16, each as fast as PyTorch makes it without compiling."""
    on_cpu, on_gpu = Resident(network, Form()), Resident(network, Form(torch.float16), context.device)
    calls: dict[str, Callable[[], Any]] = {
        "CPU": partial(on_cpu, x),
        paying.COPIES: precisions.calls({"it": on_gpu}, x, context.device, copies=True)["it"],
        paying.NO_COPIES: precisions.calls({"it": on_gpu}, x, context.device, copies=False)["it"],
    }
    return in_turns(calls, seconds=choose(context.profile, smoke=0.1, quick=1.0, full=3.0), device=context.device)


def tables(findings: Findings) -> list[Table]:
    """The engines at each batch size, fastest first, and the break-even batches."""
    rows = [Row(**row) for row in findings.facts["rows"]]
    found = [
        Table(
            f"Batch size {batch}, fastest first",
            [in_words(row) for row in sorted(rows, key=lambda r: r.latency_ms) if row.batch == batch],
        )
        for batch in sorted({row.batch for row in rows})
    ]
    pays = paying.table(paying.of_models(findings.facts["break_even"]))
    return [*found, *([pays] if pays.rows else [])]


PART = Part("09.devices", "CPU against GPU", measure, tables)
