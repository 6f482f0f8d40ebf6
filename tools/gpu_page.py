"""What the course measured on GPUs, as a page: writes docs/benchmarks/gpu.md.

    python tools/gpu_page.py                                          # from the records that ship with the course
    python tools/gpu_page.py reports/nvidia_l4.json --course reports/course.json
    python tools/gpu_page.py --course reports/nvidia_l4/course.json --output page.md

Nothing is measured here: every figure comes from a machine record (`run.py record`) or from the course.json of a run of the
lessons on a GPU (`run.py course --device cuda`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lessons_lib import machine_file, recorded
from lessons_lib.economics import on_record
from lessons_lib.machine_file import MachineRecord
from lessons_lib.machine_record import plain
from lessons_lib.machine_record.part import Part
from lessons_lib.machine_record.parts import PARTS
from lessons_lib.tables import Table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "gpu.md"
TITLE = "# The GPU half, measured"
NO_GPU = (
    "**No GPU has been recorded yet.** The code is there and tested on a CPU and with faked devices; the figures are not. "
    "Whoever has an NVIDIA GPU can make them: see the two commands under *How to make this page*."
)
HOW = """## How to make this page

On a machine with an NVIDIA GPU, from the folder of the course, with nothing else running:

```
python3 run.py record
python3 run.py course --device cuda --output reports/gpu
```

The first takes up to ten minutes and needs no more than PyTorch, numpy and matplotlib; it writes a JSON file into `reports/` and says
which. The second runs every lesson on the GPU and writes `reports/gpu/course.json`. Then, with the first file moved to `lessons_lib/records/`:

```
python tools/gpu_page.py --course reports/gpu/course.json
```

[docs/record.md](../record.md) explains the record, and how to hand it in. No figure on this page is written by hand.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; the exit status is 0, or 2 where a file cannot be read."""
    parser = argparse.ArgumentParser(description="Write docs/benchmarks/gpu.md from machine records.")
    parser.add_argument("records", nargs="*", type=Path, help="machine records (the default: those that ship)")
    parser.add_argument("--course", action="append", type=Path, default=[], help="course.json of a run on a GPU")
    parser.add_argument("--output", type=Path, default=PAGE)
    chosen = parser.parse_args(arguments)
    try:
        records = [read(path) for path in chosen.records] if chosen.records else shipped()
        runs = [json.loads(path.read_text(encoding="utf-8")) for path in chosen.course]
        text = page(records, runs)
    except (OSError, ValueError, KeyError) as problem:
        print(f"The page was not written: {problem}.", file=sys.stderr)
        return 2
    chosen.output.write_text(text, encoding="utf-8")
    print(f"Written: {chosen.output}")
    return 0


def read(path: Path) -> MachineRecord:
    """One record; raises ValueError where it is none, or was altered."""
    return machine_file.parse(path.read_text(encoding="utf-8"), path.name)


def shipped() -> list[MachineRecord]:
    """The records that ship with the course; raises ValueError where one of them cannot be read."""
    records, problems = machine_file.load()
    if problems:
        raise ValueError(" ".join(problems))
    return records


def page(records: Sequence[MachineRecord], runs: Sequence[dict[str, Any]]) -> str:
    """The whole page: GPUs before CPUs, then the lessons run on a GPU, then how it is made."""
    ordered = sorted(records, key=lambda record: not record.is_gpu)
    parts = [TITLE, "Written by `python tools/gpu_page.py`; nothing here is typed in."]
    if not any(record.is_gpu for record in records):
        parts.append(NO_GPU)
        if records:
            parts.append("What follows is from a CPU: the same measurements, as far as they make sense there.")
    parts += [part for record in ordered for part in of_record(record)]
    parts += [part for run in runs for part in of_run(run)]
    return "\n\n".join([*parts, HOW])


def of_record(record: MachineRecord) -> list[str]:
    """A chapter: the machine, every part's tables and notes, and what a million predictions cost."""
    chapter = [f"## {record.device['name']}", f"{_capital(record.label)}.", markdown(machine(record))]
    for name, part in PARTS.items():
        found = record.content["parts"].get(name)
        if found is None:
            continue
        notes = "\n".join(f"- {note}" for note in found["notes"])
        chapter += [f"### {part.title} ({name}, {found['seconds']:.0f} s)", *tables_of(part, found), notes]
    return [part for part in [*chapter, *prices(record)] if part]


def tables_of(part: Part, found: dict[str, Any]) -> list[str]:
    """The tables of a part; a sentence where it is of another version of the course."""
    try:
        return [markdown(table) for table in part.tables(plain.findings(found)) if table.rows]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return ["These figures cannot be shown: the course has changed since they were recorded."]


def machine(record: MachineRecord) -> Table:
    """What the figures were measured on."""
    device, content = record.device, record.content
    count = f"cuda:{device['index']}, of {device['count']}" if record.is_gpu else ""
    facts = {
        "device": device["name"],
        "compute capability": device["compute_capability"],
        "memory": f"{device['memory_bytes'] / 2**30:.1f} GiB",
        "multiprocessors": device["multiprocessors"],
        "which GPU": count,
        "slice of a GPU (MIG)": {True: "yes", False: "no", None: None}[device["mig"]],
        "driver": device["driver"],
        "versions": ", ".join(f"{name} {version}" for name, version in content["versions"].items()),
        "system": content["machine"].get("system"),
        "processor": content["machine"].get("cpu"),
        "profile": content["profile"],
        "CPU threads": content["threads"],
        "measured in": f"{content['seconds']:.0f} s",
    }
    return Table(
        "The machine", [{"": key, "measured on": value} for key, value in facts.items() if value not in (None, "")]
    )


def prices(record: MachineRecord) -> list[str]:
    """What a million predictions cost, from the rows of lesson 09 and public prices; nothing without such rows."""
    try:
        rows = recorded.of_record(record).rows
    except ValueError:
        return []
    found = on_record.priced(rows)
    return [
        "### What a million predictions cost",
        _capital(on_record.sentence(found)),
        markdown(on_record.table(found, record.label)),
        "The prices an hour, in full:",
        "\n".join(f"- {source}." for source in dict.fromkeys(one.price.source for one in found)),
    ]


def of_run(run: dict[str, Any]) -> list[str]:
    """A chapter: the lessons executed by papermill on a device, with their seconds and memory."""
    print_of, total = run["fingerprint"], run["seconds"]
    gpu = print_of.get("gpu") or {}
    where = (
        f"{gpu['name']}, driver {gpu.get('driver', 'unknown')}" if run["device"] != "cpu" and gpu else print_of["cpu"]
    )
    versions = ", ".join(f"{name} {version}" for name, version in print_of["packages"].items() if version)
    rows = [
        {
            "lesson": one["name"],
            "seconds": f"{one['seconds']:.1f}",
            "peak memory of the processes": f"{one['peak_mb']:,.0f} MB",
            "result": one["status"] + (f": {one['error']}" if one.get("error") else ""),
        }
        for one in run["notebooks"]
    ]
    label = f"Run on {where}, {run['started'][:10]}, device {run['device']}, profile {run['profile']}, {run['dataset']}; {versions}."
    passed = sum(one["status"] == "passed" for one in run["notebooks"])
    closing = f"{passed} of {len(rows)} lessons passed, in {total:,.0f} s together. Memory is that of the machine, not of the GPU."
    return ["## The lessons, executed", label, markdown(Table("Executed by papermill", rows)), closing]


def markdown(table: Table) -> str:
    """A table under its caption, as Markdown."""
    lines = [table.columns, ["---"] * len(table.columns), *table.cells()]
    return "\n".join([f"{table.caption}:", "", *("| " + " | ".join(map(_cell, line)) + " |" for line in lines)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.exit(main())
