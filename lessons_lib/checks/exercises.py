"""The register of exercises. Each file `lesson_NN.py` of this package adds the exercises of one lesson."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Test = Callable[[Any], None]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Args:
        name: lesson and number: "01.1".
        title: a few words.
        hints: from a nudge to nearly the answer.
        learned: the sentence that a passed check shows.
        test: raises an Outcome where the answer is not right.
    """

    name: str
    title: str
    hints: tuple[str, ...]
    learned: str
    test: Test


_REGISTER: dict[str, Exercise] = {}


def exercise(name: str, title: str, *, hints: tuple[str, ...], learned: str) -> Callable[[Test], Test]:
    """Register the decorated function as the test of an exercise; for the arguments see Exercise."""

    def register(test: Test) -> Test:
        _REGISTER[name] = Exercise(name, title, hints, learned, test)
        return test

    return register


@functools.cache
def known() -> dict[str, Exercise]:
    """Every exercise of the course by name, in order."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("lesson_"):
            importlib.import_module(f"{__package__}.{module.name}")
    return dict(sorted(_REGISTER.items()))
