"""The measurements of a record, newest kept first where there are too many, and the machines that they come from."""

import json
from collections.abc import Sequence
from typing import Any

from lessons_lib.ledger.events import Event, Events
from lessons_lib.ledger.rows import moment
from lessons_lib.report.plain import plain, text

MOST_BYTES = 2_000_000  # of JSON: what a mail can carry
LARGEST_BYTES = 200_000  # of one measurement
ABOUT = ("kind", "name", "time", "machine")


def measurements(events: Events, most_bytes: int = MOST_BYTES) -> tuple[list[dict[str, Any]], int]:
    """What was measured, oldest first, and how many of the oldest had to be left out."""
    kept: list[dict[str, Any]] = []
    found = [event for event in events.all if event.get("kind") == "measurement"]
    for event in reversed(found):
        entry = _entry(event)
        most_bytes -= len(json.dumps(entry))
        if most_bytes < 0:
            break
        kept.append(entry)
    return kept[::-1], len(found) - len(kept)


def _entry(event: Event) -> dict[str, Any]:
    values = plain({key: value for key, value in event.items() if key not in ABOUT})
    if len(json.dumps(values)) > LARGEST_BYTES:
        values = {"left out": "more than a report can hold"}
    machine = event.get("machine")
    return {
        "name": text(str(event.get("name", ""))),
        "time": moment(event.get("time")),
        "machine": text(machine) if isinstance(machine, str) else "",
        "values": values,
    }


def machines(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each machine, how many measurements, of which names, between which times."""
    by_machine: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_machine.setdefault(one["machine"], []).append(one)
    return [
        {
            "machine": machine,
            "measurements": len(own),
            "names": sorted({one["name"] for one in own}),
            "first": min(one["time"] for one in own),
            "last": max(one["time"] for one in own),
        }
        for machine, own in by_machine.items()
    ]
