"""A queue in front of one engine: its policy, arrivals, a simulation, and what theory says about the wait.

Needs nothing but numpy, so that a server process which only runs an engine stays small.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lessons_lib.explained import Mistake

NEVER = math.inf  # the latency of a request that got no answer


@dataclass(frozen=True)
class Policy:
    """How requests are put together.

    max_batch: the most requests in a batch; 1 is no batching. max_wait_ms: how long the oldest request may wait for others
    while the engine is idle. deadline_ms: a request that cannot be answered within it is dropped before it costs anything;
    None keeps all. queue_limit: with so many waiting, new ones are refused.
    """

    max_batch: int = 1
    max_wait_ms: float = 0.0
    deadline_ms: float | None = None
    queue_limit: int = 1000

    def __post_init__(self) -> None:
        whole = {"max_batch": self.max_batch, "queue_limit": self.queue_limit}
        for name, value in whole.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise Mistake(f"{name} is {value!r}; give a whole number, 1 or more.")
        if not _is_time(self.max_wait_ms):
            raise Mistake(f"max_wait_ms is {self.max_wait_ms!r}; give milliseconds, 0 or more.")
        if self.deadline_ms is not None and not (_is_time(self.deadline_ms) and self.deadline_ms > 0):
            raise Mistake(f"deadline_ms is {self.deadline_ms!r}; give milliseconds above 0, or None to keep all.")

    def __str__(self) -> str:
        if self.max_batch == 1:
            return "one by one"
        return f"batches of up to {self.max_batch}, wait {self.max_wait_ms:g} ms"


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def poisson_arrivals(per_second: float, seconds: float, seed: int = 0) -> list[float]:
    """When requests arrive that know nothing of each other: the gaps are exponentially distributed.

    Args:
        per_second: mean rate. seconds: how long. seed: the same seed gives the same times.

    Returns:
        Rising times in seconds, from 0 to below `seconds`; one at least.

    Raises:
        Mistake: a rate or a duration that is not above 0.
    """
    if not (per_second > 0 and seconds > 0 and math.isfinite(per_second * seconds)):
        raise Mistake(f"{per_second!r} requests a second for {seconds!r} s: both have to be above 0.")
    random = np.random.default_rng(seed)
    times: list[float] = []
    now = random.exponential(1 / per_second)
    while now < seconds:
        times.append(now)
        now += random.exponential(1 / per_second)
    return times or [0.0]


def percentile(latencies_ms: Sequence[float], share: float) -> float:
    """The smallest latency that `share` per cent of the requests do not exceed (nearest rank).

    Requests without an answer count as infinite, so that dropping slow ones does not make a server look fast.
    """
    if not latencies_ms:
        return math.nan
    ordered = sorted(latencies_ms)
    return float(ordered[max(0, math.ceil(share * len(ordered) / 100) - 1)])


@dataclass(frozen=True)
class ServiceTimes:
    """How long the engine takes for a batch: measured sizes in rising order, and milliseconds for each."""

    sizes: tuple[int, ...]
    milliseconds: tuple[float, ...]

    def __call__(self, batch: int) -> float:
        """Milliseconds for a batch, on the straight line between its measured neighbours; beyond the last, in proportion."""
        if batch > self.sizes[-1]:
            return self.milliseconds[-1] * batch / self.sizes[-1]
        return float(np.interp(batch, self.sizes, self.milliseconds))

    def capacity(self, max_batch: int) -> float:
        """The most requests a second that batches of up to this size can bear; above it the queue grows without end."""
        return max(batch / self(batch) * 1000 for batch in range(1, max_batch + 1))

    @classmethod
    def of(cls, measured: Mapping[int, float]) -> "ServiceTimes":
        """From milliseconds by batch size."""
        if not measured:
            raise ValueError("service times need one measured batch size or more.")
        return cls(tuple(sorted(measured)), tuple(measured[size] for size in sorted(measured)))


@dataclass(frozen=True)
class Simulated:
    """What a simulated queue did: the latency of every request (infinite where it was dropped) and the batches."""

    latencies_ms: list[float]
    batches: list[int]

    def percentile(self, share: float) -> float:
        return percentile(self.latencies_ms, share)

    @property
    def mean_ms(self) -> float:
        """Of the answered requests."""
        answered = [value for value in self.latencies_ms if value < NEVER]
        return sum(answered) / len(answered) if answered else math.nan

    def late(self, deadline_ms: float) -> float:
        """The share of the requests that were not answered within a deadline."""
        return sum(value > deadline_ms for value in self.latencies_ms) / len(self.latencies_ms)


def simulate(
    arrivals_s: Sequence[float], service: ServiceTimes, policy: Policy, *, overhead_ms: float = 0.0
) -> Simulated:
    """Play a queue with one engine through, event by event.

    Args:
        arrivals_s: rising times in seconds. service: milliseconds of each batch size. policy: how batches are formed.
        overhead_ms: added to every latency: the way through the network and the server.
    """
    latencies = [NEVER] * len(arrivals_s)
    batches: list[int] = []
    free_at, first = 0.0, 0
    while first < len(arrivals_s):
        start = max(free_at, _ready_at(arrivals_s, first, policy))
        here = bisect_right(arrivals_s, start, first)
        free_at, taken, first = start, *_take(arrivals_s, first, here, start, service, policy)
        if not taken:
            continue
        free_at = start + service(len(taken)) / 1000
        batches.append(len(taken))
        for request in taken:
            latencies[request] = (free_at - arrivals_s[request]) * 1000 + overhead_ms
    return Simulated(latencies, batches)


def _ready_at(arrivals_s: Sequence[float], first: int, policy: Policy) -> float:
    """When an idle engine would start: the batch is full, or its oldest request has waited long enough."""
    full = first + policy.max_batch - 1
    waited = arrivals_s[first] + policy.max_wait_ms / 1000
    return min(arrivals_s[full], waited) if full < len(arrivals_s) else waited


def _take(
    arrivals_s: Sequence[float], first: int, here: int, start: float, service: ServiceTimes, policy: Policy
) -> tuple[list[int], int]:
    """The requests of the next batch, and the first that stays; those that would be late are passed over."""
    taken: list[int] = []
    request = first
    while request < here and len(taken) < policy.max_batch:
        finish_ms = (start - arrivals_s[request]) * 1000 + service(len(taken) + 1)
        if policy.deadline_ms is None or finish_ms <= policy.deadline_ms:
            taken.append(request)
        request += 1
    return taken, request


def mean_latency_ms(per_second: float, service_ms: Sequence[float]) -> float:
    """The mean time from arrival to answer with one engine, one by one, for Poisson arrivals in the long run.

    Args:
        per_second: arrival rate. service_ms: samples of the engine's time for one request.

    Returns:
        Milliseconds; infinite where more arrives than the engine can do.

    Source: Pollaczek and Khinchine: wait = rate * E[S^2] / (2 (1 - rate * E[S])).
    """
    times_s = np.asarray(service_ms, dtype=float) / 1000
    busy = per_second * times_s.mean()
    if busy >= 1:
        return math.inf
    wait_s = per_second * (times_s**2).mean() / (2 * (1 - busy))
    return float(wait_s + times_s.mean()) * 1000
