"""How far the learner came with each exercise: verdict, attempts, hints, whether the solution was looked at."""

from collections.abc import Sequence
from typing import Any

from lessons_lib.checks.exercises import known
from lessons_lib.ledger.events import Event, Events
from lessons_lib.ledger.rows import moment


def exercises(events: Events) -> list[dict[str, Any]]:
    """One entry for each exercise of the course, in order, then those that the record alone knows."""
    titles = {name: one.title for name, one in known().items()}
    tried = {name for kind, name in events.by_name if kind in ("attempt", "hint", "solution")}
    return [_entry(name, titles.get(name, ""), events) for name in [*titles, *sorted(tried - set(titles))]]


def _entry(name: str, title: str, events: Events) -> dict[str, Any]:
    attempts = events.named("attempt", name)
    return {
        "name": name,
        "title": title,
        "verdict": _best([str(attempt.get("verdict", "")) for attempt in attempts]),
        "attempts": len(attempts),
        "hints": len(events.named("hint", name)),
        "solution_seen": bool(events.named("solution", name)),
        "passed_at": _first_pass(attempts),
    }


def _best(verdicts: Sequence[str]) -> str:
    """Once passed, passed; else the last verdict."""
    return "passed" if "passed" in verdicts else verdicts[-1] if verdicts else "not attempted"


def _first_pass(attempts: Sequence[Event]) -> str:
    return next((moment(one.get("time")) for one in attempts if one.get("verdict") == "passed"), "")
