"""Writes the notebooks that are out of date."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from building import outputs
from building.execution import execute
from building.notebook import code_hash
from building.percent import BuildError, naming
from building.project import Project, Target

ANSWERS = "lessons_lib/checks/solutions.json"


def make(project: Project, targets: Iterable[Target], *, force: bool = False, run: bool = True) -> list[str]:
    """Build the targets; a notebook whose text alone changed keeps its outputs.

    Args:
        force: execute also what is up to date.
        run: False leaves notebooks whose code changed without outputs.

    Returns:
        What went wrong, a sentence for each notebook; the old notebook is then still there.
    """
    problems = []
    with tempfile.TemporaryDirectory(prefix="lessons-") as home:
        try:
            write(project.root / ANSWERS, project.answers())
        except BuildError as error:
            problems.append(str(error))
        for target in targets:
            try:
                with naming(target.notebook):
                    _make_one(project, target, Path(home).resolve() / target.kind, force=force, run=run)
            except BuildError as error:
                problems.append(str(error))
    return problems


def write(path: Path, text: str) -> bool:
    """Put the text in place at once, so that no reader meets half of it; an equal file is left alone.

    Returns:
        True where the file changed.
    """
    if path.exists() and path.read_bytes() == text.encode():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, path.stat().st_mode if path.exists() else 0o644)  # mkstemp makes it private
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return True


def read(path: Path) -> NotebookNode | None:
    """The notebook at a path, None where there is none."""
    if not path.exists():
        return None
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds for a damaged file
        raise BuildError(f"{path.name} is no notebook ({error}). Delete it and build again.") from None


def _make_one(project: Project, target: Target, home: Path, *, force: bool, run: bool) -> None:
    path = project.root / target.notebook
    built, stored = project.build(target), read(path)
    if target.is_executed and not force and stored is not None and has_outputs_of(stored, built):
        _keep_outputs(stored, built)
    elif target.is_executed and run:
        path.parent.mkdir(exist_ok=True)
        print(f"{target.notebook}: executing", flush=True)
        built.metadata.course["seconds"] = execute(built, path.parent, home)
        outputs.clean(built, home, project.root)
        for fault in outputs.faults(built, project.root):
            raise BuildError(f"{fault}.")
    if write(path, nbformat.writes(built) + "\n"):
        print(f"{target.notebook}: written{_seconds(built)}", flush=True)


def has_outputs_of(stored: NotebookNode, built: NotebookNode) -> bool:
    """Whether the outputs of the stored notebook are those of the code of the built one."""
    hashes = {stored.metadata.get("course", {}).get("code_hash"), code_hash(stored), code_hash(built)}
    return len(hashes) == 1 and outputs.order_fault(stored) is None


def _keep_outputs(stored: NotebookNode, built: NotebookNode) -> None:
    built.metadata.course["seconds"] = stored.metadata.course.get("seconds")
    old, new = ([cell for cell in notebook.cells if cell.cell_type == "code"] for notebook in (stored, built))
    for old_cell, new_cell in zip(old, new, strict=True):
        new_cell.outputs, new_cell.execution_count = old_cell.outputs, old_cell.execution_count


def _seconds(notebook: NotebookNode) -> str:
    seconds = notebook.metadata.course.get("seconds")
    return "" if seconds is None else f", {seconds} s"
