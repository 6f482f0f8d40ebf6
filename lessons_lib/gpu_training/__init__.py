"""Fast training that can be read: the whole of it in one function, `fit`, made for a GPU and the same on a CPU.

Reading order: `network`, `orders`, `ways`, `muon`, `recipe`, `step`, `looking`, `result`, then `fit` here; `sweeping`, `tasks`, `published`.
"""

import math
import time

import torch

from lessons_lib import resume
from lessons_lib.batching import is_out_of_memory
from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.device import pick, synchronise
from lessons_lib.explained import Mistake, NotHere
from lessons_lib.gpu_training import ways
from lessons_lib.gpu_training.looking import Views, accuracy
from lessons_lib.gpu_training.network import FastNet, whiten
from lessons_lib.gpu_training.orders import drawn
from lessons_lib.gpu_training.recipe import Averager, FastRecipe
from lessons_lib.gpu_training.result import Fit
from lessons_lib.gpu_training.step import Step, on
from lessons_lib.tf32 import tf32

__all__ = ["Fit", "fit"]


def fit(
    net: FastNet,
    data: Dataset,
    recipe: FastRecipe | None = None,
    *,
    device: str | torch.device = "auto",
    way: ways.Way | None = None,
    views: Views | None = None,
    seed: int = 0,
) -> Fit:
    """Train `net` in place on `data.train`, as fast as can still be read; the same seed gives the same weights on a CPU.

    All images lie on the device as bytes. A step picks a batch and changes it there, and no step waits for its loss: whether
    all is well is looked at after each epoch.

    Args:
        net: of `network.build`. data: images uint8, labels int64. recipe: `recipe.CIFAR10`, `recipe.ROAD_SIGNS` or one's own.
        device: "auto", "cpu" or "cuda". way: how a step is computed; None: what pays on the device.
        views: of each test image in the last look; None: one. seed: of the order of the images and of their changes.

    Returns:
        Times, accuracy, throughput, memory. An interrupt ends training after the step in hand; `history.finished` is then False.

    Raises:
        NotHere: the way, or the batch, is too much for this device; says why. Mistake: no images, or a loss that is not finite.
    """
    recipe, where, views = recipe or FastRecipe(), pick(device), views or Views()
    way = way or ways.best(where)
    if problem := ways.why_not(way, where):
        raise NotHere(problem)
    if not len(data.train):
        raise Mistake("there is nothing to train on: data.train holds no images.")
    result = Fit(ways.name_of(where), way, recipe, views, len(data.train))
    try:
        with on(where), ways.cudnn_benchmark(), tf32(way.tf32):
            _train(net, data, result, where, seed)
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        size = recipe.batch_for(len(data.train))
        raise NotHere(f"Training with a batch of {size} does not fit into the memory of this device.") from None
    return result


def _train(net: FastNet, data: Dataset, result: Fit, where: torch.device, seed: int) -> None:
    recipe, way, history, clock = result.recipe, result.way, result.history, time.perf_counter
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats(where)
    began = clock()
    images, labels = data.train.images.to(where), data.train.labels.to(where)
    looks = [Split(part.images.to(where), part.labels.to(where)) for part in (data.validation, data.test)]
    net.to(where).to(memory_format=way.layout)  # type: ignore[call-overload]
    total, size = recipe.total_steps(len(images)), recipe.batch_for(len(images))
    step, changes = Step(net, images, labels, recipe, way), recipe.changes
    step.prepare(drawn(len(images), 1, changes, data.size, seed)[:, :size].to(where))
    accuracy(net, looks[0], way)  # a rehearsal
    accuracy(net, looks[1], way, result.views)
    synchronise(where)
    result.preparation_s, began = clock() - began, clock()

    whiten(net, images)
    orders = drawn(len(images), recipe.epochs, changes, data.size, seed).to(where)
    averager, losses = Averager(net, recipe.average_every, total), torch.zeros(total, device=where)
    synchronise(where)
    result.start_s, began, done = clock() - began, clock(), 0
    epoch_steps = max(1, round(len(images) / size))
    net.train()
    with resume.stop_requested() as stop:
        for number in range(1, total + 1):
            share = recipe.rate_at(number - 1, total)
            losses[number - 1] = step(orders[:, (number - 1) * size : number * size], share)
            averager.after(number)
            history.rate.append(share * recipe.rate * size / 1024)
            stopped = stop.is_set()
            if number % epoch_steps == 0 or number == total or stopped:
                new = losses[done:number].tolist()  # waits until the device is done
                history.step_seconds += [(clock() - began) / len(new)] * len(new)
                history.loss += checked(new)
                history.images += size * len(new)
                history.accuracy.append((number, accuracy(net, looks[0], way)))
                began, done = clock(), number
            if stopped:
                break
    history.finished = done == total
    if history.finished:
        synchronise(where)
        began = clock()
        result.accuracy = accuracy(net, looks[1], way, result.views)
        result.prediction_s = clock() - began
    result.memory_bytes = torch.cuda.max_memory_allocated(where) if where.type == "cuda" else None
    net.zero_grad(set_to_none=True)  # the gradients of a captured step would keep all the memory of its graph
    net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def checked(losses: list[float]) -> list[float]:
    """The losses of an epoch.

    Raises:
        Mistake: one of them is not finite.
    """
    bad = next((value for value in losses if not math.isfinite(value)), None)
    if bad is not None:
        raise Mistake(f"the loss became {bad}: the learning rate is too large for this network; try a third of it.")
    return losses


def ran_out(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that the memory was not enough."""
    return error is not None and (is_out_of_memory(error) or ran_out(error.__context__))
