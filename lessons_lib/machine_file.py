"""A machine record as a file: written whole, and read only where it is whole. docs/record.md explains every field.

Its checksum tells that nothing was altered since the recorder wrote it; it is no proof of where the figures come from.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lessons_lib.canonical import checksum
from lessons_lib.canonical import parse as parse_strictly

FORMAT, SCHEMA = "machine record", 1
LARGEST_BYTES = 200_000
# Calibrated on the quiet machine whose record ships: 3 % of its series are unsteady, and 20 % of those of its unsteadiest part.
UNSTEADY = 1.3  # p75_ms / p25_ms of a series that something else disturbed
MOST_UNSTEADY_OF_ALL, MOST_UNSTEADY_OF_PART = 0.15, 1 / 3


class TooLarge(ValueError):
    """A record that does not fit into `LARGEST_BYTES`."""


@dataclass(frozen=True, eq=False)
class MachineRecord:
    """What one machine measured; `content` is the whole file."""

    content: dict[str, Any]

    @property
    def device(self) -> dict[str, Any]:
        """The device block: kind, name, compute_capability, memory_bytes and more."""
        block: dict[str, Any] = self.content["device"]
        return block

    @property
    def is_gpu(self) -> bool:
        """Whether a GPU was measured, not a CPU."""
        return bool(self.device["kind"] == "cuda")

    @property
    def day(self) -> str:
        """The date, ISO 8601, without the time."""
        return str(self.content["date"])[:10]

    @property
    def versions(self) -> dict[str, str]:
        """What stands beside every figure: the version of torch and, for a GPU, of its CUDA."""
        found = {"torch": self.content["versions"]["torch"], "cuda": self.device["cuda"] if self.is_gpu else None}
        return {name: version for name, version in found.items() if version}

    @property
    def label(self) -> str:
        """What has to stand beside every figure of this record."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        kind = "" if self.is_gpu else "the CPU "
        hasty = ", profile smoke, which only shows that it works" if self.content["profile"] == "smoke" else ""
        return f"recorded on {kind}{self.device['name']}, {self.day}, {versions}{hasty}"

    def part(self, name: str) -> dict[str, Any] | None:
        """What one part found: seconds, series, facts and notes; None where it measured nothing."""
        found: dict[str, Any] | None = self.content["parts"].get(name)
        return found if found and (found["series"] or found["facts"]) else None

    @property
    def disturbed(self) -> list[str]:
        """The parts whose times vary so much that something else must have run meanwhile; none where the record is quiet.

        A part is named where too large a share of its own series is unsteady, a smaller one counting where the whole record is
        unsteady. One series alone says nothing.
        """
        counts = {
            name: (len(part["series"]), _unsteady(part["series"])) for name, part in self.content["parts"].items()
        }
        series, unsteady = (sum(column) for column in zip(*counts.values(), strict=True))
        limit = MOST_UNSTEADY_OF_ALL if unsteady > MOST_UNSTEADY_OF_ALL * series else MOST_UNSTEADY_OF_PART
        return [name for name, (some, bad) in counts.items() if bad > max(1, limit * some)]


def _unsteady(series: Iterable[dict[str, Any]]) -> int:
    return sum(one["p75_ms"] > UNSTEADY * one["p25_ms"] for one in series)


def as_text(content: dict[str, Any]) -> str:
    """The file of a record: its content with the checksum, a line for each part.

    Raises:
        TooLarge: it does not fit into 200 kB. ValueError: a number in it is not finite.
    """
    whole = content | {"checksum": checksum(content)}
    parts = ",\n".join(f"  {_line(name)}: {_line(part)}" for name, part in content["parts"].items())
    lines = [
        f" {_line(key)}: " + (f"{{\n{parts}\n }}" if key == "parts" else _line(value)) for key, value in whole.items()
    ]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    if len(text.encode()) >= LARGEST_BYTES:
        raise TooLarge(f"the record has {len(text.encode()):,} bytes; it may have {LARGEST_BYTES:,}.")
    return text


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def parse(text: str, origin: str) -> MachineRecord:
    """Read a record.

    Args:
        text: of the file. origin: its name, for the message.

    Raises:
        ValueError: the text is no record, does not fit the schema, or was altered; a sentence that names `origin`.
    """
    try:
        content = parse_strictly(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{origin} is no machine record: {error}.") from None
    if not is_one(content):
        raise ValueError(f"{origin} is no machine record: it does not say that it is one.")
    if content.get("schema") != SCHEMA:
        raise ValueError(
            f"{origin} is a machine record of schema {content.get('schema')!r}; this course reads {SCHEMA}."
        )
    if problem := _violation(content):
        raise ValueError(f"{origin} does not fit the schema of machine records: {problem}.")
    if not _fits_checksum(content):
        raise ValueError(
            f"{origin} was altered after it was recorded: its checksum does not fit. "
            "Records are written by `python3 run.py record` alone, never by hand."
        )
    return MachineRecord(content)


def _fits_checksum(content: dict[str, Any]) -> bool:
    try:
        found = checksum({key: value for key, value in content.items() if key != "checksum"})
    except ValueError:  # 1e999 is read as an endless number, which no recorder has written
        return False
    return found == content["checksum"]


def is_one(content: Any) -> bool:
    """Whether a file's content calls itself a machine record."""
    return isinstance(content, dict) and content.get("format") == FORMAT


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record."""
    text = (resources.files("lessons_lib") / "machine_record" / "schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _violation(content: dict[str, Any]) -> str | None:
    """Where a record leaves the schema, and how; without the package jsonschema only what lacks altogether."""
    missing = [name for name in schema()["required"] if name not in content]
    if missing:
        return f"it lacks {', '.join(missing)}"
    try:
        from jsonschema import Draft202012Validator
    except ImportError:  # a bare machine: it writes records, and reads those that the checksum covers
        return None
    errors = sorted(Draft202012Validator(schema()).iter_errors(content), key=lambda error: error.json_path)
    if not errors:
        return None
    return f"at {errors[0].json_path}, {errors[0].message[:200]}"


def load(folder: Path | str | None = None) -> tuple[list[MachineRecord], list[str]]:
    """Every machine record in a folder, by default those that ship with the course, oldest first.

    Returns:
        The records, and a sentence for each file that calls itself one and cannot be read. Other files are passed over.
    """
    where = Path(folder).expanduser() if folder else shipped_folder()
    found, problems = [], []
    for path in _files(where):
        try:
            if path.stat().st_size >= LARGEST_BYTES:
                raise ValueError(f"{path.name} is larger than a machine record may be: {LARGEST_BYTES:,} bytes.")
            text = path.read_text(encoding="utf-8", errors="replace")
            if f'"{FORMAT}"' in text:
                found.append(parse(text, path.name))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return sorted(found, key=lambda record: record.content["date"]), problems


def shipped_folder() -> Path:
    """Where the records that ship with the course lie."""
    return Path(str(resources.files("lessons_lib") / "records"))


def _files(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.json")) if folder.is_dir() else []
