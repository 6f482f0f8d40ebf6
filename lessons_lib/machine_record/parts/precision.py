"""Inference in several precisions: how fast at which batch size, how exact, and what holds it up."""

import secrets
from collections.abc import Mapping
from typing import Any

from lessons_lib.batching import take_batch
from lessons_lib.engines.resident import Resident
from lessons_lib.gpu_inference import bound, errors, launches, precisions
from lessons_lib.gpu_inference.judged import judged, verdict
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.models import to_input
from lessons_lib.profiles import choose
from lessons_lib.tables import Table, filled
from lessons_lib.timing import Comparison

PLAIN, HALF, GRAPH, COMPILED = "float32", "float16", "float16, CUDA graph", "float16, compiled"


def measure(context: Context) -> Findings:
    """About 80 seconds on a GPU, half of them for torch.compile."""
    device, model = context.device, context.network("vgg")
    images = to_input(context.data().test.images[:128])
    slow = choose(context.profile, smoke=(COMPILED,), quick=(), full=())
    runs, notes = precisions.ready(model, images[:2], device, without=slow)
    series, verdicts, gains = [], [], []
    for copies in (False, True):
        context.say(f"precisions, {'with' if copies else 'without'} copies")
        found, problems = precisions.measure(
            runs, images, _batches(context, copies), device, seconds=_seconds(context), copies=copies
        )
        notes += problems
        for batch, compared in found.items():
            labels = {"batch": batch, "copies": copies}
            series += [series_of(m, precision=name, **labels) for name, m in compared.measurements.items()]
            verdicts += judged(compared, "precision", **labels)
            if {HALF, GRAPH} <= compared.measurements.keys():
                gains += judged(_graph_against_none(compared), "precision", **labels)
    context.say("errors against float64, launches")
    facts = {
        "network": "vgg",
        "device_type": device.type,
        "verdicts": verdicts,
        "graph_gains": gains,
        **_errors(context, runs, model),
        **_launches(context, runs, images),
    }
    return Findings(tuple(series), facts, tuple(notes))


def _graph_against_none(compared: Comparison) -> Comparison:
    pair = {name: compared.measurements[name] for name in (HALF, GRAPH)}
    return Comparison(HALF, pair, compared.confidence)


def _batches(context: Context, copies: bool) -> tuple[int, ...]:
    if context.device.type == "cpu":
        sizes = choose(context.profile, smoke=(1, 4), quick=(1, 2, 4, 8, 16, 32, 64), full=(1, 2, 4, 8, 16, 32, 64))
        return sizes[:: len(sizes) - 1] if copies else sizes
    sizes = choose(
        context.profile,
        smoke=(1, 64),
        quick=(1, 4, 16, 64, 256, 1024, 4096),
        full=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096),
    )
    return tuple(size for size in sizes if size in (1, 64, 1024, 4096)) if copies else sizes


def _seconds(context: Context) -> float:
    on_cpu = choose(context.profile, smoke=0.2, quick=1.5, full=6.0)
    return on_cpu if context.device.type == "cpu" else choose(context.profile, smoke=0.3, quick=3.0, full=6.0)


def _errors(context: Context, runs: Mapping[str, Resident], model: Any) -> dict[str, Any]:
    seed = secrets.randbelow(2**31)  # other images in every record; with the seed anybody can draw them again
    draws = choose(context.profile, smoke=1, quick=4, full=20)
    shape = context.data().image_shape
    found = errors.measure(runs, model, shape, seed=seed, batches=(1, 3, 64), draws=draws)
    figures = {one.name: {"median": rounded(one.median), "largest": rounded(one.largest)} for one in found}
    return {"error_seed": seed, "error_draws": 3 * draws, "errors": figures}


def _launches(context: Context, runs: Mapping[str, Resident], images: Any) -> dict[str, Any]:
    sizes = (
        (1,)
        if context.device.type == "cpu"
        else choose(context.profile, smoke=(1, 64), quick=(1, 1024), full=(1, 1024))
    )
    found = []
    for name in [name for name in (PLAIN, HALF, GRAPH) if name in runs]:
        for batch in sizes:
            x = take_batch(images, batch)
            call = precisions.calls({name: runs[name]}, x, context.device, copies=False)[name]
            one = launches.profile(call, context.device)
            if one:
                busy = None if one.busy_ms is None else rounded(one.busy_ms)
                found.append({"precision": name, "batch": batch, "count": one.count, "busy_ms": busy})
    return {"launches": found}


def tables(findings: Findings) -> list[Table]:
    """Times without and with copies, errors, launches."""
    found = [_times(findings, copies) for copies in (False, True)]
    found += [_error_table(findings), _bound_table(findings), _gain_table(findings)]
    return [table for table in found if table.rows]


def _medians(findings: Findings, precision: str, copies: bool = False) -> dict[int, float]:
    fit = [s for s in findings.series if s["precision"] == precision and s["copies"] == copies]
    return {s["batch"]: s["median_ms"] for s in fit}


def _names(findings: Findings) -> list[str]:
    return list(dict.fromkeys(s["precision"] for s in findings.series))


def _times(findings: Findings, copies: bool) -> Table:
    medians = {name: _medians(findings, name, copies) for name in _names(findings)}
    batches = sorted({batch for times in medians.values() for batch in times})
    judged_here = {
        (one["precision"], one["batch"]): verdict(one) for one in findings.facts["verdicts"] if one["copies"] == copies
    }
    rows = []
    for batch in batches:
        cells = {}
        for name, times in medians.items():
            beside = judged_here.get((name, batch))
            cells[name] = (f"{times[batch]:.3g} ms" + (f" ({beside})" if beside else "")) if batch in times else ""
        rows.append({"batch": f"{batch:,}", **cells})
    where = "copies there and back included" if copies else "images and answers on the device"
    return Table(f"Time of a whole batch, against float32; {where}", rows)


def _error_table(findings: Findings) -> Table:
    rows = [
        {"precision": name, "median": f"{one['median']:.1e}", "largest": f"{one['largest']:.1e}"}
        for name, one in findings.facts.get("errors", {}).items()
    ]
    draws = findings.facts.get("error_draws", 0)
    return Table(f"Relative error of the logits against float64 on the CPU, {draws} draws of random images", rows)


def _bound_table(findings: Findings) -> Table:
    rows = []
    for name in _names(findings):
        times = _medians(findings, name)
        if len(times) > 1:
            told = bound.told(bound.judge(times), findings.facts["device_type"])
            rows.append({"precision": name, "what holds it up": told, **_launch_cells(findings, name, times)})
    return Table(
        "Starting the work, or the work? And what is launched in one prediction", filled(rows, missing="not counted")
    )


def _launch_cells(findings: Findings, name: str, times: Mapping[int, float]) -> dict[str, str]:
    cells = {}
    for one in [one for one in findings.facts["launches"] if one["precision"] == name]:
        batch, profiled = one["batch"], launches.Launches(one["count"], one["busy_ms"])
        share = profiled.busy_share(times[batch]) if batch in times else None
        busy = "" if share is None else f", busy {share:.0%} of the time"
        cells[f"launched at batch {batch:,}"] = f"{profiled.count:.0f} pieces{busy}"
    return cells


def _gain_table(findings: Findings) -> Table:
    gains = [one for one in findings.facts["graph_gains"] if not one["copies"]]
    rows = [{"batch": f"{one['batch']:,}", "the CUDA graph is": str(verdict(one))} for one in gains]
    return Table("The same work in float16, launched at once as a CUDA graph, against launched piece by piece", rows)


# Last, since PyTorch's profiler leaves CUPTI attached to the process, and each launch on a GPU is slower from then on.
# Source: https://github.com/pytorch/pytorch/issues/144455
PART = Part("05.precision", "Inference in several precisions", measure, tables, last=True)
