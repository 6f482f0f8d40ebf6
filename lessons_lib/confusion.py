"""Which class is taken for which, and which single mistakes are the worst."""

from typing import NamedTuple

import torch
from torch import Tensor


class Confusion(NamedTuple):
    """So many images of the class `truth` were taken for the class `said`; both are labels."""

    truth: int
    said: int
    images: int


def count(labels: Tensor, predictions: Tensor, classes: int) -> Tensor:
    """The confusion matrix: row = the true class, column = the predicted one; right answers stand on the diagonal.

    Args:
        labels, predictions: int64 (n,), each from 0 to `classes` - 1.

    Returns:
        How many images, int64 (classes, classes).

    Raises:
        ValueError: the two differ in length.
    """
    if labels.shape != predictions.shape:
        raise ValueError(f"{len(labels)} labels against {len(predictions)} predictions: each image has one of each.")
    pairs = labels * classes + predictions
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def largest(counts: Tensor, most: int = 8) -> list[Confusion]:
    """The most frequent mistakes, largest first; classes that are never confused are left out."""
    mistakes = counts.clone().fill_diagonal_(0)
    found = [Confusion(truth, said, int(mistakes[truth, said])) for truth, said in mistakes.nonzero().tolist()]
    return sorted(found, key=lambda one: -one.images)[:most]


def sure_and_wrong(logits: Tensor, labels: Tensor, most: int = 8) -> Tensor:
    """The places of the worst mistakes, int64 (up to `most`,): wrong answers, the surest first.

    Args:
        logits: float32 (n, classes). labels: int64 (n,).
    """
    sure, said = logits.softmax(1).max(1)
    wrong = (said != labels).nonzero()[:, 0]
    return wrong[sure[wrong].argsort(descending=True, stable=True)][:most]
