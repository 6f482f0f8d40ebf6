"""A year after launch, week by week: the world moves, the model stands still, and a policy says when to train anew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessons_lib.drift.alarms import WEEKS_A_YEAR, rate
from lessons_lib.drift.weeks import Watched
from lessons_lib.explained import Mistake

Curve = Mapping[float, float]  # by distance between the world and what the model was trained on, 0 to 1
PERIODS = (1, 4, 8, 13)  # weeks, of the calendars that are tried
TOLERATED = 1.0  # points of accuracy; a look that finds less than this lost finds nothing to do


@dataclass(frozen=True)
class World:
    """How the world moves between 0, what the model was first trained on, and 1.

    name: in a few words. weeks_there: from 0 to 1; then it goes back again, and so on. Infinite: it stands still.
    jump: the week, counted from 0, in which it is at 1 all of a sudden, and stays there.
    """

    name: str
    weeks_there: float = math.inf
    jump: int | None = None

    def strengths(self, weeks: int = WEEKS_A_YEAR) -> NDArray[np.float64]:
        """Where the world is in each week, from 0 to 1."""
        if self.jump is not None:
            return (np.arange(weeks) >= self.jump).astype(np.float64)
        way = np.arange(weeks) / self.weeks_there
        return 1 - np.abs(way % 2 - 1)


SPEEDS = (World("stands still"), World("moves in a year", 52.0), World("moves in a quarter", 13.0))
WORLDS = (*SPEEDS, World("jumps in week 20", jump=19))


@dataclass(frozen=True)
class Policy:
    """When to train anew: every so many weeks, after an alarm that a look confirms, both, or never."""

    every: int | None = None
    on_alarm: bool = False

    def __post_init__(self) -> None:
        if self.every is not None and not (isinstance(self.every, int) and self.every >= 1):
            raise Mistake(f"A calendar has a period of whole weeks, 1 week or more; this is {self.every!r}.")

    def __str__(self) -> str:
        calendar = f"every {self.every} weeks" if (self.every or 0) > 1 else "every week" if self.every else ""
        return " and ".join(filter(None, [calendar, "on alarm" if self.on_alarm else ""])) or "never"


@dataclass(frozen=True)
class Measured:
    """What the simulation takes from measurements.

    points_lost: of accuracy, by distance. chances: of an alarm in a week, by distance; at 0 it is a false one.
    recovered: the share of the way to the world of today that a retraining brings the model, 0 to 1.
    """

    points_lost: Curve
    chances: Curve
    recovered: float


def measured(watched: Watched, kind: str, detector: str, limit: float, recovered: float) -> Measured:
    """The curves of one kind of drift and one detector; more drift never counts as less loss.

    Args:
        limit: the detector's threshold. recovered: the share of the accuracy lost at full strength that a retraining there
            brought back, 0 to 1.
    """
    lost, chances = {0.0: 0.0}, {0.0: rate(watched.quiet[detector], limit).share}
    for strength in watched.strengths:
        lost[strength] = max([*lost.values(), watched.points_lost((kind, strength))])
        chances[strength] = rate(watched.drifted[kind, strength][detector], limit).share
    return Measured(lost, chances, _way(lost, recovered))


def _way(points_lost: Curve, recovered: float) -> float:
    """The share of the way after which so much accuracy is back: halfway is not half of it where the curve is bent."""
    distances = np.linspace(0, max(points_lost), 1001)
    losses = _at(points_lost, distances)
    left = distances[np.argmax(losses >= (1 - recovered) * losses[-1])]
    return float(1 - left / distances[-1])


@dataclass(frozen=True)
class Prices:
    """In one currency: a look after an alarm, a retraining with all that belongs to it, a week with one point less."""

    look: float
    retraining: float
    point_week: float


@dataclass(frozen=True)
class Year:
    """Means over many simulated years.

    policy: which. looks, retrainings: how many. points_lost: of accuracy, in each week (52,). costs: of looks, retrainings and errors.
    """

    policy: Policy
    looks: float
    retrainings: float
    points_lost: NDArray[np.float64]
    costs: Mapping[str, float]

    @property
    def cost(self) -> float:
        """What the year costs."""
        return sum(self.costs.values())


def simulate(
    policy: Policy, world: World, measured: Measured, prices: Prices, *, runs: int = 200, seed: int = 0
) -> Year:
    """Live through a year many times; only the alarms are left to chance.

    In each week the model makes its errors first; then the alarm may sound, and somebody looks. What is trained in one week is used
    from the next one on. After it the model stands where the world was, as far as a retraining brings it there.
    """
    random = np.random.default_rng(seed)
    model, looks, retrainings = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    since, lost = np.zeros(runs), []
    for strength in world.strengths():
        distance = np.abs(strength - model)
        points = _at(measured.points_lost, distance)
        lost.append(points.mean())
        since += 1
        anew = since >= (policy.every or math.inf)
        rings = random.random(runs) < _at(measured.chances, distance)
        if policy.on_alarm:
            rings &= ~anew  # nobody looks at what is trained anew anyway
            looks += rings
            anew = anew | (rings & (points >= TOLERATED))
        model += np.where(anew, measured.recovered * (strength - model), 0.0)
        since[anew] = 0
        retrainings += anew
    return _year(policy, float(looks.mean()), float(retrainings.mean()), np.array(lost), prices)


def _year(policy: Policy, looks: float, retrainings: float, lost: NDArray[np.float64], prices: Prices) -> Year:
    costs = {
        "looks": looks * prices.look,
        "retrainings": retrainings * prices.retraining,
        "errors": float(lost.sum()) * prices.point_week,
    }
    return Year(policy, looks, retrainings, lost, costs)


def _at(curve: Curve, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A measured curve between its places, in straight lines."""
    places = sorted(curve)
    return np.interp(distance, places, [curve[place] for place in places])


CALENDARS = (Policy(), *(Policy(every) for every in sorted(PERIODS, reverse=True)))


def best_calendar(world: World, measured: Measured, prices: Prices) -> Year:
    """The cheapest calendar, or never; of equals the one that trains least."""
    return min((simulate(policy, world, measured, prices, runs=1) for policy in CALENDARS), key=lambda year: year.cost)
