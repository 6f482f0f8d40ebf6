"""Numbers that cannot be are refused by their name."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from lessons_lib.explained import Mistake


@dataclass(frozen=True)
class Rule:
    """What a number has to be, in words and as a test."""

    words: str
    holds: Callable[[float], bool]


FINITE = Rule("that is finite", lambda value: True)
ABOVE_0 = Rule("above 0", lambda value: value > 0)
NOT_BELOW_0 = Rule("0 or more", lambda value: value >= 0)
AT_LEAST_1 = Rule("1 or more", lambda value: value >= 1)
SHARE = Rule('above 0 and at most 1 (30 % is 0.3, or "30 percent")', lambda value: 0 < value <= 1)
BELOW_1 = Rule('0 or more and below 1 (30 % is 0.3, or "30 percent")', lambda value: 0 <= value < 1)
GROWTH = Rule(
    "between -0.5, half as many requests each month, and 1, twice as many (without a unit it is in per cent: 5 is 5 %)",
    lambda value: -0.5 <= value <= 1,
)


def require(name: str, value: float, rule: Rule) -> None:
    """Refuse a value that breaks its rule.

    Raises:
        Mistake: `value` is no finite number, or not as the rule asks; names it, what was given and what is expected.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if not number or not rule.holds(value):
        raise Mistake(f"{name} is {value!r}; it has to be a number {rule.words}.")
