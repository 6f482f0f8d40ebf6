"""One part of a machine record: what it measures, and how its findings are shown."""

from collections.abc import Callable
from dataclasses import dataclass

from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings
from lessons_lib.tables import Table


@dataclass(frozen=True)
class Part:
    """A measurement that belongs to a lesson.

    name: lesson and subject, such as "05.precision". title: for people. measure: does it. tables: of findings, be they
    measured a moment ago or read from a record. last: it leaves something behind in the process that slows down what is measured
    after it, so a recorder keeps it for the end.
    """

    name: str
    title: str
    measure: Callable[[Context], Findings]
    tables: Callable[[Findings], list[Table]]
    last: bool = False
