#!/usr/bin/env python3
"""Sets the course up and runs it. Needs nothing but Python 3.11 or newer; on Windows: py run.py.

The first start makes a virtual environment in .venv (or in the folder that the environment variable LESSONS_VENV
names) and installs the pinned packages there, which takes minutes. Later starts take seconds.
"""

import argparse
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this file must say so itself, since nothing is installed yet)
    sys.exit(
        f"The course needs Python 3.11 or newer, and this is {sys.version.split()[0]}. "
        "Install one from python.org and start again, for example with: python3.12 run.py course"
    )

from lessons_lib.bootstrap import installation, options
from lessons_lib.bootstrap.environment import COURSE, DEV, PROJECT, PYTHON, Failed, probe, remove_environment
from lessons_lib.machine_record import options as record_options

BARE_MACHINE = ("torch", "numpy", "matplotlib")  # what the recorder needs
ALONE = "notebook or browser or timing"  # tests that measure, or keep both cores busy
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main(arguments: list[str]) -> int:
    """Carry out one sub-command and return its exit status."""
    parser, commands = make_parsers()
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.command is None:
        parser.print_help()
        return 2
    if rest and chosen.command not in ("test", "lab"):
        commands[chosen.command].error(f"unknown: {' '.join(rest)}")
    try:
        return COMMANDS[chosen.command](arguments[arguments.index(chosen.command) + 1 :])
    except Failed as reason:
        print(f"\n{reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Start again at any time.", file=sys.stderr)
        return 130


def make_parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the command line, and those of the sub-commands."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar=" | ".join(COMMANDS))

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    course = add("course", "Run every lesson without a browser and write reports/course.html and reports/course.json.")
    options.add_course_options(course)
    report = add(
        "report", "Write what you predicted, measured and tried into reports/report.html and reports/report.json."
    )
    options.add_report_options(report)
    verify = add(
        "verify", "Say whether a report is whole and unaltered, and which machines measured it; installs nothing."
    )
    verify.add_argument("file", metavar="FILE", help="a report.html or report.json")
    record = add(
        "record", "Measure what this machine can do, its GPU if there is one, and write one JSON file (docs/record.md)."
    )
    record_options.add_options(record)
    add("test", "Install what the tests need on top and run pytest; further arguments go to pytest.")
    add("lab", "Open JupyterLab at lesson 00, or at another: lab 01; other arguments (--no-browser) go to JupyterLab.")
    add("doctor", "Say whether this machine is ready and what to do if it is not; installs nothing.")
    add("clean", "Remove the virtual environment, so that the next start makes a new one.")
    return parser, dict(commands.choices)


def course(arguments: list[str]) -> int:
    """Run the lessons."""
    installation.set_up(COURSE)
    return call("-m", "lessons_lib.course", "run", *arguments)


def report(arguments: list[str]) -> int:
    """Write the learner's report."""
    installation.set_up(COURSE)
    return call("-m", "lessons_lib.report", *arguments)


def verify(arguments: list[str]) -> int:
    """Verify a report: 0 whole and unaltered, 1 altered or damaged, 2 cannot be told. The standard library is enough."""
    from lessons_lib.report import verify as verification

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a file may have any name
    finding = verification.verify(arguments[-1])
    print(finding, file=sys.stderr if finding.status else sys.stdout)
    return finding.status


def record(arguments: list[str]) -> int:
    """Record this machine: in this Python where it has what that takes, without installing anything, else in ours."""
    if all(map(importlib.util.find_spec, BARE_MACHINE)):
        from lessons_lib.machine_record.command import main as record_here

        return record_here(arguments)
    installation.set_up(COURSE)
    return call("-m", "lessons_lib.machine_record", *arguments)


def test(arguments: list[str]) -> int:
    """Run the tests."""
    installation.set_up(DEV)
    if not any(map(shutil.which, BROWSERS)):
        print("There is no Chromium, which the browser test drives; on Debian: apt-get install chromium", flush=True)
    os.chdir(PROJECT)
    if arguments:
        return call("-m", "pytest", *arguments)
    print("First the tests that bear company, two at a time; then those that do not.", flush=True)
    together = call("-m", "pytest", "--numprocesses=2", "-m", f"not ({ALONE})")
    if together > 1:  # stopped, or nothing could be tested
        return together
    return max(together, call("-m", "pytest", "-m", ALONE))


def lab(arguments: list[str]) -> int:
    """Open JupyterLab; it asks for its token and listens on this machine alone, as it does by default."""
    notebook, arguments = lesson_to_open(arguments)
    installation.set_up(COURSE)
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # containers
    first = f"--LabApp.default_url=/lab/tree/notebooks/{notebook}"
    quiet = "--LabApp.news_url=None"  # or it asks about news, over the lesson
    return call("-m", "jupyterlab", first, quiet, f"--ServerApp.root_dir={PROJECT}", *as_root, *arguments)


def lesson_to_open(arguments: list[str]) -> tuple[str, list[str]]:
    """The notebook that a leading lesson number such as 01 asks for (00 without one), and the other arguments."""
    number, rest = (arguments[0], arguments[1:]) if arguments and arguments[0].isdigit() else ("00", arguments)
    notebooks = sorted(path.name for path in (PROJECT / "notebooks").glob("[0-9]*.ipynb"))
    found = [name for name in notebooks if name.startswith(f"{number:0>2}_")]
    if not found:
        raise Failed(f"There is no lesson {number}; there are {', '.join(name[:2] for name in notebooks)}.")
    return found[0], rest


def doctor(_: list[str]) -> int:
    """Ask the doctor, in the virtual environment if it works and in this Python otherwise."""
    if probe(COURSE) is not None:
        os.chdir(PROJECT)  # the library may not be installed yet
        return call("-m", "lessons_lib.doctor")
    from lessons_lib.doctor import main as ask

    return ask()


def clean(_: list[str]) -> int:
    """Remove the virtual environment if it is one that this file made."""
    remove_environment()
    return 0


COMMANDS = {
    "course": course,
    "report": report,
    "verify": verify,
    "record": record,
    "test": test,
    "lab": lab,
    "doctor": doctor,
    "clean": clean,
}


def call(*arguments: str) -> int:
    """Run the environment's Python to its end, Ctrl-C included: it gets the signal too, and finishes its report."""
    child = subprocess.Popen([str(PYTHON), *arguments], env=dict(os.environ, PYTHONUTF8="1"))
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
