"""The checks of lesson 12: budgets, the cheapest that meets them, and a build that is measured for real."""

import math
import random
from typing import Any

from torch import nn

from lessons_lib.checks.describe import describe
from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet, Raised
from lessons_lib.checks.same import difference, same
from lessons_lib.checks.sandbox import call, expect
from lessons_lib.explained import Explained, in_short

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
        "Go through the names in `limits`, and ask of each on which side of its limit `measured` lies. (`measured` is a row, whose "
        "`name` is no budget.)",
        "Accuracy is a floor: `limits[name] - measured[name]` is how far it falls short. All others are ceilings, and turned "
        "round.",
        "Keep a name only where the distance is above 0: exactly at the limit is met. So every number in your dictionary is positive.",
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
    given = {"limits": limits, "measured": {"name": "candidate"} | measured}
    want = _missed(limits, measured)

    def arrange(found: Any) -> Any:
        return None if found is None else _compared(found, want, mistakes or {})

    expect(answer, given, [], note=note, arrange=arrange)


def _compared(found: Any, want: Figures, mistakes: dict[str, Figures]) -> list[str]:
    """An empty list where it is right.

    Raises:
        NotYet: the mistake that it is, or the first budget that is wrong.
    """
    if not isinstance(found, dict):
        raise NotYet(f"A dictionary is needed, from the name of a budget to the distance; yours is {describe(found)}.")
    wrong = _first_wrong(found, want)
    if wrong:
        raise NotYet(next((text for text, mistaken in mistakes.items() if not _first_wrong(found, mistaken)), wrong))
    return []


def _first_wrong(found: dict[Any, Any], want: Figures) -> str:
    """The first budget in which two dictionaries differ, in a sentence; empty where they agree."""
    for name, over in want.items():
        if name not in found:
            return f"`{name}` is missed by {over:g}; your dictionary leaves it out."
        if text := difference(_plain(found[name]), over, f"`{name}` in your dictionary"):
            return f"{text} A distance is positive where a budget is missed."
    extra = next((name for name in found if name not in want), None)
    return (
        ""
        if extra is None
        else f"{describe(extra).removeprefix('the str ')} stands in your dictionary; that is no budget that is missed."
    )


def _plain(number: Any) -> Any:
    return float(number) if isinstance(number, int) and not isinstance(number, bool) else number


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
    _expect_cheapest(answer, LIMITS, rows, mistakes)
    note = "No row meets every budget here: return None, since shipping one of them would break a promise."
    _expect_cheapest(answer, LIMITS | {"memory_mib": 50.0}, rows, note=note)
    _expect_cheapest(answer, LIMITS, [], note="There are no rows here: return None.")
    exactly = {name: rows[5][name] for name in LIMITS}
    _expect_cheapest(answer, exactly, rows, note="A row that lies exactly at its limits meets them.")
    draw = random.Random(13)
    for _ in range(6):
        shuffled = draw.sample(rows, len(rows))
        limits = LIMITS | {"accuracy": draw.choice((0.9, 0.96, 0.98)), "p99_ms": draw.choice((3.0, 8.0, 100.0))}
        _expect_cheapest(answer, limits, shuffled)


def _expect_cheapest(
    answer: Any, limits: Figures, rows: list[Row], mistakes: dict[str, Any] | None = None, note: str = ""
) -> None:
    """Compare with the right row; a message tells of the rows that count, since all of them would fill the page."""
    want = _cheapest(limits, rows)
    found: Any = None
    try:
        found = call(answer, {"limits": limits, "rows": rows})
        same(found, want, "`cheapest(limits, rows)`", mistakes)
    except NotYet as outcome:
        told = " ".join(_told(limits, row) for row in rows if row["name"] in (want, str(found)))
        raise NotYet(" ".join(filter(None, (outcome.message, note, told)))) from None
    except Raised as outcome:
        raise Raised(f"{outcome.message} {note}".rstrip() + f" Given were {len(rows)} rows.") from None


def _told(limits: Figures, row: Row) -> str:
    missed = [f"{name} ({row[name]:g}, allowed {limits[name]:g})" for name in _missed(limits, row)]
    verdict = f"misses {' and '.join(missed)}" if missed else "meets every budget"
    return f"`{row['name']}` {verdict} and costs {row['cost']:g}."


ADVICE = {
    "accuracy": "What was taken out has to be learnt back: fine-tune or distil on `data`, or take less out.",
    "p99 latency": "An engine does the same work in less time; fewer channels are less work.",
    "size": "8 bits store a weight in a quarter of the bytes, and half of the channels leave about a quarter of the weights; the two "
    "go together.",
    "memory": "PyTorch itself takes most of the memory: ONNX Runtime does without it.",
    "cost per million": "Cheaper is what takes less time for each image.",
}


@exercise(
    "12.3",
    "Ship it",
    hints=(
        "Return three things, `return network, engine, batch`. Start with `base` itself on any engine, and read which budgets are missed.",
        "The engines are those of the lesson: `eager`, `ONNX Runtime`, `ONNX Runtime int8`, and OpenVINO where it is installed. Which "
        "of them sends fewer bytes, and is that enough?",
        "Two things help with size, and one alone is not enough: 8 bits, and fewer channels, as in `pruning.remove_channels(base, 0.3)`.",
        "What lost channels has lost its accuracy as well: "
        "`training.train(slim, data, training.Recipe(steps=20, batch_size=32, peak_rate=0.02), quiet=True)` wins it back.",
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
        raise NotYet(f"Your network could not be run on {engine}: {in_short(error)}.") from None
    if not judged.meets:
        worst = max(judged.missed, key=lambda line: line.used if math.isfinite(line.used) else 0.0)
        tip = ADVICE[worst.budget]
        if batch > 1 and worst.budget == "p99 latency":
            tip = f"Whoever waits here waits for a whole batch of {batch}: a smaller one is sooner done."
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
