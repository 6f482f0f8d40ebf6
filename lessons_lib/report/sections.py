"""The parts of the report's page, each from its part of the content; every text is escaped here."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lessons_lib.ledger.rows import too_little
from lessons_lib.report.environment import machine_table
from lessons_lib.report.ledger_html import NOT_YET

Entry = Mapping[str, Any]
NONE_YET = '<p class="note">Nothing yet.</p>'


def table(caption: str, head: Mapping[str, str], rows: Sequence[Sequence[object]], style: str = "") -> str:
    """A table in a box that scrolls, also by keyboard, where the page is narrow.

    Args:
        head: column headings, and the class of the cells below: "", "number" or "date". rows: first a row's heading.
    """
    if not rows:
        return NONE_YET
    titles = "".join(f'<th scope="col"{_style(kind)}>{escape(name)}</th>' for name, kind in head.items())
    body = "".join(f"<tr>{_cells(row, list(head.values()))}</tr>" for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table class="{style}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[object], kinds: Sequence[str]) -> str:
    first, *others = (escape(str(cell)) for cell in row)
    cells = zip(others, kinds[1:], strict=True)
    return f'<th scope="row">{first}</th>' + "".join(f"<td{_style(kind)}>{cell}</td>" for cell, kind in cells)


def _style(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def questions(found: Sequence[Entry]) -> str:
    """Question and answer, one after the other."""
    return "\n".join(
        f'<div class="question"><h3>{escape(one["question"])}</h3><p class="answer">{escape(one["answer"])}</p></div>'
        for one in found
    )


def glance(found: Sequence[Entry]) -> str:
    """Training against inference."""
    head = {"aspect": "", "training": "", "inference": ""}
    rows = [[one["aspect"], one["training"], one["inference"]] for one in found]
    return table("Training and inference side by side", head, rows, "glance")


def shipped(found: Entry | None) -> str:
    """The build of lesson 12 and its budgets; a sentence where there is none."""
    if not found:
        return '<p class="note">Nothing yet: lesson 12 ships a model under budgets.</p>'
    small = too_little(found["profile"])
    told = f"<p>{escape(' '.join(filter(None, [found['said'], small])))}</p>"
    head = {"budget": "", "allowed": "", "measured": "", "used": "", "verdict": ""}
    rows = [[one[column] for column in head] for one in found["budgets"]]
    return told + (table(f"The budgets of {found['build']}, job: {found['job']}", head, rows) if rows else "")


def predictions(found: Sequence[Entry]) -> str:
    """What the learner said beforehand."""
    head = {"lesson": "", "question": "", "your answer": "", "when": "date"}
    rows = [
        [one["name"][:2], one["question"], f"{one['answer']} {one['note']}".strip(), one["time"][:10]] for one in found
    ]
    return table("Your last answer to each question before you saw the result", head, rows)


def exercises(found: Sequence[Entry]) -> str:
    """The exercises that were tried; how many were not is said in a sentence."""
    head = {"exercise": "", "title": "", "verdict": "", "attempts": "number", "hints": "number", "solution": ""}
    tried = [one for one in found if one["attempts"] or one["hints"] or one["solution_seen"]]
    rows = [
        [
            one["name"],
            one["title"],
            one["verdict"],
            one["attempts"],
            one["hints"],
            "seen" if one["solution_seen"] else "",
        ]
        for one in tried
    ]
    passed = sum(one["verdict"] == "passed" for one in found)
    told = f"<p>{passed} of {len(found)} exercises passed, {len(found) - len(tried)} not tried.</p>"
    return told + table("The exercises that you tried", head, rows)


def measurements(found: Sequence[Entry], names: Mapping[str, str]) -> str:
    """The last measurement of each name on each machine.

    Args:
        names: what to call a machine, by its label.
    """
    last = {(one["name"], one["machine"]): one for one in found}
    counts: dict[tuple[str, str], int] = {}
    for one in found:
        key = (one["name"], one["machine"])
        counts[key] = counts.get(key, 0) + 1
    head = {"measurement": "", "data set": "", "last time": "date", "profile": "", "times": "number", "machine": ""}
    rows = [
        [
            name,
            one["values"].get("dataset") or "",
            when(one["time"]),
            one["values"].get("profile") or "",
            counts[name, machine],
            names[machine],
        ]
        for (name, machine), one in sorted(last.items())
    ]
    return table("Your measurements; the JSON file holds every figure", head, rows)


def machine_names(machines: Sequence[Entry]) -> dict[str, str]:
    """A letter for each machine: "A", "B", ... and numbers behind them."""
    letters = [chr(ord("A") + i) if i < 26 else str(i + 1) for i in range(len(machines))]
    return {one["machine"]: letter for letter, one in zip(letters, machines, strict=True)}


def machine_list(machines: Sequence[Entry], names: Mapping[str, str]) -> str:
    """Which machine is which, and how much of the record comes from it."""
    head = {"machine": "", "what it is": "", "measurements": "number", "from": "date", "to": "date"}
    rows = [
        [
            names[one["machine"]],
            one["machine"] or "not recorded",
            one["measurements"],
            one["first"][:10],
            one["last"][:10],
        ]
        for one in machines
    ]
    return table("The machines that these measurements come from", head, rows)


def environment(facts: dict[str, Any]) -> str:
    """The machine on which the report was written."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="What the figures depend on">{machine_table(facts)}</div>'


def missing(found: Entry, rows: Sequence[Entry], events: Entry) -> str:
    """What is not there yet, in a list; one sentence where nothing is missing."""
    texts = {
        f"Claims {NOT_YET}": "; ".join(f"{row['claim'].rstrip('.')} (lesson {row['lesson']})" for row in rows if row["key"] in found["claims"]),
        "Lessons to run": ", ".join(found["lessons_to_run"]),
        "Lessons without a prediction": ", ".join(found["predictions"]),
        "Exercises not passed": ", ".join(found["exercises"]),
        "Damaged lines of the record, passed over": events["damaged_lines"] and str(events["damaged_lines"]),
        "Oldest measurements left out, since they are too many": events["measurements_left_out"] and str(events["measurements_left_out"]),
    }  # fmt: skip
    items = "".join(f"<li><b>{escape(name)}:</b> {escape(text)}.</li>" for name, text in texts.items() if text)
    return (
        f"<ul>{items}</ul>" if items else "<p>Nothing is missing: every claim is measured, every exercise passed.</p>"
    )


def when(moment: str) -> str:
    """ "2026-11-23T17:43:36+00:00" as "2026-11-23 17:43"."""
    return moment[:16].replace("T", " ")
