"""Muon for convolutions: momentum whose matrix is made orthogonal before each step. What the fastest published record uses."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Steps in which every direction of a filter bank counts alike; a bank (out, in, h, w) is read as a matrix (out, rest).

    `torch.optim.Muon` takes matrices only. Nothing in a step waits for a GPU.

    Args:
        parameters: filter banks. rate: the highest learning rate, as a share of the norm of each bank. momentum: of
            Nesterov's kind.

    Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks, 2024, as in airbench94_muon.py.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float, momentum: float = 0.6):
        super().__init__([{"params": list(parameters), "highest": rate}], {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):  # type: ignore[override]
        """One update of every filter bank."""
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].mul_(group["momentum"]).add_(weight.grad)
                gradient = weight.grad.add(state["momentum"], alpha=group["momentum"])
                weight.mul_(len(weight) ** 0.5 / weight.norm())
                update = orthogonal(gradient.reshape(len(weight), -1)).reshape(weight.shape)
                weight.add_(update, alpha=-group["lr"])


def orthogonal(matrix: Tensor, rounds: int = 3) -> Tensor:
    """A matrix (rows, columns) with the same directions and all singular values near 1, by Newton and Schulz's iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    tall = len(x) > x.shape[1]
    x = x.T if tall else x
    for _ in range(rounds):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x
