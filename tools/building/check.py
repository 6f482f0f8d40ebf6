"""Finds notebooks that disagree with their sources, and outputs that nobody should read. Writes nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from building import outputs
from building.make import ANSWERS, has_outputs_of, read
from building.percent import BuildError
from building.project import FOLDERS, Project, Target

SIZE_LIMIT_BYTES = 1_000_000


def check(project: Project, targets: Iterable[Target]) -> list[str]:
    """What is wrong with the built files: a sentence each, beginning with the file."""
    problems = list(_answers_problems(project))
    for target in targets:
        try:
            problems += [f"{target.notebook}: {problem}" for problem in _problems(project, target)]
        except BuildError as error:
            problems.append(str(error))
    return problems + list(_orphans(project))


def _problems(project: Project, target: Target) -> Iterator[str]:
    path = project.root / target.notebook
    built, stored = project.build(target), read(path)
    if stored is None:
        yield "is missing; build it."
        return
    if _without_outputs(stored) != _without_outputs(built):
        yield f"disagrees with {target.source} {_first_difference(stored, built)}; build it."
    if path.stat().st_size > SIZE_LIMIT_BYTES:
        yield f"has {path.stat().st_size / 1e6:.1f} MB; the limit is {SIZE_LIMIT_BYTES / 1e6:g} MB. Make its figures smaller."
    if target.is_executed:
        order_fault = outputs.order_fault(stored)
        if order_fault:
            yield f"{order_fault}; build it."
        elif not has_outputs_of(stored, built):
            yield "has outputs of other code; build it."
    yield from (f"{fault}." for fault in outputs.faults(stored, project.root))


def _without_outputs(notebook: NotebookNode) -> NotebookNode:
    bare = nbformat.from_dict(notebook)
    bare.metadata.get("course", {}).pop("seconds", None)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def _first_difference(stored: NotebookNode, built: NotebookNode) -> str:
    pairs = zip(_without_outputs(stored).cells, _without_outputs(built).cells, strict=False)
    cell = next((old for old, new in pairs if old != new), None)
    if cell is not None:
        return f"in the cell under {outputs.heading_above(stored, cell)!r}"
    return "in its metadata" if len(stored.cells) == len(built.cells) else "in the number of cells"


def _answers_problems(project: Project) -> Iterator[str]:
    path = project.root / ANSWERS
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != project.answers():
            yield f"{ANSWERS}: disagrees with lessons/exercises; build it."
    except BuildError as error:
        yield str(error)


def _orphans(project: Project) -> Iterator[str]:
    """Notebooks that no source leads to."""
    known = {project.root / target.notebook for target in project.targets()}
    paths: list[Path] = [path for folder in FOLDERS.values() for path in (project.root / folder).glob("*.ipynb")]
    for path in sorted(set(paths) - known):
        yield f"{path.relative_to(project.root).as_posix()}: has no source in lessons/; delete it."
