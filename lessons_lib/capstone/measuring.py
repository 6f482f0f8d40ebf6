"""Measures what is shipped: accuracy, p99 latency, size on disk, peak memory, cost of a million predictions."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from lessons_lib import compare, engines
from lessons_lib.batching import take_batch
from lessons_lib.capstone import memory
from lessons_lib.capstone.candidates import BASE, Candidate, check, check_price
from lessons_lib.capstone.trial import check_networks
from lessons_lib.cold_start import store
from lessons_lib.datasets.split import Dataset
from lessons_lib.economics.serving import price_per_million
from lessons_lib.engines import Engine
from lessons_lib.explained import Explained, Mistake, in_short
from lessons_lib.latencies import Latencies
from lessons_lib.models import to_input
from lessons_lib.timing.stopwatch import Clock
from lessons_lib.timing.table import duration

CALIBRATION_IMAGES = 256
SLICE_S, WARM_UP_CALLS, FEWEST_TURNS = 0.03, 3, 3
FEWEST_FOR_P99 = 100  # of fewer calls none is left beyond it


@dataclass(frozen=True)
class Measured:
    """What a candidate needs.

    accuracy: 0 to 1, on so many test images. p99_ms: 99 of 100 calls, each with a whole batch, take no longer; `calls` were timed.
    median_ms: of a call. size_bytes: on disk. memory_bytes: peak of a fresh process; None where `problem` says why there is none.
    cost_per_million: price of a million predictions, in the currency of the price of an hour. Of the test images `only_base_right`
    are those that the base got right and this one wrong, `only_this_right` the reverse.
    """

    candidate: Candidate
    accuracy: float
    test_images: int
    p99_ms: float
    median_ms: float
    calls: int
    size_bytes: int
    memory_bytes: int | None
    cost_per_million: float
    problem: str = ""
    only_base_right: int = 0
    only_this_right: int = 0

    @property
    def name(self) -> str:
        """The candidate in a few words."""
        return self.candidate.name

    @property
    def p99(self) -> str:
        """The p99 in words; of fewer than 100 calls it is the slowest, which is said."""
        return duration(self.p99_ms) + (f" (slowest of {self.calls})" if self.calls < FEWEST_FOR_P99 else "")

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        return asdict(self) | {"name": self.name}


def measure(
    candidates: Sequence[Candidate],
    variants: Mapping[str, nn.Module],
    data: Dataset,
    *,
    seconds: float = 8.0,
    price_per_hour: float = 0.04,
) -> list[Measured]:
    """Measure candidates for real; the base is measured beside them, since every budget is a share of what it needs.

    Args:
        candidates: what could be shipped. variants: trained networks by name, "base" among them, on the CPU.
        data: its test images judge; its first training images calibrate int8.
        seconds: to spend on latencies, shared by all. price_per_hour: of one core, in any currency.

    Returns:
        One result for each candidate in the same order, the base first.

    Raises:
        Mistake, NotHere: a candidate that cannot be measured here, a network that cannot be run, or a price that is not above 0; named.
    """
    check_price(price_per_hour)
    wanted = list(dict.fromkeys([BASE, *candidates]))
    for candidate in wanted:
        check(candidate, list(variants))
    check_networks({one.variant: variants[one.variant] for one in wanted}, data)
    ready = build(wanted, variants, data)
    images = to_input(data.test.images[: max(one.batch for one in wanted)])
    calls = {one.name: ready[one].on(take_batch(images, one.batch).contiguous()) for one in wanted}
    found = take_turns(calls, seconds=seconds)
    right = {
        key: compare.right(engine, data) for key, engine in {_engine_of(one): ready[one] for one in wanted}.items()
    }
    by_base = right[_engine_of(BASE)]
    measured = []
    with tempfile.TemporaryDirectory() as top:
        for number, one in enumerate(wanted):
            taken, folder = found[one.name], Path(top) / str(number)
            size = store(folder, ready[one], variants[one.variant], data)
            peak, problem = _peak(one, folder, data)
            per_image_s = taken.percentile_ms(50) / 1e3 / one.batch
            cost = price_per_million(per_image_s, price_per_hour * one.threads)
            by_this = right[_engine_of(one)]
            measured.append(
                Measured(
                    one, by_this.float().mean().item(), len(data.test), taken.percentile_ms(99), taken.percentile_ms(50),
                    len(taken.samples_ms), size, peak, cost, problem,
                    int((by_base & ~by_this).sum()), int((by_this & ~by_base).sum()),
                )
            )  # fmt: skip
    return measured


def build(candidates: Sequence[Candidate], variants: Mapping[str, nn.Module], data: Dataset) -> dict[Candidate, Engine]:
    """Make every candidate ready; those that differ in the batch size alone share an engine."""
    calibration = to_input(data.train.images[:CALIBRATION_IMAGES])
    groups: dict[tuple[str, int], set[str]] = {}
    for one in candidates:
        groups.setdefault((one.variant, one.threads), set()).add(one.engine)
    made: dict[tuple[str, str, int], Engine] = {}
    for (variant, threads), names in groups.items():
        with _blaming(variant, names):
            built = engines.build(sorted(names), variants[variant], data.image_shape, calibration, threads)
        made |= {(variant, name, threads): engine for name, engine in built.items()}
    return {one: made[_engine_of(one)] for one in candidates}


@contextlib.contextmanager
def _blaming(variant: str, names: set[str]) -> Iterator[None]:
    """An error within the block becomes a sentence that names the network and its engines."""
    try:
        yield
    except Exception as error:
        told = str(error) if isinstance(error, Explained) else f"{in_short(error)}."
        raise Mistake(f"The network {variant!r} cannot be made ready for {', '.join(sorted(names))}. {told}") from None


def _engine_of(one: Candidate) -> tuple[str, str, int]:
    return one.variant, one.engine, one.threads


def take_turns(
    calls: Mapping[str, Callable[[], object]], *, seconds: float, clock: Clock = time.perf_counter
) -> dict[str, Latencies]:
    """Time every single call, in turns of 0.03 seconds each, so that whatever disturbs the machine meets all alike.

    Args:
        calls: by name. seconds: to spend on all; exceeded where three turns take longer.

    Returns:
        Their latencies: a slow candidate has fewer of them. What disturbs a call stays in it, as in service.
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    start, turn = clock(), 0
    for call in calls.values():
        for _ in range(WARM_UP_CALLS):
            call()
    while turn < FEWEST_TURNS or clock() - start < seconds:
        for name, call in calls.items():
            call()  # untimed: the one before had the caches
            own = began = clock()
            while True:
                call()
                now = clock()
                samples[name].append(1e3 * (now - began))
                began = now
                if now - own >= SLICE_S:
                    break
        turn += 1
    return {name: Latencies(name, tuple(taken)) for name, taken in samples.items()}


def _peak(one: Candidate, folder: Path, data: Dataset) -> tuple[int | None, str]:
    try:
        return memory.peak_bytes(one, folder, data.image_shape), ""
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return None, f"{one.name}: the memory of a fresh process could not be measured ({error})."
