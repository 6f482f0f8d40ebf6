"""The parts of an exercise between `### BEGIN SOLUTION` and `### END SOLUTION`.

Learners get a stub in their place (`strip`), the checker shows them on request (`reveal`), and an edit of the
learners' notebook leaves them as they are (`merge`).
"""

import re
from collections.abc import Iterable

from building.percent import BuildError, Cell

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = re.compile(r"^([ \t]*)# Your code here\n\1raise NotImplementedError$", re.MULTILINE)


def strip(cells: Iterable[Cell]) -> list[tuple[int, Cell]]:
    """What learners get: each solution replaced by a stub, cells tagged "solution-only" left out.

    Returns:
        Each cell that stays, with its position among `cells`.

    Raises:
        BuildError: markers that do not pair up, or a stub outside of a solution.
    """
    kept = []
    for position, cell in enumerate(cells):
        stripped = _replace(cell, [_stub(region) for region in regions(cell)])
        if "solution-only" not in cell.tags:
            kept.append((position, stripped))
    return kept


def regions(cell: Cell) -> list[str]:
    """The solutions of a cell, with their markers.

    Raises:
        BuildError: markers that do not pair up, or that stand in a markdown cell.
    """
    found: list[list[str]] = []
    inside = False
    for line in cell.source.split("\n"):
        if _is_marker(line, cell):
            if (line.strip() == BEGIN) == inside:
                raise BuildError(
                    f"{line.strip()!r} without its partner in the cell that starts with {cell.first_line!r}."
                )
            inside = not inside
            if inside:
                found.append([])
            found[-1].append(line)
        elif inside:
            found[-1].append(line)
    if inside:
        raise BuildError(f"{BEGIN!r} without {END!r} in the cell that starts with {cell.first_line!r}.")
    return ["\n".join(lines) for lines in found]


def reveal(cells: Iterable[Cell]) -> dict[str, str]:
    """The solved code of each exercise: the cells tagged "exercise-01.1" and so on, without the markers.

    Returns:
        Exercise number, such as "01.1", to code.
    """
    found: dict[str, str] = {}
    for cell in cells:
        for number in (tag.removeprefix("exercise-") for tag in cell.tags if tag.startswith("exercise-")):
            if number in found:
                raise BuildError(
                    f"two cells are tagged 'exercise-{number}'. Keep the tag on the one to show as solution."
                )
            found[number] = "\n".join(line for line in cell.source.split("\n") if line.strip() not in (BEGIN, END))
    return found


def merge(cell: Cell, edited: Cell) -> Cell:
    """The edited cell of a learners' notebook with the solutions of the source in place of its stubs.

    Args:
        cell: the cell of the source.
        edited: the same cell as the notebook has it now.

    Raises:
        BuildError: the stubs are not those that the source has solutions for.
    """
    solutions = regions(cell)
    stubs = [match[0] for match in STUB.finditer(edited.source)] if edited.kind == "code" else []
    if stubs != [_stub(region) for region in solutions]:
        raise BuildError(
            f"the cell that starts with {edited.first_line!r} should have {len(solutions)} "
            "unchanged stub(s) (`# Your code here` and `raise NotImplementedError`), in the places of the solutions. "
            "Put them back as they were, or change the solution itself in the source or in the notebook of solutions/."
        )
    remaining = iter(solutions)
    source = STUB.sub(lambda match: next(remaining), edited.source)
    return Cell(edited.kind, source, edited.tags, edited.blank_lines)


def _replace(cell: Cell, stubs: list[str]) -> Cell:
    source = cell.source
    for region, stub in zip(regions(cell), stubs, strict=True):
        source = source.replace(region, stub, 1)
    if cell.kind == "code" and len(STUB.findall(source)) != len(stubs):
        raise BuildError(
            f"the cell that starts with {cell.first_line!r} has a stub (`# Your code here` and "
            f"`raise NotImplementedError`) of its own. Write {BEGIN!r} and {END!r} around the solution; the stub is generated."
        )
    return Cell(cell.kind, source, cell.tags, cell.blank_lines)


def _stub(region: str) -> str:
    indent = region[: len(region) - len(region.lstrip(" \t"))]
    return f"{indent}# Your code here\n{indent}raise NotImplementedError"


def _is_marker(line: str, cell: Cell) -> bool:
    if "BEGIN SOLUTION" not in line and "END SOLUTION" not in line:
        return False
    if line.strip() not in (BEGIN, END) or cell.kind != "code":
        raise BuildError(
            f"{line.strip()!r}: a marker stands alone on a line of a code cell and reads {BEGIN!r} or {END!r}."
        )
    return True
