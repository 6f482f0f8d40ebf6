"""Four jobs, and what each allows, as shares of what the unoptimised model needs on the same machine."""

from dataclasses import dataclass

from lessons_lib.explained import Mistake
from lessons_lib.tables import Table


@dataclass(frozen=True)
class Scenario:
    """A job and its five budgets; the base is the float32 network in eager PyTorch, one image at a time, on one thread.

    points_lost: percentage points of accuracy that it may lose against the base. Each other budget is a share of what the base
    needs: p99_share of the latency that 99 of 100 calls keep, size_share of the bytes on disk, memory_share of the peak of a
    process that runs it, cost_share of the price of a million predictions.
    """

    name: str
    title: str
    story: str
    points_lost: float
    p99_share: float
    size_share: float
    memory_share: float
    cost_share: float


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "vehicle", "a vehicle",
            "One image after the other, while it drives. An answer that comes late is of no use, nor is a wrong one.",
            points_lost=0.25, p99_share=0.5, size_share=1.5, memory_share=0.6, cost_share=0.6,
        ),
        Scenario(
            "phone", "a phone app",
            "Everybody downloads it, over whatever network there is, onto whatever phone they have.",
            points_lost=3.0, p99_share=0.75, size_share=0.2, memory_share=0.6, cost_share=0.75,
        ),
        Scenario(
            "nightly", "a nightly batch",
            "A million images while everybody sleeps. Nobody waits for one of them, but somebody pays for all.",
            points_lost=1.5, p99_share=30.0, size_share=1.5, memory_share=0.75, cost_share=0.2,
        ),
        Scenario(
            "web service", "a web service",
            "Many users, each of whom waits, on servers that are rented by the hour and started when they come.",
            points_lost=1.0, p99_share=0.5, size_share=0.5, memory_share=0.6, cost_share=0.35,
        ),
    )
}  # fmt: skip


def find(name: str) -> Scenario:
    """The scenario of a name.

    Raises:
        Mistake: there is none; names those that there are.
    """
    if name not in SCENARIOS:
        raise Mistake(f"SCENARIO is {name!r}; choose one of {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]


def table() -> Table:
    """The budgets of every scenario."""
    rows = [
        {
            "scenario": one.name,
            "accuracy lost": f"{one.points_lost:g} points",
            "p99 latency": share(one.p99_share),
            "size": share(one.size_share),
            "memory": share(one.memory_share),
            "cost per million": share(one.cost_share),
        }
        for one in SCENARIOS.values()
    ]
    return Table("What each scenario allows, against the base", rows)


def share(limit: float) -> str:
    """A limit in words: "50% of the base", "30 times the base"."""
    return f"{limit:.0%} of the base" if limit < 10 else f"{limit:g} times the base"
