"""Which input matters most? Each is moved over its range while all others stay: a tornado chart.

Source: Eschenbach, Spiderplots versus Tornado Diagrams for Sensitivity Analysis, Interfaces 22 (6), 1992.
"""

from dataclasses import dataclass

from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import KINDS, Inputs
from lessons_lib.economics.units import in_words
from lessons_lib.tables import Table

NOTICED = 0.005  # of the outcome: a smaller swing moves nothing that anybody would notice


@dataclass(frozen=True)
class Swing:
    """What an outcome becomes at the low and at the high end of one input."""

    name: str
    label: str
    low: str
    high: str
    at_low: float
    at_high: float

    @property
    def width(self) -> float:
        """How far the outcome swings."""
        return abs(self.at_high - self.at_low)


def tornado(inputs: Inputs, outcome: str = "price_life") -> list[Swing]:
    """Every input that moves an outcome by half a per cent of it or more, the widest swing first.

    Args:
        outcome: a name in the trace of `formulas.costs`.
    """
    swings, least = [], NOTICED * abs(costs(inputs).value(outcome))
    for name, one in inputs.items():
        ends = [costs(inputs.changed(**{name: end})).value(outcome) for end in (one.low, one.high)]
        swings.append(Swing(name, one.label, one.told(one.low), one.told(one.high), ends[0], ends[1]))
    kept = (swing for swing in swings if swing.width > 0 and swing.width >= least)
    return sorted(kept, key=lambda swing: -swing.width)


def still(swings: list[Swing]) -> str:
    """All other inputs, in a line: they move nothing."""
    moving = {swing.name for swing in swings}
    labels = [kind.label for name, kind in KINDS.items() if name not in moving]
    return f"moves nothing (less than {NOTICED:.1%} of it): {', '.join(labels)}" if labels else ""


def table(swings: list[Swing], unit: str, caption: str) -> Table:
    """The swings in words, and in the caption the inputs that move nothing; `unit` is that of the outcome."""
    rows = [
        {
            "input": swing.label,
            "moves it by": in_words(swing.width, unit),
            "from": swing.low,
            "to": swing.high,
            "outcome at the low end": in_words(swing.at_low, unit),
            "at the high end": in_words(swing.at_high, unit),
        }
        for swing in swings
    ]
    rest = still(swings)
    return Table(f"{caption}; {rest}" if rest else caption, rows)
