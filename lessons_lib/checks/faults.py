"""Turns an exception of the learner's code into sentences: which line, what it says, what to look at."""

import linecache
import traceback
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from lessons_lib.checks.outcomes import NotAttempted, Outcome, Raised
from lessons_lib.checks.whose import is_learners

ADVICE: dict[type[BaseException], str] = {
    RecursionError: "The function calls itself without an end: look for the case in which it should stop.",
    MemoryError: "It asked for more memory than there is: does a list or a tensor grow with every step?",
    SystemExit: "`exit()` would end the whole notebook: hand the result over with `return`.",
    NameError: "Is the name spelled as in the cell, and has the cell that defines it been run?",
    IndexError: "An index went past the end: print the length or the `.shape` first.",
    KeyError: "That key is not there: print the keys first.",
    AttributeError: "Print the `type(...)` of what stands before the dot.",
    ZeroDivisionError: "Which input makes the divisor zero, and what should the answer be then?",
    ImportError: "Only packages that the course installs are there.",
}


class Place(NamedTuple):
    """A line of the learner's code."""

    file: str
    line: int

    def text(self) -> str:
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        in_cell = "ipykernel_" in self.file or self.file.startswith("<")
        where = f"Line {self.line} of your {'cell' if in_cell else 'file ' + Path(self.file).name}"
        return f"{where}, `{self.text()}`," if self.text() else f"{where}"


def own_place(start: TracebackType | None) -> Place | None:
    """The innermost line that the learner wrote; None where no line is theirs."""
    place = None
    for frame, line in traceback.walk_tb(start):
        if is_learners(frame.f_code.co_filename):
            place = Place(frame.f_code.co_filename, line)
    return place


def outcome_of(error: BaseException) -> Outcome:
    """What an exception of the learner's code means: the untouched stub, or a mistake that has a place and a cure."""
    place = own_place(error.__traceback__)
    if isinstance(error, NotImplementedError) and (
        not error.args or "NotImplementedError" in (place or Place("", 0)).text()
    ):
        return NotAttempted()
    says = words_of(error)
    what = f"{type(error).__name__}: {says}" if says else type(error).__name__
    return Raised(f"{place or 'Your code'} raised `{what}`. {advice(error, says)}".rstrip())


def words_of(error: BaseException) -> str:
    """What an exception says, on one line and not too long; empty where it cannot say anything."""
    try:
        words = " ".join(str(error).split())
    except Exception:
        return ""
    return words if len(words) <= 300 else words[:297] + "..."


def advice(error: BaseException, says: str) -> str:
    """What to look at, by the kind of exception and what it says; empty where nothing general helps."""
    if isinstance(error, RuntimeError) and "allocate memory" in says:
        return ADVICE[MemoryError]
    if isinstance(error, RuntimeError) and any(word in says for word in ("size", "shape", "dimension")):
        return "Print the `.shape` of each tensor on that line: which dimensions do not fit?"
    return next((text for kind, text in ADVICE.items() if isinstance(error, kind)), "")
