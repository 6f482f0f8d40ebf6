"""Part 06.low_precision: a small vision transformer in every precision, int8 and fp8 through torchao, and why not convolutions."""

import copy
import time
from typing import Any

import torch
from torch import nn

from lessons_lib import vit
from lessons_lib.gpu_low_precision import conversion, convolutions, hardware, sweep
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.models import to_input
from lessons_lib.profiles import choose
from lessons_lib.tables import Table, filled
from lessons_lib.tf32 import tf32
from lessons_lib.timing.table import duration

NAME = "06.low_precision"
UNCOMPILED_SHARE = 0.6  # of the seconds of this part, after which nothing more is begun uncompiled
COMPILED = ("float32", "bfloat16", "int8", "fp8")  # compiling takes seconds each; only profile full has time for all
CONVOLUTION = 2  # of the VGG-like network: 64 channels to 64, at half the height and width of the image


def measure(context: Context) -> Findings:
    """Train a small transformer briefly, then time and judge it in each precision that this machine has."""
    began, device = time.perf_counter(), context.device
    on = hardware.machine(device)
    precisions, reasons = hardware.for_sweep(on)
    notes = sweep.Notes(list(reasons))
    limit_s = choose(context.profile, smoke=20, quick=60, full=300)

    def over(share: float = 1.0) -> bool:
        return time.perf_counter() - began > share * limit_s

    model, facts = _trained(context, limit_s / 6)
    made = sweep.in_precisions(model, precisions, notes)
    facts |= _judged(context, model, made, notes)
    shape = context.data().image_shape
    context.say("timing the transformer in each precision")
    seconds = choose(context.profile, smoke=0.1, quick=1.5, full=6.0)
    found = sweep.times(
        made, _batches(context), shape, notes, seconds=seconds, over=lambda: over(UNCOMPILED_SHARE), seed=context.seed
    )
    series = [_transformer_series(one) for one in found]
    series += _convolutions(context, on.torchao, notes, facts)
    if reason := hardware.uncompiled(on):
        notes.told.append(reason)
    else:
        context.say("compiling its blocks")
        largest = choose(context.profile, smoke=(16,), quick=(4096, 1), full=(1, 64, 1024, 4096))
        chosen = {name: one for name, one in made.items() if name in COMPILED or context.profile == "full"}
        compiled = sweep.times(
            chosen, largest, shape, notes, seconds=seconds, compiled=True, over=over, seed=context.seed
        )
        series += [_transformer_series(one) for one in compiled]
    return Findings(tuple(series), facts, tuple(dict.fromkeys(notes.told)))


def _batches(context: Context) -> tuple[int, ...]:
    if context.device.type == "cpu":
        return choose(context.profile, smoke=(1, 4), quick=(1, 16, 64), full=(1, 16, 64, 256))
    return choose(context.profile, smoke=(1, 16), quick=(1, 16, 256, 4096), full=(1, 4, 16, 64, 256, 1024, 4096))


def _trained(context: Context, seconds: float) -> tuple[nn.Module, dict[str, Any]]:
    """The transformer after some steps, or as many as fit into the time, and what there is to say about it."""
    size = "small" if context.device.type == "cuda" and context.profile != "smoke" else "tiny"
    data = context.data()
    context.say(f"training a {size} vision transformer for at most {seconds:.0f} s")
    model = vit.build(size, image_shape=data.image_shape, classes=len(data.classes), seed=context.seed).to(
        context.device
    )
    steps = choose(context.profile, smoke=5, quick=1_000, full=4_000)
    with tf32(True):
        done = train(model, data.train.images, data.train.labels, steps=steps, seconds=seconds, seed=context.seed)
    width, depth, heads = vit.SIZES[size]
    network = {"width": width, "depth": depth, "heads": heads, "tokens": model.place.shape[1], "macs": vit.macs(model)}
    return model.eval(), {"network": network, "trained_steps": done}


def train(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    steps: int,
    seconds: float,
    batch: int = 128,
    seed: int = 0,
) -> int:
    """AdamW at a constant rate after a warm-up; enough for answers worth comparing, and no more.

    Args:
        model: on the device to train on; changed. images: uint8 (n, c, h, w). labels: int64 (n,). steps, seconds: whichever ends
            first. batch: images a step.

    Returns:
        How many steps were made.
    """
    device = next(model.parameters()).device
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.05)
    random, began = torch.Generator().manual_seed(seed), time.perf_counter()
    model.train()
    for step in range(steps):
        if time.perf_counter() - began > seconds:
            return step
        for group in optimiser.param_groups:
            group["lr"] = 5e-4 * min(1.0, (step + 1) / 50)
        chosen = torch.randint(len(images), (batch,), generator=random)
        loss = nn.functional.cross_entropy(model(to_input(images[chosen]).to(device)), labels[chosen].to(device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step % 20 == 0:
            loss.item()  # waits for the GPU, or the time limit would be seen too late
    return steps


def _judged(context: Context, model: nn.Module, made: dict[str, nn.Module], notes: sweep.Notes) -> dict[str, Any]:
    """Accuracy, answers that differ from float32's, relative error and bytes of each precision."""
    data = context.data()
    context.say("judging each precision")
    chosen = sweep.answers(made, data.test.images, notes)
    reference = chosen.get("float32")
    images = choose(context.profile, smoke=4, quick=32, full=128)
    errors = sweep.errors(model, made, data.image_shape, notes, images=images, seed=context.seed)
    right = {name: (answers == data.test.labels).float().mean().item() for name, answers in chosen.items()}
    changed = {name: int((answers != reference).sum()) for name, answers in chosen.items() if reference is not None}
    return {
        "test_images": len(data.test.labels),
        "accuracy": {name: rounded(share) for name, share in right.items()},
        "answers_changed": changed,
        "relative_error": {name: rounded(error, 3) for name, error in errors.items()},
        "weight_bytes": {name: conversion.weight_bytes(one) for name, one in made.items()},
    }


def _transformer_series(one: sweep.Timed) -> dict[str, Any]:
    return series_of(
        one.measurement,
        network="transformer",
        precision=one.precision,
        batch=one.batch,
        compiled=one.compiled,
        against=one.against,
    )


def _convolutions(context: Context, torchao: bool, notes: sweep.Notes, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """What int8 reaches in each network, and one convolution as it is and as a linear layer."""
    context.say("int8 and convolutions")
    vgg: Any = context.network("vgg")
    shape = context.data().image_shape
    if torchao:
        with notes.instead_of_errors("What int8 reaches"):
            small = vit.build("small", image_shape=shape, classes=12).eval()
            facts["reach"] = {
                "VGG-like, convolutions": convolutions.reach(vgg, shape).as_dict(),
                "vision transformer": convolutions.reach(small, shape, vit.macs(small)).as_dict(),
            }
    layer = copy.deepcopy(vgg.layers()[CONVOLUTION][0])
    batch = choose(context.profile, smoke=8, quick=256, full=1024)
    if context.device.type == "cpu":
        batch = min(batch, 32)
    seconds = choose(context.profile, smoke=0.1, quick=1.0, full=4.0)
    int8 = "int8" in hardware.for_sweep(hardware.machine(context.device))[0]
    found = convolutions.as_linear(
        layer, batch, shape[1] // 2, device=context.device, notes=notes, int8=int8, seconds=seconds, seed=context.seed
    )
    if found is None:
        return []
    facts["convolution"] = {
        "channels": list(layer.weight.shape[:2]),
        "batch": batch,
        "input_bytes": found.input_bytes,
        "columns_bytes": found.columns_bytes,
        "peak_bytes": found.peak_bytes,
        "relative_error": {name: rounded(error, 3) for name, error in found.errors.items()},
    }
    verdicts = found.comparison.verdicts
    return [
        series_of(one, network="convolution", way=name, batch=batch, against=str(verdicts.get(name, "")))
        for name, one in found.comparison.measurements.items()
    ]


def tables(findings: Findings) -> list[Table]:
    """Times by batch, what each precision is worth, what int8 reaches, and the convolution."""
    transformer = [one for one in findings.series if one["network"] == "transformer"]
    made = [
        times_table([one for one in transformer if one["compiled"] is compiled], compiled) for compiled in (False, True)
    ]
    facts = findings.facts
    made.append(Table(_worth_caption(facts), worth_rows(facts)))
    reach = list(facts.get("reach", {}).items())
    made.append(Table("What int8 through torchao changes in a network", convolutions.rows_of_reach(reach)))
    made.append(_convolution_table(findings))
    return [table for table in made if table.rows]


def times_table(series: list[dict[str, Any]], compiled: bool) -> Table:
    """A row for each batch size and precision, in the order in which they were measured."""
    how = "compiled block by block" if compiled else "as it is, without compiling"
    rows = [
        {
            "batch": one["batch"],
            "precision": one["precision"],
            "time": duration(one["median_ms"]),
            "images a second": f"{1000 * one['batch'] / one['median_ms']:,.0f}",
            "against float32": one["against"],
        }
        for one in series
    ]
    return Table(f"The vision transformer, {how}", rows)


def _worth_caption(facts: dict[str, Any]) -> str:
    network = facts.get("network", {})
    trained = f"width {network.get('width')}, {network.get('depth')} blocks, {facts.get('trained_steps', 0):,} steps of training"
    return (
        f"What each precision is worth: the transformer ({trained}); errors against float64 on the CPU, random inputs"
    )


def worth_rows(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Lines of a table: error, accuracy, answers changed and bytes of each precision."""
    images = facts.get("test_images", 0)
    shown = {
        "relative error": {name: f"{error:.1e}" for name, error in facts.get("relative_error", {}).items()},
        "accuracy": {name: f"{share:.1%}" for name, share in facts.get("accuracy", {}).items()},
        "answers that differ from float32's": {
            name: f"{count} of {images:,}" for name, count in facts.get("answers_changed", {}).items()
        },
        "weights": {name: f"{size / 1024:,.0f} KiB" for name, size in facts.get("weight_bytes", {}).items()},
    }
    names = facts.get("weight_bytes", {})
    return [{"precision": name} | {column: by.get(name, "") for column, by in shown.items()} for name in names]


def _convolution_table(findings: Findings) -> Table:
    facts = findings.facts.get("convolution", {})
    peaks, errors = facts.get("peak_bytes", {}), facts.get("relative_error", {})
    rows = [
        {
            "way": one["way"],
            "time": duration(one["median_ms"]),
            "against the convolution": one["against"],
            "relative error": f"{errors[one['way']]:.1e}" if one["way"] in errors else "",
            "memory beyond input and weights": f"{peaks[one['way']] / 2**20:,.1f} MiB" if one["way"] in peaks else None,
        }
        for one in findings.series
        if one["network"] == "convolution"
    ]
    if not rows:
        return Table("One convolution as a linear layer", [])
    times = facts["columns_bytes"] / facts["input_bytes"]
    outputs, inputs = facts["channels"]
    caption = f"One convolution ({inputs} to {outputs} channels, batch {facts['batch']}); unfolding writes its input out {times:.3g} times"
    return Table(caption, filled(rows, missing="not measured"))


PART = Part(NAME, "int8 and fp8 on a vision transformer", measure, tables)
