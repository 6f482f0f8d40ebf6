"""What the learner shipped in lesson 12: the job, the build, and each of its budgets."""

from collections.abc import Mapping
from typing import Any

from lessons_lib.ledger.events import Events

COLUMNS = ("budget", "allowed", "measured", "used", "verdict")


def shipped(events: Events) -> dict[str, Any] | None:
    """The learner's choice of the fullest run of lesson 12; None where there is none that can be read."""
    event = events.measured("12.capstone") or {}
    yours = event.get("yours")
    if not isinstance(yours, Mapping):
        return None
    budgets = yours.get("budgets")
    return {
        "job": str(event.get("scenario", "")),
        "build": str(yours.get("name", "")),
        "meets": yours.get("meets") is True,
        "said": str(yours.get("said", "")),
        "dataset": str(event.get("dataset", "")),
        "profile": str(event.get("profile", "")),
        "budgets": [_budget(one) for one in budgets if isinstance(one, Mapping)] if isinstance(budgets, list) else [],
    }


def _budget(one: Mapping[str, Any]) -> dict[str, str]:
    return {column: str(one.get(column, "")) for column in COLUMNS}
