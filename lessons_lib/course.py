"""The command line of the course: `python -m lessons_lib.course run|report|doctor`; `run.py` calls it."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons_lib import doctor, record
from lessons_lib.bootstrap import options
from lessons_lib.device import fingerprint
from lessons_lib.headless.preparation import (
    PROJECT,
    Refusal,
    absolute_dataset,
    check_dataset,
    checked_device,
    empty,
    environment,
    learner_folder,
    output_folder,
    select,
)
from lessons_lib.headless.progress import Progress, TimeLeft
from lessons_lib.ledger import Row, ledger, ledger_table
from lessons_lib.report.plain import plain
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from lessons_lib.headless.runner import Outcome

CELL_LIMIT_S = {"smoke": 600, "quick": 600, "full": 4 * 3600}
PAGE, PREVIOUS = "course.html", "course-previous.html"
EXIT_STATUS = {"passed": 0, "failed": 1, "interrupted": 130}


def main(arguments: list[str] | None = None) -> int:
    """Carry out a command and return the exit status: 0, 1 something failed, 2 refused, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="python -m lessons_lib.course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    options.add_course_options(commands.add_parser("run", help="run the lessons headless and write a report"))
    report = commands.add_parser("report", help="write course.html again from an earlier run")
    report.add_argument("--output", metavar="DIR", help="the folder of that run (the default is reports/)")
    commands.add_parser("doctor", help="say whether this machine is ready")
    chosen = parser.parse_args(arguments)
    if chosen.command == "doctor":
        return doctor.main()
    try:
        return run(chosen) if chosen.command == "run" else write_report(output_folder(chosen.output))
    except Refusal as reason:
        print(reason, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped before a lesson was running.", file=sys.stderr)
        return EXIT_STATUS["interrupted"]


def run(chosen: argparse.Namespace) -> int:
    """Run the lessons, write course.json and course.html, and print the summary."""
    output = output_folder(chosen.output)
    lessons = select(PROJECT / "notebooks", chosen.only)
    parameters = {
        "PROFILE": chosen.profile,
        "DATASET": absolute_dataset(chosen.dataset),
        "DEVICE": checked_device(chosen.device),
    }
    learner = learner_folder(output / "learner")
    data = os.path.abspath(os.environ.get("LESSONS_DATA") or record.home() / "data")
    # Figures of matplotlib would vanish from the notebooks under MPLBACKEND=agg.
    with environment(LESSONS_HOME=str(learner), LESSONS_DATA=data, MPLBACKEND=None):
        check_dataset(parameters["DATASET"])
        empty(learner)  # nothing can be refused any more, so the last run's record may go
        print(
            f"Lessons: {len(lessons)}. " + ", ".join(f"{name}: {value}" for name, value in parameters.items()),
            flush=True,
        )
        summary = run_lessons(lessons, parameters, output)
        summary |= comparison()
    save(summary, output)
    keep_last_page(output)
    write_report(output)
    print_summary(summary, output)
    return EXIT_STATUS[summary["status"]]


def run_lessons(lessons: list[Path], parameters: dict[str, Any], output: Path) -> dict[str, Any]:
    """Run each lesson in turn; what is done so far is on disk after each one."""
    from lessons_lib.headless.runner import run_notebook  # takes seconds to import: refusals should not wait for it

    progress = Progress([lesson.stem for lesson in lessons], time_left(lessons, parameters["PROFILE"]))
    summary: dict[str, Any] = {key.lower(): value for key, value in parameters.items()}
    summary |= {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": 0.0,
        "status": "passed",
    }
    summary |= {"fingerprint": fingerprint(), "notebooks": []}
    began = time.monotonic()
    for lesson in lessons:
        progress.start(lesson.stem)
        outcome = run_notebook(
            lesson,
            output / "notebooks" / lesson.name,
            parameters,
            timeout_s=CELL_LIMIT_S[parameters["PROFILE"]],
            on_step=progress.step,
            on_tick=progress.tick,
        )
        progress.finish(in_words(outcome))
        summary["notebooks"].append(outcome.row())
        summary["seconds"] = round(time.monotonic() - began, 1)
        summary["status"] = outcome.status if outcome.status != "passed" else summary["status"]
        save(summary, output)
        if outcome.status == "interrupted":
            break
    return summary


def in_words(outcome: "Outcome") -> str:
    """How a lesson went, for the terminal."""
    line = f"{outcome.status} in {outcome.seconds:.0f} s, at most {outcome.peak_mb:,.0f} MB"
    return f"{line}\n      {outcome.error}" if outcome.error else line


def time_left(lessons: list[Path], profile: str) -> TimeLeft:
    """The estimate of the rest, from the seconds that building each notebook took (in the quick profile)."""
    expected: dict[str, float | None] = {}
    for lesson in lessons:
        seconds = json.loads(lesson.read_text(encoding="utf-8"))["metadata"].get("course", {}).get("seconds")
        expected[lesson.stem] = float(seconds) if seconds else None
    return TimeLeft(expected, comparable=profile == "quick")


def comparison() -> dict[str, Any]:
    """What the lessons left in the record: the claims ledger, the comparison of lesson 09, the accuracies of lesson 01."""
    found: dict[str, Any] = {"headline": None, "ledger": plain([asdict(row) for row in ledger()])}
    if event := record.latest("measurement", "09.headline"):
        found["headline"] = {"sentence": event.get("sentence", ""), "rows": event.get("rows", [])}
    measured = [event for event in record.events("measurement") if event.get("name") == "01.accuracy"]
    if measured:
        found["accuracies"] = {event.get("model", "small"): event.get("accuracy") for event in measured}
    return found


def print_summary(summary: dict[str, Any], output: Path) -> None:
    """What stands at the end: lesson, seconds, peak memory, result; the comparison; the claims ledger."""
    rows = [
        {"lesson": r["name"], "seconds": r["seconds"], "peak MB": f"{r['peak_mb']:,.0f}", "result": r["status"]}
        for r in summary["notebooks"]
    ]
    print(f"\n{Table('The lessons', rows)}")
    if headline := summary["headline"]:
        print(f"\n{Table(headline['sentence'], headline['rows'])}")
    print(f"\n{ledger_table([Row(**row) for row in summary['ledger']])}")
    print(f"\nReport: {output / PAGE}")
    if (output / PREVIOUS).exists():
        print(f"That of the run before: {output / PREVIOUS}")
    print(f"One that `run.py verify` can check: python3 run.py report --record {relative(output / 'learner')}")


def save(summary: dict[str, Any], output: Path) -> None:
    """Write course.json whole or not at all."""
    half = output / "course.json.part"
    half.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(output / "course.json")


def keep_last_page(output: Path) -> None:
    """The page of the run before gets another name: it may be of another data set."""
    if (output / PAGE).exists():
        (output / PAGE).replace(output / PREVIOUS)


def relative(path: Path) -> Path:
    """The path as seen from the project, where it lies within."""
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


def write_report(output: Path) -> int:
    """Write course.html from course.json and the executed notebooks."""
    from lessons_lib.headless import page

    try:
        summary = json.loads((output / "course.json").read_text(encoding="utf-8"))
    except OSError as problem:
        raise Refusal(f"There is no earlier run in {output}: run `python run.py course` first.") from problem
    page.write(summary, output / "notebooks", output / PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
