"""The learner's own figures: rows of lesson 09 from the record, or a smaller measurement made now; the training; the power."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import torch
from torch import nn

from lessons_lib import compare, distillation, energy, engines, pruning, record, recorded, step_cost, timing, training
from lessons_lib.batching import take_batch
from lessons_lib.datasets.split import Dataset
from lessons_lib.economics import formulas
from lessons_lib.economics.assumptions import GPU_POWER, GPU_PRICE, assumed
from lessons_lib.economics.inputs import Input, Inputs
from lessons_lib.engines import Engine
from lessons_lib.explained import Mistake
from lessons_lib.grid import Grid, Row
from lessons_lib.inference_claims import TrainingRun
from lessons_lib.models import to_input
from lessons_lib.timing import Verdict

ENGINES = ("eager", "ONNX Runtime", "ONNX Runtime int8")
PRUNED = 0.5  # of the channels
CALIBRATION_IMAGES = 128


@dataclass(frozen=True)
class Figures:
    """Configurations that were measured, and where."""

    grid: Grid
    source: str


def from_record(dataset: str) -> Figures | None:
    """What lesson 09 measured on this data set, with the fullest profile; None where it measured nothing that can be used.

    Args:
        dataset: name of the data set.
    """
    measured = (event for event in record.events("measurement") if event.get("name") == "09.grid")
    event = record.fullest(event for event in measured if event.get("dataset") == dataset)
    if event is None:
        return None
    try:
        day = datetime.fromtimestamp(event["time"]).date().isoformat()
        content = {"format": recorded.FORMAT, "device": "", "date": day, "dataset": dataset, "versions": {}}
        rows = recorded.parse(json.dumps(content | {"rows": event["rows"]}), "the record of lesson 09").rows
    except (KeyError, TypeError, ValueError, OSError):
        return None
    return Figures(Grid(rows), f"measured here, lesson 09, {day}") if serving_row(Grid(rows)) else None


def live(
    base: nn.Module,
    data: Dataset,
    *,
    seconds: float,
    tune_steps: int,
    batches: Sequence[int] = (1, 32),
    threads: int = 1,
    seed: int = 0,
) -> Figures:
    """Measure the network and one with half of its channels on a few engines, in turns.

    Args:
        base: trained; stays as it is. seconds: for each batch size. tune_steps: to win back accuracy after pruning.
    """
    slim = pruning.remove_channels(base, fraction=PRUNED)
    recipe = training.Recipe(steps=tune_steps, peak_rate=0.02, smoothing=0.0)
    distillation.distil(slim, base, data, recipe, seed=seed, evaluate_every=tune_steps)
    x = to_input(data.train.images[:CALIBRATION_IMAGES])
    lined_up: dict[tuple[str, str], Engine] = {}
    for variant, model, names in (("base", base, ENGINES), ("channels -50 %", slim, ENGINES[1:])):
        for name, engine in engines.build(names, model, data.image_shape, x, threads).items():
            eight_bit = "int8" if variant == "base" else f"{variant}, int8"
            lined_up[eight_bit if engine.precision == "int8" else variant, name] = engine
    grid = compare.measure_grid(lined_up, data, batches, seconds=seconds)
    return Figures(grid, f"measured here, lesson 10, {datetime.now().date().isoformat()}")


def serving_row(grid: Grid) -> Row | None:
    """The configuration to start from: the whole network in float32, one image at a time, on the CPU; None without it."""
    return grid.find("base", "ONNX Runtime", 1) or grid.find("base", "eager", 1)


def of_serving(row: Row, source: str) -> list[Input]:
    """Latency and batch of a configuration.

    Args:
        row: measured. source: where.
    """
    slowest = max(row.p95_ms, row.latency_ms)
    return [
        Input("latency", row.latency_ms, "ms", row.latency_ms, slowest, f"{source}: median to p95"),
        Input("batch", row.batch, "prediction", row.batch, row.batch, source),
    ]


def of_machine(row: Row) -> list[Input]:
    """Price and power of the machine of a configuration: as many CPU cores as it has threads, or a GPU."""
    if row.device == "cuda":
        return [GPU_PRICE, GPU_POWER]
    return [_times(assumed()[name], row.threads or 1) for name in ("serving_price", "serving_power")]


def of_training(costs: step_cost.Costs, run: TrainingRun, device: str) -> list[Input]:
    """Machine time and price of one training run, from the time of a step.

    Args:
        costs: of a step on this machine. run: images that are passed, repeats included. device: "cpu" or "cuda".
    """
    steps = run.images / costs.batch
    first, third = costs.step.time.quartiles_ms
    median, low, high = (steps * ms / 3.6e6 for ms in (costs.step.time.median_ms, first, third))
    source = f"measured here, lesson 10: a step of {costs.batch} images, for {run.images:,} images; quartiles"
    hours = Input(
        "training_time", median, "hour/run", min(low, median), max(high, median), source, "measured here, lesson 10"
    )
    if device == "cuda":
        return [hours, replace(GPU_PRICE, name="training_price"), replace(GPU_POWER, name="training_power")]
    price, power = (_times(assumed()[name], torch.get_num_threads()) for name in ("serving_price", "serving_power"))
    return [hours, replace(price, name="training_price"), replace(power, name="training_power")]


def _times(one: Input, count: int) -> Input:
    """The figure of so many cores."""
    if count == 1:
        return one
    source, brief = f"{one.source}; times {count} cores", f"{one.brief}, {count} cores"
    return Input(one.name, count * one.value, one.unit, count * one.low, count * one.high, source, brief)


def batching(engine: Engine, images: torch.Tensor, seconds: float, size: int = 32) -> tuple[int, Verdict]:
    """A batch against the same images one by one, in turns.

    Args:
        engine: any. images: uint8 (n, c, h, w), repeated where there are too few. seconds: to spend.

    Returns:
        The size of the batch, and how many times faster than one by one it is.
    """
    x = to_input(take_batch(images, size))
    each = [x[place : place + 1] for place in range(size)]
    calls = {"one by one": lambda: [engine(one) for one in each], "batch": engine.on(x)}
    return size, timing.compare(calls, seconds=seconds, device=engine.device).verdicts["batch"]


def of_power(engine: Engine, images: torch.Tensor, seconds: float) -> tuple[list[Input], str]:
    """The power of the machine while it predicts, where it can be read, and a sentence.

    Args:
        engine: on the CPU. images: uint8 (n, c, h, w). seconds: to predict for.
    """
    counters, reason = energy.counters("cpu")
    if not counters:
        return [], f"{reason} So its power is an assumption."
    idle = energy.idle_watts(counters, seconds)
    used = energy.of_load(engine.name, engine.on(to_input(images)), len(images), counters, idle, seconds=seconds)
    watts = used.joules / used.seconds
    source = "measured here, lesson 10: the whole CPU package while one engine predicts; low: what that adds to idling"
    added = min(max(0.0, watts - idle), watts)
    return [
        Input("serving_power", watts, "watt", added, watts, source, "measured here, lesson 10")
    ], f"The CPU package draws {watts:.3g} W while it predicts."


def inputs(*found: Sequence[Input], **yours: float | str) -> Inputs:
    """The assumptions, then what was measured, then what the learner wants otherwise.

    Args:
        found: measured inputs. yours: see `Inputs.changed`.
    """
    measured = [one for part in found for one in part]
    return assumed().replaced(*measured).changed(**yours)


def checked(yours: Any) -> dict[str, float | str]:
    """What the learner wants otherwise, refused before anything is measured where it cannot be used.

    Args:
        yours: figures by the name of the input, see `Inputs.changed`.

    Raises:
        Mistake: it is no dictionary of them, one of them cannot be, or no cost can be worked out with them.
    """
    if not isinstance(yours, Mapping) or not all(isinstance(name, str) for name in yours):
        raise Mistake(
            f'YOURS is {yours!r}; it has to be a dictionary such as {{"requests": 2_000_000}}, or {{}} for none.'
        )
    for name, value in yours.items():
        assumed()[name].changed(value)
    formulas.costs(assumed().changed(**yours))  # each may do by itself, and not all together
    return dict(yours)
