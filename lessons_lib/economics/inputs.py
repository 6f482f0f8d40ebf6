"""What goes into the costs: every figure with its unit, its range and where it comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lessons_lib.economics.folded import Folded
from lessons_lib.economics.refusing import (
    ABOVE_0,
    AT_LEAST_1,
    BELOW_1,
    FINITE,
    GROWTH,
    NOT_BELOW_0,
    SHARE,
    Rule,
    require,
)  # fmt: skip
from lessons_lib.economics.units import in_words, number, quantity, registry, same_kind
from lessons_lib.explained import Mistake
from lessons_lib.tables import Table

MEASURED = "measured here"  # how the source of a measured figure begins


@dataclass(frozen=True)
class Kind:
    """What an input means, the unit that formulas expect, and what its number has to be in that unit."""

    label: str
    unit: str
    rule: Rule


KINDS: dict[str, Kind] = {
    "training_time": Kind("machine time of one training run", "hour/run", NOT_BELOW_0),
    "training_price": Kind("price of the machine that trains", "USD/hour", NOT_BELOW_0),
    "training_runs": Kind("runs that end well before launch", "run", ABOVE_0),
    "failed_share": Kind("share of started runs that fail", "", BELOW_1),
    "retrainings": Kind("retrainings", "1/year", NOT_BELOW_0),
    "retraining_runs": Kind("runs of each retraining", "run", ABOVE_0),
    "requests": Kind("requests at launch", "prediction/day", ABOVE_0),
    "growth": Kind("growth of the requests each month", "", GROWTH),
    "latency": Kind("latency of a batch", "ms", ABOVE_0),
    "batch": Kind("predictions in a batch", "prediction", AT_LEAST_1),
    "serving_price": Kind("price of a machine that serves", "USD/hour", ABOVE_0),
    "utilisation": Kind("share of the paid time in which a machine predicts", "", SHARE),
    "fewest_machines": Kind("machines that always run", "", NOT_BELOW_0),
    "redundancy": Kind("copies of each machine", "", AT_LEAST_1),
    "lifetime": Kind("lifetime", "month", ABOVE_0),
    "training_power": Kind("power of the machine that trains", "watt", NOT_BELOW_0),
    "serving_power": Kind("power of a machine that serves", "watt", NOT_BELOW_0),
    "overhead": Kind("energy of the building for each kWh of its machines (PUE)", "", AT_LEAST_1),
    "carbon": Kind("carbon of the electricity", "kg_CO2/kWh", NOT_BELOW_0),
}


@dataclass(frozen=True)
class Input:
    """One figure: `value` lies between `low` and `high`, all three in `unit`; `source` says where it comes from.

    brief: the source in a few words, for a table; the beginning of `source` where it is left out.

    Raises:
        Mistake: there is no such input, its unit is of another kind, it has no source, or a number that cannot be.
    """

    name: str
    value: float
    unit: str
    low: float
    high: float
    source: str
    brief: str = ""

    def __post_init__(self) -> None:
        kind = _kind(self.name)
        if not same_kind(self.unit, kind.unit):
            raise Mistake(
                f"{self.name} is given in {self.unit or 'a plain number'}; it has to be in {kind.unit or 'a plain number'}."
            )
        if not self.source.strip():
            raise Mistake(f"{self.name} has no source; say where the figure comes from.")
        for name, value in (
            (self.name, self.value),
            (f"{self.name}, low", self.low),
            (f"{self.name}, high", self.high),
        ):
            require(name, value, FINITE)
            plain = number(quantity(value, self.unit), kind.unit)
            if not kind.rule.holds(plain):
                raise Mistake(
                    f"{name} is {_understood(plain, value, self.unit)}; it has to be a number {kind.rule.words}."
                )
        if not self.low <= self.value <= self.high:
            raise Mistake(
                f"{self.name} is {self.value:g}, and not between its low {self.low:g} and high {self.high:g}."
            )

    @property
    def label(self) -> str:
        """What it means."""
        return KINDS[self.name].label

    @property
    def in_brief(self) -> str:
        """The source in a few words."""
        return self.brief or self.source.partition(";")[0]

    @property
    def measured(self) -> bool:
        """Whether it was measured on this machine, and neither assumed nor chosen."""
        return self.source.startswith(MEASURED)

    @property
    def quantity(self) -> Any:
        """The value with its unit."""
        return quantity(self.value, self.unit)

    def at(self, value: float) -> "Input":
        """The same with another value in the same unit; the range grows where it has to."""
        require(self.name, value, FINITE)
        return replace(self, value=value, low=min(value, self.low), high=max(value, self.high))

    def changed(self, value: float | str) -> "Input":
        """The same with another value of the learner's: a number in its own unit, or a text with or without a unit."""
        plain = _read(self, value) if isinstance(value, str) else value
        moved = self.at(plain)
        return moved if plain == self.value else replace(moved, source="changed by you", brief="")

    def told(self, value: float) -> str:
        """A value of this input in words."""
        return in_words(value, self.unit)


class Inputs(Mapping[str, Input]):
    """Every input of the costs, by name; never changed in place.

    Raises:
        Mistake: one is missing or given twice.
    """

    def __init__(self, *given: Input):
        self._inputs = {one.name: one for one in given}
        if len(self._inputs) < len(given):
            raise Mistake("an input is given twice; each may be given once.")
        if missing := [name for name in KINDS if name not in self._inputs]:
            raise Mistake(f"these inputs are missing: {', '.join(missing)}.")

    def __getitem__(self, name: str) -> Input:
        _kind(name)
        return self._inputs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(KINDS)

    def __len__(self) -> int:
        return len(KINDS)

    def replaced(self, *new: Input) -> "Inputs":
        """The same with some inputs replaced, source and all."""
        return Inputs(*(self._inputs | {one.name: one for one in new}).values())

    def changed(self, **values: float | str) -> "Inputs":
        """The same with other values.

        Args:
            values: by name; a number in the input's own unit, or a text with a unit of the same kind: "0.10 USD/hour".

        Raises:
            Mistake: no such input, another kind of unit, or a number that cannot be.
        """
        return self.replaced(*(self[name].changed(value) for name, value in values.items()))

    def numbers(self) -> dict[str, float]:
        """Every value as a plain number, in the unit that the formulas expect."""
        return {name: number(one.quantity, KINDS[name].unit) for name, one in self.items()}

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Every field of every input, for JSON."""
        return {name: asdict(one) for name, one in self.items()}

    def table(self) -> Table:
        """Every input with its range and source."""
        rows = [
            {
                "input": one.label,
                "name": name,
                "value": one.told(one.value),
                "range": f"{one.told(one.low)} to {one.told(one.high)}",
                "source": one.in_brief,
            }
            for name, one in self.items()
        ]
        return Table("What goes into the costs", rows)

    def sources(self) -> Folded:
        """Where each figure comes from, in full; folded in a notebook."""
        rows = [{"input": one.label, "source": one.source} for one in self.values()]
        return Folded("Where each figure comes from, in full", rows)


def _understood(plain: float, value: float, unit: str) -> str:
    """A number as it was read, and in its own unit where that is another."""
    return f"{plain:g}" if plain == value else f"{plain:g} (read as {in_words(value, unit)})"


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Mistake(f"there is no input {name!r}; choose from {', '.join(KINDS)}.")
    return KINDS[name]


def _read(one: Input, text: str) -> float:
    """The number of a text in the input's own unit, in which a text without a unit is read too."""
    import pint

    try:
        return float(text)
    except ValueError:
        pass
    example = f'write a number and a unit, such as "{f"{one.value:g} {one.unit}".rstrip()}"'
    try:
        found = registry().Quantity(text)
    except pint.UndefinedUnitError as error:
        money = " Money is in USD." if one.unit.startswith("USD") else ""
        unknown = error.unit_names if isinstance(error.unit_names, str) else ", ".join(error.unit_names)
        raise Mistake(
            f"{one.name} is {text!r}, and there is no unit {unknown} here.{money} Please {example}."
        ) from None
    except Exception:
        raise Mistake(f"{one.name} is {text!r}; {example}.") from None
    if not found.is_compatible_with(one.quantity):
        raise Mistake(
            f"{one.name} is {text!r}; it has to be in {one.unit or 'a plain number'}, or a unit of the same kind."
        )
    return number(found, one.unit)
