"""Writes the report: one page to look at and one file for programs, both whole or not at all."""

import json
from pathlib import Path

from lessons_lib import record
from lessons_lib.explained import NotHere
from lessons_lib.report.content import make_report
from lessons_lib.report.page import page

PROJECT = Path(__file__).resolve().parents[2]
PAGE, DATA = "report.html", "report.json"


def default_folder() -> Path:
    """`reports` in the project, or in the learner's folder where the library is installed without the project."""
    return (PROJECT if (PROJECT / "run.py").exists() else record.home()) / "reports"


def write_report(folder: Path | None = None, record_path: Path | None = None) -> tuple[Path, Path]:
    """Write report.html and report.json from a record.

    Args:
        folder: where to write them; made if need be. record_path: of the record; the learner's own by default.

    Returns:
        The paths of the page and of the JSON file.

    Raises:
        NotHere: the folder cannot be written.
    """
    target = (folder or default_folder()).expanduser().resolve()
    report = make_report(record_path)
    notebooks = "../notebooks/" if target.parent == PROJECT else None
    texts = {
        PAGE: page(report, notebooks),
        DATA: json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _write(target / name, text)
    except OSError as problem:
        raise NotHere(
            f"The report cannot be written to {target} ({problem.strerror}); choose another folder."
        ) from None
    return target / PAGE, target / DATA


def _write(path: Path, text: str) -> None:
    half = path.with_name(f"{path.name}.part")
    try:
        half.write_text(text, encoding="utf-8", newline="\n")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
