"""What the learner did so far: from the record, and from memory where the record cannot be written."""

from typing import Any

from lessons_lib import record

_UNWRITTEN: list[dict[str, Any]] = []


def remember(kind: str, name: str, **fields: Any) -> None:
    """Add an attempt, a hint or a solution for the exercise `name`."""
    if not record.append(kind, name=name, **fields):
        _UNWRITTEN.append({"kind": kind, "name": name, **fields})


def past(kind: str, name: str) -> list[dict[str, Any]]:
    """Every event of one kind for one exercise, in order."""
    return [
        event for event in [*record.events(kind), *_UNWRITTEN] if (event["kind"], event.get("name")) == (kind, name)
    ]
