"""The checks of lesson 12: budgets, the cheapest that meets them, and a build that is measured for real."""

import math
import random
from typing import Any

from torch import nn

from lessons_lib.checks.describe import describe
from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import call, expect
from lessons_lib.explained import Explained

Figures = dict[str, float]
CEILINGS = ("p99_ms", "size_kib", "memory_mib", "cost")
BUILD_LIMIT_S = 60.0


def _figures(accuracy: float, p99_ms: float, size_kib: float, memory_mib: float, cost: float) -> Figures:
    return dict(zip(("accuracy", *CEILINGS), (accuracy, p99_ms, size_kib, memory_mib, cost), strict=True))


def _over(limits: Figures, measured: Figures) -> Figures:
    """How far each quantity lies on the wrong side of its limit; below 0 on the right one."""
    beyond = {name: measured[name] - limits[name] for name in CEILINGS}
    return {"accuracy": limits["accuracy"] - measured["accuracy"], **beyond}


def _missed(limits: Figures, measured: Figures) -> Figures:
    return {name: over for name, over in _over(limits, measured).items() if over > 0}


LIMITS = _figures(0.96875, 10.0, 500.0, 100.0, 0.25)


@exercise(
    "12.1",
    "Which budgets are missed?",
    hints=(
        "Go through the names in `limits`, and ask of each on which side of its limit `measured` lies.",
        "Accuracy is a floor: `limits[name] - measured[name]` is how far it falls short. All others are ceilings, and turned "
        "round.",
        "Keep a name only where the distance is above 0: exactly at the limit is met.",
        "`short = limits[name] - measured[name]`, and `over = short if name == 'accuracy' else -short`; then "
        "`{name: over for ... if over > 0}`.",
    ),
    learned="A budget that is missed is a distance, not a verdict: it says how much work is left, and where.",
)
def missed(answer: Any) -> None:
    measured = _figures(0.9375, 12.5, 500.0, 80.0, 0.5)
    over = _over(LIMITS, measured)
    ratios = {name: measured[name] / LIMITS[name] for name in _missed(LIMITS, measured)}
    mistakes = {
        "Every budget is in it, also those that are met: keep a name only where its distance is above 0.": over,
        "Exactly at the limit is met: keep what lies beyond it, `> 0`, not `>= 0`.": {
            name: distance for name, distance in over.items() if distance >= 0
        },
        "Accuracy is a floor, and the others are ceilings: yours treats the accuracy like the others.": {
            name: over[name] for name in ("p99_ms", "cost")
        },
        "The ceilings are turned round: of latency, size, memory and cost less is better.": {
            "accuracy": over["accuracy"],
            "memory_mib": 20.0,
        },
        "These are the budgets that are met; asked for are those that are missed.": {
            name: -distance for name, distance in over.items() if distance <= 0
        },
        "The distances have the wrong sign: a budget that is missed is missed by a number above 0.": {
            name: -distance for name, distance in _missed(LIMITS, measured).items()
        },
        "These are shares of the limit; asked for is the distance, in the unit of the budget.": ratios,
    }
    _expect_missed(answer, LIMITS, measured, mistakes)
    note = "Nothing is missed here: return an empty dictionary."
    _expect_missed(answer, LIMITS, dict(LIMITS), note=note)
    draw = random.Random(12)
    for _ in range(6):  # eighths are exact in binary, so that equal is equal
        limits, got = (_figures(*(draw.randint(1, 16) / 8 for _ in range(5))) for _ in range(2))
        _expect_missed(answer, limits, got)


def _expect_missed(
    answer: Any, limits: Figures, measured: Figures, mistakes: dict[str, Figures] | None = None, note: str = ""
) -> None:
    given = {"limits": limits, "measured": measured}
    named = {text: _pairs(wrong) for text, wrong in (mistakes or {}).items()}
    expect(answer, given, _pairs(_missed(limits, measured)), mistakes=named, note=note, arrange=_pairs)


def _pairs(found: Any) -> Any:
    """A dictionary as pairs of name and float, in the order of the names: an order of its own does not matter."""
    if found is None:
        return None
    if not isinstance(found, dict):
        raise NotYet(f"A dictionary is needed, from the name of a budget to the distance; yours is {describe(found)}.")
    plain = [[name, float(over) if isinstance(over, int) else over] for name, over in found.items()]
    return sorted(plain, key=lambda pair: str(pair[0]))


Row = dict[str, Any]


def _rows() -> list[Row]:
    lines = {
        "eager": (0.99, 20.0, 1700.0, 230.0, 1.0),
        "tiny": (0.93, 1.0, 60.0, 80.0, 0.05),
        "engine": (0.99, 6.0, 1720.0, 80.0, 0.3),
        "int8": (0.985, 4.0, 460.0, 80.0, 0.2),
        "narrow": (0.975, 3.0, 450.0, 80.0, 0.125),
        "narrow, int8": (0.97, 2.5, 140.0, 80.0, 0.15),
        "batch": (0.985, 60.0, 460.0, 90.0, 0.1),
    }
    return [{"name": name, **_figures(*values)} for name, values in lines.items()]


def _cheapest(limits: Figures, rows: list[Row]) -> str | None:
    fitting = [row for row in rows if not _missed(limits, row)]
    return min(fitting, key=lambda row: row["cost"])["name"] if fitting else None


@exercise(
    "12.2",
    "The cheapest that ships",
    hints=(
        "Two steps: keep the rows that meet every budget, then take the cheapest of them.",
        "A row meets every budget if its accuracy is at least the limit and each other quantity at most its limit.",
        "`all(row[name] <= limits[name] for name in ceilings)`, and the accuracy the other way round.",
        "`min(fitting, key=lambda row: row['cost'])['name'] if fitting else None`",
    ),
    learned="Budgets are limits, and only one quantity is the goal: there is no need to weigh points of accuracy against milliseconds.",
)
def cheapest(answer: Any) -> None:
    rows = _rows()
    mistakes = {
        "This is the cheapest of all, and it misses the accuracy: drop what misses a budget first.": "tiny",
        "This one is cheap because it answers a whole batch at once; its p99 misses the budget.": "batch",
        "This is the most accurate one that meets all budgets; asked for is the cheapest.": "int8",
        "This is the smallest one that meets all budgets; asked for is the cheapest.": "narrow, int8",
        "This is the row; asked for is its name.": rows[4],
        "This is where the row stands; asked for is its name.": 4,
        "This is a list; asked for is one name.": ["narrow"],
        "These are all that meet the budgets; asked for is the cheapest of them.": ["int8", "narrow", "narrow, int8"],
    }
    expect(answer, {"limits": LIMITS, "rows": rows}, "narrow", mistakes=mistakes)
    note = "No row meets every budget: return None, since shipping one of them would break a promise."
    expect(answer, {"limits": LIMITS | {"memory_mib": 50.0}, "rows": rows}, None, note=note)
    expect(answer, {"limits": LIMITS, "rows": []}, None, note="There are no rows.")
    exactly = {name: rows[5][name] for name in LIMITS}
    note = "A row that lies exactly at its limits meets them."
    expect(answer, {"limits": exactly, "rows": rows}, "narrow, int8", note=note)
    draw = random.Random(13)
    for _ in range(6):
        shuffled = draw.sample(rows, len(rows))
        limits = LIMITS | {"accuracy": draw.choice((0.9, 0.96, 0.98)), "p99_ms": draw.choice((3.0, 8.0, 100.0))}
        expect(answer, {"limits": limits, "rows": shuffled}, _cheapest(limits, shuffled))


ADVICE = {
    "accuracy": "What was taken out has to be learnt back: fine-tune or distil on `data`, or take less out.",
    "p99 latency": "An engine does the same work in less time; fewer channels are less work.",
    "size": "8 bits store a weight in a quarter of the bytes, and half of the channels leave about a quarter of the weights.",
    "memory": "PyTorch itself takes most of the memory: ONNX Runtime does without it.",
    "cost per million": "Cheaper is what takes less time for each image.",
}


@exercise(
    "12.3",
    "Ship it",
    hints=(
        'Return three things: `return network, "ONNX Runtime int8", 1`. Start with `base` itself, and read which budgets are missed.',
        "The engines are those of the lesson: `eager`, `ONNX Runtime`, `ONNX Runtime int8`, and OpenVINO where it is installed.",
        "`pruning.remove_channels(base, 0.25)` gives a narrower network, and "
        "`training.train(slim, data, training.Recipe(steps=40, batch_size=32, peak_rate=0.02), quiet=True)` wins back what it lost.",
        "There is more than one way. Two things that each help with size: 8 bits, and fewer channels.",
    ),
    learned="It was measured for real, beside the base, and every budget is met: this is what shipping means.",
)
def build(answer: Any) -> None:
    from lessons_lib.capstone import practice

    base, data = practice.material()
    network, engine, batch = _parts(call(answer, {"base": base, "data": data}, BUILD_LIMIT_S))
    try:
        judged = practice.ship(network, engine, batch)
    except Explained as error:
        raise NotYet(str(error)) from None
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        raise NotYet(f"Your network could not be run on {engine}: {type(error).__name__}: {words}.") from None
    if not judged.meets:
        worst = max(judged.missed, key=lambda line: line.used if math.isfinite(line.used) else 0.0)
        tip = ADVICE[worst.budget]
        if batch > 1 and worst.budget == "p99 latency":
            tip = f"Whoever waits in this service waits for a whole batch of {batch}: a smaller one is sooner done."
        raise NotYet(f"Measured for real. {judged.sentence()} {tip}")


def _parts(got: Any) -> tuple[nn.Module, str, int]:
    if isinstance(got, nn.Module):
        raise NotYet(
            "This is a network alone; name its engine and its batch size as well: `return network, engine, batch`."
        )
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise NotYet(f"Three things are needed, `network, engine, batch`; yours is {describe(got)}.")
    network, engine, batch = got
    if not isinstance(network, nn.Module):
        raise NotYet(f"The first of the three should be a network; yours is {describe(network)}.")
    if not isinstance(engine, str):
        raise NotYet(f"The second of the three should be the name of an engine; yours is {describe(engine)}.")
    return network, engine, batch
