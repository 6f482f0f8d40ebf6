"""A transformer in every precision that the machine has, over batch sizes: time in turns, error, accuracy, bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib import timing
from lessons_lib.gpu_low_precision.calls import (
    Call,
    call_of,
    compiled_blocks,
    first_line,
    fresh_compiler,
    out_of_memory,
)
from lessons_lib.gpu_low_precision.conversion import converted, dtype_of, exactly, relative_difference
from lessons_lib.models import to_input
from lessons_lib.tf32 import tf32
from lessons_lib.timing import Measurement

PREDICTED_AT_ONCE = 256


@dataclass(frozen=True)
class Timed:
    """One precision at one batch size. against: the verdict against float32 in the same turns; "" for float32 itself."""

    precision: str
    batch: int
    compiled: bool
    measurement: Measurement
    against: str


@dataclass
class Notes:
    """Sentences about what could not be measured."""

    told: list[str] = field(default_factory=list)

    @contextmanager
    def instead_of_errors(self, what: str) -> Iterator[None]:
        """Within the block an error becomes a sentence, running out of memory one of its own; a stop by hand stays one."""
        try:
            yield
        except Exception as problem:
            if out_of_memory(problem):
                self.told.append(f"{what}: the memory of the device did not suffice.")
            else:
                self.told.append(f"{what}: this failed here ({first_line(problem)}).")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def in_precisions(model: nn.Module, precisions: Sequence[str], notes: Notes) -> dict[str, nn.Module]:
    """A copy of the model for each precision that can be made here; the rest is told."""
    made: dict[str, nn.Module] = {}
    for precision in precisions:
        with notes.instead_of_errors(precision):
            made[precision] = converted(model, precision).eval()
    return made


def times(
    made: Mapping[str, nn.Module],
    batches: Sequence[int],
    image_shape: tuple[int, int, int],
    notes: Notes,
    *,
    seconds: float,
    compiled: bool = False,
    over: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> list[Timed]:
    """Time every precision in turns, one batch size after the other.

    Args:
        made: from `in_precisions`, all on one device. batches: images at once. notes: gets what did not work.
        seconds: for each batch size. compiled: the blocks of a transformer. over: asked before each batch size and each
            compilation; True ends the sweep with a note.
    """
    device = next(next(iter(made.values())).parameters()).device
    found: list[Timed] = []
    for batch in batches:
        with tf32(False), fresh_compiler() if compiled else nullcontext():
            if over():
                words = "compiled" if compiled else "uncompiled"
                notes.told.append(
                    f"{words}, from batch {batch} on: left out, since the time for this part was used up."
                )
                break
            calls = _calls(made, batch, image_shape, notes, compiled, over, seed)
            with notes.instead_of_errors(f"batch {batch}"):
                found += _timed(calls, batch, compiled, seconds, device)
    return found


def _calls(
    made: Mapping[str, nn.Module], batch: int, image_shape: tuple[int, int, int], notes: Notes, compiled: bool,
    over: Callable[[], bool], seed: int,
) -> dict[str, Call]:  # fmt: skip
    """A call for each precision that has worked once at this batch size."""
    calls: dict[str, Call] = {}
    for precision, model in made.items():
        if over():
            notes.told.append(f"{precision}, batch {batch}: left out, since the time for this part was used up.")
            continue
        with notes.instead_of_errors(f"{precision}, batch {batch}{', compiled' if compiled else ''}"):
            x = random_images(batch, image_shape, seed).to(next(model.parameters()).device, dtype_of(precision))
            call = call_of(compiled_blocks(model) if compiled else model, x, precision)
            call()
            calls[precision] = call
    return calls


def _timed(calls: dict[str, Call], batch: int, compiled: bool, seconds: float, device: torch.device) -> Iterator[Timed]:
    if len(calls) == 1:
        ((name, call),) = calls.items()
        yield Timed(name, batch, compiled, timing.measure(call, name=name, seconds=seconds, device=device), "")
    if len(calls) < 2:
        return
    compared = timing.compare(calls, seconds=seconds, device=device)
    judged = compared.verdicts if compared.baseline == "float32" else {}
    for name, measurement in compared.measurements.items():
        yield Timed(name, batch, compiled, measurement, str(judged.get(name, "")))


def random_images(count: int, image_shape: tuple[int, int, int], seed: int) -> Tensor:
    """Fresh random inputs, float32 (count, c, h, w), on the CPU: the same on every machine."""
    return torch.randn(count, *image_shape, generator=torch.Generator().manual_seed(1_000 + seed))


def errors(
    model: nn.Module, made: Mapping[str, nn.Module], image_shape: tuple[int, int, int], notes: Notes, *, images: int = 64,
    seed: int = 0,
) -> dict[str, float]:  # fmt: skip
    """How far each precision is from float64 on the CPU, on fresh random inputs."""
    x = random_images(images, image_shape, seed + 1)
    exact, found = exactly(model, x), {}
    with tf32(False):
        for precision, one in made.items():
            with notes.instead_of_errors(f"{precision}, error"):
                there = x.to(next(one.parameters()).device, dtype_of(precision))
                found[precision] = relative_difference(call_of(one, there, precision)(), exact)
    return found


def answers(made: Mapping[str, nn.Module], images: Tensor, notes: Notes) -> dict[str, Tensor]:
    """The class that each precision chooses, int64 (n,) on the CPU.

    Args:
        images: uint8 (n, c, h, w).
    """
    chosen: dict[str, Tensor] = {}
    with tf32(False):
        for precision, model in made.items():
            with notes.instead_of_errors(f"{precision}, accuracy"):
                chosen[precision] = torch.cat(
                    [_choose(model, part, precision) for part in images.split(PREDICTED_AT_ONCE)]
                )
    return chosen


def _choose(model: nn.Module, images: Tensor, precision: str) -> Tensor:
    device: Any = next(model.parameters()).device
    return call_of(model, to_input(images).to(device, dtype_of(precision)), precision)().argmax(1).cpu()
