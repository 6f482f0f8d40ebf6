"""Results of lesson 09 as files: one's own to hand on, other machines' to look at beside them.

The course ships only what was really measured: machine records, whose part 09.devices holds such rows. A class pools by putting
everybody's file into one folder.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lessons_lib import machine_file
from lessons_lib.configuration import Row
from lessons_lib.machine_file import MachineRecord

FORMAT = 1
PART = "09.devices"  # of a machine record
LONGEST_TEXT = 200
LARGEST_BYTES = 5_000_000


@dataclass(frozen=True)
class Recording:
    """The rows of lesson 09 from one machine, with what is needed to judge them.

    device: name of the GPU or CPU. date: ISO 8601. versions: of the packages. dataset: what the models were trained on.
    machine: its fingerprint, as `device.fingerprint` gives it; may be empty.
    """

    device: str
    date: str
    versions: dict[str, str]
    dataset: str
    rows: tuple[Row, ...]
    machine: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def label(self) -> str:
        """What has to stand beside every figure of this recording."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"recorded on {self.device}, {self.date}, {versions}"

    def as_json(self) -> str:
        """What `parse` reads."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"


def parse(text: str, origin: str) -> Recording:
    """Read a recording from JSON: one of lesson 09, or the rows of a machine record.

    Raises:
        ValueError: the text is no recording in this format; names `origin` and what is wrong. `NoRows`: it is a machine record
            without the part of lesson 09.
    """
    if f'"{machine_file.FORMAT}"' in text:
        return of_record(machine_file.parse(text, origin), origin)
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, this course reads {FORMAT}")
        rows = tuple(_row(row) for row in content["rows"])
        if not rows:
            raise ValueError("it holds no rows")
        texts = [content[name] for name in ("device", "date", "dataset")]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"device, date and dataset are {texts}, and should be text")
        versions = {str(name): str(version) for name, version in dict(content["versions"]).items()}
        if any(len(text) > LONGEST_TEXT for text in [*texts, *versions, *versions.values()]):
            raise ValueError(f"a text in it is longer than {LONGEST_TEXT} characters")
        device, date, dataset = texts
        return Recording(device, date, versions, dataset, rows, dict(content.get("machine") or {}))
    except KeyError as error:
        raise ValueError(f"{origin} is no recording of this course: it lacks {error}.") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{origin} is no recording of this course: {error}.") from error


class NoRows(ValueError):
    """A machine record that did not measure lesson 09."""


def of_record(record: MachineRecord, origin: str = "a machine record") -> Recording:
    """The rows of lesson 09 in a machine record, under the name of its device.

    Raises:
        NoRows: that part was not measured. ValueError: a row cannot be read; names `origin`.
    """
    facts = (record.part(PART) or {"facts": {}})["facts"]
    if not facts.get("rows"):
        raise NoRows(f"{origin} holds no rows of lesson 09.")
    try:
        rows = tuple(_row(row) for row in facts["rows"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{origin} is no recording of this course: {error}.") from error
    machine, dataset = record.content["machine"], str(facts.get("dataset", "road_signs"))
    return Recording(record.device["name"], record.day, record.versions, dataset, rows, machine)


def _row(content: dict[str, Any]) -> Row:
    names = {field.name for field in fields(Row)}
    if set(content) != names:
        raise ValueError(f"a row's fields differ from those expected: {sorted(set(content) ^ names)}")
    wrong = [field.name for field in fields(Row) if not _fits(content[field.name], field.type)]
    if wrong:
        raise ValueError(f"a row holds values of the wrong kind: {', '.join(wrong)}")
    row = Row(**content)
    positive = (row.batch, row.test_images, row.size_bytes, row.latency_ms, row.p95_ms, row.times_faster)
    if not all(number > 0 for number in positive) or not 0 <= row.accuracy <= 1:
        raise ValueError(
            "a row holds a number that cannot be: a latency, size or batch not above 0, or an accuracy not in 0 to 1"
        )
    return row


def _fits(value: object, kind: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return False
    return isinstance(value, int | float if kind is float else kind)  # JSON may write 1.0 as 1


def load(folder: Path | str | None = None, *, own: Recording | None = None) -> tuple[list[Recording], str]:
    """Every recording in a folder, by default those that ship with the course.

    Args:
        folder: of .json files. own: what this machine just measured; the same rows are not shown a second time, and where
            it has a GPU of its own, shipped ones of other GPUs are not shown: those of a folder are, since they were asked for.

    Returns:
        The recordings, oldest first, and one sentence that says what there is; files that cannot be read are named in
        it and left out.
    """
    where = Path(folder).expanduser() if folder else machine_file.shipped_folder()
    found: list[Recording] = []
    problems: list[str] = [] if where.is_dir() or not folder else [f"There is no folder {str(folder)!r}."]
    for path in sorted(where.glob("*.json")) if where.is_dir() else []:
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise ValueError(
                    f"{path.name} is no recording of this course: it is larger than {LARGEST_BYTES:,} bytes."
                )
            found.append(parse(path.read_text(encoding="utf-8", errors="replace"), path.name))
        except NoRows:
            continue
        except (OSError, ValueError, RecursionError) as error:
            problems.append(str(error))
    found = [recording for recording in found if own is None or recording.rows != own.rows]
    replaced = [] if folder or own is None or not _has_gpu(own) else [other for other in found if _has_gpu(other)]
    found = sorted((other for other in found if other not in replaced), key=lambda recording: recording.date)
    if found:
        told = "Shown beside yours: " + "; ".join(recording.label for recording in found) + "."
    elif replaced:
        told = "No results of other machines are shown: this machine's own GPU takes the place of those recorded."
    else:
        why = "the folder holds none." if folder else "none have been recorded for this course yet."
        told = f"No results of other machines are shown: {why}"
    return found, " ".join([told, *problems])


def _has_gpu(recording: Recording) -> bool:
    return any(row.device == "cuda" for row in recording.rows)
