"""The checks of lesson 10: what predictions cost, when serving overtakes training, and what matters."""

import math
import random
from typing import Any

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.sandbox import expect

MONTHS = 600
NEVER = "None"


@exercise(
    "10.1",
    "The price of a million",
    hints=(
        "Three steps: the time of one prediction, the hours of a million, the price of these hours.",
        "A batch is `batch` predictions, so one takes `latency_ms / batch`. Milliseconds to seconds: / 1,000; seconds to hours: / 3,600.",
        "A machine that works a quarter of its time has to be paid four times as long: divide by `utilisation`.",
        "`return 1_000_000 * latency_ms / batch / 1_000 / 3_600 * usd_per_hour / utilisation`",
    ),
    learned="Waiting is paid like working: halving the idle time is worth as much as doubling the speed.",
)
def usd_per_million(answer: Any) -> None:
    _expect_price(answer, 36.0, 10, 0.5, 0.25)
    _expect_price(answer, 5.0, 1, 2.0, 1.0)
    draw = random.Random(10)
    for _ in range(8):
        latency, price = draw.uniform(0.5, 90), draw.uniform(0.05, 4)
        _expect_price(answer, latency, draw.choice([2, 3, 8, 32]), price, draw.uniform(0.1, 0.9))


def _expect_price(answer: Any, latency_ms: float, batch: int, usd_per_hour: float, utilisation: float) -> None:
    want = 1e6 * latency_ms / batch / 3.6e6 * usd_per_hour / utilisation
    mistakes: dict[str, Any] = {
        "The utilisation is not used: the hours in which the machine waits are paid too.": want * utilisation,
        "Multiplied by the utilisation, waiting would make it cheaper: divide by it.": want * utilisation**2,
        "The batch is not used: its latency is shared by all predictions in it.": want * batch,
        "Multiplied by the batch, larger batches would be dearer: a prediction takes `latency_ms / batch`.": want
        * batch**2,
        "`latency_ms` is in milliseconds: divide by 1,000 for seconds.": want * 1e3,
        "The price is for an hour of 3,600 seconds; you have turned seconds into minutes.": want * 60,
        "The price is for an hour, the time in seconds: divide by 3,600.": want * 3600,
        "This is the price of one prediction; asked for is that of a million.": want / 1e6,
        "These are hours, not yet dollars.": want / usd_per_hour,
    }
    given = {"latency_ms": latency_ms, "batch": batch, "usd_per_hour": usd_per_hour, "utilisation": utilisation}
    expect(answer, given, want, mistakes={text: value for text, value in mistakes.items() if value != want})


def _month(training: float, months_usd: list[float]) -> int | None:
    served = 0.0
    for month, paid in enumerate(months_usd, start=1):
        served += paid
        if served > training:
            return month
    return None


def _growing(first: float, growth: float) -> list[float]:
    paid = [first]
    while len(paid) < MONTHS:
        paid.append(paid[-1] * growth)
    return paid


@exercise(
    "10.2",
    "The month of the crossing",
    hints=(
        "Keep two numbers: what serving has cost so far, and what this month costs.",
        "`for month in range(1, 601):` first add this month, then compare, then make the month dearer.",
        "Traffic that shrinks may never get there: after the loop, `return None`.",
        "In the loop: `served += month_usd`, `if served > training_usd: return month`, `month_usd *= growth`.",
    ),
    learned="Training is a sum that is paid once, serving a rate: compare what has been paid so far, never a sum with a rate.",
)
def month_of_crossing(answer: Any) -> None:
    _expect_month(answer, 20.0, 25.0, 1.0)
    for given in (
        (2000.0, 10.0, 1.5),
        (100.0, 25.0, 1.0),
        (100.0, 40.0, 1.5),
        (1000.0, 64.0, 1.25),
        (1000.0, 400.0, 0.75),
        (59900.0, 100.0, 1.0),
    ):
        _expect_month(answer, *given)
    note = "Serving shrinks here, and in all it never costs as much as the training: return None."
    _expect_month(answer, 1000.0, 100.0, 0.5, note)
    _expect_month(answer, 60000.0, 100.0, 1.0, "After 600 months it is just as much, not more: return None.")
    draw = random.Random(2)
    for _ in range(8):
        growth = draw.choice([1.0, 1.125, 1.5])
        _expect_month(answer, float(draw.randint(100, 5000)), float(draw.randint(20, 400)), growth)


def _expect_month(answer: Any, training: float, first: float, growth: float, note: str = "") -> None:
    paid = _growing(first, growth)
    want = _month(training, paid)
    linear = [first * (1 + (growth - 1) * month) for month in range(MONTHS)]
    tie = next((n for n in range(1, MONTHS + 1) if math.fsum(paid[:n]) >= training), None)
    alone = next((n for n, usd in enumerate(paid, start=1) if usd > training), None)
    mistakes: dict[str, Any] = {
        "At the end of that month both have cost the same; asked for is more: `>`, not `>=`.": tie,
        "That month alone costs more than the training; add up all months so far.": alone,
        "The growth is not used: each month costs `growth` times the one before.": _month(training, [first] * MONTHS),
        "The growth is applied before the first month is paid: the first month costs `first_month_usd`.": _month(
            training, paid[1:]
        ),
        "The growth is added, not multiplied: growth on growth comes sooner.": _month(training, linear),
    }
    if want is not None:
        mistakes |= {
            "Months are counted from 1: this is one too early.": want - 1,
            "One month too late: add a month, then compare.": want + 1,
        }
    wrong: dict[str, Any] = {text: month for text, month in mistakes.items() if month not in (None, want)}
    if want is not None:
        wrong["Right, but as a float: a month is a whole number."] = float(want)
    given = {"training_usd": training, "first_month_usd": first, "growth": growth}
    if want == MONTHS:  # only here does one month too few end in None
        wrong[f"Month {MONTHS} counts too: `range(1, {MONTHS})` ends one month before it."] = NEVER
        expect(answer, given, want, mistakes=wrong, note=note, arrange=lambda month: NEVER if month is None else month)
        return
    expect(answer, given, want, mistakes=wrong, note=note)


@exercise(
    "10.3",
    "What a saving really saves",
    hints=(
        "Work out how many machines are rented before, and how many after; only then subtract.",
        "`math.ceil` gives the next whole number, and leaves a whole number as it is.",
        "A helper saves writing it twice: `def machines(seconds): return math.ceil(per_second * seconds)`.",
        "`return (machines(seconds_before) - machines(seconds_after)) * usd_per_hour`",
    ),
    learned="Machines that are rented whole make a bill go down in steps: a gain that frees no machine is a gain in latency, not in money.",
)
def usd_saved_per_hour(answer: Any) -> None:
    for given in (
        (8.0, 0.65625, 0.09375, 3.0),
        (100.0, 0.025, 0.02, 0.5),
        (64.0, 0.03125, 0.015625, 0.5),
        (100.0, 0.01875, 0.015625, 0.5),
        (64.0, 0.5, 0.25, 1.5),
        (2.0, 0.25, 0.125, 0.75),
    ):
        _expect_saved(answer, *given)
    draw = random.Random(3)
    for _ in range(8):  # sixty-fourths are exact in binary, so that a filled machine is exactly filled
        after = draw.randint(1, 40) / 64
        before = after + draw.randint(0, 20) / 64
        _expect_saved(answer, float(draw.randint(1, 50)), before, after, draw.randint(1, 12) / 4)


def _expect_saved(answer: Any, per_second: float, before: float, after: float, price: float) -> None:
    busy = per_second * before, per_second * after
    want = float(math.ceil(busy[0]) - math.ceil(busy[1])) * price
    mistakes: dict[str, Any] = {
        "No fraction of a machine can be given back: round up the machines before and after, then subtract.": (
            busy[0] - busy[1]
        )
        * price,
        "Round up with `math.ceil`: rounded down, requests find no machine; one more than that is one too many where the "
        "traffic fills the machines exactly.": float(math.floor(busy[0]) - math.floor(busy[1])) * price,
        "`round` goes to the nearest whole number; half a machine too few is too few: round up.": float(
            round(busy[0]) - round(busy[1])
        )
        * price,
        "Round the machines before and those after, not their difference.": float(math.ceil(busy[0] - busy[1])) * price,
        "This is what is still paid afterwards; asked for is the difference.": float(math.ceil(busy[1])) * price,
        "The sign is turned round: before minus after.": -want,
        "These are machines; each costs `usd_per_hour`.": want / price,
    }
    given = {"per_second": per_second, "seconds_before": before, "seconds_after": after, "usd_per_hour": price}
    expect(answer, given, want, mistakes={text: value for text, value in mistakes.items() if value != want})


class Bill:
    """A cost that shows its formula. Interactions on purpose: what an input moves depends on where the others are."""

    def __call__(self, inputs: dict[str, float]) -> float:
        return inputs["traffic"] * inputs["seconds"] * inputs["price"] / inputs["utilisation"] + inputs["training"]

    def __repr__(self) -> str:
        return "the function `traffic * seconds * price / utilisation + training`"


_bill = Bill()

USUAL = {"traffic": 100.0, "seconds": 0.02, "price": 1.0, "utilisation": 0.5, "training": 10.0}
RANGES: tuple[dict[str, tuple[float, float]], ...] = (
    {
        "seconds": (0.01, 0.021),
        "traffic": (20.0, 200.0),
        "training": (1.0, 20.0),
        "price": (0.5, 1.5),
        "utilisation": (0.1, 0.6),
    },
    {"seconds": (0.002, 0.015), "training": (1.0, 6.0), "utilisation": (0.8, 0.4)},
    {"price": (0.9, 1.1), "traffic": (100.0, 900.0)},
    {"training": (0.0, 100.0)},
    {},
)


def _swings(ranges: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    return {name: (_bill(USUAL | {name: low}), _bill(USUAL | {name: high})) for name, (low, high) in ranges.items()}


def _ordered(widths: dict[str, float]) -> list[str]:
    return sorted(widths, key=lambda name: -widths[name])


@exercise(
    "10.4",
    "The tornado",
    hints=(
        "For each name: the cost with this input at its low end, the cost with it at its high end, and their distance.",
        "`{**usual, name: low}` is a copy of the usual inputs with one of them changed; `usual` itself stays as it is.",
        "A high end may make it cheaper, so take `abs(...)` of the difference.",
        "`sorted(ranges, key=swing, reverse=True)`, where `swing(name)` returns the distance.",
    ),
    learned="A range counts as much as a slope: an input that you know well matters little, however much the cost depends on it.",
)
def tornado(answer: Any) -> None:
    for ranges in RANGES:
        found = _swings(ranges)
        want = _ordered({name: abs(high - low) for name, (low, high) in found.items()})
        expect(
            answer, {"cost": _bill, "usual": USUAL, "ranges": ranges}, want, mistakes=_tornado_mistakes(ranges, want)
        )


def _tornado_mistakes(ranges: dict[str, tuple[float, float]], want: list[str]) -> dict[str, Any]:
    found, usual = _swings(ranges), _bill(USUAL)
    moved, all_moved = dict(USUAL), {}
    for name, (low, high) in ranges.items():
        at_low = _bill(moved | {name: low})
        moved[name] = high
        all_moved[name] = abs(_bill(moved) - at_low)
    mistakes: dict[str, Any] = {
        "The narrowest comes first: sort the other way round, `reverse=True`.": want[::-1],
        "A swing has no sign: where the high end is cheaper, the difference is negative. Take `abs(...)`.": _ordered(
            {name: high - low for name, (low, high) in found.items()}
        ),
        "An input that was moved has to go back to its usual value before the next one moves.": _ordered(all_moved),
        "This is the distance from the usual cost to the high end; the swing goes from the low end to the high end.": _ordered(
            {name: abs(high - usual) for name, (_, high) in found.items()}
        ),
        "This is the width of the ranges themselves; asked for is what they do to the cost.": _ordered(
            {name: abs(high - low) for name, (low, high) in ranges.items()}
        ),
        "This is sorted by the highest cost that an input reaches, not by the distance between its two ends.": _ordered(
            {name: max(pair) for name, pair in found.items()}
        ),
        "These are the names in the order in which they were given.": list(ranges),
        "These are swings; asked for are the names.": [abs(found[name][1] - found[name][0]) for name in want],
    }
    return {text: value for text, value in mistakes.items() if value != want}
