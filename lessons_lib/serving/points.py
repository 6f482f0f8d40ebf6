"""Loads one after another on the same server: latency, throughput and what was lost, for each policy and rate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lessons_lib.explained import Mistake
from lessons_lib.live import Live
from lessons_lib.queueing import Policy, poisson_arrivals
from lessons_lib.serving.load import Load, send_open_loop
from lessons_lib.serving.server import Server, Spec


@dataclass(frozen=True)
class Point:
    """One load on one server: what the client saw, and what the server counted.

    name: of the server or its policy. per_second: the rate that was asked for. stats: see `Tally.to_dict`; empty where
    the server does not tell.
    """

    name: str
    policy: Policy
    per_second: float
    load: Load
    stats: Mapping[str, Any]

    @property
    def mean_batch(self) -> float:
        """Requests in a batch, on average; NaN where nothing was counted."""
        batches = self.stats.get("batches", {})
        count = sum(entry[0] for entry in batches.values())
        return sum(int(size) * entry[0] for size, entry in batches.items()) / count if count else float("nan")

    @property
    def engine_ms(self) -> float:
        """The engine's mean time for a batch, as the server measured it under this load."""
        entries = self.stats.get("batches", {}).values()
        count = sum(entry[0] for entry in entries)
        return sum(entry[1] for entry in entries) / count if count else float("nan")

    def row(self, deadline_ms: float) -> dict[str, str]:
        """The figures as texts, for a table."""
        return {
            "server": self.name,
            "requests/s": f"{self.per_second:.0f}",
            "p50": in_words(self.load.percentile(50)),
            "p95": in_words(self.load.percentile(95)),
            "p99": in_words(self.load.percentile(99)),
            "in time": f"{self.load.in_time(deadline_ms):.1%}",
            "without an answer": f"{self.load.lost:.1%}",
            "mean batch": "" if self.mean_batch != self.mean_batch else f"{self.mean_batch:.1f}",
        }


def in_words(milliseconds: float) -> str:
    """A latency as text; "never" where there was no answer."""
    return (
        "never"
        if milliseconds == float("inf")
        else f"{milliseconds:.3g} ms"
        if milliseconds < 1000
        else f"{milliseconds / 1000:.2f} s"
    )


def measure_point(
    server: Server,
    bodies: Sequence[bytes],
    policy: Policy,
    per_second: float,
    seconds: float,
    *,
    name: str = "",
    seed: int = 0,
) -> Point:
    """Put one load on a server.

    Args:
        server: running; takes the policy. bodies: images as raw bytes, sent in turn. per_second: mean rate of the Poisson
            arrivals. seconds: how long. name: of the point; by default that of the policy. seed: of the arrivals.
    """
    server.configure(policy)
    due_s = poisson_arrivals(per_second, seconds, seed)
    load = send_open_loop(server.target, bodies, due_s, seconds=seconds)
    return Point(name or str(policy), policy, per_second, load, server.stats())


def measure_loads(
    server: Server,
    bodies: Sequence[bytes],
    plan: Mapping[Policy, Sequence[float]],
    seconds: float,
    *,
    seed: int = 0,
    quiet: bool = False,
) -> list[Point]:
    """Measure every policy at its rates; the same rate brings the same arrivals to all. An interrupt keeps what is finished.

    Args:
        plan: rates in requests a second, by policy. The other arguments: as for `measure_point`.

    Raises:
        Mistake: it was stopped before the first load had ended.
    """
    jobs = [(policy, rate) for policy, rates in plan.items() for rate in rates]
    live = Live("Loads", len(jobs), "share answered", quiet=quiet)
    points: list[Point] = []
    try:
        for done, (policy, rate) in enumerate(jobs, 1):
            points.append(measure_point(server, bodies, policy, rate, seconds, seed=seed))
            live.update(done, 1 - points[-1].load.lost, f"{policy} at {rate:.0f} requests a second")
    except KeyboardInterrupt:
        if not points:
            raise Mistake("This was stopped before the first load had ended: run the cell again.") from None
    live.close(f"{len(points)} of {len(jobs)} measured")
    return points


def warning(points: Sequence[Point]) -> str:
    """Which loads were not sent as they were meant to be, in one sentence; says so where all were."""
    late = [f"{point.name} at {point.per_second:.0f}/s" for point in points if point.load.warning]
    if not late:
        return "All loads were sent at the times they were due."
    return (
        f"In {len(late)} of {len(points)} loads one request in a hundred was sent late, since connections or cores were busy "
        f"({'; '.join(late)}). Latencies count from when a request was due, so the wait is in them."
    )


def measurer(spec: Spec, bodies: Sequence[bytes], seconds: float, *, seed: int = 0) -> Callable[[Policy, float], Point]:
    """What a widget's button calls: a fresh server, one load on it, and the server is ended again."""

    def measure(policy: Policy, per_second: float) -> Point:
        with Server(spec, policy) as server:
            return measure_point(server, bodies, policy, per_second, seconds, seed=seed)

    return measure
