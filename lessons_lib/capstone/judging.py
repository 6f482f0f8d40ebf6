"""By how much each budget is met or missed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lessons_lib.capstone.measuring import Measured
from lessons_lib.capstone.scenarios import Scenario, share
from lessons_lib.configuration import accuracy_error, points_error
from lessons_lib.tables import Table
from lessons_lib.timing.table import duration

CLOSE = 0.1  # of a budget: what lies nearer to it than this can turn out the other way in the next run
DISTURBED = 3.0  # times the median: a p99 beyond it tells of the machine's other work rather than of the candidate
NAMED = 4  # of those that were held up, the worst
FEW_IMAGES = 100  # fewer leave an accuracy open
ROUNDING = 1e-9


@dataclass(frozen=True)
class Line:
    """One budget: what it allows and what was measured, in words; `used` is the share of the budget that is used.

    over: by how much it is missed, in words. clocked: depends on the clock, so that another run gives another figure. error: how far
    other test images would move `used`; 0 where it does not depend on them. spread: the same in words.
    """

    budget: str
    limit: str
    measured: str
    used: float
    over: str
    clocked: bool = False
    error: float = 0.0
    spread: str = ""

    @property
    def met(self) -> bool:
        """Exactly at the limit is met."""
        return self.used <= 1 + ROUNDING

    @property
    def open(self) -> bool:
        """True where it lies so near to the limit that other test images may turn it round."""
        return abs(self.used - 1) < self.error

    @property
    def word(self) -> str:
        """ "met", "missed", or "cannot tell" where it is missed by less than other images would move it."""
        return "met" if self.met else "cannot tell" if self.open else "missed"

    @property
    def verdict(self) -> str:
        """ "met", "missed" or "cannot tell", and by how much."""
        if self.word == "cannot tell":
            return f"cannot tell: missed by {self.over}, and other images would move that by {self.spread}"
        told = f"met, {max(0.0, 1 - self.used):.0%} to spare" if self.met else f"missed by {self.over}"
        if self.open:
            return f"{told}; only just, other images may differ"
        return f"{told}; only just, another run may differ" if self.clocked and abs(self.used - 1) < CLOSE else told


@dataclass(frozen=True)
class Judged:
    """A candidate held against a scenario."""

    scenario: Scenario
    measured: Measured
    lines: tuple[Line, ...]

    @property
    def missed(self) -> list[Line]:
        """The budgets that it misses."""
        return [line for line in self.lines if not line.met]

    @property
    def meets(self) -> bool:
        """True where every budget is met."""
        return not self.missed

    @property
    def tightest(self) -> Line:
        """The budget of which the largest share is used."""
        return max(self.lines, key=lambda line: line.used)

    def table(self) -> Table:
        """A row for each budget."""
        rows = [
            {
                "budget": line.budget,
                "allowed": line.limit,
                "measured": line.measured,
                "used": used_in_words(line.used),
                "verdict": line.verdict,
            }
            for line in self.lines
        ]
        return Table(f"{self.measured.name}, for {self.scenario.title}", rows)

    def sentence(self) -> str:
        """Does it ship, and if not, what is missing by how much."""
        if self.meets:
            return (
                f"For {self.scenario.title}: {self.measured.name} meets all {len(self.lines)} budgets. The tightest is "
                f"{self.tightest.budget}: {used_in_words(self.tightest.used)} of it is used."
            )
        told = "; ".join(_missed_in_words(line) for line in self.missed)
        if all(line.open for line in self.missed):
            return f"For {self.scenario.title}: cannot tell whether {self.measured.name} meets all {len(self.lines)} budgets. It misses {told}."
        return f"For {self.scenario.title}: {self.measured.name} misses {len(self.missed)} of {len(self.lines)} budgets: {told}."


def _missed_in_words(line: Line) -> str:
    told = f"{line.budget} by {line.over} (measured {line.measured}, allowed {line.limit})"
    return f"{told}, and other images would move that by {line.spread}" if line.open else told


def judge(scenario: Scenario, measured: Measured, base: Measured) -> Judged:
    """Hold a candidate against the budgets of a scenario.

    Args:
        measured, base: from the same call of `measuring.measure`: the budgets are shares of what the base needs.
    """
    lines = (
        _accuracy(scenario, measured, base),
        replace(
            _ceiling("p99 latency", scenario.p99_share, measured.p99_ms, base.p99_ms, duration, clocked=True),
            measured=measured.p99,
        ),
        _ceiling("size", scenario.size_share, measured.size_bytes, base.size_bytes, kib),
        _memory(scenario, measured, base),
        _ceiling(
            "cost per million", scenario.cost_share, measured.cost_per_million, base.cost_per_million, price,
            clocked=True,
        ),
    )  # fmt: skip
    return Judged(scenario, measured, lines)


def _accuracy(scenario: Scenario, measured: Measured, base: Measured) -> Line:
    """The loss against what may be lost: one test image at least, or with few of them a single one would decide."""
    images = measured.test_images
    allowed = max(scenario.points_lost / 100, 1 / images)
    lost = base.accuracy - measured.accuracy
    count = max(1, round((lost - allowed) * images))
    over = f"{100 * (lost - allowed):.2g} points, {count:,} of {images:,} images"
    error = points_error(measured.only_base_right, measured.only_this_right, images)
    return Line(
        "accuracy", f"at least {base.accuracy - allowed:.2%}", f"{measured.accuracy:.2%}", max(0.0, lost) / allowed, over,
        error=error / 100 / allowed, spread=f"±{error:.2g} points",
    )  # fmt: skip


def _memory(scenario: Scenario, measured: Measured, base: Measured) -> Line:
    """What could not be measured cannot be promised: it counts as missed."""
    if measured.memory_bytes is None or base.memory_bytes is None:
        return Line("memory", share(scenario.memory_share), "not measured", float("inf"), "what nobody could measure")
    return _ceiling("memory", scenario.memory_share, measured.memory_bytes, base.memory_bytes, mib)


def _ceiling(
    budget: str, part: float, value: float, base: float, words: Callable[[float], str], clocked: bool = False
) -> Line:
    limit = part * base
    used = value / limit
    over = f"{used - 1:.0%}" if used < 2 else f"a factor of {used:.1f}"
    return Line(budget, f"at most {words(limit)}", words(value), used, over, clocked)


def disturbed(one: Measured) -> bool:
    """True where calls were held up so often that p99 tells more about the machine than about the candidate."""
    return _times(one) > DISTURBED


def judge_by_median(scenario: Scenario, measured: Measured, base: Measured) -> Judged:
    """The same with the median in place of p99, for a machine that is too busy to tell."""
    return judge(scenario, *(replace(one, p99_ms=one.median_ms) for one in (measured, base)))


def disturbance(measured: Sequence[Measured]) -> str:
    """Whether something else held up the calls of any candidate, in a sentence or two."""
    held_up = sorted(filter(disturbed, measured), key=_times, reverse=True)
    if not held_up:
        worst = max(map(_times, measured))
        return f"No candidate's p99 is more than {worst:.1f} times its median: this machine was calm enough to judge by p99."
    named = "; ".join(f"{one.name} ({_times(one):.1f} times)" for one in held_up[:NAMED])
    named += f"; and {len(held_up) - NAMED} more" if len(held_up) > NAMED else ""
    whose = "The base is one of them, and all are compared with it: no" if measured[0] in held_up else "Of these no"
    return (
        f"Something else was busy on this machine: p99 is more than {DISTURBED:g} times the median for {len(held_up)} of {len(measured)} "
        f"candidates: {named}. {whose} share of p99 says much. Stop what you can, and run the cell again."
    )


def _times(one: Measured) -> float:
    return one.p99_ms / one.median_ms


def accuracy_spread(one: Measured) -> str:
    """How far another draw of test images would move an accuracy, in a sentence; see `configuration.accuracy_error`."""
    points = 100 * accuracy_error(one.accuracy, one.test_images)
    if one.test_images < FEW_IMAGES:
        return (
            f"{one.test_images:,} test image{'s are' if one.test_images > 1 else ' is'} too few to tell an accuracy: others would move it "
            f"by about ±{points:.0f} points."
        )
    return (
        f"Another draw of {one.test_images:,} test images would move an accuracy by about ±{points:.1f} points. All candidates answer the same "
        "images, so that their differences move less; still, a budget that is missed by a few images may be met on others."
    )


def judge_all(scenario: Scenario, measured: Sequence[Measured]) -> list[Judged]:
    """Every candidate of a run against one scenario; the first is the base."""
    return [judge(scenario, one, measured[0]) for one in measured]


def used_in_words(used: float) -> str:
    """A share of a budget: "84%", "3.2 times"."""
    if used == float("inf"):
        return "unknown"
    return f"{used:.0%}" if used < 2 else f"{used:.1f} times"


def kib(size: float) -> str:
    """Bytes on disk."""
    return f"{size / 1024:,.0f} KiB"


def mib(size: float) -> str:
    """Bytes in memory."""
    return f"{size / 2**20:,.0f} MiB"


def price(amount: float) -> str:
    """A price per million, three digits."""
    return f"${amount:.3g}"
