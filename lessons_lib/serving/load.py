"""An open-loop load: requests go out at times that were fixed beforehand, whether or not earlier ones were answered.

A client that waits for each answer before it sends the next one stops asking just when the server is slow, and so never sees
what others would have waited: "coordinated omission". Here a latency counts from the time at which the request was due.
Source: G. Tene, How NOT to Measure Latency, 2013; S. Schroeder, A. Wierman, M. Harchol-Balter, Open Versus Closed, 2006.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lessons_lib.explained import NotHere
from lessons_lib.queueing import NEVER, percentile
from lessons_lib.serving.connections import Connections

CONNECTIONS = 128  # few enough for select() on Windows and the usual limits of open files
START_IN_S = 0.02
LATE_MS = 5.0  # a sender this late, often, did not produce the load that was asked for


@dataclass(frozen=True)
class Target:
    """Where images are sent to; headers as pairs."""

    host: str
    port: int
    path: str = "/predict"
    headers: tuple[tuple[str, str], ...] = ()

    def message(self, body: bytes) -> bytes:
        """A whole HTTP request."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Reply:
    """One request: when it was due, sent and answered (seconds from the start), its status, and the answer's body.

    status: of HTTP; 0 where the connection was lost or no answer came in time.
    """

    due_s: float
    sent_s: float | None = None
    finished_s: float | None = None
    status: int = 0
    body: bytes = b""

    @property
    def latency_ms(self) -> float:
        """From the time it was due to its answer; infinite without one."""
        if self.status != 200 or self.finished_s is None:
            return NEVER
        return (self.finished_s - self.due_s) * 1000


@dataclass(frozen=True)
class Load:
    """What a load met: one reply for every request, in the order in which they were due."""

    replies: tuple[Reply, ...]
    seconds: float

    @cached_property
    def latencies_ms(self) -> list[float]:
        return [reply.latency_ms for reply in self.replies]

    @cached_property
    def statuses(self) -> dict[int, int]:
        """How many replies had each status."""
        return dict(Counter(reply.status for reply in self.replies))

    def percentile(self, share: float) -> float:
        """Of all requests; see `queueing.percentile`."""
        return percentile(self.latencies_ms, share)

    @property
    def mean_ms(self) -> float:
        """Of the answered requests."""
        answered = [value for value in self.latencies_ms if value < NEVER]
        return float(np.mean(answered)) if answered else float("nan")

    def in_time(self, deadline_ms: float) -> float:
        """The share of all requests that was answered within the deadline."""
        return sum(value <= deadline_ms for value in self.latencies_ms) / len(self.replies)

    @property
    def lost(self) -> float:
        """The share of all requests that got no answer: refused, dropped, failed, or never heard of again."""
        return sum(value == NEVER for value in self.latencies_ms) / len(self.replies)

    @property
    def per_second(self) -> float:
        """Requests that were due, a second."""
        return len(self.replies) / self.seconds

    @property
    def sent_late_ms(self) -> float:
        """How late the sender was in one request of a hundred; it is part of the latencies."""
        late = [(r.sent_s - r.due_s) * 1000 if r.sent_s is not None else NEVER for r in self.replies]
        return percentile(late, 99)

    @property
    def warning(self) -> str | None:
        """A sentence where the sender could not keep to its times, else None."""
        if self.sent_late_ms <= LATE_MS:
            return None
        late = "never" if self.sent_late_ms == NEVER else f"{self.sent_late_ms:.0f} ms late or more"
        return f"At {self.per_second:.0f} requests a second one in a hundred was sent {late}: all connections or cores were busy."


def send_open_loop(
    target: Target,
    bodies: Sequence[bytes],
    due_s: Sequence[float],
    *,
    seconds: float | None = None,
    connections: int = CONNECTIONS,
    patience_s: float = 2.0,
) -> Load:
    """Send requests at fixed times and wait for the answers.

    Args:
        target: where to. bodies: sent in turn. due_s: rising times in seconds, such as `queueing.poisson_arrivals`.
        seconds: how long the schedule lasts; up to the last request unless given.
        connections: how many at most; where all are busy a request waits, and its latency counts.
        patience_s: how long to wait for answers after the last request was due.

    Raises:
        NotHere: the server cannot be reached.
    """
    replies = [Reply(due) for due in due_s]
    messages = [target.message(body) for body in bodies]
    missing = set(range(len(replies)))

    def note(request: int, status: int, body: bytes, now: float) -> None:
        reply = replies[request]
        reply.finished_s, reply.status, reply.body = now - start, status, body
        missing.discard(request)

    try:
        pool = Connections((target.host, target.port), min(connections, len(replies)), note)
    except OSError as error:
        raise NotHere(f"Nothing answers at {target.host}:{target.port} ({error}). Is the server running?") from None
    start = time.perf_counter() + START_IN_S
    end = start + (replies[-1].due_s if replies else 0.0) + patience_s
    try:
        for number, reply in enumerate(replies):
            _sleep_until(start + reply.due_s)
            sent = pool.send(number, messages[number % len(messages)], end - time.perf_counter())
            if sent is None:
                missing.discard(number)
            else:
                reply.sent_s = sent - start
        while missing and time.perf_counter() < end:
            time.sleep(0.002)
    finally:
        pool.close()
    return Load(tuple(replies), seconds or (replies[-1].due_s if replies else 0.0) or 1.0)


def _sleep_until(moment: float) -> None:
    left = moment - time.perf_counter()
    if left > 0:
        time.sleep(left)


def same_labels(load: Load, logits: Any) -> int:
    """How many answers carry the label that these logits (n, classes) give, one row for each request in order."""
    return sum(
        reply.status == 200 and json.loads(reply.body)["label"] == int(row.argmax())
        for reply, row in zip(load.replies, logits, strict=True)
    )
