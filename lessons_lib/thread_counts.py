"""Do more threads help? The same engine with one thread and with several, taking turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from lessons_lib import engines, timing
from lessons_lib.batching import take_batch
from lessons_lib.device import cpu_limit
from lessons_lib.tables import Table
from lessons_lib.timing import Verdict


@dataclass(frozen=True)
class ThreadCount:
    """An engine at a batch size with a number of threads; `verdict` against one thread, None for one thread itself."""

    engine: str
    batch: int
    threads: int
    latency_ms: float
    verdict: Verdict | None

    @property
    def images_per_second(self) -> float:
        """Throughput."""
        return self.batch / self.latency_ms * 1e3


def counts(cores: float | None = None) -> list[int]:
    """The thread counts to try: 1, 2, 4 and so on, and as many as this process has cores."""
    most = max(1, int(cpu_limit() if cores is None else cores))
    return sorted({*(2**power for power in range(most.bit_length()) if 2**power <= most), most})


def build(
    names: Sequence[str],
    model: nn.Module,
    image_shape: tuple[int, int, int],
    calibration: Tensor,
    tried: Sequence[int],
) -> dict[tuple[str, int], engines.Engine]:
    """Every engine with every number of threads, by (name, threads), from graphs that are made once.

    Args:
        names, model, image_shape, calibration: as for `engines.build`. tried: numbers of threads.
    """
    source = engines.Source(model, image_shape, calibration, 1)
    return {(name, count): engines.MAKERS[name](replace(source, threads=count)) for name in names for count in tried}


def measure(
    made: Mapping[tuple[str, int], engines.Engine], images: Tensor, batches: Sequence[int] = (1, 32), *, seconds: float
) -> list[ThreadCount]:
    """Measure every thread count of an engine in turns, at each batch size.

    Args:
        made: from `build`. images: float32 (n, c, h, w). batches: batch sizes. seconds: for each engine and batch size.
    """
    found = []
    for name in dict.fromkeys(name for name, _ in made):
        own = {count: engine for (n, count), engine in made.items() if n == name}
        for batch in batches if len(own) > 1 else ():
            calls = {str(count): engine.on(take_batch(images, batch)) for count, engine in own.items()}
            compared = timing.compare(calls, seconds=seconds)
            found += [
                ThreadCount(name, batch, c, compared.measurements[str(c)].median_ms, compared.verdicts.get(str(c)))
                for c in own
            ]
    return found


def table(found: Sequence[ThreadCount]) -> Table:
    """Latency, throughput and verdict of each."""
    return Table(
        "One thread and several, in turns",
        [
            {
                "engine": one.engine,
                "batch": one.batch,
                "threads": one.threads,
                "latency": f"{one.latency_ms:.3g} ms",
                "images/s": f"{one.images_per_second:,.0f}",
                "against one thread": str(one.verdict) if one.verdict else "the baseline",
            }
            for one in found
        ],
    )


def sentence(found: Sequence[ThreadCount]) -> str:
    """What the most threads bring at the smallest and at the largest batch, in words."""
    if not found:
        return "This process may use one core, so there is nothing to compare."
    most = max(one.threads for one in found)
    told = []
    for batch in sorted({one.batch for one in found})[:: max(1, len({one.batch for one in found}) - 1)]:
        rows = [one for one in found if (one.threads, one.batch) == (most, batch) and one.verdict]
        told.append(f"at batch {batch}, " + ", ".join(f"{one.engine}: {one.verdict}" for one in rows))
    return f"{most} threads against one: {'; '.join(told)}."
