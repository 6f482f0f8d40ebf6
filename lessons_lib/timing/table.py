"""Shows measured rows to people: as a sentence, as a text table, or as an HTML table. Measures and computes nothing."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from lessons_lib.tables import Table

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
    return "\n".join([repr(_table(rows, confidence)), *_warnings(rows)])


def html(rows: Sequence[Row], confidence: float) -> str:
    """A table for the notebook that a screen reader can follow; it takes its colours from the page."""
    return _table(rows, confidence)._repr_html_() + "".join(f"<p>{escape(note)}</p>" for note in _warnings(rows))


def _table(rows: Sequence[Row], confidence: float) -> Table:
    return Table(_caption(rows, confidence), [_in_words(row) for row in rows])


def _in_words(row: Row) -> dict[str, str]:
    verdict = f"{row['verdict']}, {row['figures']}" if row["figures"] else row["verdict"]
    return dict(zip(("candidate", *HEADERS), (row["name"], *_times(row), verdict), strict=True))


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
