"""Time to a good model: whole trainings of the fast network, with several seeds."""

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, median
from typing import Any

import torch

from lessons_lib import peak_arithmetic
from lessons_lib.batching import free_memory
from lessons_lib.datasets.split import Dataset
from lessons_lib.explained import Explained, NotHere
from lessons_lib.gpu_training import fit, network, published, ways
from lessons_lib.gpu_training.result import Fit
from lessons_lib.gpu_training.tasks import NO_CIFAR, Task, tasks
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded
from lessons_lib.machine_record.part import Part
from lessons_lib.profiles import choose
from lessons_lib.tables import Table, filled
from lessons_lib.training_memory import in_words

CPU_WIDTHS = (16, 64, 64)


def measure(context: Context) -> Findings:
    """Train with several seeds; a run that would exceed the part's time is left out, with a note."""
    gpu = context.device.type == "cuda"
    chosen = tasks(context.profile, gpu)
    limit_s = choose(context.profile, smoke=5.0, quick=150.0 if gpu else 45.0, full=600.0) / len(chosen)
    facts: dict[str, Any] = {"device": ways.name_of(context.device), "published": published.facts()}
    notes: list[str] = [] if any(task.dataset == "cifar10" for task in chosen) else [_no_cifar(context)]
    done = []
    for task in chosen:
        try:
            done.append(run_all(task, context, limit_s, notes))
        except Explained as reason:
            notes.append(f"{task.name}: {reason}")
    facts["tasks"] = done
    times = [one["seconds_reached"] for one in done if one["name"].startswith("CIFAR-10") and one["seconds_reached"]]
    facts["against_the_record"] = published.against(min(times), facts["device"]) if times else None
    return Findings((), facts, tuple(notes))


def _no_cifar(context: Context) -> str:
    if context.device.type == "cuda" and context.profile != "smoke":
        return NO_CIFAR
    return "CIFAR-10 is trained on where the device is a GPU and the profile quick or full: a CPU would need an hour."


def run_all(task: Task, context: Context, limit_s: float, notes: list[str]) -> dict[str, Any]:
    """The runs of a task, one seed after the other, as JSON can hold them; at least one, then as many as the time allows."""
    context.say(f"training: {task.name}")
    data = context.data(task.dataset, size=task.size, train=task.train, test=task.test)
    widths = network.FULL if context.device.type == "cuda" else CPU_WIDTHS
    runs: list[Fit] = []
    began = time.perf_counter()
    for seed in range(context.seed, context.seed + task.seeds):
        spent = time.perf_counter() - began
        if runs and spent * (len(runs) + 1) / len(runs) > limit_s:
            notes.append(f"{task.name}: {len(runs)} of {task.seeds} runs fitted into the time.")
            break
        net, run = smaller_until_it_fits(widths, data, task, context.device, seed, notes)
        runs.append(run)
        if not runs[-1].history.finished:
            raise KeyboardInterrupt  # whoever pressed stop meant the whole record
    return _facts(task, data, net, runs)


def smaller_until_it_fits(
    widths: Sequence[int], data: Dataset, task: Task, device: torch.device, seed: int, notes: list[str]
) -> tuple[network.FastNet, Fit]:
    """A training with the task's batch, or, where that does not fit into the memory, with half of it, and so on."""
    batch = task.recipe.batch_for(len(data.train))
    while True:
        net = network.build(data.channels, len(data.classes), widths, seed=seed)
        try:
            given = replace(task.recipe, batch_size=batch)
            return net, fit(net, data, given, device=device, views=task.views, seed=seed)
        except NotHere as reason:
            if "does not fit into the memory" not in str(reason) or batch < 32:
                raise
            notes.append(f"{task.name}: {reason} Half of it is tried.")
        batch //= 2
        free_memory()


def _facts(task: Task, data: Dataset, net: network.FastNet, runs: Sequence[Fit]) -> dict[str, Any]:
    flop = peak_arithmetic.training_flop(net, data.image_shape)
    reached = [run.seconds for run in runs if run.reached(task.target)]
    rates = [run.history.images_per_second for run in runs]
    peak = peak_arithmetic.published(runs[0].device, runs[0].way.arithmetic)
    memory = [run.memory_bytes for run in runs if run.memory_bytes]
    return {
        "name": task.name,
        "target": task.target,
        "runs": [run.facts(task.target) for run in runs],
        "mean_accuracy": mean(run.accuracy or 0.0 for run in runs),
        "reached": len(reached),
        "seconds_reached": rounded(median(reached)) if 2 * len(reached) > len(runs) else None,
        "images_per_second": rounded(median(rates)),
        "training_flop_per_image": flop,
        "share_of_data_sheet": peak and rounded(median(rates) * flop / peak),
        "memory_bytes": max(memory, default=None),
    }


def tables(found: Findings) -> list[Table]:
    """One row for each task, and one for each published time."""
    rows = filled([_cells(task) for task in found.facts["tasks"]], missing="not known")
    shown = [Table(f"Trainings on one {found.facts['device']}, median of the runs", rows)] if rows else []
    if any(task["name"].startswith("CIFAR-10") for task in found.facts["tasks"]):
        lines = [
            {"published": p["program"], "method": p["method"], "GPU": p["gpu"], "to 94 %": f"{p['seconds']} s"}
            for p in found.facts["published"]
        ]
        shown.append(Table("The best public record: figures of its author, not measured here", lines))
    return shown


def _cells(task: dict[str, Any]) -> dict[str, str | None]:
    runs, share = task["runs"], task["share_of_data_sheet"]
    low, high = (pick(run["seconds"] for run in runs) for pick in (min, max))
    return {
        "task": task["name"],
        "way": runs[0]["way"],
        "steps": f"{runs[0]['steps']} of {runs[0]['batch']}",
        "seconds": f"{median(run['seconds'] for run in runs):.2f} ({low:.2f} to {high:.2f})",
        "with preparation": f"{median(run['seconds_with_preparation'] for run in runs):.1f}",
        "test accuracy": f"{task['mean_accuracy']:.2%}",
        f"target {task['target']:.0%} reached": f"{task['reached']} of {len(runs)}",
        "images/s": f"{task['images_per_second']:,.0f}",
        "share of the peak": None if share is None else f"{share:.1%}",
        "memory": in_words(task["memory_bytes"]) if task["memory_bytes"] else None,
    }


PART = Part("02.training", "Seconds to a good model", measure, tables)
