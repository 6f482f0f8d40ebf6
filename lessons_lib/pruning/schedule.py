"""Gradual pruning: fewer and fewer weights in the course of a training, so that the network can adapt in between."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from lessons_lib.pruning.masks import Hold, magnitude_masks, weights


def cubic(step: int, total: int, final: float, initial: float = 0.0) -> float:
    """The sparsity after a number of steps: it grows quickly at first, when most weights are of no use, then ever more slowly.

    Args:
        step: steps done. total: from here on the sparsity is `final`. initial: the sparsity at step 0.

    Raises:
        ValueError: `total` is below 1.

    Source: Zhu and Gupta, To prune, or not to prune, 2017, equation 1.
    """
    if total < 1:
        raise ValueError(f"total is {total!r}; the sparsity needs at least one step to grow.")
    left = 1 - min(max(step, 0), total) / total
    return final + (initial - final) * left**3


@dataclass(eq=False)
class Gradual:
    """Prunes a network while it trains: `training.train(model, ..., after_step=Gradual(model, 0.95, grow_steps=80))`.

    Every `every` steps the masks are made anew at the sparsity of `cubic`; in between the zeros are held. A weight that is
    zero has the smallest magnitude there is, so what is gone stays gone.
    """

    model: nn.Module
    final: float
    grow_steps: int
    every: int = 5
    masks: dict[str, Tensor] | None = field(default=None, init=False, repr=False)

    def __call__(self, steps_done: int) -> None:
        if self.masks is None:  # at the start, or when a training that was stopped goes on
            self.masks = {name: weight.detach() != 0 for name, weight in weights(self.model).items()}
        Hold(self.model, self.masks)(steps_done)
        if steps_done % self.every == 0 or steps_done >= self.grow_steps:
            share = cubic(steps_done, self.grow_steps, self.final)
            self.masks = magnitude_masks(self.model, share)
            Hold(self.model, self.masks)(steps_done)

    def __repr__(self) -> str:
        return f"Gradual(to {self.final:g} in {self.grow_steps} steps, every {self.every})"
