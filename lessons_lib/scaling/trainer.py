"""One process's share of a training: its copy of the network, its slice of each batch."""

import os
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lessons_lib import models, training
from lessons_lib.datasets.split import Split
from lessons_lib.scaling.job import Job


class Trainer:
    """Trains on every batch of the recipe, each process on its slice, with the mean of all gradients.

    Since all start from the same weights and take the same mean, all keep the same weights. Each process's batch norms
    look at its own slice only.

    Args:
        job: what to train. data: the images. share: (rank, processes); with one process nothing is exchanged.
    """

    def __init__(self, job: Job, data: Split, share: tuple[int, int]):
        self.job, self.data, (self.rank, self.processes) = job, data, share
        self.total = job.recipe.total_steps(len(data))
        self.device = data.images.device
        self.model = new_model(job, data).to(self.device)
        recipe = job.recipe
        self.optimiser = torch.optim.SGD(
            training.groups(self.model, {}),
            recipe.peak_rate,
            recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=True,
        )
        self.network = parallel(self.model) if self.processes > 1 else self.model

    def batch(self, step: int) -> Tensor:
        """The indices (batch,) of the images of a step: the same in every process, and in training with one."""
        return training.batch_of_step(step, len(self.data), self.job.recipe.batch_size, self.job.seed)

    def slice(self, step: int) -> Tensor:
        """The indices (batch / processes,) of this process's part of a step."""
        return self.batch(step)[self.rank :: self.processes].to(self.device)

    def step(self, step: int, *, exchange: bool = True) -> float:
        """One update; the loss on this process's slice before it.

        Args:
            step: counted from 0. exchange: False leaves the gradients apart, which is wrong, but tells what they cost.
        """
        chosen, network = self.slice(step), self.network
        for group in self.optimiser.param_groups:
            group["lr"] = self.job.recipe.rate_at(min(step, self.total - 1), self.total)
        network.train()
        apart = nullcontext() if exchange or network is self.model else network.no_sync()  # type: ignore[operator]
        with apart:
            return training.update(
                network,
                self.optimiser,
                self.data.images[chosen],
                self.data.labels[chosen],
                self.job.recipe.smoothing,
                training.mixed_precision(self.device),
            )


def new_model(job: Job, data: Split) -> nn.Module:
    """The untrained network: the same weights in every process."""
    channels = data.images.shape[1]
    model = models.build(job.model, channels=channels, classes=job.classes, seed=job.seed)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def parallel(model: nn.Module) -> DistributedDataParallel:
    """The network, with gradients that are averaged over all processes during the backward pass.

    Batch norm's running statistics stay each process's own while training; those of rank 0 count in the end.
    """
    return DistributedDataParallel(model, broadcast_buffers=False)


def identity(job: Job, data: Split, processes: int) -> dict[str, Any]:
    """What tells this training from another, for its checkpoint."""
    return {**asdict(job.recipe), "seed": job.seed, "data": job.data, "images": len(data), "processes": processes}


def device_of(job: Job) -> torch.device:
    """The device of this process: with GPUs, one each."""
    if job.device.partition(":")[0] != "cuda":
        return torch.device(job.device)
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    return device


def backend_of(job: Job) -> str:
    """What carries the gradients: NCCL between GPUs, gloo between CPUs."""
    return "nccl" if job.device.partition(":")[0] == "cuda" else "gloo"


def everyone(values: list[float], device: torch.device) -> list[float]:
    """The mean of each number over all processes."""
    numbers = torch.tensor(values, dtype=torch.float64, device=device)
    if len(values):
        dist.all_reduce(numbers)
    return (numbers / dist.get_world_size()).tolist()
