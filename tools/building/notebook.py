"""A source cell as a notebook cell, and back: the marks of the blocks, computed prose, ids, hidden code."""

import hashlib
from collections import Counter
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode

from building.percent import BuildError, Cell, trim

# One colour of Okabe and Ito's palette for each block; the heading says the same in words.
BLOCK_COLOURS = {
    "## Predict": "#E69F00",
    "## Measure": "#0072B2",
    "## Explain": "#009E73",
    "## Explore": "#CC79A7",
    "## Exercises": "#D55E00",
    "## Take home": "#56B4E9",
}
RULES = {
    heading: f'<div style="border-top:3px solid {colour};width:6em"></div>' for heading, colour in BLOCK_COLOURS.items()
}
# The line that is left to see where the code is hidden.
COMPUTED_TITLE = "# @title Text with the figures of your run"
# A raw string, so that a backslash stays one; line ends around the text, so that it may begin and end with a quote.
COMPUTED = [
    (f"{COMPUTED_TITLE}\nfrom lessons_lib.say import say\n\nsay(rf{quotes}\n", f"\n{quotes})", quotes)
    for quotes in ('"""', "'''")
]
HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}


def new_notebook(cells: Iterable[Cell], setup: str) -> NotebookNode:
    """A notebook without outputs.

    Args:
        cells: of the source.
        setup: code of the set-up cell, which becomes the first code cell, below the title.
    """
    built = [_to_notebook_cell(cell) for cell in cells]
    setup_cell = nbformat.v4.new_code_cell(setup, metadata={"tags": ["setup"], **HIDDEN})
    built.insert(1 if built and built[0].cell_type == "markdown" else 0, setup_cell)
    for cell, cell_id in zip(built, _ids(built), strict=True):
        cell.id = cell_id
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.from_dict(nbformat.v4.new_notebook(cells=built, metadata=metadata))


def code_hash(notebook: NotebookNode) -> str:
    """What decides the outputs: the code of all cells but the set-up cell, as a short hash."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not is_setup(cell)]
    return short_hash("\0".join(sources))


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_setup(cell: NotebookNode) -> bool:
    return "setup" in cell.metadata.get("tags", [])


def to_source_cells(notebook: NotebookNode) -> list[tuple[str, Cell]]:
    """The cells of the source that a notebook stands for: everything generated undone, empty cells left out.

    Returns:
        The id of each cell in the notebook, with the cell.

    Raises:
        BuildError: a cell that a source cannot hold; the message names it.
    """
    written = [cell for cell in notebook.cells if not is_setup(cell) and cell.source.strip()]
    pairs = [(cell.get("id", ""), _to_source_cell(cell)) for cell in written]
    return [(cell_id, cell) for cell_id, cell in pairs if cell.source]


def _to_notebook_cell(cell: Cell) -> NotebookNode:
    if "setup" in cell.tags:
        raise BuildError(
            f"the tag 'setup' of the cell that starts with {cell.first_line!r} belongs to the generated cell."
        )
    metadata: dict = {"tags": list(cell.tags)} if cell.tags else {}
    if cell.blank_lines != 1:
        metadata["blank_lines_after"] = cell.blank_lines
    if "computed" in cell.tags:
        return nbformat.v4.new_code_cell(_computed_code(cell), metadata=metadata | HIDDEN)
    if cell.kind == "code":
        return nbformat.v4.new_code_cell(cell.source, metadata=metadata)
    return nbformat.v4.new_markdown_cell(_with_rule(cell.source, cell.first_line), metadata=metadata)


def _to_source_cell(cell: NotebookNode) -> Cell:
    tags, blank_lines = tuple(cell.metadata.get("tags", ())), cell.metadata.get("blank_lines_after", 1)
    source = trim(cell.source)
    if cell.cell_type == "code" and "computed" in tags:
        return Cell("markdown", _computed_text(source), tags, blank_lines)
    if cell.cell_type == "code":
        return Cell("code", source, tags, blank_lines)
    if cell.cell_type == "markdown":
        return Cell("markdown", _without_rules(source), tags, blank_lines)
    raise BuildError(
        f"the cell that starts with {source[:40]!r} is of the kind {cell.cell_type}. Make it markdown or code."
    )


def _with_rule(source: str, heading: str) -> str:
    return f"{RULES[heading]}\n\n{source}" if heading in RULES else source


def _without_rules(source: str) -> str:
    """The text without the rules, wherever they are now: somebody may have written above one."""
    for rule in RULES.values():
        source = source.replace(rule, "")
    return trim(source)


def _computed_code(cell: Cell) -> str:
    """Prose with placeholders, such as `{accuracy:.1f}`, as code that displays it with the values of the run."""
    if cell.kind != "markdown":
        raise BuildError(f"the tag 'computed' is for markdown; the cell that starts with {cell.first_line!r} is code.")
    frame = next((frame for frame in COMPUTED if frame[2] not in cell.source), None)
    if frame is None:
        raise BuildError(f"the computed cell that starts with {cell.first_line!r} has both kinds of triple quotes.")
    code = frame[0] + cell.source + frame[1]
    try:
        compile(code, "computed", "exec")
    except SyntaxError as error:
        raise BuildError(
            f"the computed cell that starts with {cell.first_line!r} is no f-string ({error.msg}). "
            "Placeholders are written {name} or {name:.1f}, braces of the text itself are doubled: {{ and }}."
        ) from None
    return code


def _computed_text(code: str) -> str:
    for start, end, _ in COMPUTED:
        if code.startswith(start) and code.endswith(end) and len(code) > len(start + end):
            return trim(code[len(start) : -len(end)])
    raise BuildError(
        f'the code around a computed text was changed: {code[:60]!r}. Between `say(rf"""` and `""")` the text is yours; '
        "for other code use a cell without the tag 'computed'."
    )


def _ids(cells: Iterable[NotebookNode]) -> list[str]:
    """Ids that follow from the content, so that a rebuild changes none; equal cells are numbered."""
    seen: Counter[str] = Counter()
    ids = []
    for cell in cells:
        content = short_hash(f"{cell.cell_type}\n{cell.source}")[:10]
        seen[content] += 1
        ids.append("setup" if is_setup(cell) else content if seen[content] == 1 else f"{content}-{seen[content]}")
    return ids
