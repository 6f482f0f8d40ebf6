"""A record beside a lesson's own figures: the same tables, with the machine that they come from in every caption."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lessons_lib import machine_file
from lessons_lib.explained import Mistake
from lessons_lib.machine_file import MachineRecord
from lessons_lib.machine_record import device_block, one_part, plain
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.nearest import nearest
from lessons_lib.machine_record.parts import PARTS
from lessons_lib.tables import Table

NOTHING_YET = (
    "No machine with a GPU has been recorded for this course yet. If you have one, `python3 run.py record` measures it in ten "
    "minutes, and docs/record.md says how to hand the file in."
)
NO_GPU = "No GPU has been recorded for this course yet, so these figures of a CPU stand in (what pays on a GPU need not pay on it):"
NO_ABLE_GPU = "None of the recorded GPUs could measure this, so these figures of a CPU stand in:"
NOBODY_COULD = "None of the recorded machines could measure this; `python3 run.py record` measures yours."


@dataclass(frozen=True)
class Shown:
    """Sentences and tables, for a notebook or a terminal."""

    sentence: str
    tables: tuple[Table, ...] = ()

    def __repr__(self) -> str:
        return "\n\n".join(filter(None, [self.sentence, *map(repr, self.tables)]))

    def _repr_html_(self) -> str:
        import html

        return "".join([f"<p>{html.escape(self.sentence)}</p>", *(table._repr_html_() for table in self.tables)])


def beside(
    name: str, where: str | torch.device = "cpu", profile: str = "quick", *, folder: Path | str | None = None
) -> Shown:
    """One part of a machine record, to stand beside what a lesson measures.

    Args:
        name: of the part, such as "06.low_precision". where: the device that the lesson runs on. With a GPU the part is measured
            here and now, and a record stands in only where that fails. profile: for that. folder: of records; None: those that
            ship with the course, as where the folder holds none.

    Raises:
        Mistake: there is no part of that name.
    """
    if name not in PARTS:
        raise Mistake(f"There is no part {name!r}; there are {', '.join(PARTS)}.")
    device = torch.device(where)
    if device.type != "cuda":
        return _recorded(name, folder, None)
    device = torch.device("cuda", device.index or 0)
    live = _live(name, device, profile)
    if live.tables:
        return live
    told = _recorded(name, folder, device_block.block(device))
    return replace(told, sentence=f"{live.sentence} {told.sentence}".strip())


def _live(name: str, device: torch.device, profile: str) -> Shown:
    found = one_part.measured(PARTS[name], Context(device, profile, say=lambda _: None))
    notes = " ".join(found["notes"])
    if not (found["series"] or found["facts"]):
        return Shown(notes)
    label = f"measured just now on {torch.cuda.get_device_properties(device).name}"
    return Shown(notes, _labelled(name, found, label))


def _recorded(name: str, folder: Path | str | None, gpu: dict[str, Any] | None) -> Shown:
    records, problems = _loaded(folder)
    gpus = any(record.is_gpu for record in records)
    record = nearest([record for record in records if record.part(name)], gpu)
    if record is None:
        return Shown(" ".join([NOBODY_COULD if gpus else NOTHING_YET, *problems]))
    part: dict[str, Any] = record.part(name) or {}
    told = [f"The figures were {record.label}."]
    if not record.is_gpu:
        told = [f"{NO_ABLE_GPU if gpus else NO_GPU} {record.label}."]
    try:
        tables = _labelled(name, part, record.label)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # of another version of the course
        return Shown(" ".join([*told, "They cannot be shown: the course has changed since.", *problems]))
    return Shown(" ".join([*told, *part["notes"], *problems]), tables)


def _loaded(folder: Path | str | None) -> tuple[list[MachineRecord], list[str]]:
    """The records of a folder; where it holds none, those that ship, and a sentence where there is no such folder."""
    records, problems = machine_file.load(folder)
    if records or not folder:
        return records, problems
    if not Path(folder).expanduser().is_dir():
        problems = [f"There is no folder {folder}."]
    return machine_file.load()[0], problems


def _labelled(name: str, part: dict[str, Any], label: str) -> tuple[Table, ...]:
    tables: Sequence[Table] = PARTS[name].tables(plain.findings(part))
    return tuple(replace(table, caption=f"{table.caption} ({label})") for table in tables if table.rows)
