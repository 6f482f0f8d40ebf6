"""What the batch size costs and buys in training: time of a step, images a second, and the memory it needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lessons_lib.batching import is_out_of_memory, take_batch
from lessons_lib.datasets.split import Split
from lessons_lib.timing import Measurement, compare, measure
from lessons_lib.training_memory import activation_bytes, expected
from lessons_lib.training_steps import Knobs, TrainingStep


@dataclass(frozen=True)
class BatchCost:
    """One batch size: how long its step takes, and bytes of activations and of all else that training holds."""

    batch: int
    step: Measurement
    activations: int
    the_rest: int

    @property
    def images_per_second(self) -> float:
        """Throughput at the median step."""
        return self.batch * self.step.per_second

    @property
    def rates(self) -> list[float]:
        """Images a second at the quartiles and the median of the step times, the lowest first."""
        low_ms, high_ms = self.step.quartiles_ms
        return [self.batch * 1000 / ms for ms in (high_ms, self.step.median_ms, low_ms)]

    @property
    def total_bytes(self) -> int:
        """Weights, gradients, momentum and activations."""
        return self.activations + self.the_rest

    def largest_batch(self, memory_bytes: int) -> int:
        """How many images' activations fit into a memory beside the rest; 0 where none do."""
        return max(0, (memory_bytes - self.the_rest) * self.batch // self.activations)


def sweep_batches(
    model: nn.Module,
    split: Split,
    batches: Sequence[int],
    *,
    knobs: Knobs,
    device: str | torch.device = "cpu",
    seconds: float = 8.0,
) -> tuple[list[BatchCost], str]:
    """Measure training steps of several batch sizes, in turns, so that all meet the same disturbances.

    Args:
        model: stays as it is. split: images to train on. batches: sizes. knobs: how the steps are done.
        device: where. seconds: for all sizes together.

    Returns:
        One cost for each size that fits into the memory, in rising order, and a sentence about those that do not.
    """
    steps: dict[int, TrainingStep] = {}
    told = ""
    for batch in sorted(set(batches)):
        try:
            step = TrainingStep(model, split, batch, knobs, device=device)
            step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            told = f"A batch of {batch} does not fit into the memory; larger ones were not tried."
            break
        steps[batch] = step
    if not steps:
        raise MemoryError(f"Not even a batch of {min(batches)} fits into the memory of this machine.")
    calls = {f"batch {batch}": step for batch, step in steps.items()}
    if len(calls) > 1:
        measured = compare(calls, seconds=seconds, device=device).measurements
    else:
        measured = {name: measure(call, name=name, seconds=seconds, device=device) for name, call in calls.items()}
    rest = expected(sum(p.numel() for p in model.parameters()), slots=1).total
    return [
        BatchCost(batch, measured[f"batch {batch}"], _activations(model, split, batch), rest) for batch in steps
    ], told


def _activations(model: nn.Module, split: Split, batch: int) -> int:
    """Bytes of a whole batch's activations. They are counted on few images: each takes the same, and memory is spared."""
    few = min(batch, 8)
    where = next(model.parameters()).device
    return activation_bytes(model, take_batch(split.images, few).to(where)) * batch // few


def enough(costs: Sequence[BatchCost], share: float = 0.95) -> BatchCost:
    """The smallest batch that comes within `share` of the highest throughput seen."""
    most = max(cost.images_per_second for cost in costs)
    return next(cost for cost in costs if cost.images_per_second >= share * most)
