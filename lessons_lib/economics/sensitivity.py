"""Which input matters most? Each is moved over its range while all others stay: a tornado chart.

Source: Eschenbach, Spiderplots versus Tornado Diagrams for Sensitivity Analysis, Interfaces 22 (6), 1992.
"""

from dataclasses import dataclass

from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.units import in_words
from lessons_lib.tables import Table


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
    """Every input that moves an outcome, the widest swing first.

    Args:
        outcome: a name in the trace of `formulas.costs`.
    """
    swings = []
    for name, one in inputs.items():
        ends = [costs(inputs.changed(**{name: end})).value(outcome) for end in (one.low, one.high)]
        swings.append(Swing(name, one.label, one.told(one.low), one.told(one.high), ends[0], ends[1]))
    return sorted((swing for swing in swings if swing.width > 0), key=lambda swing: -swing.width)


def table(swings: list[Swing], unit: str, caption: str) -> Table:
    """The swings in words; `unit` is that of the outcome."""
    rows = [
        {
            "input": swing.label,
            "from": swing.low,
            "to": swing.high,
            "outcome at the low end": in_words(swing.at_low, unit),
            "at the high end": in_words(swing.at_high, unit),
        }
        for swing in swings
    ]
    return Table(caption, rows)
