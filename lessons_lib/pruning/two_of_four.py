"""2:4 sparsity: of every four weights in a row, two are zero. Recent NVIDIA GPUs skip zeros in this pattern, and in no other."""

import torch
from torch import Tensor


def two_of_four(weight: Tensor) -> Tensor:
    """Which weights stay when of every four neighbours along a row the two nearest to zero go.

    Args:
        weight: float (rows, columns); the columns are a multiple of 4.

    Returns:
        bool (rows, columns), True at exactly two of every four.

    Raises:
        ValueError: another number of dimensions, or of columns.

    Source: Mishra et al., Accelerating Sparse Deep Neural Networks, 2021.
    """
    if weight.ndim != 2 or weight.shape[1] % 4:
        raise ValueError(f"two_of_four takes (rows, columns), columns a multiple of 4; this is {tuple(weight.shape)}.")
    fours = weight.detach().abs().reshape(-1, 4)
    kept = fours.topk(2, dim=1).indices
    mask = torch.zeros_like(fours, dtype=torch.bool).scatter_(1, kept, True)
    return mask.view(weight.shape)
