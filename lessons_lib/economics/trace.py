"""Formulas that are shown are the formulas that are calculated: text in, quantities with units out, and every step kept."""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from lessons_lib.economics import growth
from lessons_lib.economics.folded import Folded
from lessons_lib.economics.units import in_words, number, quantity
from lessons_lib.explained import Mistake
from lessons_lib.tables import Table


@dataclass(frozen=True)
class Formula:
    """`name` is what `text` comes to; it is shown, and checked, in `unit`."""

    name: str
    label: str
    text: str
    unit: str


@dataclass(frozen=True)
class Step:
    """One formula with what went in, in words, and what came out, with its unit."""

    formula: Formula
    given: Mapping[str, str]
    result: Any

    @property
    def value(self) -> float:
        """The result as a plain number in the formula's unit."""
        return number(self.result, self.formula.unit)

    @property
    def told(self) -> str:
        """The result in words."""
        return in_words(self.value, self.formula.unit)

    def row(self) -> dict[str, str]:
        """For a table."""
        return {
            "figure": self.formula.label,
            "result": self.told,
            "name": self.formula.name,
            "formula": self.formula.text,
            "with": ", ".join(f"{name} = {told}" for name, told in self.given.items()),
        }


class Trace(Mapping[str, Step]):
    """Every step of a calculation by name, in order: `trace["total"].told`, `trace.why("total")`."""

    def __init__(self, steps: Sequence[Step]):
        self._steps = {step.formula.name: step for step in steps}

    def __getitem__(self, name: str) -> Step:
        if name not in self._steps:
            raise KeyError(f"nothing is called {name!r} here; choose from {', '.join(self._steps)}.")
        return self._steps[name]

    def __iter__(self):
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def value(self, name: str) -> float:
        """A result as a plain number, in the unit of its formula."""
        return self[name].value

    def folded(self, caption: str = "Every figure and its formula") -> Folded:
        """The table of all steps behind its caption: a notebook shows it on demand."""
        return Folded(caption, self.table().rows)

    def table(self, caption: str = "Every figure and its formula") -> Table:
        """All steps, each with its formula and what went in."""
        return Table(caption, [step.row() for step in self.values()])

    def why(self, name: str) -> Table:
        """A figure with every step that leads to it."""
        needed = {name}
        for earlier in reversed(self._steps):
            if earlier in needed:
                needed |= set(self[earlier].given)
        rows = [step.row() for key, step in self.items() if key in needed]
        return Table(f"How it comes about: {self[name].formula.label}", rows)


def evaluate(formulas: Sequence[Formula], given: Mapping[str, tuple[float, str]]) -> Trace:
    """Calculate formulas in order; each may use the inputs and the formulas before it.

    Args:
        given: number and unit by name.

    Raises:
        Mistake: a result is not of the kind of its unit, or larger than any number.
        pint.DimensionalityError: different kinds were added or compared.
    """
    values = {name: quantity(*one) for name, one in given.items()}
    told = {name: in_words(*one) for name, one in given.items()}
    steps = []
    for formula in formulas:
        code, names = _compiled(formula.text)
        result = eval(code, {"__builtins__": {}, **FUNCTIONS}, values | {"month": quantity(1.0, "month")})
        step = Step(formula, {name: told[name] for name in names if name in told}, quantity(1.0, "") * result)
        if not math.isfinite(step.value):
            with_these = ", ".join(f"{name} = {text}" for name, text in step.given.items())
            raise Mistake(
                f"{formula.label.capitalize()}: no number is so large, with {with_these}. Make one of them smaller."
            )
        values[formula.name], told[formula.name] = step.result, step.told
        steps.append(step)
    return Trace(steps)


@lru_cache(maxsize=256)
def _compiled(text: str) -> tuple[CodeType, tuple[str, ...]]:
    tree = ast.parse(text, mode="eval")
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return compile(tree, text, "eval"), tuple(sorted(dict.fromkeys(names), key=text.index))


def _log(value: Any) -> Any:
    import numpy as np

    return quantity(float(np.log(number(quantity(1.0, "") * value, ""))), "")


def _grown(rate: Any, time: Any) -> Any:
    return quantity(float(growth.grown(number(rate, "1/month"), number(time, "month"))), "month")


def _busy_time(fewest: Any, busy: Any, rate: Any, time: Any) -> Any:
    plain = number(fewest, ""), number(busy, ""), number(rate, "1/month"), number(time, "month")
    return quantity(float(growth.busy_time(*plain)), "month")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log": _log,
    "max": max,
    "grown": _grown,
    "busy_time": _busy_time,
}
