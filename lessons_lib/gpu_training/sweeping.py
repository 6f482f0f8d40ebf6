"""The same training step in several ways and batch sizes, in turns; what does not fit or cannot be done here becomes a sentence."""

import copy
import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from lessons_lib.batching import free_memory
from lessons_lib.datasets.split import Split
from lessons_lib.explained import NotHere
from lessons_lib.gpu_training import ran_out
from lessons_lib.gpu_training.network import FastNet
from lessons_lib.gpu_training.orders import drawn
from lessons_lib.gpu_training.recipe import FastRecipe
from lessons_lib.gpu_training.step import Step, on
from lessons_lib.gpu_training.ways import Way, cudnn_benchmark, why_not
from lessons_lib.tf32 import tf32
from lessons_lib.timing import Measurement, compare, measure

SMALL_RATE = 0.01  # so that no loss leaves its range, however often a step is made
STEPS_ON_GPU = 4  # a call makes several: within a training nobody waits for the GPU after each


class Turn:
    """A call makes one or more training steps with a copy of the network.

    Args:
        net: is copied. split: images to train on, moved to the device. way, batch: how a step is made, and of how many images.
        device: where.

    Attributes:
        images: how many images a call trains on. memory_bytes: the most that tensors took on a GPU, those of the images and
            the weights included; None on a CPU.
    """

    def __init__(self, net: FastNet, split: Split, way: Way, batch: int, device: torch.device, seed: int = 0):
        gpu = device.type == "cuda"
        if gpu:
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
        repeats = -(-batch // len(split))
        images, labels = split.images.repeat(repeats, 1, 1, 1), split.labels.repeat(repeats)
        own = copy.deepcopy(net).to(device).to(memory_format=way.layout).train()  # type: ignore[call-overload]
        recipe = replace(FastRecipe(), batch_size=batch)
        self.step = Step(own, images.to(device), labels.to(device), recipe, way)
        self.orders = drawn(len(images), 1, recipe.changes, images.shape[2], seed).to(device)
        self.batch, self.steps, self.done = batch, STEPS_ON_GPU if gpu else 1, 0
        self.images = self.steps * batch
        with tf32(way.tf32):
            self.step.prepare(self.orders[:, :batch])
        self()
        self.memory_bytes = torch.cuda.max_memory_allocated(device) - before if gpu else None

    def __call__(self) -> None:
        with tf32(self.step.way.tf32):
            for _ in range(self.steps):
                start = self.done % (self.orders.shape[1] // self.batch) * self.batch
                self.step(self.orders[:, start : start + self.batch], SMALL_RATE)
                self.done += 1


@dataclass
class Swept:
    """What a sweep found, by batch size and then by the name of the way; `problems` are sentences."""

    measured: dict[int, dict[str, Measurement]] = field(default_factory=dict)
    images: dict[int, int] = field(default_factory=dict)
    memory_bytes: dict[int, dict[str, int | None]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def sweep(
    net: FastNet,
    split: Split,
    candidates: Mapping[str, Way],
    batches: Sequence[int],
    *,
    device: torch.device,
    seconds: float,
    compiled_at: Sequence[int] = (),
    seed: int = 0,
) -> Swept:
    """Measure each batch size, the largest first, its ways taking turns; goes on with smaller ones where one does not fit.

    Args:
        net: stays as it is. seconds: for all together, without the preparation. compiled_at: the batches for which ways with
            torch.compile are tried, each of which takes half a minute. seed: of the order of the images.
    """
    found = Swept()
    for batch in sorted(set(batches), reverse=True):
        chosen = {name: way for name, way in candidates.items() if not way.compiled or batch in compiled_at}
        turns = _made(net, split, chosen, batch, device, found, seed)
        if not turns:
            continue
        try:
            with on(device), cudnn_benchmark():
                found.measured[batch] = _timed(turns, seconds / len(set(batches)), device)
            found.images[batch] = next(iter(turns.values())).images
            found.memory_bytes[batch] = {name: turn.memory_bytes for name, turn in turns.items()}
        except (RuntimeError, MemoryError) as error:  # each has run alone, but a graph keeps its memory from the others
            if not ran_out(error):
                raise
            found.problems.append(f"With a batch of {batch:,} not all ways fit into the memory together.")
        del turns
        _release()
    return found


def _made(
    net: FastNet,
    split: Split,
    candidates: Mapping[str, Way],
    batch: int,
    device: torch.device,
    found: Swept,
    seed: int,
) -> dict[str, Turn]:
    turns: dict[str, Turn] = {}
    for name, way in candidates.items():
        problem = why_not(way, device)
        if problem is None:
            try:
                with on(device), cudnn_benchmark():
                    turns[name] = Turn(net, split, way, batch, device, seed)
            except (RuntimeError, MemoryError, NotImplementedError, ImportError, OSError) as error:
                problem = told(name, batch, error)  # torch's compiler errors are RuntimeErrors
            if problem:
                _release()
        if problem and problem not in found.problems:
            found.problems.append(problem)
    return turns


def told(name: str, batch: int, error: BaseException) -> str:
    """An error of a candidate as a sentence."""
    if ran_out(error):
        return f"{name}: a batch of {batch:,} does not fit into the memory; smaller ones are tried."
    if isinstance(error, NotHere):
        return f"{name}: {error}"
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"{name} cannot be measured here. PyTorch says: {first[:200]}"


def _timed(turns: Mapping[str, Turn], seconds: float, device: torch.device) -> dict[str, Measurement]:
    if len(turns) > 1:
        return compare(turns, seconds=seconds, device=device).measurements
    return {name: measure(turn, name=name, seconds=seconds, device=device) for name, turn in turns.items()}


def _release() -> None:
    """Give back what the last candidates held: a graph keeps its memory until it is gone."""
    gc.collect()
    free_memory()
