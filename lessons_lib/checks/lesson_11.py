"""The checks of lesson 11: two histograms, and the threshold that costs least."""

import math
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet, Outcome
from lessons_lib.checks.same import difference
from lessons_lib.checks.sandbox import call, expect

Shares = list[float]


@exercise(
    "11.1",
    "How far apart are two histograms?",
    hints=(
        "Two steps: turn both lists of counts into shares, then go through the bins.",
        "With 0.5 added to each of `n` counts, the total grows by `0.5 * n`; the shares still add up to 1.",
        "`math.log` is the natural logarithm; `zip(week_shares, reference_shares)` gives the pairs.",
        "`sum((p - q) * math.log(p / q) for p, q in zip(week_shares, reference_shares))`",
    ),
    learned="The index is 0 for equal shares only, and the same in both directions. How large chance makes it, it does not say.",
)
def stability_index(answer: Any) -> None:
    cases = [
        ([8, 8], [1, 3], ""),
        ([40, 30, 20, 10], [5, 5, 5, 5], ""),
        ([50, 30, 20], [10, 0, 6], "A bin of the week is empty."),
        ([60, 0, 40], [7, 2, 1], "A bin of the reference is empty."),
        ([500, 300, 200], [5, 3, 2], "The shares agree nearly, whatever the totals are."),
    ]
    for reference, week, note in cases:
        _expect_index(answer, reference, week, note)
    draw = random.Random(111)
    for _ in range(4):
        bins = draw.randint(3, 9)
        _expect_index(answer, [draw.randint(0, 90) for _ in range(bins)], [draw.randint(1, 30) for _ in range(bins)])


def _shares(counts: list[int], added: float = 0.5) -> Shares:
    total = sum(counts) + added * len(counts)
    return [(count + added) / total for count in counts]


def _index(p: Shares, q: Shares, term: Callable[[float, float], float]) -> float:
    return sum(term(mine, other) for mine, other in zip(p, q, strict=True))


def _psi_term(p: float, q: float) -> float:
    return (p - q) * math.log(p / q)


def _expect_index(answer: Any, reference: list[int], week: list[int], note: str = "") -> None:
    p, q = _shares(week), _shares(reference)
    old_total = [[(count + 0.5) / sum(counts) for count in counts] for counts in (week, reference)]
    added_late = [[count / sum(counts) + 0.5 for count in counts] for counts in (week, reference)]
    raw = [[count + 0.5 for count in counts] for counts in (week, reference)]
    mistakes: dict[str, Any] = {
        "This compares counts; a short week would always look different. Divide by the total first.": _index(
            raw[0], raw[1], _psi_term
        ),
        "The total has to hold the added halves too: your shares do not add up to 1.": _index(
            old_total[0], old_total[1], _psi_term
        ),
        "The 0.5 is half an image: add it to the counts, not to the shares.": _index(
            added_late[0], added_late[1], _psi_term
        ),
        "One was added to each count; it is 0.5.": _index(_shares(week, 1.0), _shares(reference, 1.0), _psi_term),
        "This is the Kullback-Leibler divergence, p ln(p / q): the factor is the difference (p - q).": _index(
            p, q, lambda a, b: a * math.log(a / b)
        ),
        "The sign is turned round: where p is larger, both factors are positive.": -_index(p, q, _psi_term),
        "This uses the logarithm to base 10; take the natural one, `math.log`.": _index(p, q, _psi_term) / math.log(10),
        "This uses the logarithm to base 2; take the natural one, `math.log`.": _index(p, q, _psi_term) / math.log(2),
        "The logarithm is missing: this is the sum of the squared differences.": _index(
            p, q, lambda a, b: (a - b) ** 2
        ),
        "These differences cancel to 0: each has to be multiplied by ln(p / q).": _index(p, q, lambda a, b: a - b),
        "This is the mean over the bins; the index is their sum.": _index(p, q, _psi_term) / len(p),
    }
    if min(*reference, *week) > 0:
        without = _index(_shares(week, 0.0), _shares(reference, 0.0), _psi_term)
        mistakes["The 0.5 is missing: add it to every count, or an empty bin has no logarithm."] = without
    expect(answer, {"reference": reference, "week": week}, _index(p, q, _psi_term), mistakes=mistakes, note=note)


@exercise(
    "11.2",
    "The threshold that costs least",
    hints=(
        "Write a function `cost(limit)` first: it needs two shares, one from each list.",
        "The share of quiet weeks that ring is `sum(score > limit for score in quiet) / len(quiet)`.",
        "A drifted week is missed where its score is at most the threshold: `score <= limit`.",
        "`min(..., key=cost)` takes the first of several: go through the candidates from the largest down.",
    ),
    learned="A threshold is a price, not a statistic: it moves with what an error costs and with how often drift comes.",
)
def cheapest_threshold(answer: Any) -> None:
    quiet, drifted = [1.0, 2.0, 3.0, 4.0], [3.0, 5.0]
    equal = "Two candidates cost the same here: take the larger one."
    cases: list[tuple[Week, str]] = [
        (Week(quiet, drifted, [2.0, 4.0], 10.0, 100.0, 0.1), ""),
        (Week(quiet, drifted, [2.0, 4.0], 100.0, 10.0, 0.1), "A false alarm is dear here."),
        (Week([*quiet, 1.0, 1.0], drifted, [1.0, 2.5, 4.5], 10.0, 12.0, 0.5), "The lists differ in length."),
        (Week(quiet, [8.0, 9.0], [5.0, 6.0, 7.0], 10.0, 10.0, 0.5), equal),
        (Week(quiet, [8.0, 9.0], [7.0, 5.0, 6.0], 10.0, 10.0, 0.5), f"{equal} They come in any order."),
        (Week(quiet, drifted, [3.0, 2.0], 10.0, 10.0, 0.6), "A score equal to the threshold does not ring."),
    ]
    draw = random.Random(112)
    for _ in range(8):
        calm = [float(draw.randint(0, 12)) for _ in range(20)]
        moved = [float(draw.randint(4, 18)) for _ in range(draw.randint(5, 15))]
        limits = [float(limit) for limit in draw.sample(range(19), 8)]
        prices = float(draw.randint(5, 60)), float(draw.randint(20, 200)), draw.choice([0.1, 0.2, 0.4])
        cases.append((Week(calm, moved, limits, *prices), ""))
    try:
        for week, note in cases:
            expect(answer, asdict(week), week.cheapest(), note=note)
    except NotYet:
        if sentence := _named(answer, [week for week, _ in cases]):
            raise NotYet(sentence) from None
        raise


@dataclass(frozen=True)
class Week:
    """One question of the exercise, and what each way to compute the cost makes of it."""

    quiet: list[float]
    drifted: list[float]
    candidates: list[float]
    false_alarm: float
    missed: float
    drift_share: float

    def shares(self, limit: float, late: bool = False) -> tuple[float, float]:
        """Of quiet weeks that ring, and of drifted ones that do not; `late`: a score equal to the threshold rings."""
        rings = sum(score >= limit if late else score > limit for score in self.quiet) / len(self.quiet)
        silent = sum(score < limit if late else score <= limit for score in self.drifted) / len(self.drifted)
        return rings, silent

    def cost(self, limit: float, late: bool = False) -> float:
        rings, silent = self.shares(limit, late)
        return (1 - self.drift_share) * rings * self.false_alarm + self.drift_share * silent * self.missed

    def best(self, cost: Callable[[float], float], largest: bool = True) -> float:
        """The candidate for which `cost` is smallest; of several the largest, or the smallest."""
        return min(sorted(self.candidates, reverse=largest), key=lambda limit: round(cost(limit), 9))

    def cheapest(self) -> float:
        return self.best(self.cost)

    def weighed(self, alarm: float, miss: float) -> float:
        """The best candidate where the two shares have these weights."""

        def cost(limit: float) -> float:
            rings, silent = self.shares(limit)
            return alarm * rings + miss * silent

        return self.best(cost)


THRESHOLD_MISTAKES: dict[str, Callable[[Week], Any]] = {
    "The cost of the missed weeks is left out; so no alarm would be best, always.": lambda w: w.weighed(1.0, 0.0),
    "The cost of the false alarms is left out; so it would be best to ring all the time.": lambda w: w.weighed(
        0.0, 1.0
    ),
    "`drift_share` is not used: quiet weeks and drifted weeks are not equally frequent.": lambda w: w.weighed(
        w.false_alarm, w.missed
    ),
    "`drift_share` is on the wrong side: it belongs to the missed weeks.": lambda w: w.weighed(
        w.drift_share * w.false_alarm, (1 - w.drift_share) * w.missed
    ),
    "The two prices are exchanged.": lambda w: w.weighed((1 - w.drift_share) * w.missed, w.drift_share * w.false_alarm),
    "These are counts; the lists differ in length, so take shares.": lambda w: w.weighed(
        (1 - w.drift_share) * w.false_alarm * len(w.quiet), w.drift_share * w.missed * len(w.drifted)
    ),
    "A score equal to the threshold does not ring: `>` for an alarm, `<=` for a miss.": lambda w: w.best(
        lambda limit: w.cost(limit, late=True)
    ),
    "This is the dearest threshold; asked for is the cheapest. An alarm is a score above the threshold, a miss one that is "
    "not.": lambda w: w.best(lambda limit: -w.cost(limit)),
    "Of several with the same cost take the largest: it rings least.": lambda w: w.best(w.cost, largest=False),
    "This is the smallest cost; asked for is the threshold that has it.": lambda w: w.cost(w.cheapest()),
    "This is the place of the threshold in the list; asked for is the threshold.": lambda w: w.candidates.index(
        w.cheapest()
    ),
}


def _named(answer: Any, weeks: list[Week]) -> str:
    """The mistake that explains all the answers together; one alone often fits several."""
    try:
        got = [call(answer, asdict(week)) for week in weeks]
    except Outcome:
        return ""
    for sentence, wrong in THRESHOLD_MISTAKES.items():
        if not any(difference(mine, wrong(week), "") for mine, week in zip(got, weeks, strict=True)):
            return sentence
    return ""
