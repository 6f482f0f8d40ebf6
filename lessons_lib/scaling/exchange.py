"""The gradient exchange between processes: shown on one weight, checked against one process, and what it costs."""

import statistics
import time
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from lessons_lib import training
from lessons_lib.datasets.split import Split
from lessons_lib.device import synchronise
from lessons_lib.models import to_input
from lessons_lib.scaling.job import Job
from lessons_lib.scaling.trainer import Trainer, new_model, parallel

ROUNDS = 8


def show(job: Job, data: Split) -> dict[str, Any]:
    """The gradients of the first step: this process's own, their mean, and those of one process with the whole batch.

    Returns:
        weight: the name of the weight shown, that with the largest gradient. before, after, joined: its gradient on this
        process's slice, after the exchange, and from the whole batch in one process. difference_fixed: how far the
        exchanged gradients of all weights are from those of one process, as a share of their length, with batch norm's
        statistics fixed; difference_own: as in training, where batch norm sees each process's own slice only.
    """
    alone, after, joined = gradients(job, data, fixed=True)
    _, after_own, joined_own = gradients(job, data, fixed=False)
    name = max(joined, key=lambda key: joined[key].abs().max().item())
    place = int(joined[name].abs().argmax())
    index = [int(i) for i in torch.unravel_index(torch.tensor(place), joined[name].shape)]
    return {
        "weight": f"{name}{index}",
        "images": job.recipe.batch_size // dist.get_world_size(),
        "before": alone[name].flatten()[place].item(),
        "after": after[name].flatten()[place].item(),
        "joined": joined[name].flatten()[place].item(),
        "difference_fixed": distance(after, joined),
        "difference_own": distance(after_own, joined_own),
    }


Gradients = dict[str, Tensor]


def gradients(job: Job, data: Split, *, fixed: bool) -> tuple[Gradients, Gradients, Gradients]:
    """By name of the weight: the gradients of this slice, their mean over all processes, those of the whole batch.

    Args:
        fixed: batch norm uses fixed statistics, as it does in eval mode, instead of those of the images it is given.
    """
    rank, processes = dist.get_rank(), dist.get_world_size()
    batch = training.batch_of_step(0, len(data), job.recipe.batch_size, job.seed)

    def gradient(chosen: Tensor, share: bool) -> Gradients:
        model = new_model(job, data).to(data.images.device).train(not fixed)
        network = parallel(model) if share and processes > 1 else model
        x = to_input(data.images[chosen.to(data.images.device)]).contiguous(memory_format=torch.channels_last)
        y = data.labels[chosen.to(data.labels.device)]
        F.cross_entropy(network.train(not fixed)(x), y, label_smoothing=job.recipe.smoothing).backward()
        return {name: p.grad.detach().contiguous() for name, p in model.named_parameters() if p.grad is not None}

    own = batch[rank::processes]
    return gradient(own, False), gradient(own, True), gradient(batch, False)


def distance(a: Gradients, b: Gradients) -> float:
    """The length of the difference of two gradients as a share of the second's length."""
    flat_a, flat_b = (torch.cat([x[name].flatten() for name in b]) for x in (a, b))
    return ((flat_a - flat_b).norm() / flat_b.norm()).item()


def cost(trainer: Trainer) -> dict[str, Any]:
    """What the exchange costs, measured after training: it changes the weights, which are no longer needed.

    Returns:
        gradient_bytes: what is averaged in each step. allreduce_s: an all-reduce of so many bytes on its own, all
        processes starting together; the median of several. together_s, apart_s: whole steps with and without the
        exchange, in turns; the difference also holds the wait for the slowest, and lacks what hides behind computing.
    """
    size = sum(p.numel() * p.element_size() for p in trainer.model.parameters())
    if trainer.processes == 1:
        return {"gradient_bytes": size, "allreduce_s": 0.0, "together_s": [], "apart_s": []}
    buffer = torch.zeros(size // 4, device=trainer.device)
    trips = [seconds(lambda: dist.all_reduce(buffer), trainer) for _ in range(3 * ROUNDS)]
    together: list[float] = []
    apart: list[float] = []
    for number in range(ROUNDS):
        order = (True, False) if number % 2 else (False, True)
        for exchanged in order:
            step = trainer.total + number
            taken = seconds(lambda step=step, on=exchanged: trainer.step(step, exchange=on), trainer)  # type: ignore[misc]
            (together if exchanged else apart).append(taken)
    return {
        "gradient_bytes": size,
        "allreduce_s": statistics.median(trips[ROUNDS:]),
        "together_s": together,
        "apart_s": apart,
    }


def seconds(call: Any, trainer: Trainer) -> float:
    """How long a call takes when all processes start it together."""
    dist.barrier()
    synchronise(trainer.device)
    began = time.perf_counter()
    call()
    synchronise(trainer.device)
    return time.perf_counter() - began
