"""What a notebook may store of a run, and what it must not: errors, paths of a machine, state of widgets."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from building.notebook import is_setup

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
# Bounded, since a picture within HTML is a hundred thousand characters without a blank.
CELL_FILE = re.compile(r"[^\s\"'<>]{0,200}ipykernel_\d+[/\\]+\d+\.py")
SOMEBODYS_HOME = re.compile(r"(?<![\w+/=.])(?:/home/\w|/Users/\w|[A-Za-z]:[/\\]+Users[/\\]+\w)[^\s\"'<>:]*")


def clean(notebook: NotebookNode, home: Path, root: Path) -> None:
    """Take out of an executed notebook what belongs to the machine that ran it.

    The views of widgets go too: without the state of the widget, which is large, they display as an error, and in
    their absence a page shows the picture and the table that stand beside them.

    Args:
        home: the learner's folder of this run.
        root: of the project.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = NotebookNode(name="python")
    replace = _replacer({str(home): "~/.lessons", sys.prefix: "~/python", str(root): ".", str(Path.home()): "~"})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [_clean_output(output, replace) for output in cell.outputs]


def faults(notebook: NotebookNode, root: Path) -> Iterator[str]:
    """Each thing in the stored outputs that a reader must not meet, as a sentence that names the cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                yield from (
                    f"the cell under {heading_above(notebook, cell)!r} {fault}" for fault in _faults(output, root)
                )
    for error in hidden_errors(notebook):
        yield f"a widget hides the error {error!r}"


def hidden_errors(notebook: NotebookNode) -> Iterator[str]:
    """Errors in the state of Output widgets: a callback that raised leaves one there, and the cell passes."""
    state = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for model in state.values():
        for output in model.get("state", {}).get("outputs", ()):
            if _error(output):
                yield _error(output)


def order_fault(notebook: NotebookNode) -> str | None:
    """A sentence where the cells were not executed once each, from top to bottom."""
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if None in counts:
        return "not every code cell has been executed"
    return None if counts == list(range(1, len(counts) + 1)) else "the cells were not executed once each, top to bottom"


def heading_above(notebook: NotebookNode, cell: NotebookNode) -> str:
    """The nearest heading above a cell, to name the cell by."""
    headings = ["the start"]
    for other in notebook.cells:
        if other.cell_type == "markdown":
            headings += [line.lstrip("# ") for line in other.source.split("\n") if re.match("#+ ", line)]
        if other is cell:
            break
    return "Set-up" if is_setup(cell) else headings[-1]


def _faults(output: NotebookNode, root: Path) -> Iterator[str]:
    if _error(output):
        yield f"stored the error {_error(output)!r}"
    for text in _texts(output):
        machine = next((path for path in _telling(root, Path.home()) if _path_pattern(path).search(text)), None)
        somebody = SOMEBODYS_HOME.search(text)
        if machine or somebody:
            yield f"stored a path of the machine, {machine or somebody[0]!r}"  # type: ignore[index]
        if WIDGET_STATE in text:
            yield "stored the state of a widget"
    if WIDGET_VIEW in output.get("data", {}):
        yield "stored the view of a widget, which cannot be shown without its state"


def _error(output: dict[str, Any]) -> str:
    """What went wrong, or nothing: an error, or a traceback that was written to stderr and swallowed."""
    if output.get("output_type") == "error":
        return f"{output.get('ename')}: {output.get('evalue')}"
    text = "".join(output.get("text", ""))
    is_swallowed = output.get("output_type") == "stream" and "Traceback (most recent call last)" in text
    return text.strip().split("\n")[-1] if is_swallowed else ""


def _texts(output: NotebookNode) -> Iterator[str]:
    if "text" in output:
        yield output.text
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str) and (kind.startswith("text/") or kind == "image/svg+xml"):
            yield value


def _clean_output(output: NotebookNode, replace: Callable[[str], str]) -> NotebookNode:
    if "text" in output:
        output.text = replace(output.text)
    data = output.get("data", {})
    data.pop(WIDGET_VIEW, None)
    for kind in (kind for kind in data if kind.startswith("text/") or kind == "image/svg+xml"):
        data[kind] = replace(data[kind])
    return output


def _replacer(paths: dict[str, str]) -> Callable[[str], str]:
    patterns = [(_path_pattern(path), paths[path]) for path in _telling(*map(Path, paths))]

    def replace(text: str) -> str:
        text = CELL_FILE.sub("the cell", text)
        for pattern, short in patterns:
            text = pattern.sub(lambda match, short=short: short, text)  # type: ignore[misc]
        return text

    return replace


def _telling(*paths: Path) -> list[str]:
    """The paths that tell something: the home folder of a container may be the root of all."""
    return [str(path) for path in paths if len(path.parts) > 1]


def _path_pattern(path: str) -> re.Pattern[str]:
    """The path with any kind and number of slashes, but not inside of base64 data or of a longer path."""
    parts = [re.escape(part) for part in re.split(r"[/\\]+", path)]
    return re.compile(r"(?<![\w+/=.\\])" + r"[/\\]+".join(parts) + r"(?![\w+=-]|\.\w)")
