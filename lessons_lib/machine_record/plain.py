"""Findings as plain JSON: no tuples, no numpy, no number that is not finite, no text that tells whose machine it was."""

import math
from typing import Any

from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.private import names, scrub

FIGURES = ("samples_ms", "median_ms", "p25_ms", "p75_ms", "count")


def content(found: Findings) -> dict[str, Any]:
    """The series, facts and notes of a part, as the file holds them.

    A series without all its times, or with one that is not finite, is left out; a fact that is not finite becomes null. A note says
    each. Texts of labels stay as they are, for tables look rows up by them.
    """
    notes: list[str] = [str(note) for note in found.notes]
    series = [plain(one, "", []) for one in found.series if _whole(one, notes)]
    facts = plain(found.facts, "", notes)
    people = names()
    return {"series": series, "facts": scrub(facts, []), "notes": [scrub(note, people)[:1000] for note in notes]}


def findings(part: dict[str, Any]) -> Findings:
    """Findings as `measure` gave them, from a part of a file."""
    return Findings(tuple(part["series"]), dict(part["facts"]), tuple(part["notes"]))


def _whole(one: dict[str, Any], notes: list[str]) -> bool:
    labels = ", ".join(f"{key} {value}" for key, value in one.items() if key not in FIGURES)
    times = [*one.get("samples_ms", []), *(one.get(name, math.nan) for name in FIGURES[1:])]
    good = bool(one.get("samples_ms")) and all(isinstance(t, int | float) and math.isfinite(t) for t in times)
    if not good:
        notes.append(f"The times of {labels or 'a series'} are not whole, and left out.")
    return good


def plain(value: Any, where: str, notes: list[str]) -> Any:
    """A value as JSON knows it; what cannot be written becomes null, and `notes` gets a sentence."""
    if hasattr(value, "tolist"):  # numpy, torch
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(item, f"{where}.{key}".strip("."), notes) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, where, notes) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    notes.append(f"{where or 'A value'} is {value!r}, which no record can hold, and left out.")
    return None
