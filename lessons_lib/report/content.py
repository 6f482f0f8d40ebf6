"""What a report says, as JSON: docs/report.md describes every field."""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lessons_lib import machine_label, record
from lessons_lib.device import fingerprint
from lessons_lib.ledger import Row, at_a_glance, ledger, usual_questions
from lessons_lib.ledger.claims import LESSONS
from lessons_lib.ledger.events import Events
from lessons_lib.ledger.rows import moment
from lessons_lib.report.canonical import FORMAT, KIND, checksum
from lessons_lib.report.exercises import exercises
from lessons_lib.report.measurements import machines, measurements
from lessons_lib.report.plain import plain
from lessons_lib.report.shipped import shipped

DISTRIBUTION = "training-and-inference-measured"
MOST_PREDICTIONS = 1_000


def make_report(path: Path | None = None) -> dict[str, Any]:
    """The whole report with its checksum.

    Args:
        path: of a record; the learner's own by default.
    """
    content = make_content(*record.read(path))
    return {"kind": KIND, "format": FORMAT, "content": content, "sha256": checksum(content)}


def make_content(found: Sequence[dict[str, Any]], damaged_lines: int = 0) -> dict[str, Any]:
    """What a record holds, and what it lacks.

    Args:
        found: its events in order. damaged_lines: how many lines of it could not be read.
    """
    events = Events(found)
    measured, left_out = measurements(events)
    rows, tried, said = ledger(events), exercises(events), predictions(events)
    content = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "course_version": course_version(),
        "machine": machine_label.label(),
        "environment": fingerprint(),
        "machines": machines(measured),
        "ledger": [asdict(row) for row in rows],
        "questions": [{"question": one.question, "answer": one.text} for one in usual_questions(events).all],
        "at_a_glance": at_a_glance(events).rows,
        "shipped": shipped(events),
        "predictions": said,
        "measurements": measured,
        "exercises": tried,
        "missing": missing(rows, said, measured, tried),
        "record": {"events": len(events.all), "damaged_lines": damaged_lines, "measurements_left_out": left_out},
    }
    return plain(content)


def course_version() -> str:
    """The version of the course; empty where it is not installed as a package."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return ""


def predictions(events: Events) -> list[dict[str, Any]]:
    """The prediction of each name that counts, by lesson, and how often one was given."""
    return [
        {
            "name": name,
            "question": str(given.get("question", "")),
            "answer": str(given.get("answer", "")),
            "note": given["note"],
            "time": moment(given.get("time")),
            "times_given": len(events.named("prediction", name)),
        }
        for name, given in sorted(events.predictions.items())[:MOST_PREDICTIONS]
    ]


def missing(
    rows: Sequence[Row],
    said: Sequence[dict[str, Any]],
    measured: Sequence[dict[str, Any]],
    tried: Sequence[dict[str, Any]],
) -> dict[str, list[str]]:
    """What is not there yet: claims without a verdict, lessons without a measurement or a prediction, exercises not passed."""
    have_measured = {one["name"][:2] for one in measured}
    have_predicted = {one["name"][:2] for one in said}
    return {
        "claims": [row.key for row in rows if not row.is_measured],
        "lessons_to_run": sorted({row.lesson for row in rows if not row.is_measured} - have_measured),
        "predictions": [lesson for lesson in LESSONS if lesson not in have_predicted],
        "exercises": [one["name"] for one in tried if one["verdict"] != "passed"],
    }
