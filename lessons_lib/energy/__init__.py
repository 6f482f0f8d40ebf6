"""Energy per image, where the machine counts it.

Its counters see all the energy that the CPU package or GPU board has used, whoever used it. So the idle power is measured
too, and what a load adds to it is shown beside the whole.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from lessons_lib.device import synchronise
from lessons_lib.energy.meters import Counter, counters, nvml, rapl
from lessons_lib.engines import Engine
from lessons_lib.explained import NotHere
from lessons_lib.tables import Table

Found = tuple[list[Counter], str]

__all__ = ["Counter", "Energy", "counters", "idle_watts", "nvml", "of_engines", "of_load", "rapl", "table"]


@dataclass(frozen=True)
class Energy:
    """What was counted while a load ran, and the power of the machine doing nothing else."""

    name: str
    images: int
    seconds: float
    joules: float
    idle_watts: float

    @property
    def joules_per_image(self) -> float:
        """All the energy of the time, the machine's idle power included."""
        return self.joules / self.images

    @property
    def added_joules_per_image(self) -> float:
        """What the load added to the idle power; not below 0."""
        return max(0.0, self.joules - self.idle_watts * self.seconds) / self.images


def idle_watts(
    found: Sequence[Counter],
    seconds: float = 1.0,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """The power while this process waits, summed over the counters."""
    before, start = [counter.read_uj() for counter in found], clock()
    sleep(seconds)
    return _joules(found, before) / (clock() - start)


def of_load(
    name: str,
    call: Callable[[], object],
    images: int,
    found: Sequence[Counter],
    idle: float,
    *,
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Energy:
    """Count the energy of a load.

    Args:
        name: what to call it. call: predicts `images` images and has the answers when it returns.
        found: from `counters`. idle: from `idle_watts`. seconds: how long to repeat the call.
    """
    call()
    before, start, calls = [counter.read_uj() for counter in found], clock(), 0
    while calls == 0 or clock() - start < seconds:
        call()
        calls += 1
    taken = clock() - start
    return Energy(name, calls * images, taken, _joules(found, before), idle)


def of_engines(
    engines: Mapping[str, Engine], x: Tensor, *, seconds: float = 1.0, counters: Callable[[str], Found] = counters
) -> tuple[list[Energy], str]:
    """Count the energy of several engines, each by the counters of its device.

    Args:
        engines: by the name to call them. x: float32 (n, c, h, w). seconds: for each engine, and for the idle power of a device.

    Returns:
        What was counted, and a sentence for each device that counts nothing.
    """
    measured: list[Energy] = []
    reasons: list[str] = []
    for kind in dict.fromkeys(engine.device for engine in engines.values()):
        found, reason = counters(kind)
        if not found:
            reasons.append(reason)
            continue
        here = {name: engine for name, engine in engines.items() if engine.device == kind}
        try:
            idle = idle_watts(found, seconds)
            for name, engine in here.items():
                measured.append(of_load(name, _to_its_end(engine, x), len(x), found, idle, seconds=seconds))
        except NotHere as lost:
            reasons.append(str(lost))
    return measured, " ".join(reasons)


def _to_its_end(engine: Engine, x: Tensor) -> Callable[[], None]:
    def call() -> None:
        engine(x)
        synchronise(engine.device)

    return call


def _joules(found: Sequence[Counter], before: Sequence[int]) -> float:
    return sum(counter.used_joules(then, counter.read_uj()) for counter, then in zip(found, before, strict=True))


def table(measured: Sequence[Energy]) -> Table:
    """Energy per image, the thriftiest first."""
    ordered = sorted(measured, key=lambda energy: energy.joules_per_image)
    return Table(
        "Energy per image; the counters see everything that runs on this machine",
        [
            {
                "configuration": energy.name,
                "energy per image": f"{_joules_in_words(energy.joules_per_image)}",
                "added to the idle power": f"{_joules_in_words(energy.added_joules_per_image)}",
                "power": f"{energy.joules / energy.seconds:.3g} W (idle: {energy.idle_watts:.3g} W)",
            }
            for energy in ordered
        ],
    )


def _joules_in_words(joules: float) -> str:
    return f"{joules:.3g} J" if joules >= 1 else f"{1e3 * joules:.3g} mJ"
