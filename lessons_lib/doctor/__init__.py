"""Says in plain sentences whether this machine is ready for the course; the standard library is enough to ask it."""

from collections.abc import Iterator

from lessons_lib.doctor import machine_checks, package_checks
from lessons_lib.doctor.finding import Finding


def main() -> int:
    """Print every finding; the exit status is 1 only where something keeps the course from running."""
    found = []
    for finding in findings():
        print(finding, flush=True)
        found.append(finding)
    if any(finding.word == "problem" for finding in found):
        print("\nSomething keeps the course from running: see the lines that begin with the word problem.")
        return 1
    missing = package_checks.installed("torch") is None
    print("\nThis machine is ready" + (" for `python run.py course` to install the packages." if missing else "."))
    return 0


def findings() -> Iterator[Finding]:
    """Every check in turn."""
    yield machine_checks.python()
    yield package_checks.packages()
    yield machine_checks.processors()
    yield machine_checks.memory()
    yield package_checks.gpu()
    yield machine_checks.disk(installed=package_checks.installed("torch") is not None)
    yield from machine_checks.writable_folders()
    yield package_checks.widgets()
    yield package_checks.browser()
    yield machine_checks.internet()
