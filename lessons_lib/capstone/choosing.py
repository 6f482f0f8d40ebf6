"""Which candidate to take: the cheapest that meets every budget; and whether one is enough for all scenarios."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from lessons_lib.capstone.candidates import BASE, FLOAT32, INT8, Candidate
from lessons_lib.capstone.judging import Judged, judge_all, kib, mib, price
from lessons_lib.capstone.measuring import Measured
from lessons_lib.capstone.scenarios import SCENARIOS
from lessons_lib.tables import Table


def every(measured: Sequence[Measured]) -> dict[str, list[Judged]]:
    """All candidates of a run against all scenarios; the first candidate is the base."""
    return {name: judge_all(scenario, measured) for name, scenario in SCENARIOS.items()}


def cheapest(judged: Sequence[Judged]) -> Judged | None:
    """The candidate with the lowest cost of those that meet every budget; None where none does."""
    fitting = [one for one in judged if one.meets]
    return min(fitting, key=lambda one: one.measured.cost_per_million, default=None)


def nearest(judged: Sequence[Judged]) -> Judged:
    """The candidate whose worst budget is used least: what comes nearest to shipping where nothing does."""
    return min(judged, key=lambda one: one.tightest.used)


def chosen_table(found: Mapping[str, Sequence[Judged]]) -> Table:
    """A row for each scenario: what to take, and how many candidates were left to choose from."""
    rows = []
    for name, judged in found.items():
        taken = cheapest(judged)
        best = taken or nearest(judged)
        rows.append(
            {
                "scenario": name,
                "cheapest that meets all": taken.measured.name if taken else "none",
                "candidates that meet all": f"{sum(one.meets for one in judged)} of {len(judged)}",
                "tightest budget": f"{best.tightest.budget}: {best.tightest.verdict}",
            }
        )
    return Table("What to ship", rows)


def matrix(found: Mapping[str, Sequence[Judged]]) -> Table:
    """A row for each candidate, a column for each scenario: "meets all", or what it misses."""
    rows: list[dict[str, str]] = []
    for column in zip(*found.values(), strict=True):
        rows.append({"candidate": column[0].measured.name} | {one.scenario.name: _cell(one) for one in column})
    return Table("Every candidate in every scenario", rows)


def _cell(judged: Judged) -> str:
    told = {
        "misses": [line.budget for line in judged.missed if not line.open],
        "cannot tell:": [line.budget for line in judged.missed if line.open],
    }
    return "; ".join(f"{word} {', '.join(budgets)}" for word, budgets in told.items() if budgets) or "meets all"


def measured_table(measured: Sequence[Measured]) -> Table:
    """A row for each candidate: its five quantities."""
    rows = [
        {
            "candidate": one.name,
            "accuracy": f"{one.accuracy:.2%}",
            "p99 of a call": one.p99,
            "calls": f"{one.calls:,}",
            "size": kib(one.size_bytes),
            "memory": mib(one.memory_bytes) if one.memory_bytes else "not measured",
            "cost per million": price(one.cost_per_million),
        }
        for one in measured
    ]
    return Table(f"Measured side by side, accuracy on {measured[0].test_images:,} test images", rows)


def fewest(found: Mapping[str, Sequence[Judged]]) -> list[str]:
    """The fewest candidates that together serve every scenario that any of them can serve, of these sets the cheapest; their names.

    What a set costs is the sum over the scenarios, each served by the cheapest of the set that may serve it.
    """
    costs = {
        column[0].measured.name: {one.scenario.name: one.measured.cost_per_million for one in column if one.meets}
        for column in zip(*found.values(), strict=True)
    }
    jobs: set[str] = set().union(*costs.values())
    for count in range(1, len(jobs) + 1):
        prices = {names: _price([costs[name] for name in names], jobs) for names in combinations(costs, count)}
        best = min(prices, key=lambda names: prices[names])
        if prices[best] < math.inf:
            return list(best)
    return []


def _price(costs: Sequence[Mapping[str, float]], jobs: set[str]) -> float:
    """What a set costs that serves all jobs, each by its cheapest candidate; infinity where it leaves a job out."""
    return sum(min((one[job] for one in costs if job in one), default=math.inf) for job in sorted(jobs))


def one_for_all(found: Mapping[str, Sequence[Judged]]) -> str:
    """Whether one build can be shipped everywhere, in a sentence or two."""
    names = fewest(found)
    left = [name for name, judged in found.items() if not any(one.meets for one in judged)]
    without = f" None of them meets every budget of: {', '.join(left)}." if left else ""
    if not names:
        return f"No candidate meets all budgets of any scenario here.{without}"
    where = "every scenario" if not left else "the others"
    if len(names) == 1:
        return f"One build is enough for {where} here: **{names[0]}**.{without}"
    return f"It takes {len(names)} builds to serve {where}: **{'**, and **'.join(names)}**.{without}"


STEPS = {
    "the engine: ONNX Runtime": (BASE, Candidate("base", FLOAT32)),
    "8 bits": (Candidate("base", FLOAT32), Candidate("base", INT8)),
    "half of the channels": (Candidate("base", FLOAT32), Candidate("channels -50 %", FLOAT32)),
    "three quarters of the channels": (Candidate("base", FLOAT32), Candidate("channels -75 %", FLOAT32)),
    "32 images at once": (Candidate("base", FLOAT32), Candidate("base", FLOAT32, batch=32)),
}


def steps_table(measured: Sequence[Measured]) -> Table:
    """What each step does to each quantity, alone: after it, as times of what it was before it."""
    found = {one.candidate: one for one in measured}
    rows = []
    for name, (before, after) in STEPS.items():
        if before in found and after in found:
            old, new = found[before], found[after]
            rows.append(
                {
                    "step": name,
                    "accuracy": f"{100 * (new.accuracy - old.accuracy):+.2f} points",
                    "p99 of a call": _times(new.p99_ms, old.p99_ms),
                    "size": _times(new.size_bytes, old.size_bytes),
                    "memory": _times(new.memory_bytes, old.memory_bytes),
                    "cost per million": _times(new.cost_per_million, old.cost_per_million),
                }
            )
    return Table("What each step alone does: after it, as times of before", rows)


def _times(new: float | None, old: float | None) -> str:
    return f"{new / old:.2f}x" if new and old else "not measured"
