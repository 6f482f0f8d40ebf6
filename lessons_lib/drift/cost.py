"""Which threshold costs least: a false alarm has a price, and so has each week in which nobody notices."""

from collections.abc import Sequence
from dataclasses import dataclass

from lessons_lib.drift.alarms import WEEKS_A_YEAR, rate, threshold
from lessons_lib.drift.kinds import NEW_SIGNS, OTHER_MIX
from lessons_lib.drift.weeks import Place, Watched
from lessons_lib.explained import Mistake

A_YEAR = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 13.0, 26.0)  # false alarms a year, one threshold each


@dataclass(frozen=True)
class Stakes:
    """What is at stake, in one currency.

    false_alarm: somebody looks, and nothing is wrong. point_week: a week with one percentage point of accuracy less.
    drifts_a_year: how often a drift begins.

    Raises:
        Mistake: one of them is negative, or no drift is expected.
    """

    false_alarm: float = 200.0
    point_week: float = 100.0
    drifts_a_year: float = 2.0

    def __post_init__(self) -> None:
        if self.false_alarm < 0 or self.point_week < 0 or self.drifts_a_year <= 0:
            given = f"false_alarm is {self.false_alarm!r}, point_week {self.point_week!r}, drifts_a_year {self.drifts_a_year!r}"
            raise Mistake(f"{given}: prices are 0 or more, and drifts_a_year is above 0.")


@dataclass(frozen=True)
class Choice:
    """One threshold of one detector, and what a year with it costs.

    a_year: false alarms it was set for. limit: the score. false_alarms: in a year, on other quiet weeks. chance: of an alarm in a
    week after the drift. weeks: that pass on average until the alarm. looking, unseen: the two parts of the cost.
    """

    a_year: float
    limit: float
    false_alarms: float
    chance: float
    weeks: float
    looking: float
    unseen: float

    @property
    def total(self) -> float:
        """What the year costs."""
        return self.looking + self.unseen


def mean_weeks(chance: float, longest: float) -> float:
    """The weeks until an alarm that has the same chance each week, on average, cut off at `longest`.

    The sum of (1 - chance)^k for k from 0 to longest - 1: the probabilities that week k + 1 is still reached.
    """
    return (1 - (1 - chance) ** longest) / chance if chance > 0 else longest


def choices(
    watched: Watched, detector: str, place: Place, stakes: Stakes, a_year: Sequence[float] = A_YEAR
) -> list[Choice]:
    """Thresholds from seldom to often, each with its cost, for a drift of one kind and strength."""
    return [_choice(watched, detector, place, stakes, often) for often in a_year]


def _choice(watched: Watched, detector: str, place: Place, stakes: Stakes, often: float) -> Choice:
    limit = threshold(watched.calibration[detector], often / WEEKS_A_YEAR)
    false_alarms = rate(watched.quiet[detector], limit).a_year
    chance = rate(watched.drifted[place][detector], limit).share
    weeks = mean_weeks(chance, WEEKS_A_YEAR / stakes.drifts_a_year)
    lost = max(0.0, watched.points_lost(place))
    unseen = stakes.drifts_a_year * weeks * lost * stakes.point_week
    return Choice(often, limit, false_alarms, chance, weeks, false_alarms * stakes.false_alarm, unseen)


def cheapest(found: Sequence[Choice]) -> Choice:
    """The one with the smallest total; of equals the one that rings least."""
    return min(found, key=lambda one: (one.total, one.a_year))


def creeping(watched: Watched, points: float = 5.0) -> Place:
    """The drift whose loss of accuracy comes nearest to so many points, of the kinds that do harm: small enough to be missed.

    New signs are left out: they take new classes, and training anew is no remedy.
    """
    kinds = [place for place in watched.drifted if place[0] not in (NEW_SIGNS, OTHER_MIX)] or list(watched.drifted)
    harmful = [place for place in kinds if watched.harmful(place)] or kinds
    return min(harmful, key=lambda place: abs(watched.points_lost(place) - points))
