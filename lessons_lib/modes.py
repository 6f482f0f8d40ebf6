"""Training mode and evaluation mode: what a prediction answers, what it changes, and what it keeps in memory."""

import copy
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib import timing
from lessons_lib.datasets.split import Split
from lessons_lib.models import to_input
from lessons_lib.tables import Table
from lessons_lib.timing import Comparison
from lessons_lib.training_memory import storage_of, unique_bytes

WITHOUT_GRADIENTS: dict[str, Callable[[], AbstractContextManager]] = {
    "with gradients": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
}


def fingerprint(model: nn.Module) -> str:
    """Twelve hexadecimal digits that change when any weight or running statistic does.

    Source: SHA-256 over the names and bytes of the state.
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def in_training_mode(model: nn.Module) -> nn.Module:
    """A copy in the mode that training leaves a model in: what predicts where `eval()` is forgotten."""
    return copy.deepcopy(model).train()


def confidence(model: nn.Module, x: Tensor, label: int) -> float:
    """The share (0 to 1) that the first image's answer gives to the class `label`, whoever else is in the batch.

    Args:
        model: in the mode to look at; in training mode its running statistics move. x: float32 (n, c, h, w).
    """
    with torch.no_grad():
        return model(x).softmax(1)[0, label].item()


def accuracy(model: nn.Module, split: Split, batch_size: int) -> float:
    """The share (0 to 1) of images that a model gets right in batches of this size, in the order and mode it is in.

    Args:
        model: in training mode its running statistics move. split: images uint8 (n, c, h, w) and labels. batch_size: the
            last batch may be smaller.
    """
    with torch.no_grad():
        answers = [model(to_input(part)).argmax(1) for part in split.images.split(batch_size)]
    return (torch.cat(answers) == split.labels).float().mean().item()


def sorted_by_class(split: Split) -> Split:
    """The same images, those of the first class first: as requests come in, one camera, one kind of image after the other."""
    order = split.labels.argsort(stable=True)
    return Split(split.images[order], split.labels[order])


def accuracies(model: nn.Module, split: Split, batch_sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Accuracy with and without evaluation mode, one row for each batch size, and one for batches of mostly one class.

    Args:
        model: trained; it stays as it is. batch_sizes: in the order of the rows; the last one is also tried sorted.
    """
    cases = [(f"{size} at a time", split, size) for size in batch_sizes]
    cases.append((f"{batch_sizes[-1]} at a time, sorted by class", sorted_by_class(split), batch_sizes[-1]))
    steady = copy.deepcopy(model).eval()
    return [
        {
            "images": name,
            "evaluation mode": accuracy(steady, part, size),
            "training mode": accuracy(in_training_mode(model), part, size),
        }
        for name, part, size in cases
    ]


def accuracy_table(rows: Sequence[dict[str, Any]], images: int) -> Table:
    """What `accuracies` found, in words; `images` is how many were predicted."""
    shown = [{key: value if isinstance(value, str) else f"{value:.1%}" for key, value in row.items()} for row in rows]
    return Table(f"Accuracy on {images:,} test images", shown)


def modes_told(rows: Sequence[dict[str, Any]]) -> str:
    """What `accuracies` found, in a sentence or two."""
    steady = [row["evaluation mode"] for row in rows]
    worst = min(rows, key=lambda row: row["training mode"])
    level = f"{min(steady):.1%}" if max(steady) - min(steady) < 0.0005 else f"{min(steady):.1%} to {max(steady):.1%}"
    lost = 100 * (worst["evaluation mode"] - worst["training mode"])
    found = (
        f"In training mode it falls to **{worst['training mode']:.1%}** with images {worst['images']}: {lost:.0f} points are lost"
        if lost >= 1
        else f"In training mode it is hardly lower on these images, at least {worst['training mode']:.1%}"
    )
    return f"In evaluation mode the company makes no difference: {level} right. {found}."


def damage_told(before: float, after: float, class_name: str) -> str:
    """What predicting one kind of image in training mode has done to the accuracy (0 to 1), in a sentence."""
    if after < before - 0.01:
        return (
            f"A few batches of nothing but “{class_name}” have taken the accuracy from {before:.1%} to **{after:.1%}**."
        )
    return f"This time a few batches of nothing but “{class_name}” did little harm: {before:.1%} right before, {after:.1%} after."


def after_predicting(model: nn.Module, images: Tensor, times: int) -> nn.Module:
    """A copy that has predicted the same batch so many times in training mode, without gradients; now in evaluation mode.

    Args:
        images: uint8 (n, c, h, w).
    """
    used = in_training_mode(model)
    with torch.no_grad():
        for _ in range(times):
            used(to_input(images))
    return used.eval()


def kept_bytes(model: nn.Module, x: Tensor, context: Callable[[], AbstractContextManager]) -> int:
    """Bytes that a prediction keeps in case gradients are asked for later; the weights are left out.

    Args:
        model: in evaluation mode. x: float32 (n, c, h, w). context: such as `torch.no_grad`.

    Source: torch.autograd.graph.saved_tensors_hooks.
    """
    own = {storage_of(t) for t in model.state_dict().values()}
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.detach())
        return kept[-1]

    with context(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(x)
    del logits
    return unique_bytes(t for t in kept if storage_of(t) not in own)


def compare_contexts(model: nn.Module, x: Tensor, *, seconds: float, device: Any = "cpu") -> Comparison:
    """Time the same prediction under each of `WITHOUT_GRADIENTS`, in turns; with gradients is the baseline."""

    def predict(context: Callable[[], AbstractContextManager]) -> None:
        with context():
            model(x)

    calls = {name: partial(predict, context) for name, context in WITHOUT_GRADIENTS.items()}
    return timing.compare(calls, seconds=seconds, device=device)
