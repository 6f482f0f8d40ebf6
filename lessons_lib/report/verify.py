"""`run.py verify FILE`: is a report whole and unaltered, and which machines do its measurements come from?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons_lib.report.canonical import FORMAT, KIND, checksum, parse
from lessons_lib.report.embedding import SEAL, cut_out, page_checksum, seal_of

LARGEST_BYTES = 50_000_000
UNALTERED, ALTERED, UNKNOWN = 0, 1, 2  # exit status
HONEST = (
    "This shows that nothing was changed by accident or by hand since the report was written. It is no proof against "
    "somebody who computes the checksum anew, and says nothing of how the record came about."
)
NOT_RECORDED = "a machine that was not recorded"
FIELDS = {"kind", "format", "content", "sha256"}  # of a report of this format; the checksum covers the content alone


@dataclass(frozen=True)
class Finding:
    """What a file turned out to be: the exit status, and sentences to print."""

    status: int
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.sentences)


class Unusable(Exception):
    """The file cannot be judged, or its report is damaged; the message says why.

    status: the exit status.
    """

    def __init__(self, message: str, status: int = UNKNOWN):
        super().__init__(message)
        self.status = status


def verify(path: Path | str) -> Finding:
    """Judge a report, either its page or its JSON file. Never raises; what cannot be judged becomes a sentence."""
    try:
        where = _home_filled_in(Path(path))
        text = _text(where)
        report = _report(text, where.name)
        _check(report, text, where.name)
    except Unusable as problem:
        return Finding(problem.status, (str(problem),))
    content = report["content"]
    told = f"{where.name} is whole and unaltered: its checksum {report['sha256'][:12]}... is right."
    written = f"It was written at {_words(content.get('written'))} on: {_words(content.get('machine'))}."
    return Finding(UNALTERED, (told, written, *machines(content.get("measurements")), HONEST))


def _home_filled_in(path: Path) -> Path:
    """The path with "~" and "~somebody" replaced by a home folder."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise Unusable(f"There is no file {path}.") from None


def _text(path: Path) -> str:
    """The text of the file."""
    try:
        if not path.exists():
            raise Unusable(f"There is no file {path}.")
        if not path.is_file():
            raise Unusable(f"{path} is no file: name the report's .html or .json file.")
        if path.stat().st_size > LARGEST_BYTES:
            raise Unusable(f"{path.name} is larger than any report of this course.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise Unusable(f"{path} cannot be read: {problem.strerror or problem}.") from None
    except ValueError:  # no UTF-8, or a name with a NUL in it
        raise Unusable(f"{path.name} is no report of this course: it is not text.") from None


def _report(text: str, name: str) -> dict[str, Any]:
    """The report within the text, in a form that this version knows."""
    is_page, sealed = text.lstrip().startswith("<"), SEAL.search(text) is not None
    if KIND not in text and not sealed:
        raise Unusable(f"{name} is no report of this course: one that `run.py report` writes can be verified.")
    inside = cut_out(text) if is_page else text
    if inside is None or sealed != is_page:
        raise Unusable(f"{name} is altered or not whole: a part of it is missing.", ALTERED)
    try:
        report = parse(inside)
    except (ValueError, RecursionError):
        raise Unusable(f"{name} is altered or not whole: its JSON cannot be read.", ALTERED) from None
    if not isinstance(report, dict) or report.get("kind") != KIND:
        raise Unusable(f"{name} is no report of this course.")
    if isinstance(report.get("format"), int) and report["format"] > FORMAT:
        newer = f"in format {report['format']}, and this version reads {FORMAT}"
        raise Unusable(
            f"{name} was written by a newer version of the course ({newer}): update the course to verify it."
        )
    return report


def _check(report: dict[str, Any], text: str, name: str) -> None:
    """Compare both checksums, and look for what neither of them covers.

    Raises:
        Unusable: a checksum is missing or wrong, or something stands beside the content.
    """
    content, given = report.get("content"), report.get("sha256")
    if report.get("format") != FORMAT or not isinstance(content, dict) or not isinstance(given, str):
        raise Unusable(f"{name} is altered or not whole: a part of it is missing.", ALTERED)
    try:
        found = checksum(content)
    except (ValueError, RecursionError):  # a number such as 1e999, or parts nested too deeply
        raise Unusable(f"{name} is altered or not whole: no report holds such JSON.", ALTERED) from None
    if found != given:
        shown = f"its checksum is {found[:12]}... and should be {given[:12]}..."
        raise Unusable(f"{name} has been altered since it was written: {shown}", ALTERED)
    if added := sorted(set(report) - FIELDS):
        raise Unusable(
            f"{name} has been altered since it was written: no report has {', '.join(repr(one)[:40] for one in added)} in it.",
            ALTERED,
        )
    if (seal := seal_of(text)) and seal != page_checksum(text):
        raise Unusable(
            f"{name} has been altered since it was written: the report in it is unaltered, but the page around it is not.",
            ALTERED,
        )


def machines(measurements: Any) -> Iterator[str]:
    """For each machine, how many measurements come from it, and which; in sentences."""
    found: dict[str, list[str]] = {}
    for one in measurements if isinstance(measurements, list) else []:
        if isinstance(one, dict):
            found.setdefault(_words(one.get("machine")) or NOT_RECORDED, []).append(_words(one.get("name")))
    if not found:
        yield "It holds no measurements."
    for machine, names in found.items():
        told = f"{len(names)} measurement{'s' * (len(names) != 1)}"
        yield f"From {machine}: {told} ({', '.join(sorted(set(names)))})."


def _words(value: Any) -> str:
    """A text of the report on one line and without control characters; empty where it is none."""
    return " ".join("".join(c for c in value if c.isprintable()).split())[:300] if isinstance(value, str) else ""
