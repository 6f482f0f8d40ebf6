"""When has serving cost more than training? Both as functions of the months, and where their curves cross."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lessons_lib.economics.growth import busy_time, months_until
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.refusing import ABOVE_0, require
from lessons_lib.economics.units import HOURS_A_MONTH
from lessons_lib.explained import Mistake

CURRENCIES = ("USD", "kWh", "kg_CO2")
FARTHEST_MONTHS = 1e6


@dataclass(frozen=True)
class Curves:
    """What has been paid by month t, in one currency.

    first: training before launch. retraining: a month. machine: price of one machine for a month, copies included.
    fewest, busy, rate: see `growth.busy_time`.
    """

    first: float
    retraining: float
    machine: float
    fewest: float
    busy: float
    rate: float

    def training(self, months: ArrayLike) -> np.ndarray:
        """Training and retraining until `months` after launch."""
        return self.first + self.retraining * np.asarray(months, dtype=float)

    def serving(self, months: ArrayLike) -> np.ndarray:
        """Serving until `months` after launch."""
        return self.machine * busy_time(self.fewest, self.busy, self.rate, months)

    def serving_rate(self, months: float) -> float:
        """What serving costs a month, at that moment."""
        return self.machine * max(self.fewest, self.busy * math.exp(min(self.rate * months, 700.0)))


@dataclass(frozen=True)
class Crossing:
    """Where serving has cost `times` as much as training for the first time; `months` is None where it never has.

    how: by which formula or method it was found.
    """

    months: float | None
    how: str
    times: float = 1.0


def curves(inputs: Inputs, currency: str = "USD") -> Curves:
    """The two curves of a set of inputs, in a currency.

    Args:
        currency: "USD", "kWh" or "kg_CO2".

    Raises:
        Mistake: another currency.
    """
    plain = inputs.numbers()
    train, serve = _prices_of_an_hour(plain, currency)
    run = train * plain["training_time"] / (1 - plain["failed_share"])
    busy = plain["requests"] / 86_400 * plain["latency"] / 1e3 / plain["batch"] / plain["utilisation"]
    return Curves(
        first=run * plain["training_runs"],
        retraining=run * plain["retraining_runs"] * plain["retrainings"] / 12,
        machine=serve * plain["redundancy"] * HOURS_A_MONTH,
        fewest=plain["fewest_machines"],
        busy=busy,
        rate=math.log1p(plain["growth"]),
    )


def _prices_of_an_hour(plain: dict[str, float], currency: str) -> tuple[float, float]:
    """Of the machine that trains and of one that serves."""
    if currency not in CURRENCIES:
        raise Mistake(f"there is no currency {currency!r}; choose from {', '.join(CURRENCIES)}.")
    if currency == "USD":
        return plain["training_price"], plain["serving_price"]
    weight = plain["overhead"] / 1e3 * (plain["carbon"] if currency == "kg_CO2" else 1.0)
    return weight * plain["training_power"], weight * plain["serving_power"]


def overtakes(found: Curves, times: float = 1.0) -> Crossing:
    """When serving has cost `times` as much as training, exactly where the curves cross.

    In closed form where one of the curves allows it, else by Brent's method on a stretch where the gap changes its sign once:
    it is convex where traffic grows and concave where it shrinks.

    Raises:
        ValueError: `times` is not above 0.
    """
    require("times", times, ABOVE_0)
    first, steady = times * found.first, times * found.retraining
    if found.rate == 0 or found.busy == 0:
        slope = found.serving_rate(0.0) - steady
        return Crossing(_ratio(first, slope), "training_first / (serving - retraining) a month", times)
    if steady == 0:
        return Crossing(_flat_training(found, first), "the inverse of grown() or busy_time(), in closed form", times)
    return Crossing(
        _by_search(found, first, steady),
        "Brent's method, between two moments at which the difference has opposite signs",
        times,
    )


def _ratio(paid: float, per_month: float) -> float | None:
    """Months until `paid` is reached; None where it never is."""
    return paid / per_month if per_month > 0 and math.isfinite(paid / per_month) else None


def _flat_training(found: Curves, paid: float) -> float | None:
    """Serving is always the same function on either side of `turn`, and each can be inverted."""
    turn = months_until(found.fewest, found.busy, found.rate)
    until_turn = float(found.serving(turn)) if math.isfinite(turn) else math.inf
    grows_first = found.rate < 0 or turn == 0 or not math.isfinite(turn)
    steady = found.machine * found.fewest
    if found.rate > 0 and found.fewest == 0:
        return _inverse_of_grown(found, paid, 0.0)
    if paid <= until_turn:
        return _inverse_of_grown(found, paid, 0.0) if grows_first else _ratio(paid, steady)
    rest = paid - until_turn
    later = _ratio(rest, steady) if found.rate < 0 else _inverse_of_grown(found, rest, turn)
    return None if later is None else turn + later


def _inverse_of_grown(found: Curves, paid: float, start: float) -> float | None:
    """Months after `start` until growing or shrinking traffic has cost `paid`."""
    per_month = found.machine * found.busy * math.exp(found.rate * start)
    if paid == 0:
        return 0.0
    if per_month == 0:
        return None
    argument = found.rate * paid / per_month
    return math.log1p(argument) / found.rate if argument > -1 else None


def _by_search(found: Curves, first: float, steady: float) -> float | None:
    from scipy.optimize import brentq

    def gap(months: float) -> float:
        return float(found.serving(months)) - first - steady * months

    if first == 0 and found.serving_rate(0.0) > steady:
        return 0.0
    low, high = _stretch(found, steady, gap)
    if high is None or gap(high) < 0:
        return None
    if gap(low) >= 0:  # neck and neck until here, but for rounding
        return low
    return float(brentq(gap, low, high, xtol=1e-18, rtol=1e-14, maxiter=500))  # it may be within milliseconds


def _stretch(found: Curves, steady: float, gap: Callable[[float], float]) -> tuple[float, float | None]:
    """Months between which the gap rises from below 0; without an end where it never rises."""
    if found.machine == 0:
        return 0.0, None
    level = steady / found.machine  # machines that cost as much as retraining
    turn = math.log(level / found.busy) / found.rate
    if found.rate > 0:
        low = max(0.0, turn) if level >= found.fewest else 0.0
        high = max(1.0, 2 * low)
        while gap(high) < 0 and high < FARTHEST_MONTHS:
            high *= 1.5
        return low, high
    if level < found.fewest:
        high = 1.0
        while gap(high) < 0:
            high *= 2
        return 0.0, high
    return (0.0, turn) if turn > 0 else (0.0, None)
