"""What one training step costs and what one prediction costs: time, memory and arithmetic."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib import timing, training_memory
from lessons_lib.batching import take_batch
from lessons_lib.datasets.split import Split
from lessons_lib.models import to_input
from lessons_lib.tables import Table
from lessons_lib.timing import Measurement, Verdict
from lessons_lib.timing.table import duration
from lessons_lib.training_memory import in_words
from lessons_lib.training_steps import Knobs, TrainingStep


@dataclass(frozen=True)
class Work:
    """The price of one call: a measurement of its time, counted bytes, counted multiply-accumulates."""

    time: Measurement
    memory_bytes: int
    macs: int


@dataclass(frozen=True)
class Costs:
    """One training step of `batch` images, one prediction of the same batch, and the prediction of a single image.

    verdict: the step's speed against predicting the same batch, with its interval.
    """

    batch: int
    step: Work
    same_batch: Work
    one: Work
    verdict: Verdict

    @property
    def times_as_long(self) -> float:
        """How many times as long the step takes as predicting the same batch."""
        return 1 / self.verdict.ratio

    @property
    def interval(self) -> str:
        """The same with its interval, in words: "3.1 (2.9 to 3.3)"."""
        return f"{1 / self.verdict.ratio:.1f} ({1 / self.verdict.high:.1f} to {1 / self.verdict.low:.1f})"

    @property
    def times_the_memory(self) -> float:
        """How many times the bytes of predicting the same batch the step holds."""
        return self.step.memory_bytes / self.same_batch.memory_bytes

    @property
    def times_the_arithmetic(self) -> float:
        """How many times the multiply-accumulates of predicting the same batch the step makes."""
        return self.step.macs / self.same_batch.macs

    def table(self) -> Table:
        """Three prices of each of the three, and the step against the prediction of the same batch."""
        works = {
            f"training step, {self.batch} images": self.step,
            f"prediction, {self.batch} images": self.same_batch,
            "prediction, one image": self.one,
        }
        times = {
            "time": f"{self.interval} times",
            "memory": f"{self.times_the_memory:.1f} times",
            "multiply-accumulates": f"{self.times_the_arithmetic:.2f} times",
        }
        shown = {name: _in_words(work) for name, work in works.items()}
        rows = [
            {"price": price} | {name: words[price] for name, words in shown.items()} | {"step / prediction": ratio}
            for price, ratio in times.items()
        ]
        return Table("What a training step and a prediction cost", rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for the record."""
        works = {"step": self.step, "same_batch": self.same_batch, "one": self.one}
        return {"batch": self.batch, "times_as_long": self.times_as_long} | {
            name: {"median_ms": w.time.median_ms, "memory_bytes": w.memory_bytes, "macs": w.macs}
            for name, w in works.items()
        }


def _in_words(work: Work) -> dict[str, str]:
    return {
        "time": duration(work.time.median_ms),
        "memory": in_words(work.memory_bytes),
        "multiply-accumulates": f"{work.macs / 1e6:,.0f} million",
    }


def measure(model: nn.Module, split: Split, batch: int, *, seconds: float, device: Any = "cpu") -> Costs:
    """Measure and count a training step and a prediction, both in PyTorch as lesson 01 runs it.

    Args:
        model: trained; it stays as it is. split: to train on and to predict; images are repeated where there are too few.
        batch: images of the step. seconds: to spend on the times, all in turns.
    """
    images = take_batch(split.images, batch).to(device)
    labels = split.labels.repeat(-(-batch // len(split)))[:batch].to(device)
    ready = copy.deepcopy(model).to(device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    names = (f"predict {batch}", f"train on {batch}", "predict one")
    calls: dict[str, Callable[[], Any]] = {
        names[0]: partial(predict, ready, images),
        names[1]: TrainingStep(model, split, batch, Knobs(indexed=True, channels_last=True), device=device, rate=1e-4),
        names[2]: partial(predict, ready, images[:1]),
    }
    found = timing.compare(calls, seconds=seconds, device=device)
    training = training_memory.count(ready, partial(torch.optim.SGD, lr=0.1, momentum=0.9), images, labels)
    return Costs(
        batch,
        step=Work(found.measurements[names[1]], training.total, step_macs(ready, images, labels)),
        same_batch=_prediction(ready, images, found.measurements[names[0]]),
        one=_prediction(ready, images[:1], found.measurements[names[2]]),
        verdict=found.verdicts[names[1]],
    )


def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Logits float32 (n, classes) for images uint8 (n, c, h, w), the way a prediction should be made in PyTorch."""
    with torch.inference_mode():
        return model(to_input(images).contiguous(memory_format=torch.channels_last))


def _prediction(model: nn.Module, images: Tensor, time: Measurement) -> Work:
    return Work(time, training_memory.inference_bytes(model, images), prediction_macs(model, images))


def prediction_macs(model: nn.Module, images: Tensor) -> int:
    """Multiply-accumulates of a forward pass over images uint8 (n, c, h, w), counted as PyTorch makes them.

    Source: torch.utils.flop_counter, which counts a multiplication and an addition as two.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(to_input(images))
    return counter.get_total_flops() // 2


def step_macs(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """Multiply-accumulates of forward and backward; the update of the weights adds a few for each weight, not counted."""
    from torch.utils.flop_counter import FlopCounterMode

    trained = copy.deepcopy(model).train()
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(trained(to_input(images)), labels).backward()
    return counter.get_total_flops() // 2
