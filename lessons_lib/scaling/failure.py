"""What to tell a learner when a process of a job ended early, or stopped answering."""

import re
import signal
from pathlib import Path

from lessons_lib.explained import Explained, Mistake
from lessons_lib.scaling.progress import Standing, standings

FAILURE = re.compile(r"rank\s*: (\d+) .*?\n\s*exitcode\s*: (-?\d+)")  # in the launcher's summary
LOST_A_PROCESS = 75  # exit code of a process that failed because another one had
CONSEQUENCES = (LOST_A_PROCESS, -signal.SIGTERM)
LINES_SHOWN = 12


class Died(Explained, RuntimeError):
    """A process of the job ended early, or stopped answering. rank: which one; None where nobody knows."""

    rank: int | None = None


def died(folder: Path, launcher_code: int, log: str) -> Died | Mistake:
    """The error for a job that ended early; a mistake where a process said why.

    Args:
        folder: of the job. launcher_code: exit code of the launcher. log: what launcher and processes printed.
    """
    first = first_failure(log)
    if first is None:
        return Died(f"The training ended early: its launcher {ended(launcher_code)}.{last_lines(log)}")
    rank, code = first
    reason = folder / f"rank-{rank}.error"
    where = f"at about step {step_of(rank, standings(folder))}"
    if reason.exists():
        return Mistake(f"Process {rank} of the training ended {where}: {reason.read_text(encoding='utf-8')}")
    known = "" if code < 0 else last_lines(log)
    error = Died(f"Process {rank} of the training {ended(code)} {where}; the others were ended too.{known}")
    error.rank = rank
    return error


def silent(standing: list[Standing], timeout_s: float) -> Died:
    """The error for processes that no longer go on. All wait for the one that hangs, so mostly none stands out."""
    if not standing:
        return Died(f"No process of the training had started after {timeout_s:.0f} s; all were ended.")
    last = min(standing, key=lambda s: s.step)
    alone = any(s.step > last.step for s in standing)
    who = f"Process {last.rank}" if alone else "One of the processes"
    error = Died(f"{who} did not answer for {timeout_s:.0f} s, at about step {last.step}; all were ended.")
    error.rank = last.rank if alone else None
    return error


def first_failure(log: str) -> tuple[int, int] | None:
    """Rank and exit code of the process that ended first; None where the launcher's summary names none.

    Those that ended because another one had, of a lost connection or by the launcher, are not meant.
    """
    _, _, root_cause = log.rpartition("Root Cause")
    found = [(int(rank), int(code)) for rank, code in FAILURE.findall(root_cause) + FAILURE.findall(log)]
    return next((f for f in found if f[1] not in CONSEQUENCES), None)


def step_of(rank: int, standing: list[Standing]) -> int:
    """The steps that a process has done; 0 where it never told."""
    return next((s.step for s in standing if s.rank == rank), 0)


def ended(code: int) -> str:
    """How a process ended, in words: "was ended by signal SIGKILL", "ended with exit code 1"."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def last_lines(log: str) -> str:
    """The end of what was printed, for causes that nobody foresaw."""
    lines = [line for line in log.splitlines() if line.strip()][-LINES_SHOWN:]
    return "\nThe last that it printed:\n" + "\n".join(lines) if lines else ""
