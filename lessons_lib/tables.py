"""Rows in, a table out: as text for a terminal and as HTML that a screen reader can walk through."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows with the same keys, under a caption; the keys are the column headings. Shows itself in a notebook."""

    caption: str
    rows: Sequence[Mapping[str, Any]]

    @property
    def columns(self) -> list[str]:
        """Every key of every row, in the order of first appearance."""
        return list(dict.fromkeys(key for row in self.rows for key in row))

    def cells(self) -> list[list[str]]:
        """The text of every cell, row by row; what a row lacks is empty."""
        return [["" if row.get(column) is None else str(row[column]) for column in self.columns] for row in self.rows]

    def __repr__(self) -> str:
        if not self.rows:
            return self.caption
        lines = [self.columns, *self.cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([self.caption, *text])

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{html.escape(self.caption)}</p>"
        head = "".join(f'<th scope="col" style="text-align:left">{html.escape(column)}</th>' for column in self.columns)
        body = "".join(f"<tr>{_row(cells)}</tr>" for cells in self.cells())
        caption = f'<caption style="text-align:left;caption-side:top">{html.escape(self.caption)}</caption>'
        return element(caption, head, body)


def filled(rows: Sequence[Mapping[str, Any]], missing: str) -> list[dict[str, Any]]:
    """The rows without the columns that none of them fills; where a single row has None it reads `missing`."""
    columns = [
        column
        for column in dict.fromkeys(key for row in rows for key in row)
        if any(row.get(column) is not None for row in rows)
    ]
    return [{column: missing if row.get(column) is None else row[column] for column in columns} for row in rows]


def element(caption: str, head: str, body: str) -> str:
    """A table of finished HTML; JupyterLab takes no two dollar signs in it for the ends of a formula."""
    attribute = ' class="mathjax_ignore"' if "$" in caption + head + body else ""
    return f"<table{attribute}>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    heading = f'<th scope="row" style="text-align:left">{html.escape(first)}</th>'
    return heading + "".join(f'<td style="text-align:left">{html.escape(cell)}</td>' for cell in others)
