"""A training step with knobs: the same work done in several ways, so that `timing.compare` can tell which is faster."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.profiler import record_function

from lessons_lib.datasets.split import Split
from lessons_lib.models import to_input
from lessons_lib.timing import Comparison, Verdict
from lessons_lib.training import batch_of_step

Batches = Iterator[tuple[Tensor, Tensor]]
FETCH = "fetch the batch"  # what a profile calls the work of getting a batch
MUCH = 1.1  # times faster; less is not much


@dataclass(frozen=True)
class Knobs:
    """How a training step is done; the defaults are what a tutorial does.

    indexed: the images are one tensor on the device, of which a batch is picked at once; else a DataLoader collects the
    batch image by image. channels_last: the channels of a pixel lie side by side in memory. precision: None for float32,
    else the type that autocast computes in. compiled: with torch.compile.
    """

    indexed: bool = False
    channels_last: bool = False
    precision: torch.dtype | None = None
    compiled: bool = False


class TrainingStep:
    """A call makes one step of training: fetch a batch, forward, loss, gradients, update.

    Args:
        model: it is copied, so that several steps start from the same weights and leave each other alone.
        split: images uint8 (n, c, h, w) and labels to train on; fewer than `batch_size` are repeated.
        batch_size: images a step. knobs: how it is done. device: where.
        rate: the learning rate, with Nesterov momentum 0.9. seed: of the order of the images.
    """

    def __init__(
        self,
        model: nn.Module,
        split: Split,
        batch_size: int,
        knobs: Knobs | None = None,
        *,
        device: str | torch.device = "cpu",
        rate: float = 0.05,
        seed: int = 0,
    ):
        self.knobs, self.device = knobs or Knobs(), torch.device(device)
        self.layout = torch.channels_last if self.knobs.channels_last else torch.contiguous_format
        self.model = copy.deepcopy(model).to(self.device).to(memory_format=self.layout).train()  # type: ignore[call-overload]
        self.forward = torch.compile(self.model) if self.knobs.compiled else self.model
        self.optimiser = torch.optim.SGD(self.model.parameters(), rate, 0.9, nesterov=True)
        # float16 has so small a range that tiny gradients vanish: the loss is scaled up, the gradients down again
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.knobs.precision is torch.float16)
        fetch = indexed if self.knobs.indexed else loaded
        self.batches = fetch(split, batch_size, self.device, seed)

    def __call__(self) -> None:
        with record_function(FETCH):
            images, labels = next(self.batches)
            x = to_input(images).contiguous(memory_format=self.layout)
        with self._precision():
            loss = F.cross_entropy(self.forward(x).float(), labels)
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimiser)
        self.scaler.update()

    def _precision(self):
        if self.knobs.precision is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.knobs.precision)

    def problem(self) -> str:
        """Make one step; why it cannot be done on this machine, in one sentence, or nothing where it can."""
        try:
            self()
        except (
            RuntimeError,
            NotImplementedError,
            ImportError,
            OSError,
        ) as error:  # torch's compiler errors are RuntimeErrors
            first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            return f"PyTorch says: {first.strip()[:200]}"
        return ""


def indexed(split: Split, batch_size: int, device: torch.device, seed: int) -> Batches:
    """Batches without end, each picked out of one tensor that lies on the device, in a new order every epoch."""
    images, labels = split.images.to(device), split.labels.to(device)
    step = 0
    while True:
        chosen = batch_of_step(step, len(labels), batch_size, seed).to(device)
        yield images[chosen], labels[chosen]
        step += 1


def loaded(split: Split, batch_size: int, device: torch.device, seed: int) -> Batches:
    """Batches without end from a DataLoader in this process, which fetches image by image and stacks them."""
    repeats = -(-batch_size // len(split))
    images, labels = split.images.repeat(repeats, 1, 1, 1), split.labels.repeat(repeats)
    order = torch.Generator().manual_seed(seed)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, labels), batch_size, shuffle=True, drop_last=True, generator=order
    )
    while True:
        for some_images, some_labels in loader:
            yield some_images.to(device), some_labels.to(device)


def half_precision(device: str | torch.device) -> torch.dtype:
    """The 16-bit type to train in on a device: bfloat16, which has the range of float32; float16 on GPUs too old for it.

    Source: bfloat16 came with compute capability 8.0 (Ampere); NVIDIA, Training With Mixed Precision.
    """
    old = torch.device(device).type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0)
    return torch.float16 if old else torch.bfloat16


def ladder(device: str | torch.device) -> dict[str, Knobs]:
    """From the usual way to all that does not change the arithmetic's precision, one knob more each time."""
    where = torch.device(device).type.upper().replace("CUDA", "GPU")
    return {
        "DataLoader": Knobs(),
        f"one tensor on the {where}": Knobs(indexed=True),
        "and channels_last": Knobs(indexed=True, channels_last=True),
    }


def more(knobs: Knobs, device: str | torch.device, *, compiled: bool) -> dict[str, Knobs]:
    """What can be tried on top of `knobs`: 16 bits and, if asked for, torch.compile."""
    half = replace(knobs, precision=half_precision(device))
    tried = {str(half.precision).removeprefix("torch."): half}
    if compiled:
        tried["torch.compile"] = replace(knobs, compiled=True)
    return {"float32": knobs, **tried}


def usable(steps: Mapping[str, TrainingStep]) -> tuple[dict[str, TrainingStep], list[str]]:
    """The steps that this machine can make, each made once; and a sentence for each that it cannot."""
    problems = {name: step.problem() for name, step in steps.items()}
    told = [f"{name} cannot be measured here. {problem}" for name, problem in problems.items() if problem]
    return {name: step for name, step in steps.items() if not problems[name]}, told


def most_helpful(gains: Mapping[str, Verdict]) -> str:
    """Which of several changes gains the most time, in one sentence; a gain below a tenth is not much.

    That none does much is said only where every interval shows it.

    Args:
        gains: how many times faster each change makes a step, by the name of the change.
    """
    faster = {name: gain for name, gain in gains.items() if gain.word == "faster"}
    best = max(faster, key=lambda name: faster[name].ratio, default=None)
    if best is None or faster[best].ratio < MUCH:
        return _little(gains)
    equal = [name for name, gain in faster.items() if gain.high > faster[best].low]
    if len(equal) > 1:
        return f"The most is gained by {' and by '.join(equal)}; which of them gains more cannot be told."
    return f"The most is gained by {best}."


def _little(gains: Mapping[str, Verdict]) -> str:
    undecided = [name for name, gain in gains.items() if gain.high >= MUCH]
    if not undecided:
        return "None of them does much here."
    if len(undecided) == len(gains):
        return "Whether any of them does much here cannot be told."
    return f"Whether {' or '.join(undecided)} does much here cannot be told; nothing else does."


def against(comparison: Comparison, baseline: str, other: str) -> Verdict:
    """How many times faster `other` is than `baseline`, of a comparison that measured both."""
    pair = {name: comparison.measurements[name] for name in (baseline, other)}
    return Comparison(baseline, pair, comparison.confidence).verdict
