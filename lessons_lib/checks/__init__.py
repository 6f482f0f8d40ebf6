"""The checker of the exercises: `check("01.1", answer)`, `hint("01.1")`, `solution("01.1")`, `progress("01")`.

Reading order: `outcomes`, `verdict`, `whose`, `limits`, `surroundings`, `describe`, `same`, `faults`, `changed`, `sandbox`,
`exercises`, `history`, this file, `overview`; then the checks of each lesson, `lesson_NN`.
"""

import json
import textwrap
from pathlib import Path
from typing import Any

from lessons_lib.checks.exercises import Exercise, known
from lessons_lib.checks.faults import words_of
from lessons_lib.checks.history import past, remember
from lessons_lib.checks.outcomes import NotAttempted, Outcome
from lessons_lib.checks.overview import progress
from lessons_lib.checks.surroundings import Printed, kernel_kept_alive, printing_to, restored_state
from lessons_lib.checks.verdict import Card, Verdict

__all__ = ["check", "hint", "progress", "solution"]

SOLUTIONS = Path(__file__).with_name("solutions.json")


def check(name: str, answer: Any = ...) -> Verdict:
    """Try the learner's answer to an exercise.

    Args:
        name: of the exercise: "01.1".
        answer: the object that the exercise asks for, mostly a function; left out, nothing was attempted.

    Returns:
        The verdict: passed, not yet, error, stopped (time limit) or not attempted; true where passed. Never raises,
        except KeyboardInterrupt where the learner interrupts the kernel.
    """
    exercise = _find(name)
    if exercise is None:
        return Verdict("note", str(name), _unknown())
    printed = Printed()
    with printing_to(printed), restored_state(), kernel_kept_alive():
        verdict = _attempt(exercise, answer)
    if verdict.word != "not attempted":
        remember("attempt", exercise.name, verdict=verdict.word)
    block = f"Your code printed:\n{printed.text()}" if printed.text() else ""
    return Verdict(verdict.word, exercise.name, verdict.message, block)


def hint(name: str) -> Card:
    """The next hint for an exercise, one level further with each call, also after a restart."""
    exercise = _find(name)
    if exercise is None:
        return Card("note", str(name), _unknown())
    remember("hint", exercise.name)
    level = min(len(past("hint", exercise.name)), len(exercise.hints))
    last = (
        f' That is the last one; `solution("{exercise.name}")` shows an answer.' if level == len(exercise.hints) else ""
    )
    return Card("hint", exercise.name, f"{level} of {len(exercise.hints)}: {exercise.hints[level - 1]}{last}")


def solution(name: str) -> Card:
    """One right answer to an exercise, after at least one attempt."""
    exercise = _find(name)
    if exercise is None:
        return Card("note", str(name), _unknown())
    if not past("attempt", exercise.name):
        return Card("note", name, f'Try it first, with `check("{name}", ...)`; `hint("{name}")` helps.')
    try:
        code = json.loads(SOLUTIONS.read_text(encoding="utf-8"))[exercise.name]
    except (OSError, ValueError, KeyError):
        return Card("note", name, "The solution is not here: `python tools/build.py` writes it.")
    remember("solution", exercise.name)
    return Card("solution", exercise.name, "One right answer among several:", textwrap.dedent(code))


def _find(name: Any) -> Exercise | None:
    return known().get(name) if isinstance(name, str) else None


def _unknown() -> str:
    return f"There is no such exercise. Write its number in quotes: one of {', '.join(known())}."


def _attempt(exercise: Exercise, answer: Any) -> Verdict:
    try:
        if answer is ...:
            raise NotAttempted(f'Write your answer, then `check("{exercise.name}", your_function)`.')
        exercise.test(answer)
    except NotAttempted as outcome:
        return Verdict(outcome.word, exercise.name, outcome.message)
    except Outcome as outcome:
        return Verdict(outcome.word, exercise.name, f'{outcome.message} Stuck? `hint("{exercise.name}")`')
    except Exception as error:
        what = f"`{type(error).__name__}: {words_of(error)}`"
        return Verdict("error", exercise.name, f"The check itself failed with {what}. Please report it to the course.")
    return Verdict("passed", exercise.name, exercise.learned)
