"""How wrong is a precision? Each is set against float64 on the CPU, on images that nobody has seen before."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Errors:
    """The relative errors of one precision, one for each draw of images."""

    name: str
    each: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the draws."""
        return median(self.each)

    @property
    def largest(self) -> float:
        """Of the draws."""
        return max(self.each)


def relative_error(result: Tensor, exact: Tensor) -> float:
    """The norm of the difference as a share of the norm of `exact`, calculated in float64."""
    wrong, right = result.detach().double().cpu(), exact.detach().double().cpu()
    return ((wrong - right).norm() / right.norm()).item()


def measure(
    runs: Mapping[str, Callable[[Tensor], Tensor]],
    model: nn.Module,
    image_shape: tuple[int, int, int],
    *,
    seed: int,
    batches: Sequence[int] = (1, 3, 64),
    draws: int = 4,
) -> list[Errors]:
    """Draw images, and compare the logits of every run with those of float64 on the CPU.

    Args:
        runs: each takes float32 (n, c, h, w) from the CPU and returns logits. model: what they were made from.
        image_shape: (c, h, w). seed: of the generator; another seed, other images. batches: how many at once.
        draws: new images for each batch size, that many times.
    """
    exact = copy.deepcopy(model).cpu().double().eval()
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[float]] = {name: [] for name in runs}
    for batch in [size for size in batches for _ in range(draws)]:
        x = 4 * torch.rand(batch, *image_shape, generator=generator) - 2  # the range of `models.to_input`
        with torch.no_grad():
            right = exact(x.double())
        for name, run in runs.items():
            found[name].append(relative_error(run(x), right))
    return [Errors(name, tuple(each)) for name, each in found.items()]
