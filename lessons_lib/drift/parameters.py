"""The learner's parameters of lesson 11, checked before anything is measured with them."""

import math
from typing import Any

from lessons_lib import record
from lessons_lib.drift.weeks import SMALLEST_WEEK
from lessons_lib.explained import Mistake

DEFAULTS = {
    "WEEK": 100, "FALSE_ALARMS": 1.0, "LOOK": 200.0, "POINT_WEEK": 100.0, "LABEL": 0.10, "RELEASE": 1_000.0,
    "MACHINE_HOUR": None, "DRIFTS": 2.0,
}  # fmt: skip
PRICE = "give a price in dollars, 0 or more"
WANTED = {
    "WEEK": f"give a whole number of images, {SMALLEST_WEEK} or more",
    "FALSE_ALARMS": "give a number of false alarms a year above 0 and up to 26",
    "DRIFTS": "give a number of drifts a year above 0 and up to 52",
    "MACHINE_HOUR": f"{PRICE}, or None",
}


def checked(**given: Any) -> dict[str, dict[str, Any]]:
    """Every parameter with its value and source, for the record.

    Args:
        given: those of `DEFAULTS`, by name.

    Raises:
        Mistake: one or more of them cannot be; each is named.
    """
    wrong = [
        f"{name} is {value!r}; {WANTED.get(name, PRICE)}." for name, value in given.items() if not _fits(name, value)
    ]
    if wrong:
        raise Mistake(" ".join(wrong))
    return {
        name: {"value": value, "source": "the lesson" if value == DEFAULTS[name] else record.CHANGED}
        for name, value in given.items()
    }


def _fits(name: str, value: Any) -> bool:
    if value is None:
        return name == "MACHINE_HOUR"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if name == "WEEK":
        return isinstance(value, int) and value >= SMALLEST_WEEK
    most = {"FALSE_ALARMS": 26, "DRIFTS": 52}.get(name)
    return 0 < value <= most if most else value >= 0
