"""Runs one notebook headless with papermill and says how long each cell took and how much memory it held at most."""

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from papermill.engines import NBClientEngine
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from lessons_lib.headless.interrupt import interrupts
from lessons_lib.headless.memory import MemoryWatch

HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """How one notebook went.

    Args:
        name: the notebook's file name without its ending.
        status: "passed", "failed" or "interrupted".
        seconds: from the start of the kernel to its end.
        peak_mb: the most memory its processes held at once, in MB of 2**20 bytes.
        cells: heading and seconds of each code cell that ran.
        error: the failure in one line; None where there was none.
    """

    name: str
    status: str
    seconds: float
    peak_mb: float
    cells: list[dict[str, Any]]
    error: str | None = None

    def row(self) -> dict[str, Any]:
        """The outcome as JSON holds it; `error` only where there is one."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def headings(cells: list[Any]) -> list[str]:
    """For each cell the nearest heading at or above it; "setting up" before the first one."""
    found, current = [], "setting up"
    for cell in cells:
        if cell.cell_type == "markdown":
            titles = HEADING.findall(cell.source)
            current = re.sub(r"[*`_]", "", titles[-1]) if titles else current
        found.append(current)
    return found


def run_notebook(
    source: Path,
    output: Path,
    parameters: dict[str, Any],
    *,
    timeout_s: int = 600,
    on_step: Callable[[str], None] = lambda heading: None,
    on_tick: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run a notebook in its own folder with parameters and save it, executed as far as it got, in `output`.

    Args:
        source: the notebook.
        output: where to save it, also when it fails or is interrupted.
        parameters: what replaces the values of the cell tagged "parameters".
        timeout_s: how long one cell may take.
        on_step: called with the nearest heading when a code cell starts.
        on_tick: called about once a second.
    """
    notebook = load_notebook_node(str(source))
    notebook = parameterize_notebook(notebook, parameters, kernel_name="python3", language="python")
    titles = headings(notebook.cells)
    started_at, status, error, step = time.monotonic(), "passed", None, "starting"

    def entered(cell: Any, cell_index: int) -> None:
        nonlocal step
        step = titles[cell_index]
        on_step(step)

    with MemoryWatch(on_tick) as memory, interrupts(memory.end_children):  # or the kernel would complain aloud
        try:
            NBClientEngine.execute_notebook(
                notebook,
                "python3",
                output_path=str(output),
                progress_bar=False,
                execution_timeout=timeout_s,
                extra_arguments=["--IPKernelApp.log_level=50"],  # its messages would break the progress line
                resources={"metadata": {"path": str(source.parent)}},
                on_cell_execute=entered,
            )
            error = failure(notebook.cells, titles)
        except KeyboardInterrupt:
            status = "interrupted"
        except Exception as problem:  # a dead kernel, a cell that never ends: the other lessons still run
            error = f"{explain(problem, timeout_s)} (step {step!r})"
    status = "failed" if error else status
    seconds = round(time.monotonic() - started_at, 2)
    return Outcome(
        source.stem, status, seconds, round(memory.peak_bytes / 2**20, 1), durations(notebook, titles), error
    )


def durations(notebook: Any, titles: list[str]) -> list[dict[str, Any]]:
    """Heading and seconds of each code cell that ran."""
    pairs = [(title, cell) for title, cell in zip(titles, notebook.cells, strict=True) if cell.cell_type == "code"]
    timed = [(title, cell.metadata.get("papermill", {}).get("duration")) for title, cell in pairs]
    return [{"heading": title, "seconds": round(seconds, 3)} for title, seconds in timed if seconds is not None]


def failure(cells: list[Any], titles: list[str]) -> str | None:
    """The error that stopped a notebook, in one line; None where it ran to its end.

    An error output alone is no failure: a lesson may show one on purpose.
    """
    for title, cell in zip(titles, cells, strict=True):
        if not cell.metadata.papermill.get("exception"):
            continue
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        what = f"{errors[-1].ename}: {errors[-1].evalue}" if errors else "the cell failed"
        return f"{what.strip().splitlines()[-1]} (step {title!r}, cell In [{cell.execution_count}])"
    return None


def explain(problem: Exception, timeout_s: int) -> str:
    """What a failure of the kernel, rather than of a cell, means."""
    name = type(problem).__name__
    if name == "DeadKernelError":
        return "the kernel died, most likely because memory ran out; close other programs or use --profile smoke"
    if isinstance(problem, TimeoutError):
        return f"a cell took longer than {timeout_s} s"
    return f"{name}: {str(problem).strip().splitlines()[-1] if str(problem).strip() else 'no message'}"
