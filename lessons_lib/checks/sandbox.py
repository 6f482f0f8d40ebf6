"""Calls learner code so that nothing it does can hurt the notebook, and every way it can fail becomes a sentence."""

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lessons_lib.checks.changed import change
from lessons_lib.checks.describe import describe, given_text
from lessons_lib.checks.faults import outcome_of
from lessons_lib.checks.limits import time_limit
from lessons_lib.checks.outcomes import NotAttempted, NotYet, Outcome, Stopped
from lessons_lib.checks.same import same
from lessons_lib.checks.surroundings import seed_all

TIME_LIMIT_S = 5.0


def expect(
    answer: Any,
    given: dict[str, Any],
    want: Any,
    *,
    mistakes: Mapping[str, Any] | None = None,
    note: str = "",
    arrange: Callable[[Any], Any] = lambda result: result,
) -> None:
    """Call the answer with `given`, by position, and compare the result with `want`; see `same`.

    Args:
        answer: the learner's function.
        given: the arguments, by the name that messages use; the function gets copies.
        want: the right result.
        mistakes: the result that each known misconception gives, keyed by the sentence that names it.
        note: what is special about this input, as a sentence; added to every message.
        arrange: applied to the result before it is compared: sorts what may come in any order.

    Raises:
        Outcome: the call did not go well or the result is not right.
    """
    what = f"`{getattr(answer, '__name__', 'your function')}({', '.join(given)})`"
    _must_take(answer, given)
    try:
        same(arrange(call(answer, given)), want, what, mistakes)
    except NotAttempted:
        raise
    except Outcome as outcome:
        raise type(outcome)(f"{outcome.message} {note}".rstrip() + f" Given: {given_text(given)}.") from None


def call(answer: Any, given: dict[str, Any], limit_s: float | None = None) -> Any:
    """Call the answer on private copies with fixed seeds and a time limit, and see that the copies stay as they were.

    Args:
        limit_s: how long it may run, where that is more than usual: an answer that trains.

    Raises:
        Outcome: it is no such function, it raised, it ran too long, or it changed an argument.
    """
    _must_take(answer, given)
    private = copy.deepcopy(given)
    seed_all()
    result = _run(answer, list(private.values()), limit_s or TIME_LIMIT_S)
    for name, value in given.items():
        if text := change(value, private[name]):
            raise NotYet(f"The argument `{name}` {text}. Others still need it: compute a new value and return that.")
    return result


def _must_take(answer: Any, given: dict[str, Any]) -> None:
    names = ", ".join(given)
    if not callable(answer):
        raise NotYet(
            f"A function is needed here; you gave {describe(answer)}. "
            "Pass the function itself, without brackets and arguments after its name."
        )
    try:
        inspect.signature(answer).bind(*given)
    except TypeError as error:
        raise NotYet(f"Your function should take {len(given)} arguments ({names}); Python says: {error}.") from None
    except ValueError:  # some built-in functions do not tell their arguments
        return


def _run(answer: Any, arguments: list[Any], limit_s: float) -> Any:
    limit = time_limit(limit_s)
    result = None
    try:
        with limit:
            try:
                result = answer(*arguments)
            finally:
                limit.end()
    except KeyboardInterrupt:  # the learner pressed stop
        raise
    except BaseException as error:
        if not limit.rang:
            raise outcome_of(error) from None
    if limit.rang:
        raise Stopped(f"It ran longer than {limit_s:g} s. A loop that never ends? Check what should end it.")
    return result
