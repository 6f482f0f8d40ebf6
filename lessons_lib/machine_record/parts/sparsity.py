"""Part 07.sparsity: linear layers with all weights against half of them in the 2:4 pattern."""

import time
from typing import Any

from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.profiles import choose
from lessons_lib.pruning_study import gpu_sparsity
from lessons_lib.tables import Table
from lessons_lib.timing.table import duration

NAME = "07.sparsity"


def measure(context: Context) -> Findings:
    """Every size of layer, batch and kind of number; a sentence where this machine cannot."""
    if reason := gpu_sparsity.missing(context.device):
        return Findings(notes=(reason,))
    began, limit_s = time.perf_counter(), choose(context.profile, smoke=10, quick=20, full=120)
    seconds = choose(context.profile, smoke=0.1, quick=1.0, full=4.0)
    series: list[dict[str, Any]] = []
    notes: list[str] = []
    for width, batch, kind in sizes(context.profile):
        if time.perf_counter() - began > limit_s:
            notes.append(
                f"{width} x {width}, batch {batch}, {kind}: left out, since the time for this part was used up."
            )
            continue
        context.say(f"{width} x {width}, batch {batch}, {kind}")
        try:
            layer = gpu_sparsity.measure(
                width, batch, kind=kind, seconds=seconds, seed=context.seed, device=context.device
            )
        except RuntimeError as problem:  # no kernel runs, or no memory is left
            first = (str(problem).strip().splitlines() or ["no message"])[0][:200]
            notes.append(f"{width} x {width}, batch {batch}, {kind}: not measured ({first}).")
            continue
        series += series_of_layer(layer)
        notes += layer.notes
    return Findings(tuple(series), {"told": told(series)} if series else {}, tuple(dict.fromkeys(notes)))


def sizes(profile: str) -> list[tuple[int, int, str]]:
    """Width, batch and kind of number of each layer."""
    widths = choose(profile, smoke=(256,), quick=(1024, 4096), full=(1024, 2048, 4096, 8192))
    batches = choose(profile, smoke=(64,), quick=(64, 4096), full=(32, 256, 1024, 4096))
    kinds = choose(
        profile, smoke=("float16",), quick=("float16", "bfloat16", "int8"), full=("float16", "bfloat16", "int8")
    )
    return [(width, batch, kind) for kind in kinds for width in widths for batch in batches]


def series_of_layer(layer: gpu_sparsity.SparseLayer) -> list[dict[str, Any]]:
    """The dense product first, then each sparse kernel with its verdict."""
    baseline = layer.comparison.baseline
    return [
        series_of(
            one,
            width=layer.width,
            batch=layer.batch,
            kind=layer.kind,
            kernel="dense" if name == baseline else name.rpartition(", ")[2],
            against=str(layer.comparison.verdicts.get(name, "")),
            relative_error=rounded(layer.errors[name], 3),
        )
        for name, one in layer.comparison.measurements.items()
    ]


def told(series: list[dict[str, Any]]) -> str:
    """Where 2:4 pays and where it loses, in a sentence."""
    sparse = [one for one in series if one["kernel"] != "dense"]
    words = [one["against"].split(",")[0] for one in sparse]
    wins, losses = words.count("faster"), words.count("slower")
    most = max(sparse, key=lambda one: _times(one["against"]), default=None)
    if most is None or not wins:
        return f"Skipping half of the weights is nowhere faster here: slower in {losses} of {len(sparse)} cases, else it cannot be told."
    where = f"{most['width']} x {most['width']}, batch {most['batch']}, {most['kind']}, {most['kernel']}"
    return (
        f"Half of the weights, faster in {wins} of {len(sparse)} cases, slower in {losses}; the most is {_times(most['against']):.3g} "
        f"times ({where}). Twice would be all that there is to gain."
    )


def _times(verdict: str) -> float:
    """The ratio in the text of a verdict: 1.5 of "faster, 1.5x, 1.4 to 1.6"."""
    parts = [part.strip() for part in verdict.split(",")]
    number = parts[1].removesuffix("x") if len(parts) > 1 else ""
    return float(number) if number.replace(".", "", 1).isdigit() else 0.0


def tables(findings: Findings) -> list[Table]:
    """A row for each layer and kernel, dense and sparse side by side."""
    dense = {_layer(one): one for one in findings.series if one["kernel"] == "dense"}
    rows = [
        {
            "layer": f"{one['width']} x {one['width']}, batch {one['batch']}",
            "numbers": one["kind"],
            "kernel": one["kernel"],
            "dense": duration(dense[_layer(one)]["median_ms"]),
            "2:4": duration(one["median_ms"]),
            "2:4 is": one["against"],
            "relative error": f"{one['relative_error']:.1e}",
        }
        for one in findings.series
        if one["kernel"] != "dense" and _layer(one) in dense
    ]
    return [Table(f"2:4 sparsity, one linear layer. {findings.facts['told']}", rows)] if rows else []


def _layer(one: dict[str, Any]) -> tuple[int, int, str]:
    return one["width"], one["batch"], one["kind"]


PART = Part(NAME, "2:4 sparsity", measure, tables)
