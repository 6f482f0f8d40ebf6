"""Which range of an activation to keep: everything, nearly everything, or what loses least information."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lessons_lib.explained import Mistake

BINS = 1024
CANDIDATES = 64  # thresholds that `entropy` tries
PERCENTILE = 99.9


def min_max(x: Tensor, levels: int = 256) -> tuple[float, float]:
    """From the smallest value to the largest: nothing is clipped, and one outlier widens every step."""
    return x.min().item(), x.max().item()


def percentile(x: Tensor, levels: int = 256, keep: float = PERCENTILE) -> tuple[float, float]:
    """The range that is left when the largest and the smallest (100 - `keep`) per cent are clipped."""
    ordered = x.flatten().sort().values
    cut = round(len(ordered) * (1 - keep / 100))
    return ordered[cut].item(), ordered[-1 - cut].item()


def entropy(x: Tensor, levels: int = 256) -> tuple[float, float]:
    """The range whose quantized histogram is nearest to the true one, by the Kullback-Leibler divergence.

    Args:
        x: float32, any shape. levels: whole numbers there are on one side of 0, or above it where nothing is negative.

    Source: S. Migacz, 8-bit Inference with TensorRT, GTC 2017; bins are weighted with the values that fall into them.
    """
    low, high = min_max(x)
    reach = max(-low, high)
    if reach == 0:
        return 0.0, 0.0
    counts = torch.histc(x.abs().float(), BINS, 0, reach).double()
    if low >= 0:  # zeros, which every range holds exactly, say nothing about where to clip
        counts[0] = counts[0] - (x == 0).sum()
    first = min(BINS, max(levels, BINS // CANDIDATES))
    ends = sorted({int(end) for end in torch.linspace(first, BINS, CANDIDATES)})
    best = min(ends, key=lambda end: divergence(counts, end, levels))
    threshold = best / BINS * reach
    return max(low, -threshold), min(high, threshold)


def divergence(counts: Tensor, end: int, levels: int) -> float:
    """How far a histogram that is clipped at bin `end` and then kept in `levels` steps is from the clipped one, in nats.

    What is clipped is counted into the last bin of the truth, but not of the copy: this is what makes clipping cost.
    """
    truth = counts[:end].clone()
    group = torch.arange(end) * levels // end
    filled = (truth > 0).double()
    sums = torch.zeros(levels, dtype=torch.float64).index_add(0, group, truth)
    members = torch.zeros(levels, dtype=torch.float64).index_add(0, group, filled)
    copy = (sums / members.clamp(min=1))[group] * filled
    truth[-1] += counts[end:].sum()
    p, q = truth / truth.sum(), copy / copy.sum().clamp(min=1e-12)
    there = p > 0
    return (p[there] * (p[there] / q[there].clamp(min=1e-9)).log()).sum().item()


METHODS: dict[str, Callable[..., tuple[float, float]]] = {
    "min-max": min_max,
    "percentile": percentile,
    "entropy": entropy,
}


def joined(parts: Sequence[Tensor], most: int = 400_000) -> Tensor:
    """The values of several batches in one row; of more than `most`, evenly spaced ones, and always the extremes."""
    values = torch.cat([part.flatten() for part in parts])
    if len(values) <= most:
        return values
    return torch.cat([values[:: len(values) // most + 1], torch.stack([values.min(), values.max()])])


def find_range(method: str, x: Tensor, levels: int) -> tuple[float, float]:
    """The range (low, high) that a method chooses for values.

    Raises:
        Mistake: unknown method, or no values.
    """
    if method not in METHODS:
        raise Mistake(f"There is no calibration {method!r}; choose one of {', '.join(METHODS)}.")
    if not x.numel():
        raise Mistake("Calibration needs values to look at: give it some images, a hundred or more.")
    return METHODS[method](x, levels)
