"""Claim by claim: what the learner predicted, what they measured, and the verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lessons_lib import record
from lessons_lib.ledger.claims import CLAIMS, Claim
from lessons_lib.ledger.earlier import READERS
from lessons_lib.ledger.events import Event, Events
from lessons_lib.ledger.judged import WORDS, Judged, sentence, with_condition

ODD_FIELDS = (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration, OverflowError)


@dataclass(frozen=True)
class Row:
    """One claim of the ledger.

    key: names the claim. lesson: two digits. prediction: question and answer, or "no prediction".
    measured: the learner's figures in a sentence; empty where there are none. word: "holds", "holds only if", "does not
    hold here", "cannot be tested here" or "not measured yet: run lesson NN". link: the cell, from the project's folder.
    dataset, day, machine, profile: of the measurement; empty where they are not known.
    """

    key: str
    claim: str
    lesson: str
    prediction: str
    measured: str
    word: str
    link: str
    dataset: str = ""
    day: str = ""
    machine: str = ""
    profile: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether there is a verdict."""
        return self.word in WORDS


def ledger(events: Events | None = None) -> list[Row]:
    """Every claim of the course, in order.

    Args:
        events: to read from; the learner's record by default.
    """
    found = events or Events()
    given = claims_given(found)
    return [_row(claim, found, given.get(claim.key)) for claim in CLAIMS]


def claims_given(events: Events) -> dict[str, Judged]:
    """The verdict of each claim that a lesson judged by itself, in its measurement's field `claims`.

    That of the fullest profile counts, the last of equals: a smoke run takes nothing back.
    """
    found: dict[str, Judged] = {}
    for event in events.all:
        claims = event.get("claims") if event.get("kind") == "measurement" else None
        for key, told in claims.items() if isinstance(claims, Mapping) else ():
            earlier = found.get(key)
            if earlier and record.fullest([earlier.event, event]) is earlier.event:
                continue
            if isinstance(told, Mapping) and told.get("word") in WORDS:
                found[key] = Judged(told["word"], with_condition(told["word"], str(told.get("said", ""))), event)
    return found


def _row(claim: Claim, events: Events, given: Judged | None) -> Row:
    not_yet = f"not measured yet: run lesson {claim.lesson}"
    rest = (claim.key, claim.said, claim.lesson, events.predicted(claim.predictions))
    try:
        judged = given or READERS.get(claim.key, _nobody)(events)
        if judged is None:
            return Row(*rest, "", not_yet, claim.link)
        said = " ".join(filter(None, [sentence(judged.said), own_inputs(judged.event)]))
        return Row(*rest, said, judged.word, claim.link, *_origin(judged.event))
    except ODD_FIELDS:
        return Row(*rest, "What the record holds of it cannot be read.", not_yet, claim.link)


def _nobody(_: Events) -> None:
    """The reader of a claim that its lesson judges by itself."""


def _origin(event: Event) -> tuple[str, str, str, str]:
    """Data set, day, machine and profile of an event; empty where it does not tell."""
    names = ("dataset", "machine", "profile")
    dataset, machine, profile = (event[name] if isinstance(event.get(name), str) else "" for name in names)
    return dataset, moment(event.get("time"))[:10], machine, profile


def own_inputs(event: Event) -> str:
    """Which of its inputs the learner changed, in a sentence; empty where they are those of the course."""
    inputs = event.get("inputs")
    found = inputs.items() if isinstance(inputs, Mapping) else ()
    changed = [name for name, one in found if isinstance(one, Mapping) and one.get("source") == record.CHANGED]
    return f"With your own inputs: {', '.join(changed)}." if changed else ""


def too_little(profile: str) -> str:
    """What has to stand beside figures that were made to try the lesson out; empty where they were not."""
    return "Only a smoke run, which looks at too little to judge by." if profile == "smoke" else ""


def moment(seconds: Any) -> str:
    """A time of the record as ISO 8601 in UTC, to the second; empty where it is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""
