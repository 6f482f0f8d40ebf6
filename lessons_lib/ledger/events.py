"""The learner's record, arranged for looking things up; whatever stands in it, looking never fails."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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

    def predicted(self, names: Iterable[str]) -> str:
        """The learner's last predictions of these names, each after its question; "no prediction" where there is none."""
        found = [event for name in names if (event := self.latest("prediction", name))]
        told = [f"{event.get('question', '')} “{event.get('answer', '')}”".strip() for event in found]
        return " · ".join(told) or "no prediction"
