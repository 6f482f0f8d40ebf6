"""Ways to win back the accuracy that pruning costs, each with the same number of steps, seed by seed."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lessons_lib import distillation, resume, training
from lessons_lib.datasets.split import Dataset
from lessons_lib.device import threads
from lessons_lib.explained import NotHere
from lessons_lib.live import Live
from lessons_lib.paired import Effect, effect
from lessons_lib.pruning import Gradual, Hold, magnitude_masks, masked
from lessons_lib.tables import Table

GROWING_SHARE = 0.6  # of the steps: then a gradual pruning is done, and the network adapts to the last masks


@dataclass(frozen=True, eq=False)
class Outcome:
    """A recovered model, in eval mode on the CPU, and its accuracy (0 to 1) on the test images."""

    model: nn.Module
    accuracy: float


Way = Callable[[int], Outcome | None]  # from a seed; None where it was interrupted


def tuned(model: nn.Module, data: Dataset, recipe: training.Recipe, seed: int, **how: Any) -> Outcome | None:
    """Fine-tune a copy; `how` goes to `training.train`."""
    own = copy.deepcopy(model)
    return _outcome(own, data, training.train(own, data, recipe, seed=seed, **_silent(how)))


def distilled(
    model: nn.Module,
    teacher: nn.Module | distillation.Distillation,
    data: Dataset,
    recipe: training.Recipe,
    seed: int,
    **how: Any,
) -> Outcome | None:
    """Fine-tune a copy on the teacher's answers; `how` goes to `training.train`."""
    own = copy.deepcopy(model)
    return _outcome(own, data, distillation.distil(own, teacher, data, recipe, seed=seed, **_silent(how)))


def at_once(
    model: nn.Module, data: Dataset, sparsity: float, recipe: training.Recipe, seed: int, **how: Any
) -> Outcome | None:
    """Set the share `sparsity` of the weights to zero, then fine-tune what is left; the zeros stay."""
    masks = magnitude_masks(model, sparsity)
    own = masked(model, masks)
    history = training.train(own, data, recipe, seed=seed, after_step=Hold(own, masks), **_silent(how))
    return _outcome(own, data, history)


def gradually(
    model: nn.Module, data: Dataset, sparsity: float, recipe: training.Recipe, seed: int, **how: Any
) -> Outcome | None:
    """Set more and more weights to zero while fine-tuning, up to the share `sparsity`."""
    own = copy.deepcopy(model)
    steps = recipe.total_steps(len(data.train))
    growing = Gradual(own, sparsity, grow_steps=max(1, round(GROWING_SHARE * steps)), every=max(1, steps // 20))
    history = training.train(own, data, recipe, seed=seed, after_step=growing, **_silent(how))
    return _outcome(own, data, history)


def restarted(model: nn.Module, seed: int) -> nn.Module:
    """A network of the same shape with fresh random weights: what the small network learns without the large one."""
    fresh = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in fresh.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                module.reset_parameters()
    return fresh


def _silent(how: Mapping[str, Any]) -> dict[str, Any]:
    return {"quiet": True, "evaluate_every": 1_000_000} | dict(how)  # one look, at the end


def _outcome(model: nn.Module, data: Dataset, history: training.History) -> Outcome | None:
    if not history.finished:
        return None
    model.cpu().eval()
    return Outcome(model, training.accuracy(model, data.test))


def repeat(
    ways: Mapping[str, Way], seeds: Iterable[int], title: str = "Recovering", *, quiet: bool = False
) -> dict[str, dict[int, Outcome]]:
    """Go every way with every seed, on one CPU thread or a GPU; an interrupt ends it, and what was finished is returned.

    Args:
        ways: by name: called with a seed, which decides the order of the images.

    Returns:
        The finished outcomes by way and seed.
    """
    wanted = [(seed, name) for seed in seeds for name in ways]
    found: dict[str, dict[int, Outcome]] = {name: {} for name in ways}
    live = Live(title, len(wanted), "accuracy", quiet=quiet)
    with resume.stop_requested() as stop:
        for done, (seed, name) in enumerate(wanted, start=1):
            with threads(1):  # so thin a network gains little from a second one, and stalls where cores are shared
                outcome = None if stop.is_set() else ways[name](seed)
            if outcome is None:
                break
            found[name][seed] = outcome
            live.values.clear()  # one value only: different ways make no curve
            live.update(done, outcome.accuracy, f"{name}, seed {seed}")
    live.values.clear()  # the last accuracy says nothing of the others
    finished = sum(map(len, found.values()))
    live.close(
        f"{finished} runs"
        if finished == len(wanted)
        else f"stopped after {finished} of {len(wanted)} runs; run the cell again"
    )
    return found


def accuracies(found: Mapping[str, Mapping[int, Outcome]]) -> dict[str, dict[int, float]]:
    """The accuracy (0 to 1) by way and seed."""
    return {name: {seed: outcome.accuracy for seed, outcome in runs.items()} for name, runs in found.items()}


def compared(found: Mapping[str, Mapping[int, Outcome]], baseline: str, images: int) -> dict[str, Effect]:
    """What each way does to the accuracy of the way `baseline`, seed by seed; `images`: how many test images there are."""
    shares = accuracies(found)
    return {name: effect(shares[baseline], runs, 1 / images) for name, runs in shares.items() if name != baseline}


def first(found: Mapping[int, Outcome]) -> nn.Module:
    """The model of the first seed: choosing by test accuracy would flatter it.

    Raises:
        NotHere: no run is finished.
    """
    if not found:
        raise NotHere("No run is finished: run the cell above to its end.")
    return found[min(found)].model


def outcomes_table(found: Mapping[str, Mapping[int, Outcome]], caption: str) -> Table:
    """A row for each way: mean accuracy, and the lowest and highest of its seeds."""
    rows = []
    for name, runs in accuracies(found).items():
        shares = list(runs.values())
        if shares:
            told = f"{min(shares):.1%} to {max(shares):.1%}"
            rows.append(
                {
                    "way": name,
                    "mean": f"{sum(shares) / len(shares):.1%}",
                    "lowest to highest": told,
                    "seeds": len(shares),
                }
            )
    return Table(caption, rows)
