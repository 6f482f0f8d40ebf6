"""Runs a notebook from top to bottom in a new kernel of this very Python."""

import os
import time
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from building import kernel
from building.outputs import heading_above, hidden_errors
from building.percent import BuildError

CELL_TIMEOUT_S = 600


def execute(notebook: NotebookNode, folder: Path, home: Path) -> float:
    """Execute the notebook in place.

    Args:
        folder: where the notebook lies; its cells run there.
        home: the learner's folder of this run, so that the record of whoever builds stays as it is.

    Returns:
        The seconds that it took, without the start of the kernel.

    Raises:
        BuildError: a cell failed, ran too long or killed the kernel; the message names the heading above it.
    """
    run = _Run(notebook, folder)
    try:
        run.client.execute(cleanup_kc=True, env=_environment(home))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise BuildError(f"the cell under {run.heading!r} stopped: {_explain(error)}") from None
    hidden = next(hidden_errors(notebook), None)
    if hidden:
        raise BuildError(f"a widget hides the error {hidden!r}.")
    return round(time.perf_counter() - run.started, 1)


class _Run:
    """A client and what it is doing."""

    def __init__(self, notebook: NotebookNode, folder: Path) -> None:
        self.notebook, self.heading, self.started = notebook, "Set-up", 0.0
        self.client = NotebookClient(
            notebook,
            km=kernel.manager(),
            timeout=CELL_TIMEOUT_S,
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
            on_notebook_start=self._start,
            on_cell_start=self._start_cell,
        )

    def _start(self, notebook: NotebookNode) -> None:
        self.started = time.perf_counter()

    def _start_cell(self, cell: NotebookNode, cell_index: int) -> None:
        self.heading = heading_above(self.notebook, cell)


def _environment(home: Path) -> dict[str, str]:
    """The environment of the kernel: a backend that is set for the builder's shell would make figures vanish."""
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return kept | {"LESSONS_HOME": str(home)}


def _explain(error: Exception) -> str:
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {error.evalue}"
    if isinstance(error, CellTimeoutError):
        return f"it took longer than {CELL_TIMEOUT_S} s."
    return "the kernel died, perhaps for want of memory."
