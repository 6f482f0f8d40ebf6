"""The ledger as a table in a notebook and as paragraphs in a terminal, where no column would be wide enough."""

import html
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lessons_lib.ledger.claims import LESSONS
from lessons_lib.ledger.judged import ONLY_IF
from lessons_lib.ledger.rows import Row, ledger, too_little
from lessons_lib.tables import Table, element

WIDEST = 110  # characters of a line that is still easy to read
LEFT = 'style="text-align:left;vertical-align:top"'


@dataclass(frozen=True, repr=False)
class LedgerTable(Table):
    """The table of the ledger: paragraphs in a terminal; in a notebook its last column links to the cells.

    links: for each row, the cell from the folder of the notebooks.
    """

    links: Sequence[str] = ()

    def __repr__(self) -> str:
        return "\n\n".join([self.caption, *map(paragraph, self.rows)])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" {LEFT}>{html.escape(column)}</th>' for column in self.columns)
        body = "".join(_line(cells, link) for cells, link in zip(self.cells(), self.links, strict=True))
        caption = f'<caption style="text-align:left;caption-side:top">{html.escape(self.caption)}</caption>'
        return element(caption, head, body)


def ledger_table(rows: Sequence[Row] | None = None) -> LedgerTable:
    """The whole ledger, to show in a notebook or to print.

    Args:
        rows: from `ledger`; worked out from the learner's record by default.
    """
    found = ledger() if rows is None else rows
    links = [row.link.removeprefix("notebooks/") for row in found]
    return LedgerTable(summary(found), [_cells(row) for row in found], links)


def summary(rows: Sequence[Row]) -> str:
    """How much of the ledger is there, in a line."""
    return f"The claims ledger: {sum(row.is_measured for row in rows)} of {len(rows)} claims measured"


def _cells(row: Row) -> dict[str, Any]:
    return {
        "claim": row.claim,
        "you predicted": row.prediction,
        "verdict": row.word,
        "you measured": " ".join(filter(None, [row.measured, too_little(row.profile)])),
        "where": LESSONS[row.lesson],
    }


def _line(cells: Sequence[str], link: str) -> str:
    first, *others, where = map(html.escape, cells)
    row = f'<th scope="row" {LEFT}>{first}</th>' + "".join(f"<td {LEFT}>{cell}</td>" for cell in others)
    return f'<tr>{row}<td {LEFT}><a href="{html.escape(link)}">{where}</a></td></tr>'


def paragraph(row: Mapping[str, Any]) -> str:
    """One claim for a terminal: the claim, then the verdict with its figures, then the prediction, each wrapped."""
    told = ": ".join(filter(None, [row["verdict"], row["you measured"]]))
    told = told.replace(f"{ONLY_IF}: It holds if ", f"{ONLY_IF} ", 1)  # or the condition would be told twice
    lines = [row["claim"], f"{told} ({row['where']})", f"You predicted: {row['you predicted']}"]
    width = max(40, min(shutil.get_terminal_size().columns - 1, WIDEST))
    first, *others = lines if row["you predicted"] != "no prediction" else lines[:2]
    wrapped = [textwrap.fill(first, width)]
    wrapped += [textwrap.fill(line, width, initial_indent="    ", subsequent_indent="    ") for line in others]
    return "\n".join(wrapped)
