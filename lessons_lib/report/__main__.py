"""`python -m lessons_lib.report [--output DIR] [--record DIR]`; `run.py report` calls it."""

import argparse
import sys
from pathlib import Path

from lessons_lib import record
from lessons_lib.bootstrap import options
from lessons_lib.explained import Explained
from lessons_lib.ledger.events import Events
from lessons_lib.ledger.rows import ledger
from lessons_lib.ledger.table import summary


def main(arguments: list[str] | None = None) -> int:
    """Write the report, say where it is and how full it is; the exit status: 0 written, 2 refused."""
    from lessons_lib.report.files import PROJECT, write_report

    parser = argparse.ArgumentParser(prog="run.py report", description=__doc__)
    options.add_report_options(parser)
    chosen = parser.parse_args(arguments)
    path = Path(chosen.record).expanduser() / "record.jsonl" if chosen.record else record.home() / "record.jsonl"
    if chosen.record and not path.is_file():
        print(f"There is no record in {path.parent}: it would be called {path.name}.", file=sys.stderr)
        return 2
    try:
        page, data = write_report(Path(chosen.output) if chosen.output else None, path)
    except Explained as problem:
        print(problem, file=sys.stderr)
        return 2
    print(told(path, PROJECT / "reports" / "learner"))
    print(f"Report: {page}\nThe same for programs: {data}")
    return 0


def told(path: Path, course: Path) -> str:
    """What the record holds, and where there is another one if it holds nothing."""
    found, damaged = record.read(path)
    lines = [f"{summary(ledger(Events(found)))}."]
    if damaged:
        lines.append(f"{damaged} damaged line{'s' * (damaged != 1)} of the record passed over.")
    if not found:
        lines.append(f"There is nothing in the record yet ({path}): run the lessons with `python3 run.py lab`.")
        if (course / "record.jsonl").is_file():
            lines.append("Or report the run of `run.py course`: python3 run.py report --record reports/learner")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
