"""Shows measured rows to people: as a sentence, as a text table, or as an HTML table. Measures and computes nothing."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

Row = dict[str, Any]
HEADERS = ("median", "quartiles", "p95", "verdict")
UNITS = ((1000.0, 1 / 1000, "s"), (1.0, 1.0, "ms"), (1e-3, 1e3, "µs"), (0.0, 1e6, "ns"))


def duration(*milliseconds: float) -> str:
    """One time, or two as a range, in the unit that suits the last: "7.02 ms", "890 to 910 ns"."""
    factor, unit = next((factor, unit) for least, factor, unit in UNITS if milliseconds[-1] >= least)
    return " to ".join(_three_digits(value * factor) for value in milliseconds) + f" {unit}"


def _three_digits(value: float) -> str:
    decimals = 2 - math.floor(math.log10(value)) if value > 0 else 2
    return f"{value:.{min(max(decimals, 0), 2)}f}"


def sentence(row: Row) -> str:
    """A measurement on its own: "small CNN: median 7.02 ms, quartiles 6.90 to 7.31 ms, p95 8.05 ms (140 samples)"."""
    name = f"{row['name']}: " if row["name"] else ""
    median, quartiles, p95 = _times(row)
    said = f"{name}median {median}, quartiles {quartiles}, p95 {p95} ({_counted(row)})"
    return f"{said}\n{row['warning']}" if row["warning"] else said


def text(rows: Sequence[Row], confidence: float) -> str:
    """A table for the terminal, in columns that line up."""
    verdicts = [f"{row['verdict']}, {row['figures']}" if row["figures"] else row["verdict"] for row in rows]
    cells = [("", *HEADERS)]
    cells += [(row["name"], *_times(row), verdict) for row, verdict in zip(rows, verdicts, strict=True)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([*lines, _caption(rows, confidence), *_warnings(rows)])


def html(rows: Sequence[Row], confidence: float) -> str:
    """A table for the notebook that a screen reader can follow; it takes its colours from the page."""
    head = "".join(f'<th scope="col" style="text-align:left">{header}</th>' for header in ("candidate", *HEADERS))
    body = "".join(_html_row(row) for row in rows)
    notes = "".join(f"<p>{escape(note)}</p>" for note in _warnings(rows))
    return (
        f'<table><caption style="text-align:left">{escape(_caption(rows, confidence))}</caption>'
        f'<thead style="border-bottom:1px solid"><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}'
    )


def _html_row(row: Row) -> str:
    verdict = f"<strong>{row['verdict']}</strong>" + (f", {row['figures']}" if row["figures"] else "")
    cells = "".join(f'<td style="text-align:left">{cell}</td>' for cell in (*_times(row), verdict))
    return f'<tr><th scope="row" style="text-align:left">{escape(row["name"])}</th>{cells}</tr>'


def _times(row: Row) -> tuple[str, str, str]:
    return duration(row["median_ms"]), duration(*row["quartiles_ms"]), duration(row["p95_ms"])


def _counted(row: Row) -> str:
    calls = row["calls_per_sample"]
    return f"{row['n']:,} samples" + (f" of {calls:,} calls" if calls > 1 else "")


def _caption(rows: Sequence[Row], confidence: float) -> str:
    return (
        f"Ratio: how many times faster than {rows[0]['name']}, with its interval "
        f"({rows[0]['n']:,} rounds; confidence {100 * confidence:.4g} % for the whole table)."
    )


def _warnings(rows: Sequence[Row]) -> list[str]:
    return [f"{row['name']}: {row['warning']}" for row in rows if row["warning"]]
