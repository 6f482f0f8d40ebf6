"""The learner's record, arranged for looking things up; whatever stands in it, looking never fails."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from lessons_lib import record

Event = Mapping[str, Any]


class Events:
    """Every event of a record by kind and name.

    Args:
        found: the events in order; those of the learner's record by default.
    """

    def __init__(self, found: Iterable[Event] | None = None):
        self.all = list(record.read()[0] if found is None else found)
        self.by_name: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in self.all:
            self.by_name[str(event.get("kind")), str(event.get("name"))].append(event)

    def named(self, kind: str, name: str) -> list[Event]:
        """Every event of a kind with this name, oldest first."""
        return self.by_name.get((kind, name), [])

    def latest(self, kind: str, name: str) -> Event | None:
        """The last of them; None where there is none."""
        return next(reversed(self.named(kind, name)), None)

    def measured(self, name: str) -> Event | None:
        """The measurement of this name with the fullest profile, the last of equals; None where there is none."""
        return record.fullest(self.named("measurement", name))

    @cached_property
    def predictions(self) -> dict[str, Event]:
        """The prediction of each name that counts: the last one before the lesson showed its result.

        A note says where it was changed afterwards, or where there was none before.
        """
        shown: set[str] = set()
        found: dict[str, Event] = {}
        for event in self.all:
            kind, name = event.get("kind"), str(event.get("name"))
            if kind == "result shown":
                shown.add(name)
            elif kind == "prediction":
                found[name] = _counting(found.get(name), event, name in shown)
        return found

    def predicted(self, names: Iterable[str]) -> str:
        """The learner's predictions of these names, each after its question; "no prediction" where there is none."""
        found = [self.predictions[name] for name in names if name in self.predictions]
        told = [f"{one.get('question', '')} “{one.get('answer', '')}” {one['note']}".strip() for one in found]
        return " · ".join(told) or "no prediction"


AFTERWARDS = "(given after the result)"


def _counting(earlier: Event | None, new: Event, shown: bool) -> Event:
    """Which of two predictions counts, with its note."""
    if not shown:
        return {**new, "note": ""}
    if earlier is None or earlier["note"] == AFTERWARDS:
        return {**new, "note": AFTERWARDS}
    same = new.get("answer") == earlier.get("answer")
    return {**earlier, "note": "" if same else f"(changed to “{new.get('answer', '')}” after the result)"}
