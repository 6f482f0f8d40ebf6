"""Lesson sources: text in the percent format to cells and back, exactly.

A source is in the normal form when `render(parse(text)) == text`; `parse` refuses any other, naming the line.
"""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

MARKER = re.compile(r"# %%(?P<markdown> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?")


class BuildError(Exception):
    """Something in a source or a notebook that the author has to mend; the message is for them."""


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Put the name of the file in front of any complaint that arises inside."""
    try:
        yield
    except BuildError as error:
        raise BuildError(f"{source}: {error}") from None


@dataclass(frozen=True)
class Cell:
    """One cell of a source.

    Args:
        kind: markdown or code.
        source: the text, without blank lines at either end.
        tags: what the cell is for, such as "parameters" or "exercise-01.1".
        blank_lines: how many follow in the source: 1, or 2 where the formatter wants two around a function.
    """

    kind: Literal["markdown", "code"]
    source: str
    tags: tuple[str, ...] = ()
    blank_lines: int = 1

    @property
    def first_line(self) -> str:
        return self.source.partition("\n")[0]


def trim(source: str) -> str:
    """The text without blank lines at either end, and with one kind of line end."""
    lines = source.replace("\r\n", "\n").split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


def parse(text: str) -> list[Cell]:
    """The cells of a source.

    Raises:
        BuildError: the text is not in the normal form; the message names the line.
    """
    cells: list[Cell] = []
    lines = text.removesuffix("\n").split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    if not starts:
        raise BuildError(f"line 1 is {lines[0]!r}; a source starts with `# %%` and has cells.")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        cells.append(_parse_cell(lines[start], lines[start + 1 : end], line_number=start + 1))
    _require_same(render(cells).split("\n"), text.split("\n"))
    return cells


def render(cells: Iterable[Cell]) -> str:
    """The source that consists of these cells.

    Raises:
        BuildError: a line of a cell would be taken for the start of another cell.
    """
    parts = [_marker(cell) + "\n" + _body(cell) + "\n" + "\n" * cell.blank_lines for cell in cells]
    return "".join(parts).rstrip("\n") + "\n"


def _parse_cell(marker: str, lines: list[str], line_number: int) -> Cell:
    match = MARKER.fullmatch(marker)
    if match is None:
        raise BuildError(
            f"line {line_number}: {marker!r} does not start a cell. Write `# %%` or `# %% [markdown]`, "
            'and after it at most tags, as in `# %% tags=["parameters"]`.'
        )
    kind: Literal["markdown", "code"] = "markdown" if match["markdown"] else "code"
    blank_lines = next((n for n, line in enumerate(reversed(lines)) if line), len(lines))
    body = lines[: len(lines) - blank_lines]
    if kind == "markdown":
        body = [_uncomment(line, line_number + offset) for offset, line in enumerate(body, start=1)]
    source = trim("\n".join(body))
    if not source:
        raise BuildError(f"line {line_number}: this cell is empty. Give it text or delete it.")
    return Cell(kind, source, _parse_tags(match["tags"], line_number), min(max(blank_lines, 1), 2))


def _uncomment(line: str, line_number: int) -> str:
    if line == "#":
        return ""
    if not line.startswith("# "):
        raise BuildError(f"line {line_number}: {line!r} is in a markdown cell and has to start with `# `.")
    return line[2:]


def _parse_tags(text: str | None, line_number: int) -> tuple[str, ...]:
    if text is None:
        return ()
    try:
        tags = json.loads(text)
    except ValueError:
        tags = None
    if not isinstance(tags, list) or not tags or not all(isinstance(tag, str) for tag in tags):
        raise BuildError(f'line {line_number}: tags are written as in `tags=["parameters"]`, not as {text}.')
    return tuple(tags)


def _marker(cell: Cell) -> str:
    markdown = " [markdown]" if cell.kind == "markdown" else ""
    tags = f" tags={json.dumps(list(cell.tags), ensure_ascii=False)}" if cell.tags else ""
    return f"# %%{markdown}{tags}"


def _body(cell: Cell) -> str:
    lines = cell.source.split("\n")
    if cell.kind == "markdown":
        lines = [f"# {line}" if line else "#" for line in lines]
    clash = next((line for line in lines if line.startswith("# %%")), None)
    if clash is not None:
        raise BuildError(
            f"the line {clash!r} inside a {cell.kind} cell would start another cell. Write it differently."
        )
    return "\n".join(lines)


def _require_same(normal: list[str], lines: list[str]) -> None:
    if normal == lines:
        return
    pairs = enumerate(zip([*normal, None], [*lines, None], strict=False), start=1)
    number, (want, got) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    raise BuildError(
        f"line {number} is {_quote(got)}; the normal form of a source has {_quote(want)} there. "
        "A source starts with `# %%`, has one or two blank lines between cells, none at the start of a cell, "
        "and ends with one line end."
    )


def _quote(line: str | None) -> str:
    return "the end" if line is None else repr(line)
