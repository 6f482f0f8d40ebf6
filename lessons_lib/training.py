"""The training loop, written once and plainly, and the measure of what it achieved."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib import resume
from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.history import History
from lessons_lib.live import Live
from lessons_lib.models import to_input


@dataclass(frozen=True)
class Recipe:
    """How to train: stochastic gradient descent with Nesterov momentum; the rate rises, then falls, in straight lines.

    epochs: how often each image is seen; may be a fraction. least_steps: a small data set is seen more often, until
    so many updates are made. peak_rate: the largest learning rate. warmup: the share of
    the steps in which the rate rises. smoothing: label smoothing. steps: set it to train that many steps instead.
    """

    epochs: float = 3.0
    least_steps: int = 1
    steps: int | None = None
    batch_size: int = 64
    peak_rate: float = 0.1
    warmup: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    smoothing: float = 0.1

    def total_steps(self, images: int) -> int:
        """How many updates the recipe makes on so many images."""
        if self.steps is not None:
            return self.steps
        return max(self.least_steps, round(self.epochs * images / self.batch_size))

    def rate_at(self, step: int, total: int) -> float:
        """The learning rate of a step counted from 0."""
        rising = max(1.0, self.warmup * total)
        return self.peak_rate * min((step + 1) / rising, (total - step) / max(total - rising, 1.0), 1.0)


def batch_of_step(step: int, images: int, batch_size: int, seed: int) -> Tensor:
    """The indices (batch,) int64 that a step trains on: each epoch is shuffled anew, as a pure function of the seed.

    A batch may run over the end of an epoch into the next one, so that every batch is full.
    """
    wanted = torch.arange(step * batch_size, (step + 1) * batch_size)
    epochs = wanted // images
    return torch.cat([epoch_order(e, images, seed)[wanted[epochs == e] % images] for e in epochs.unique().tolist()])


@lru_cache(maxsize=4)
def epoch_order(epoch: int, images: int, seed: int) -> Tensor:
    """The order int64 (images,) in which an epoch visits the images."""
    return torch.randperm(images, generator=torch.Generator().manual_seed(seed * 100_003 + epoch))


def train(
    model: nn.Module,
    data: Dataset,
    recipe: Recipe | None = None,
    *,
    device: str | torch.device = "cpu",
    seed: int = 0,
    checkpoint: Path | None = None,
    checkpoint_every: int = 100,
    evaluate_every: int | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    rates: Mapping[str, float] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    after_step: Callable[[int], object] | None = None,
    quiet: bool = False,
) -> History:
    """Train `model` in place on `data.train`; the same seed gives the same weights on the same machine.

    Args:
        model: any network that takes float32 (n, c, h, w) and returns logits (n, classes).
        data: images uint8 and labels int64, as `datasets.load` returns them.
        recipe: how to train; the defaults suit the networks of this course.
        device: where to train. On "cuda" the data moves there once and mixed precision is used.
        seed: of the order of the images and of the layers that draw random numbers.
        checkpoint: a file that is written now and then; if training stops, the same call goes on from it and ends
            with the weights that an uninterrupted run has. It is removed at the end.
        checkpoint_every: steps between two checkpoints.
        evaluate_every: steps between two looks at the validation accuracy; None: once an epoch.
        augment: called with each batch, float32 (batch, c, h, w) as `models.to_input` makes it; returns another one. Its
            random numbers come from PyTorch's global generator, which is seeded at each step.
        rates: how much of the recipe's learning rate each part of the network gets, by the beginning of its parameters'
            names, such as {"blocks": 0.1}; 1 where nothing is said. With 0 the part is frozen: its weights stay,
            and so do the running statistics of its batch norms.
        loss: called with logits float32 (batch, classes) and the places int64 (batch,) of their images in data.train;
            returns a scalar. None: cross-entropy against the labels, with the recipe's smoothing.
        after_step: called with the number of steps done, after each of them and once before the first: for what has to hold
            whatever a step does, such as weights that stay 0. A resume needs `loss` and `after_step` of the same repr.
        quiet: show no progress.

    Returns:
        The history. An interrupt ends training after the step in hand; `finished` is then False.

    Raises:
        ValueError: no images, a loss that is not finite, or `rates` that leave nothing to train.
    """
    recipe, device, rates = recipe or Recipe(), torch.device(device), rates or {}
    if not len(data.train):
        raise ValueError("there is nothing to train on: data.train holds no images.")
    images, labels = data.train.images.to(device), data.train.labels.to(device)
    total = recipe.total_steps(len(images))
    epoch_steps = max(1, round(len(images) / recipe.batch_size))
    model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on a CPU
    optimiser = torch.optim.SGD(
        groups(model, rates),
        recipe.peak_rate,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.momentum > 0,
    )
    history, live = History(), Live("Training", total, quiet=quiet)
    job = {**asdict(recipe), "seed": seed, "data": data.name, "images": len(images)}
    job |= {"rates": dict(rates), "augment": repr(augment) if augment else None, "dropout": _dropout(model)}
    job |= {name: repr(given) for name, given in (("loss", loss), ("after_step", after_step)) if given is not None}
    if checkpoint:
        job["fingerprint"] = resume.fingerprint(data.train.images, data.train.labels)
    start = resume.load(checkpoint, job, model, optimiser, history) if checkpoint else 0
    precision = mixed_precision(device)
    own_numbers = torch.random.fork_rng([device] if device.type == "cuda" else [])
    with resume.stop_requested() as stop, own_numbers, frozen(model, rates):
        if after_step:
            after_step(start)
        for step in range(start, total):
            began = time.perf_counter()
            torch.manual_seed(seed * 1_000_003 + step)  # dropout, if any, is the same after a resume
            chosen = batch_of_step(step, len(images), recipe.batch_size, seed).to(device)
            rate = recipe.rate_at(step, total)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            training_mode(model, rates)
            own_loss = (lambda logits, places=chosen: loss(logits, places)) if loss else None
            batch = images[chosen], labels[chosen]
            value = update(model, optimiser, *batch, recipe.smoothing, precision, augment, own_loss)
            if after_step:
                after_step(step + 1)
            history.loss.append(value)
            history.rate.append(rate)
            history.images += len(chosen)
            history.step_seconds.append(time.perf_counter() - began)
            if (step + 1) % (evaluate_every or epoch_steps) == 0 or step + 1 == total:
                history.accuracy.append((step + 1, accuracy(model, data.validation)))
            live.update(step + 1, value)
            if checkpoint and (stop.is_set() or (step + 1) % checkpoint_every == 0):
                resume.save(checkpoint, job, step + 1, model, optimiser, history)
            if stop.is_set():
                break
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    history.finished = len(history.loss) == total
    live.close(closing_note(history, total, resumable=checkpoint is not None))
    if checkpoint and history.finished:
        resume.remove(checkpoint)
    return history


def groups(model: nn.Module, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """The parameters for an optimiser, one group for each share of the learning rate; a share of 0 leaves them out.

    Raises:
        ValueError: a beginning that no parameter's name has, a negative share, or nothing left to train.
    """
    names = [name for name, _ in model.named_parameters()]
    for start, share in rates.items():
        if share < 0 or not any(name.startswith(start) for name in names):
            parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise ValueError(f"rates has {start!r}: {share!r}; give a share of 0 or more to one of {parts}.")
    by_share: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        by_share.setdefault(share_of(name, rates), []).append(parameter)
    found = [{"params": params, "share": share} for share, params in by_share.items() if share > 0]
    if not found:
        raise ValueError(f"rates is {dict(rates)}, which freezes the whole network; leave something to train.")
    return found


def share_of(name: str, rates: Mapping[str, float]) -> float:
    """What `rates` says of a parameter or module of this name: the longest beginning counts."""
    fitting = [start for start in rates if name.startswith(start)]
    return rates[max(fitting, key=len)] if fitting else 1.0


def training_mode(model: nn.Module, rates: Mapping[str, float]) -> None:
    """Training mode, except for the modules that `rates` freezes."""
    model.train()
    for name, module in model.named_modules():
        if name and share_of(name, rates) == 0:
            module.eval()


@contextmanager
def frozen(model: nn.Module, rates: Mapping[str, float]) -> Iterator[None]:
    """Within the block, no gradients are computed for the parameters whose share of the rate is 0."""
    held = [p for name, p in model.named_parameters() if share_of(name, rates) == 0 and p.requires_grad]
    try:
        for parameter in held:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)


def _dropout(model: nn.Module) -> list[float]:
    return [module.p for module in model.modules() if isinstance(module, nn.Dropout)]


def update(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    smoothing: float,
    precision: AbstractContextManager,
    augment: Callable[[Tensor], Tensor] | None = None,
    loss_of: Callable[[Tensor], Tensor] | None = None,
) -> float:
    """One step of training: forward, loss, gradient, update.

    Args:
        images: uint8 (batch, c, h, w). labels: int64 (batch,).
        smoothing: label smoothing, 0 to 1. precision: a context manager, see `mixed_precision`.
        augment: see `train`. loss_of: turns the logits of this batch into another loss than cross-entropy.

    Returns:
        The loss before the update.

    Raises:
        ValueError: the loss is not finite; the weights are left as they were.
    """
    x = to_input(images)
    if augment:
        x = augment(x)
    x = x.contiguous(memory_format=torch.channels_last)
    with precision:
        logits = model(x).float()
        loss = loss_of(logits) if loss_of else F.cross_entropy(logits, labels, label_smoothing=smoothing)
    value = loss.item()
    if not math.isfinite(value):
        raise ValueError(
            f"the loss became {value}: the learning rate is too large for this network; try a third of it."
        )
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return value


def plain_steps(model: nn.Module, split: Split, rate: float, steps: int, batch_size: int = 32) -> list[float]:
    """The loss of each of a few steps of gradient descent with a fixed rate: no momentum, no schedule, on the CPU.

    Trains `model` in place; ends early, with the last loss, where the loss is no longer finite.
    """
    optimiser = torch.optim.SGD(model.parameters(), rate)
    losses: list[float] = []
    for step in range(steps):
        chosen = batch_of_step(step, len(split), batch_size, seed=0)
        loss = F.cross_entropy(model(to_input(split.images[chosen])), split.labels[chosen])
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


def mixed_precision(device: torch.device) -> AbstractContextManager:
    """A context in which a GPU computes in bfloat16; on a CPU, and on GPUs too old for it, nothing changes.

    bfloat16 has the range of float32, so that gradients need no scaling. Source: torch.autocast.
    """
    usable = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.autocast(device.type, torch.bfloat16, enabled=usable)


def closing_note(history: History, total: int, resumable: bool) -> str:
    """What a learner wants to know at the end of a run, in one line."""
    reached = f", validation accuracy {history.accuracy[-1][1]:.1%}" if history.accuracy else ""
    if history.finished:
        return f"{total} steps in {history.seconds:.0f} s ({history.images_per_second:,.0f} images/s){reached}"
    after = "run the cell again to go on from here" if resumable else "run the cell again to start anew"
    return f"stopped after {len(history.loss)} of {total} steps; {after}"


def predict(model: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    """Logits float32 (n, classes) on the CPU for images uint8 (n, c, h, w), in eval mode, batch by batch."""
    where = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            outputs = [
                model(to_input(part.to(where)).contiguous(memory_format=torch.channels_last)).float().cpu()
                for part in images.split(batch_size)
            ]
    finally:
        model.train(was_training)
    return torch.cat(outputs)


def accuracy(model: nn.Module, split: Split) -> float:
    """The share (0 to 1) of a split's images whose largest logit is the label's."""
    return (predict(model, split.images).argmax(1) == split.labels).float().mean().item()
