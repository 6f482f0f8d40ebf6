"""The same training under several conditions and several seeds: what is a difference, and what is luck?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import nn

from lessons_lib import resume, training
from lessons_lib.augment import Augmentation
from lessons_lib.datasets.split import Dataset, Split, balanced_order
from lessons_lib.device import threads
from lessons_lib.history import History
from lessons_lib.label_noise import with_wrong_labels
from lessons_lib.live import Live
from lessons_lib.models import ConvNet

WIDTHS, POOLS = (16, 32, 64), (True, True, False)  # half as wide as "small": a run takes seconds
BATCH_SIZE, PEAK_RATE = 32, 0.2
LOOKS = 6  # at the validation accuracy in the course of a run


@dataclass(frozen=True)
class Trial:
    """What one training is like: how many images, how many steps, and what is done to them.

    wrong_labels: the share of training labels that name another class. augment: what changes the images at each step.
    dropout: the share of features hidden from the last layer. weight_decay, smoothing: see `training.Recipe`.
    """

    images: int
    steps: int
    wrong_labels: float = 0.0
    augment: Augmentation | None = None
    dropout: float = 0.0
    weight_decay: float = 0.0
    smoothing: float = 0.0


@dataclass(frozen=True, eq=False)
class Run:
    """A finished training.

    training: accuracy (0 to 1) on the images it learned from, by the labels it was given. validation: on validation
    images, whose labels are right.
    """

    training: float
    validation: float
    history: History
    model: nn.Module

    @property
    def gap(self) -> float:
        """How much better it is on what it has seen than on what it has not."""
        return self.training - self.validation


Name = TypeVar("Name")  # of a trial: a text, or the number that it is drawn at


def validations(runs: Mapping[int, Run]) -> dict[int, float]:
    """The validation accuracy (0 to 1) for each seed."""
    return {seed: run.validation for seed, run in runs.items()}


def mean(values: Iterable[float]) -> float:
    """The mean; NaN where there is nothing, so that prose can be written about a study that was stopped."""
    found = list(values)
    return sum(found) / len(found) if found else float("nan")


class Study:
    """Trains a thin network once for each trial and seed, on one CPU thread or a GPU, and keeps the runs.

    The same seed gives every trial the same initial weights and the same images first, so that trials are compared
    in pairs. A trial that was run before, under whatever name, is not run again.
    """

    def __init__(self, data: Dataset, device: str | torch.device = "cpu"):
        self.data, self.device = data, device
        self._runs: dict[tuple[Trial, int], Run] = {}

    def run(
        self, trials: Mapping[Name, Trial], seeds: Iterable[int], *, quiet: bool = False
    ) -> dict[Name, dict[int, Run]]:
        """Run what is missing, one seed after the other; the runs by name of the trial and seed.

        An interrupt ends the study after the step in hand: what was finished is returned, and the next call goes on.
        """
        seeds = tuple(seeds)
        wanted = [(seed, name) for seed in seeds for name in trials]
        live = Live("Study", len(wanted), "validation accuracy", quiet=quiet)
        with resume.stop_requested() as stop:
            for done, (seed, name) in enumerate(wanted, start=1):
                run = None if stop.is_set() else self._once(trials[name], seed)
                if run is None:
                    break
                live.values.clear()  # one value only: different trials make no curve
                live.update(done, run.validation, f"{name}, seed {seed}")
        found = {
            name: {s: self._runs[trial, s] for s in seeds if (trial, s) in self._runs} for name, trial in trials.items()
        }
        live.close(closing_note(sum(map(len, found.values())), len(wanted)))
        return found

    def _once(self, trial: Trial, seed: int) -> Run | None:
        """The run of a trial with a seed; None where it was interrupted."""
        if (trial, seed) not in self._runs:
            with threads(1):  # so thin a network gains little from a second one, and stalls where cores are shared
                run = train_once(self.data, trial, seed, self.device)
            if not run.history.finished:
                return None
            self._runs[trial, seed] = run
        return self._runs[trial, seed]


def train_once(data: Dataset, trial: Trial, seed: int, device: str | torch.device = "cpu") -> Run:
    """Train one thin network as the trial says; its weights, images and their order follow from the seed."""
    chosen = subset(data.train, trial.images, seed)
    labels = with_wrong_labels(chosen.labels, trial.wrong_labels, len(data.classes), seed)
    own = replace(data, train=Split(chosen.images, labels))
    model = thin_network(data, trial.dropout, seed)
    history = training.train(
        model,
        own,
        recipe_of(trial),
        device=device,
        seed=seed,
        evaluate_every=max(1, trial.steps // LOOKS),
        augment=trial.augment,
        quiet=True,
    )
    model.cpu().eval()
    return Run(
        training.accuracy(model, own.train), history.accuracy[-1][1] if history.accuracy else 0.0, history, model
    )


def recipe_of(trial: Trial) -> training.Recipe:
    """Small batches, since the data sets of a study are small; all else as the trial says."""
    return training.Recipe(
        steps=trial.steps,
        batch_size=BATCH_SIZE,
        peak_rate=PEAK_RATE,
        weight_decay=trial.weight_decay,
        smoothing=trial.smoothing,
    )


def subset(split: Split, count: int, seed: int) -> Split:
    """So many of the images, the classes in proportion; a larger number holds those of a smaller one."""
    order = torch.from_numpy(balanced_order(split.labels.numpy(), seed))[:count]
    return Split(split.images[order], split.labels[order])


def thin_network(data: Dataset, dropout: float = 0.0, seed: int = 0) -> nn.Module:
    """An untrained network of three layers, half as wide as "small"."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ConvNet(WIDTHS, POOLS, data.channels, len(data.classes), dropout)


def closing_note(done: int, wanted: int) -> str:
    """How many runs there are, and what to do where some are missing."""
    if done == wanted:
        return f"{done} runs"
    return f"stopped after {done} of {wanted} runs; run the cell again for the rest"
