"""Shows how far the learner has come with the exercises of a lesson, from the record."""

import html
from dataclasses import dataclass

from lessons_lib.checks.exercises import Exercise, known
from lessons_lib.checks.history import past


@dataclass(frozen=True)
class Row:
    """One exercise: the verdict so far (once passed, passed), how many attempts, how many hints."""

    exercise: str
    title: str
    verdict: str
    attempts: int
    hints: int
    solution_seen: bool


@dataclass(frozen=True, repr=False)
class Progress:
    """The exercises of a lesson and where the learner stands with each."""

    lesson: str
    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        if not self.rows:
            return f"There are no exercises of lesson {self.lesson!r}. Known: {', '.join(known())}."
        lines = [
            " ".join(f"{text:{width}}" for text, width in zip(cells, WIDTHS, strict=True)) for cells in self._cells()
        ]
        return "\n".join([self._summary(), *(line.rstrip() for line in lines)])

    def _repr_html_(self) -> str:
        if not self.rows:
            return f'<div role="status">{html.escape(repr(self))}</div>'
        head, *body = [[html.escape(text) for text in cells] for cells in self._cells()]
        titles = "".join(f'<th scope="col" style="text-align:left">{text}</th>' for text in head)
        lines = ("".join(f'<td style="text-align:left">{text}</td>' for text in cells) for cells in body)
        rows = "".join(f"<tr>{line}</tr>" for line in lines)
        return (
            f"<table><caption>{self._summary()}</caption><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"
        )

    def _summary(self) -> str:
        passed = sum(row.verdict == "passed" for row in self.rows)
        return f"Lesson {html.escape(self.lesson)}: {passed} of {len(self.rows)} exercises passed."

    def _cells(self) -> list[tuple[str, ...]]:
        head = ("exercise", "", "verdict so far", "attempts", "hints", "solution")
        return [
            head,
            *(
                (
                    row.exercise,
                    row.title,
                    row.verdict,
                    str(row.attempts),
                    str(row.hints),
                    "seen" if row.solution_seen else "",
                )
                for row in self.rows
            ),
        ]


WIDTHS = (8, 42, 14, 8, 5, 8)


def progress(lesson: str | int) -> Progress:
    """The state of every exercise of a lesson.

    Args:
        lesson: two digits: "01"; a number such as 1 will do.
    """
    number = str(lesson).zfill(2)
    return Progress(number, tuple(_row(one) for one in known().values() if one.name.split(".")[0] == number))


def _row(one: Exercise) -> Row:
    verdicts = [attempt.get("verdict", "") for attempt in past("attempt", one.name)]
    best = "passed" if "passed" in verdicts else verdicts[-1] if verdicts else "not attempted"
    hints = min(len(past("hint", one.name)), len(one.hints))
    return Row(one.name, one.title, best, len(verdicts), hints, bool(past("solution", one.name)))
