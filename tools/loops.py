"""The two training loops that `tools/bench_training.py` compares: the usual tutorial's and the course's, step by step."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from lessons_lib import models, training
from lessons_lib.datasets.split import Split
from lessons_lib.training import Recipe


class Images(Dataset):
    """A data set as tutorials write it: each image is turned into numbers when it is asked for."""

    def __init__(self, split: Split):
        self.split = split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, index: int):
        return self.split.images[index].float().div(63.75).sub(2.0), self.split.labels[index]


def tutorial(
    split: Split, model: nn.Module, recipe: Recipe, total: int, seed: int, ready: bool = False
) -> Iterator[float]:
    """The usual loop: DataLoader, images in the layout that PyTorch starts with; yields the loss after each step.

    It gets the images in the same order as the course's loop, so that both should end equally accurate.
    ready: all images are turned into float32 beforehand (a TensorDataset), which takes four times the memory.
    """
    data = TensorDataset(models.to_input(split.images), split.labels) if ready else Images(split)
    order = [training.batch_of_step(step, len(split), recipe.batch_size, seed).tolist() for step in range(total)]
    batches = iter(DataLoader(data, batch_sampler=order))
    optimiser = optimiser_of(model, recipe)
    model.train()
    for step in range(total):
        x, labels = next(batches)
        optimiser.param_groups[0]["lr"] = recipe.rate_at(step, total)
        loss = F.cross_entropy(model(x), labels, label_smoothing=recipe.smoothing)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield loss.item()


def course(split: Split, model: nn.Module, recipe: Recipe, total: int, seed: int) -> Iterator[float]:
    """The loop of `lessons_lib.training.train`, one step at a time: uint8 images in one tensor, channels last."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = optimiser_of(model, recipe)
    plain = training.mixed_precision(torch.device("cpu"))
    model.train()
    for step in range(total):
        chosen = training.batch_of_step(step, len(split), recipe.batch_size, seed)
        optimiser.param_groups[0]["lr"] = recipe.rate_at(step, total)
        yield training.update(model, optimiser, split.images[chosen], split.labels[chosen], recipe.smoothing, plain)


def optimiser_of(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    return torch.optim.SGD(
        model.parameters(), recipe.peak_rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )
