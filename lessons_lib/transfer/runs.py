"""Every method, at several numbers of images, with several seeds: finished runs in, nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lessons_lib import resume, training
from lessons_lib.datasets.split import Dataset
from lessons_lib.explained import Mistake
from lessons_lib.history import History
from lessons_lib.live import Live
from lessons_lib.transfer.methods import FROZEN, METHODS, PEAK_RATE, learn
from lessons_lib.transfer.stages import Stage, few


@dataclass(frozen=True)
class Run:
    """A finished run.

    seed: of the choice of images, their order and the fresh weights. accuracy: on the test images, 0 to 1. test_images: how
    many those are.
    """

    method: str
    per_class: int
    seed: int
    history: History
    accuracy: float
    test_images: int


def study(
    base: nn.Module,
    data: Dataset,
    stages: Sequence[Stage],
    *,
    rates: Mapping[str, float] | None = None,
    device: str | torch.device = "cpu",
    seed: int = 0,
    title: str = "Learning",
    quiet: bool = False,
) -> list[Run]:
    """Learn `data` by every method at every stage.

    Args:
        base: the trained network. data: images with three channels. stages: ascending in images a class.
        rates: the largest learning rate by method; PEAK_RATE where nothing is said.
        seed: the first of the seeds. title: of the progress. quiet: show none.

    Returns:
        The finished runs, always all methods on the same images. After an interrupt: those that were finished before it.

    Raises:
        Mistake: it was interrupted before the first comparison had ended.
    """
    rounds = range(max(stage.seeds for stage in stages))
    jobs = [(stage, seed + i) for i in rounds for stage in stages if i < stage.seeds]
    live, done = Live(title, sum(stage.steps for stage, _ in jobs), "accuracy", quiet=quiet), 0
    live.update(0, 1 / len(data.classes), "guessing")
    runs: list[Run] = []
    with resume.stop_requested() as stop:
        warm_up(base, data, device)
        for stage, number in jobs:
            if stop.is_set():
                break
            together = compare(base, data, stage, number, rates or {}, device)
            if len(together) < len(METHODS):
                break
            runs += together
            done += stage.steps
            told = ", ".join(f"{run.accuracy:.0%} {run.method}" for run in together)
            live.update(done, together[-1].accuracy, f"{stage.per_class} images a class: {told}")
    live.close(f"{len(runs)} of {len(jobs) * len(METHODS)} runs finished")
    if not runs:
        raise Mistake("This was stopped before the first comparison had ended: run the cell again.")
    return runs


def warm_up(base: nn.Module, data: Dataset, device: str | torch.device) -> None:
    """Two steps that nobody times: the first ones of a process cost more."""
    for method in METHODS:
        learn(method, base, few(data, 1), 2, device=device)


def compare(
    base: nn.Module,
    data: Dataset,
    stage: Stage,
    seed: int,
    rates: Mapping[str, float],
    device: str | torch.device,
) -> list[Run]:
    """One run of every method on the same images; fewer where an interrupt came in between."""
    part, runs = few(data, stage.per_class, seed), []
    for method in METHODS:
        rate = rates.get(method, PEAK_RATE)
        model, history = learn(method, base, part, stage.steps, peak_rate=rate, device=device, seed=seed)
        if not history.finished:
            break
        right = training.accuracy(model, data.test)
        runs.append(Run(method, stage.per_class, seed, history, right, len(data.test)))
    return runs


def accuracies(runs: Sequence[Run]) -> dict[str, dict[float, list[float]]]:
    """The test accuracies by method and images a class, one for each seed: what `plots.bands` draws."""
    found: dict[str, dict[float, list[float]]] = {}
    for run in runs:
        found.setdefault(run.method, {}).setdefault(run.per_class, []).append(run.accuracy)
    return found


def best_rates(
    base: nn.Module,
    data: Dataset,
    stage: Stage,
    candidates: Sequence[float],
    *,
    device: str | torch.device = "cpu",
    seed: int = 0,
    learn: Callable[..., tuple[nn.Module, History]] = learn,
) -> dict[str, float]:
    """The largest learning rate that suits each method, by the validation accuracy at one stage.

    The head on frozen features has a rate of its own. With a single candidate nothing is trained.

    Raises:
        Mistake: it was interrupted.
    """
    chosen = {}
    for method in METHODS:
        if method == FROZEN:
            continue
        reached = {}
        for rate in candidates if len(candidates) > 1 else ():
            part = few(data, stage.per_class, seed)
            _, history = learn(method, base, part, stage.steps, peak_rate=rate, device=device, seed=seed)
            if not history.finished:
                raise Mistake("This was stopped while learning rates were compared: run the cell again.")
            reached[rate] = history.accuracy[-1][1]
        chosen[method] = max(reached, key=lambda rate: reached[rate]) if reached else candidates[0]
    return chosen
