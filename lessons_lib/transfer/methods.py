"""Three ways to learn a new task when a network for another task is at hand."""

import copy
import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib import models, training
from lessons_lib.datasets.split import Dataset
from lessons_lib.history import History

SCRATCH, FROZEN, TUNED = METHODS = ("from scratch", "frozen features", "fine-tuning")
BODY_SHARE = 0.3  # of the head's learning rate, for the layers that know something already
BATCH_SIZE, PEAK_RATE = 32, 0.2
LOOKS = 16  # at the validation accuracy, in a run
HEAD_STEPS, HEAD_RATE, HEAD_DECAY = 300, 0.3, 2e-3


def with_new_head(model: nn.Module, classes: int, seed: int = 0) -> nn.Module:
    """A copy of a network whose last layer is fresh and tells so many classes apart; all other weights are kept."""
    changed = copy.deepcopy(model)
    head = changed.head
    assert isinstance(head, nn.Linear)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        changed.head = nn.Linear(head.in_features, classes)
    return changed


def learn(
    method: str,
    base: nn.Module,
    data: Dataset,
    steps: int,
    *,
    peak_rate: float = PEAK_RATE,
    device: str | torch.device = "cpu",
    seed: int = 0,
) -> tuple[nn.Module, History]:
    """Learn `data` in one of the three ways.

    Args:
        method: one of METHODS. "from scratch" starts from random weights; "fine-tuning" from those of `base` under a new head,
            and trains all of them, the old ones with BODY_SHARE of the rate; "frozen features" trains the new head alone.
        base: a trained small network for three channels; it stays as it is.
        data: images with three channels. steps: of the first two methods. peak_rate: their largest learning rate.

    Returns:
        The network, in eval mode on the CPU, and what happened.

    Raises:
        ValueError: unknown method.
    """
    classes = len(data.classes)
    if method == FROZEN:
        return train_head(with_new_head(base, classes, seed), data, device=device)
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}.")
    tuned = method == TUNED
    model = with_new_head(base, classes, seed) if tuned else models.build("small", classes=classes, seed=seed)
    recipe = training.Recipe(steps=steps, batch_size=BATCH_SIZE, peak_rate=peak_rate)
    history = training.train(
        model,
        data,
        recipe,
        device=device,
        seed=seed,
        rates={"blocks": BODY_SHARE} if tuned else None,
        evaluate_every=max(1, steps // LOOKS),
        quiet=True,
    )
    return model.cpu().eval(), history


def features(model: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    """What the last layer of a network sees, float32 (n, width) on the CPU, for images uint8 (n, c, h, w); in eval mode."""
    where = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        parts = [model.features(models.to_input(part.to(where))) for part in images.split(batch_size)]  # type: ignore[operator]
    return torch.cat(parts).float().cpu()


def train_head(model: nn.Module, data: Dataset, *, device: str | torch.device = "cpu") -> tuple[nn.Module, History]:
    """Train the last layer alone: the rest runs once over each image, and never again.

    The features are brought to mean 0 and standard deviation 1 first, so that one learning rate suits all of them; the
    head that comes out takes them as they are. Gradient descent with momentum on all images at once.
    """
    model.to(device)
    began = time.perf_counter()
    seen = features(model, data.train.images)
    middle, spread = seen.mean(0), seen.std(0, correction=0) + 1e-3
    seen, labels = (seen - middle) / spread, data.train.labels
    first = time.perf_counter() - began
    looked = (features(model, data.validation.images) - middle) / spread
    model.cpu()
    head = model.head
    assert isinstance(head, nn.Linear)
    optimiser = torch.optim.SGD(head.parameters(), HEAD_RATE, 0.9, weight_decay=HEAD_DECAY, nesterov=True)
    history = History(images=len(labels), finished=True)
    for step in range(HEAD_STEPS):
        began = time.perf_counter()
        optimiser.param_groups[0]["lr"] = rate = HEAD_RATE * (1 - step / HEAD_STEPS)
        loss = F.cross_entropy(head(seen), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.loss.append(loss.item())
        history.rate.append(rate)
        history.step_seconds.append(time.perf_counter() - began + (first if step == 0 else 0.0))
        if step % 5 == 0 or step + 1 == HEAD_STEPS:
            right = head(looked).argmax(1) == data.validation.labels
            history.accuracy.append((step + 1, right.float().mean().item()))
    with torch.no_grad():
        head.weight.div_(spread)
        head.bias.sub_(head.weight @ middle)
    return model.eval(), history
