"""The learner's record: predictions, attempts and measurements, one line of JSON each, in a folder of the learner's.

Lines are only ever appended, so that two open notebooks cannot overwrite each other and progress survives a restart.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from lessons_lib import machine_label


def home() -> Path:
    """The learner's folder: the environment variable LESSONS_HOME, else `.lessons` in the home folder."""
    return Path(os.environ.get("LESSONS_HOME") or Path.home() / ".lessons")


def append(kind: str, **fields: Any) -> bool:
    """Add one event to the record.

    Args:
        kind: what happened: "prediction", "attempt", "hint", "solution" or "measurement".
        fields: anything that JSON can hold; a measurement also gets the label of this machine.

    Returns:
        False where the folder cannot be written: a read-only home must not break a lesson.
    """
    where = {"machine": machine_label.label()} if kind == "measurement" else {}
    line = json.dumps({"time": time.time(), "kind": kind, **where, **fields}) + "\n"
    try:
        home().mkdir(parents=True, exist_ok=True)
        with open(home() / "record.jsonl", "a", encoding="utf-8") as file:
            file.write(line)  # one write: the line arrives whole, whoever else is writing
    except OSError:
        return False
    return True


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
