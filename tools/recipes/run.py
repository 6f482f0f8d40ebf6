"""One training of the search: a fixed number of steps, then the accuracy on images that it has not seen."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.gpu_training.muon import Muon
from lessons_lib.models import to_input
from lessons_lib.training import batch_of_step
from recipes.network import build
from recipes.variant import Variant


@dataclass(frozen=True)
class Run:
    """What one training gave; accuracies are shares, seconds those of the training alone."""

    steps: int
    seed: int
    seconds: float
    validation: float
    test: float


def run(variant: Variant, data: Dataset, steps: int, seed: int) -> Run:
    """Train once."""
    model = build(variant, data.train.images, len(data.classes), seed)
    averaged, first_averaged = None, steps - max(1, round(variant.average * steps))
    began = time.perf_counter()
    for step, _ in enumerate(training(variant, model, data.train, steps, seed)):
        if variant.average and step >= first_averaged and (step - first_averaged) % 5 == 0:
            averaged = averaged or torch.optim.swa_utils.AveragedModel(model, use_buffers=True)
            averaged.update_parameters(model)
    seconds = time.perf_counter() - began
    final = (averaged.module if averaged else model).eval()
    return Run(steps, seed, seconds, accuracy(final, data.validation, variant), accuracy(final, data.test, variant))


def training(variant: Variant, model: nn.Module, split: Split, steps: int, seed: int) -> Iterator[float]:
    """Train a network step by step; yields the loss after each."""
    optimisers = make_optimisers(variant, model)
    model.train()
    for step in range(steps):
        chosen = batch_of_step(step, len(split), variant.batch_size, seed)
        x = prepared(variant, to_input(split.images[chosen]))
        loss = F.cross_entropy(model(x), split.labels[chosen], label_smoothing=variant.smoothing)
        for optimiser in optimisers:
            optimiser.zero_grad()
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * share_at(variant, step, steps)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        yield loss.item()


def make_optimisers(variant: Variant, model: nn.Module) -> list[torch.optim.Optimizer]:
    """Nesterov's momentum for everything, or Muon for the filters behind the first layer and momentum for the rest."""
    filters = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)][1:] if variant.optimiser == "muon" else []
    taken = {id(weight) for weight in filters}
    rest = [p for p in model.parameters() if id(p) not in taken]
    found: list[torch.optim.Optimizer] = [
        torch.optim.SGD(rest, variant.peak_rate, variant.momentum, weight_decay=variant.weight_decay, nesterov=True)
    ]
    if filters:
        found.append(Muon(filters, variant.muon_rate))
    for optimiser in found:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return found


def share_at(variant: Variant, step: int, steps: int) -> float:
    """The share of the peak rate at a step counted from 0."""
    rising = max(1.0, variant.warmup * steps)
    if step + 1 < rising:
        return (step + 1) / rising
    left = (steps - step) / max(steps - rising, 1.0)
    return min(left, 1.0) if variant.schedule == "linear" else 0.5 - 0.5 * math.cos(math.pi * min(left, 1.0))


def prepared(variant: Variant, x: Tensor) -> Tensor:
    """A training batch float32 (n, c, h, w), changed as the variant says."""
    if variant.flips:
        x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    if variant.shift:
        x = F.pad(x, (variant.shift,) * 4, mode="replicate")
        down, right = torch.randint(0, 2 * variant.shift + 1, (2,)).tolist()
        x = x[:, :, down : down + x.shape[2] - 2 * variant.shift, right : right + x.shape[3] - 2 * variant.shift]
    return x.contiguous(memory_format=torch.channels_last)


def accuracy(model: nn.Module, split: Split, variant: Variant) -> float:
    """The share of a split's images that the model gets right."""
    right = 0
    with torch.inference_mode():
        for images, labels in zip(split.images.split(500), split.labels.split(500), strict=True):
            x = to_input(images).contiguous(memory_format=torch.channels_last)
            logits = model(x) + model(x.flip(3)) if variant.test_flips else model(x)
            right += int((logits.argmax(1) == labels).sum())
    return right / len(split)
