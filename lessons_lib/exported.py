"""The table of lesson 09 as files to hand on: JSON, which the course reads again, and CSV for a spreadsheet."""

import csv
import datetime
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from lessons_lib import record
from lessons_lib.configuration import Row
from lessons_lib.device import fingerprint
from lessons_lib.grid import Grid
from lessons_lib.recorded import Recording

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
VERSIONS = ("torch", "onnxruntime")


def of_this_machine(grid: Grid, dataset: str) -> Recording:
    """What was measured here, with the machine, the day and the versions. Nothing in it names the learner."""
    machine = fingerprint()
    gpu = machine["gpu"]["name"] if machine["gpu"] and any(row.device == "cuda" for row in grid.rows) else ""
    versions = {name: machine["packages"][name] for name in VERSIONS if machine["packages"].get(name)}
    name = " with ".join(filter(None, [machine["cpu"], gpu]))
    kind = dataset.partition(":")[0]  # a folder's path is nobody's business
    return Recording(name, datetime.date.today().isoformat(), versions, kind, grid.rows, machine)


def as_csv(recordings: Sequence[Recording]) -> str:
    """Every row of every recording as CSV (RFC 4180), machine and date first; numbers with a decimal point.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    stream = io.StringIO()
    columns = ["machine", "date", "dataset", *Row.__dataclass_fields__]
    writer = csv.DictWriter(stream, columns, lineterminator="\r\n")
    writer.writeheader()
    for recording in recordings:
        about = {"machine": recording.device, "date": recording.date, "dataset": recording.dataset}
        for row in recording.rows:
            cells = about | row.as_dict()
            writer.writerow({key: _plain(value) for key, value in cells.items()})
    return stream.getvalue()


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value


def write(recording: Recording, folder: Path | str | None = None) -> str:
    """Write a recording as JSON and as CSV.

    Args:
        recording: from `of_this_machine`. folder: made if need be; None: `laboratory` in the learner's record.

    Returns:
        A sentence that names the files, or says why they could not be written.
    """
    where = Path(folder).expanduser() if folder else record.home() / "laboratory"
    stem = where / file_name(recording)
    try:
        where.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".json").write_text(recording.as_json(), encoding="utf-8")
        stem.with_suffix(".csv").write_text(
            as_csv([recording]), encoding="utf-8-sig", newline=""
        )  # Excel wants the mark
    except OSError as error:
        return f"The table could not be written to {where}: {error.strerror or error}."
    return (
        f"Written to {where}: {stem.name}.json, which this course reads again, and {stem.name}.csv for a spreadsheet."
    )


def file_name(recording: Recording) -> str:
    """Machine, day and a mark of the content, so that two alike machines of a class do not overwrite each other."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in recording.device)[:40].strip("_")
    mark = hashlib.sha256(recording.as_json().encode()).hexdigest()[:8]
    return f"lesson_09-{plain or 'machine'}-{recording.date}-{mark}"
