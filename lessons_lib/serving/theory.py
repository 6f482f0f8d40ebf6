"""The measured load beside queueing theory and beside the simulation, and where they part."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.queueing import ServiceTimes, mean_latency_ms, simulate
from lessons_lib.serving.points import Point, in_words
from lessons_lib.tables import Table


@dataclass(frozen=True)
class Beside:
    """One load: its mean latency as measured, by theory (None where there is no formula) and simulated, in milliseconds."""

    point: Point
    busy: float
    theory_ms: float | None
    simulated_ms: float

    @property
    def measured_ms(self) -> float:
        return self.point.load.mean_ms


def beside(points: Sequence[Point], service: ServiceTimes, alone_ms: Sequence[float], seconds: float) -> list[Beside]:
    """Set every load beside theory and simulation; the simulation gets the very arrivals that were sent.

    Args:
        points: measured. service: the engine's times by batch size, measured alone. alone_ms: samples of batch 1.
        seconds: how long each load lasted.
    """
    found = []
    for point in points:
        due_s = [reply.due_s for reply in point.load.replies]
        single = point.policy.max_batch == 1
        theory_ms = mean_latency_ms(len(due_s) / seconds, alone_ms) if single else None
        busy = len(due_s) / seconds / service.capacity(point.policy.max_batch)
        found.append(Beside(point, busy, theory_ms, simulate(due_s, service, point.policy).mean_ms))
    return found


def table(found: Sequence[Beside]) -> Table:
    """Every load with its three means."""
    rows = [
        {
            "server": row.point.name,
            "requests/s": f"{row.point.per_second:.0f}",
            "of its capacity": f"{row.busy:.0%}",
            "measured": in_words(row.measured_ms),
            "theory": "no formula" if row.theory_ms is None else _theory(row.theory_ms),
            "simulated": in_words(row.simulated_ms),
        }
        for row in found
    ]
    return Table("Mean latency: measured, by the formula, and simulated", rows)


def _theory(milliseconds: float) -> str:
    return "grows for ever" if math.isinf(milliseconds) else in_words(milliseconds)


def where_they_part(found: Sequence[Beside], service: ServiceTimes) -> str:
    """What theory leaves out, by the figures of this run."""
    single = sorted((row for row in found if row.point.policy.max_batch == 1), key=lambda row: row.busy)
    if not single:
        return "No load was measured one by one, so there is nothing to set beside the formula."
    return " ".join(filter(None, [_at_rest(single[0]), _engine(single, service), _beyond(single), _batched(found)]))


def _at_rest(row: Beside) -> str:
    assert row.theory_ms is not None
    if math.isinf(row.theory_ms):
        return ""
    extra = row.measured_ms - row.theory_ms
    if extra <= 0:
        return f"At the lowest load the measured mean is {-extra:.2g} ms below the formula's, which is chance: the run is short."
    return (
        f"At the lowest load a request takes {extra:.2g} ms longer than the formula says: it knows the engine alone, not the way "
        "through two processes, the reading of HTTP, and cores that are shared with the client."
    )


def _engine(single: Sequence[Beside], service: ServiceTimes) -> str:
    under_load = [row.point.engine_ms for row in single if row.point.engine_ms == row.point.engine_ms]
    if not under_load:
        return ""
    ratio = max(under_load) / service(1)
    if ratio < 1.05:
        return "The engine is as fast in the server as it was alone."
    return f"Nor is the engine as fast in the server as alone: up to {ratio:.2f} times its time, so the server is full earlier."


def _beyond(single: Sequence[Beside]) -> str:
    over = [row for row in single if row.theory_ms is not None and math.isinf(row.theory_ms)]
    if not over:
        return ""
    return (
        f"From {over[0].point.per_second:.0f} requests a second on the formula has no answer, since in the long run the queue grows "
        f"for ever; a run of a few seconds ends at a mean of {in_words(over[0].measured_ms)}, and would go on rising."
    )


def _batched(found: Sequence[Beside]) -> str:
    ratios = [row.measured_ms / row.simulated_ms for row in found if row.point.policy.max_batch > 1]
    if not ratios:
        return ""
    low, high = min(ratios), max(ratios)
    return (
        "With batches there is no simple formula, so the queue is simulated with the same arrivals: measured is "
        f"{low:.2g} to {high:.2g} times that."
    )


def overhead_ms(found: Sequence[Beside]) -> float:
    """What the way through server and network adds: measured above simulated, at the lowest load one by one; 0 where nothing tells."""
    single = [row for row in found if row.point.policy.max_batch == 1]
    if not single:
        return 0.0
    lowest = min(single, key=lambda row: row.busy)
    return max(0.0, lowest.measured_ms - lowest.simulated_ms)
