"""What became of the requests, and how the engine spent its time."""

from collections import defaultdict
from typing import Any

TOKEN_HEADER = "X-Token"  # what every request has to carry
OUTCOMES = ("answered", "refused", "dropped", "failed", "disconnected")


def outcome_of(status: int) -> str:
    """What an HTTP status means here: 504 is a missed deadline, 500 an engine that raised; what else is not 200 was refused."""
    return {200: "answered", 500: "failed", 504: "dropped"}.get(status, "refused")


class Tally:
    """Counts every request that was received once, under what became of it, and the batches by their size."""

    def __init__(self) -> None:
        self.received = 0
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.batches: dict[int, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])  # count, sum of ms, sum of ms squared

    def add_batch(self, size: int, milliseconds: float) -> None:
        """Note that the engine took so long for a batch of this size."""
        entry = self.batches[size]
        entry[0] += 1
        entry[1] += milliseconds
        entry[2] += milliseconds**2

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON; `open` is how many requests are still inside."""
        return {
            "received": self.received,
            "open": self.received - sum(self.outcomes.values()),
            **self.outcomes,
            "batches": {str(size): list(entry) for size, entry in sorted(self.batches.items())},
        }
