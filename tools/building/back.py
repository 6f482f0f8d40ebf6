"""Brings an edit of a built notebook back into its source."""

import difflib
from pathlib import Path

from nbformat import NotebookNode

from building import solutions
from building.make import read, write
from building.notebook import is_setup, short_hash, to_source_cells
from building.percent import BuildError, Cell, naming, parse, render
from building.project import Project, Target


def bring_back(project: Project, path: Path, *, force: bool = False) -> str:
    """Change the source of a notebook so that it builds what the notebook now holds.

    Args:
        force: also where the source changed after the notebook was built; the notebook then wins.

    Returns:
        The change of the source as a unified diff, empty where there is nothing to bring back.

    Raises:
        BuildError: the edit cannot be brought back; nothing has changed then.
    """
    target, edited = project.target_of(path), read(path)
    if edited is None:
        raise BuildError(f"{path} does not exist.")
    with naming(target.notebook):
        old = project.read_source(target)
        new = source_of(project, target, edited, old)
        if new != old and not force:
            _require_built_from(edited, old, target)
    write(project.root / target.source, new)
    lines = difflib.unified_diff(
        old.splitlines(True), new.splitlines(True), f"{target.source} before", f"{target.source} after"
    )
    return "".join(lines)


def source_of(project: Project, target: Target, edited: NotebookNode, old: str) -> str:
    """The source that the notebook stands for; for an exercise, with the solutions of the old source.

    Raises:
        BuildError: no source builds this notebook.
    """
    cells = to_source_cells(edited)
    new = render(
        _with_solutions(project, target, cells, old) if target.kind == "exercise" else [cell for _, cell in cells]
    )
    rebuilt = project.build(target, new)
    for (_, want), (_, got) in zip(cells, to_source_cells(rebuilt), strict=True):
        if want != got:
            raise BuildError(f"the cell that starts with {want.first_line!r} would not come back as it is.")
    return new


def notes(project: Project, path: Path) -> list[str]:
    """What of the notebook was not brought back, a sentence each."""
    edited = read(path)
    built = project.build(project.target_of(path))
    setups = [
        [cell.source for cell in (notebook.cells if notebook else []) if is_setup(cell)] for notebook in (edited, built)
    ]
    return (
        []
        if setups[0] == setups[1]
        else ["The set-up cell is the same in all notebooks and generated; its edit stays out."]
    )


def _require_built_from(edited: NotebookNode, old: str, target: Target) -> None:
    if edited.metadata.get("course", {}).get("source_hash") != short_hash(old):
        raise BuildError(
            f"{target.source} changed after this notebook was built from it. Bringing the notebook back would undo that change. "
            "Build first and repeat your edit, or use --force if the notebook is right (the change is shown)."
        )


def _with_solutions(project: Project, target: Target, cells: list[tuple[str, Cell]], old: str) -> list[Cell]:
    """The edited cells with the solutions put back, and the cells that learners do not see at their places."""
    source = parse(old)
    positions = _positions(project, target, cells, source)
    merged = [_merge(source, position, cell) for position, (_, cell) in zip(positions, cells, strict=True)]
    unseen = [position for position, cell in enumerate(source) if position not in _seen(source)]
    for position in unseen:
        before = [index for index, other in enumerate(positions) if other is not None and other < position]
        index = max(before, key=lambda index: positions[index]) + 1 if before else 0  # type: ignore[arg-type, return-value]
        merged.insert(index, source[position])
        positions.insert(index, position)
    for position, cell in enumerate(source):
        if position not in positions and solutions.regions(cell):
            raise BuildError(
                f"the cell that starts with {cell.first_line!r} is gone, and with it its solution. Put it back, "
                f"or delete it in {target.source} or in the notebook of solutions/."
            )
    return merged


def _positions(project: Project, target: Target, cells: list[tuple[str, Cell]], source: list[Cell]) -> list[int | None]:
    """The position in the source of each cell of the notebook: found by its id, or by its text; None for a new cell."""
    built = to_source_cells(project.build(target, render(source)))
    stripped = solutions.strip(source)
    by_id = {cell_id: position for (cell_id, _), (position, _) in zip(built, stripped, strict=True)}
    positions: list[int | None] = [by_id.pop(cell_id, None) for cell_id, _ in cells]
    left = {position: cell for position, cell in stripped if position in by_id.values()}
    for index, (_, cell) in enumerate(cells):
        if positions[index] is None:
            positions[index] = next((position for position, other in left.items() if other.source == cell.source), None)
            left.pop(positions[index], None)  # type: ignore[arg-type]
    return positions


def _merge(source: list[Cell], position: int | None, edited: Cell) -> Cell:
    return solutions.merge(edited if position is None else source[position], edited)


def _seen(source: list[Cell]) -> set[int]:
    return {position for position, _ in solutions.strip(source)}
