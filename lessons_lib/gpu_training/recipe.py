"""How to train fast: rates, decay and averages of the weights; and what a GPU's step is followed by."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from lessons_lib.gpu_training.muon import Muon
from lessons_lib.gpu_training.orders import Changes


@dataclass(frozen=True)
class FastRecipe:
    """Gradient descent with Nesterov momentum; the rate rises in a straight line, then falls. The defaults are those of CIFAR-10.

    epochs: how often each image is seen; may be a fraction. rate, decay: the highest rate, and the share of the weights that
    a step at this rate takes away, for batches of 1,024; both grow with the batch. bias_rate: how many times the rate the
    biases of the batch norms get. start, peak_at, end: the rate of the first step and of the last as shares of the highest,
    and the share of the steps after which it is reached. average_every: steps between two averages of the weights, 0 for none.
    smoothing: of the labels. muon_rate: of the filters, which Muon then trains; None: gradient descent for all.

    Source: K. Jordan, arXiv:2404.00498, 2024, and airbench94.py, whose figures these are (given there for sums over a batch).
    """

    epochs: float = 9.9
    batch_size: int = 1024
    rate: float = 1.5
    decay: float = 0.002
    momentum: float = 0.85
    bias_rate: float = 64.0
    smoothing: float = 0.2
    start: float = 0.2
    peak_at: float = 0.23
    end: float = 0.07
    average_every: int = 5
    muon_rate: float | None = None
    changes: Changes = field(default_factory=Changes)

    def rate_at(self, step: int, total: int) -> float:
        """The share of the highest rate that a step counted from 0 gets."""
        rising = max(1, round(self.peak_at * total))
        if step < rising:
            return self.start + (1 - self.start) * step / rising
        return 1 + (self.end - 1) * (step - rising) / max(1, total - rising)

    def total_steps(self, images: int) -> int:
        """How many updates are made on so many images."""
        return max(1, int(self.epochs * images / self.batch_for(images)))

    def batch_for(self, images: int) -> int:
        """The batch size, or all images where there are fewer."""
        return min(self.batch_size, images)


CIFAR10 = FastRecipe(changes=Changes(mirror=True, shift=2))
# airbench94_muon.py: its rates for sums over 2,000 images and logits divided by 256, here for means over 1,024 and logits
# divided by 9; without its freezing of the first bias.
CIFAR10_MUON = FastRecipe(
    epochs=8, batch_size=2000, rate=0.85, start=1.0, peak_at=0.0, end=0.0, average_every=0, muon_rate=0.24,
    changes=Changes(mirror=True, shift=2),
)  # fmt: skip
ROAD_SIGNS = replace(CIFAR10_MUON, epochs=5, batch_size=512, changes=Changes(mirror=False, shift=2))


def optimisers_of(net: nn.Module, recipe: FastRecipe, batch_size: int) -> list[torch.optim.Optimizer]:
    """Gradient descent with two groups, the biases of the batch norms and all else; and Muon for the filters, if it is asked for.

    "highest" is each group's highest rate.
    """
    scale = batch_size / 1024
    trained = {name: p for name, p in net.named_parameters() if p.requires_grad}
    filters = [p for p in trained.values() if p.ndim == 4] if recipe.muon_rate else []
    fast = ("norm", "whiten") if filters else ("norm",)  # with Muon the first bias learns as fast as those of the norms
    biases = [p for name, p in trained.items() if any(word in name for word in fast)]
    others = [p for p in trained.values() if not any(p is taken for taken in [*biases, *filters])]
    rates = (recipe.rate * scale * recipe.bias_rate, recipe.rate * scale)
    groups = [
        {"params": params, "lr": rate, "highest": rate, "weight_decay": recipe.decay * scale / rate}
        for params, rate in zip((biases, others), rates, strict=True)
        if params
    ]
    plain = torch.optim.SGD(groups, momentum=recipe.momentum, nesterov=True)
    return [plain, Muon(filters, recipe.muon_rate)] if filters and recipe.muon_rate else [plain]


class Averager:
    """Pulls the weights back towards their own slow average, hardly at first and strongly at the end.

    Source: Zhang et al., Lookahead Optimizer, 2019, with the strength of airbench94.py.
    """

    def __init__(self, net: nn.Module, every: int, total: int):
        self.every, self.total = every, total
        self.fast = [t for t in net.state_dict().values() if t.is_floating_point()]
        self.slow = [t.clone() for t in self.fast] if every else []

    @torch.no_grad()
    def after(self, step: int) -> None:
        """What follows a step counted from 1; after the last one the weights are the average."""
        if not self.every or (step % self.every and step < self.total):
            return
        kept = 1.0 if step == self.total else 0.95**self.every * (step / self.total) ** 3
        for fast, slow in zip(self.fast, self.slow, strict=True):
            _pull(fast, slow, kept)


def _pull(fast: Tensor, slow: Tensor, kept: float) -> None:
    slow.lerp_(fast, 1 - kept)
    fast.copy_(slow)
