"""What survives: finished parts a stop, in a work file beside the output that is replaced whole or not at all, and an earlier
record the next one."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lessons_lib import machine_file
from lessons_lib.canonical import checksum
from lessons_lib.explained import Mistake
from lessons_lib.resume import replace_file


@dataclass
class Kept:
    """The finished parts of a record that is being made.

    path: of the work file. key: what the figures depend on: device, profile, seed, threads, versions and machine.
    about: what was noted when the record began: its date, and the clocks.
    """

    path: Path
    key: str
    about: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, part: dict[str, Any]) -> None:
        """Keep one more part, on disk too.

        Raises:
            OSError: the file cannot be written.
        """
        self.parts[name] = part
        self.save()

    def save(self) -> None:
        """Write what there is."""
        whole = {"key": self.key, "about": self.about, "parts": self.parts}
        replace_file(self.path, json.dumps(whole | {"checksum": checksum(whole)}, allow_nan=False).encode())

    def remove(self) -> None:
        """The record is written: the work file is not needed any more."""
        self.path.unlink(missing_ok=True)


def path_beside(output: Path) -> Path:
    """Where the finished parts of the record `output` are kept."""
    return output.with_name(f".{output.name}.parts")


def previous(output: Path) -> Path:
    """Where the record goes that lay at `output` when another one was written there."""
    return output.with_name(f"{output.stem}-previous{output.suffix}")


def keep_previous(output: Path) -> None:
    """Move a record that lies at `output` aside, if any.

    Raises:
        OSError: it cannot be moved.
    """
    if output.exists():
        output.replace(previous(output))


def refuse_other_files(output: Path) -> None:
    """Make sure that no file but machine records would be replaced.

    Raises:
        Mistake: there is another file at `output`, or where the record goes that lies there; the message says what to do.
    """
    taken = [output, previous(output)] if output.exists() else []
    for path in taken:
        if path.exists() and not _is_record(path):
            raise Mistake(
                f"{path} exists and is no machine record: give another name with --output, or move that file away."
            )


def _is_record(path: Path) -> bool:
    try:
        return path.is_file() and machine_file.is_one(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return False


def key_of(**depends_on: Any) -> str:
    """A short name for what the figures depend on."""
    return checksum(depends_on)


def open_kept(path: Path, key: str) -> Kept:
    """The parts kept under this key; none where the file is absent, damaged, or of another machine, device or version."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        whole = {name: found[name] for name in ("key", "about", "parts")}
        if found["checksum"] == checksum(whole) and found["key"] == key:
            return Kept(path, key, whole["about"], whole["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Kept(path, key)


def finished(path: Path) -> list[str]:
    """The names of the parts in a work file; none where it cannot be read."""
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["parts"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
