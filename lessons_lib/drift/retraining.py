"""What training anew brings back, measured on the learner's own model, and what it costs."""

import copy
import time
from dataclasses import dataclass, replace

import torch
from torch import nn

from lessons_lib import training
from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.drift.kinds import Kind


@dataclass(frozen=True)
class Retrained:
    """A model before and after a short training on images of today.

    kind, strength: of the drift. labelled: images of today that needed a label. seconds: of training. quiet: accuracy before the drift.
    before, after: accuracy on images of today. still: accuracy of the new model on images as they used to be.
    """

    kind: str
    strength: float
    labelled: int
    seconds: float
    quiet: float
    before: float
    after: float
    still: float

    @property
    def recovered(self) -> float:
        """The share of the lost accuracy that comes back, 0 to 1; 1 where nothing was lost."""
        lost = self.quiet - self.before
        return min(1.0, max(0.0, (self.after - self.before) / lost)) if lost > 0 else 1.0


def retrain(
    model: nn.Module,
    data: Dataset,
    kind: Kind,
    *,
    labelled: int,
    tested: int,
    steps: int,
    strength: float = 1.0,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> Retrained:
    """Go on training a copy of a model on labelled images of today and as many from before.

    Args:
        model: stays as it is. labelled: images of today to train on, at most. tested: images to judge by. steps: of training.
    """
    today = kind.images("train", strength, min(labelled, len(data.train)))
    before = Split(data.train.images[: len(today)], data.train.labels[: len(today)])
    both = Split(torch.cat([today.images, before.images]), torch.cat([today.labels, before.labels]))
    tests = kind.images("test", strength, min(tested, len(data.test)))
    usual = Split(data.test.images[:tested], data.test.labels[:tested])
    new = copy.deepcopy(model)
    recipe = training.Recipe(steps=steps, peak_rate=0.02, smoothing=0.0)
    began = time.perf_counter()
    # the loop judges at its end; that is done below, untimed
    few = Split(tests.images[:1], tests.labels[:1].clamp(min=0))
    mixed = replace(data, train=both, validation=few)
    training.train(new, mixed, recipe, device=device, seed=seed, evaluate_every=steps + 1, quiet=True)
    seconds = time.perf_counter() - began
    accuracy = [
        training.accuracy(one, split) for one, split in ((model, usual), (model, tests), (new, tests), (new, usual))
    ]
    return Retrained(kind.name, strength, len(today), seconds, *accuracy)


def retraining_price(
    found: Retrained,
    *,
    price_per_hour: float,
    price_of_a_label: float,
    release: float,
    runs: float = 1.0,
    failed_share: float = 0.0,
) -> dict[str, float]:
    """The parts of what one retraining costs: the machine, the labels, and the release with its tests.

    Args:
        price_per_hour: of the machine. release: people's time, in all. runs: that have to end well. failed_share: of those that
            are started.
    """
    from lessons_lib.economics.training import training_cost

    machine = training_cost(found.seconds / 3600, price_per_hour, runs=runs, failed_share=failed_share)
    return {"the machine": machine, "labels": found.labelled * price_of_a_label, "the release": release}
