"""The learner's record: predictions, attempts and measurements, one line of JSON each, in a folder of the learner's.

Lines are only ever appended, so that two open notebooks cannot overwrite each other and progress survives a restart.
"""

import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lessons_lib import machine_label, profiles

CHANGED = "changed by you"  # the `source` of an input that is the learner's own
Event = TypeVar("Event", bound=Mapping[str, Any])


def home() -> Path:
    """The learner's folder: the environment variable LESSONS_HOME, else `.lessons` in the home folder."""
    return Path(os.environ.get("LESSONS_HOME") or Path.home() / ".lessons")


def append(kind: str, **fields: Any) -> bool:
    """Add one event to the record.

    Args:
        kind: what happened: "prediction", "result shown" (of a prediction), "attempt", "hint", "solution" or "measurement".
        fields: anything that JSON can hold; a measurement also gets the label of this machine, and the profile chosen last.

    Returns:
        False where the folder cannot be written: a read-only home must not break a lesson.
    """
    where = _origin() if kind == "measurement" else {}
    line = json.dumps({"time": time.time(), "kind": kind, **where, **fields}) + "\n"
    try:
        home().mkdir(parents=True, exist_ok=True)
        with open(home() / "record.jsonl", "a", encoding="utf-8") as file:
            file.write(line)  # one write: the line arrives whole, whoever else is writing
    except OSError:
        return False
    return True


def _origin() -> dict[str, str]:
    """Where and with which profile something is measured; without the profile where no lesson has chosen one."""
    chosen = profiles.chosen()
    return {"machine": machine_label.label(), **({"profile": chosen} if chosen else {})}


def events(kind: str | None = None) -> list[dict[str, Any]]:
    """Every event of the record in order, or those of one kind; lines that are damaged are passed over."""
    return [event for event in read()[0] if kind in (None, event["kind"])]


def read(path: Path | None = None) -> tuple[list[dict[str, Any]], int]:
    """Every event of a record in order, and how many of its lines are damaged.

    Args:
        path: of the record; the learner's own by default. A file that cannot be read counts as empty.
    """
    try:
        lines = (path or home() / "record.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return [], 0
    parsed = [_event(line) for line in lines if line.strip()]
    found = [event for event in parsed if event is not None]
    return found, len(parsed) - len(found)


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "kind" in event else None


def latest(kind: str, name: str) -> dict[str, Any] | None:
    """The last event of a kind whose field `name` is this one; None where there is none."""
    return next((event for event in reversed(events(kind)) if event.get("name") == name), None)


def fullest(found: Iterable[Event]) -> Event | None:
    """The event that was measured with the fullest profile, the last of equals; None where there is none.

    Args:
        found: in order. An event that names no profile counts as quick.
    """
    return max(reversed(list(found)), key=lambda event: profiles.fullness(event.get("profile")), default=None)
