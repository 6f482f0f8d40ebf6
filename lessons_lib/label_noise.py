"""Wrong labels on purpose, to see what they do."""

import torch
from torch import Tensor


def with_wrong_labels(labels: Tensor, share: float, classes: int, seed: int = 0) -> Tensor:
    """A copy in which a share of the labels names another class, each of the others equally often (symmetric noise).

    Args:
        labels: int64 (n,), each from 0 to `classes` - 1.
        share: of the labels to change, 0 to 1; the number is rounded. classes: two or more.
        seed: which ones. A larger share changes those of a smaller one in the same way, and more.

    Raises:
        ValueError: `share` is not from 0 to 1, or there is no other class.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share!r}; give a number from 0 (every label right) to 1 (every one wrong).")
    if classes < 2:
        raise ValueError(f"there are {classes} classes; a wrong label needs a second one.")
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=random)
    further = torch.randint(1, classes, (len(labels),), generator=random)  # never 0: that would be the right class
    chosen = order[: round(share * len(labels))]
    wrong = labels.clone()
    wrong[chosen] = (labels[chosen] + further[chosen]) % classes
    return wrong
