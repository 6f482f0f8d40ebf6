"""Which notebook belongs to which source, and what each notebook has to be."""

import json
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import nbformat
from nbformat import NotebookNode

from building import notebook as notebooks
from building import setup_cell, solutions
from building.percent import BuildError, Cell, naming, parse

Kind = Literal["lesson", "exercise", "solution"]
FOLDERS: dict[Kind, str] = {"lesson": "notebooks", "exercise": "exercises", "solution": "solutions"}
SOURCES: dict[Kind, str] = {"lesson": "lessons", "exercise": "lessons/exercises", "solution": "lessons/exercises"}


@dataclass(frozen=True)
class Target:
    """One notebook and its source; both paths are relative to the root of the project, with forward slashes."""

    kind: Kind
    name: str

    @property
    def source(self) -> str:
        return f"{SOURCES[self.kind]}/{self.name}.py"

    @property
    def notebook(self) -> str:
        return f"{FOLDERS[self.kind]}/{self.name}.ipynb"

    @property
    def is_executed(self) -> bool:
        return self.kind != "exercise"


@dataclass(frozen=True)
class Project:
    """A checkout of the course."""

    root: Path

    def targets(self, only: list[str] | None = None) -> list[Target]:
        """Every notebook in the order in which they are executed.

        Args:
            only: numbers of lessons, such as ["01", "9"]; None for all.

        Raises:
            BuildError: a number that no source has.
        """
        found = [
            Target(kind, path.stem)
            for kind in FOLDERS
            for path in sorted((self.root / SOURCES[kind]).glob("[0-9][0-9]_*.py"))
        ]
        if only is None:
            return found
        numbers = {number.strip().zfill(2) for number in only}
        unknown = numbers - {target.name[:2] for target in found}
        if unknown:
            raise BuildError(f"there is no lesson {', '.join(sorted(unknown))} in lessons/.")
        return [target for target in found if target.name[:2] in numbers]

    def target_of(self, path: Path) -> Target:
        """The target whose notebook lies at this path.

        Raises:
            BuildError: the path is not one of a built notebook.
        """
        for target in self.targets():
            if (self.root / target.notebook).resolve() == path.resolve():
                return target
        raise BuildError(
            f"{path} is not built from a source in lessons/. Give a notebook of {', '.join(FOLDERS.values())}."
        )

    def read_source(self, target: Target) -> str:
        return (self.root / target.source).read_text(encoding="utf-8")

    def build(self, target: Target, text: str | None = None) -> NotebookNode:
        """The notebook of a target, without outputs.

        Args:
            text: the source, where it is not the one on disk.

        Raises:
            BuildError: the source cannot become a notebook, or the notebook would not lead back to it.
        """
        text = self.read_source(target) if text is None else text
        with naming(target.source):
            cells = parse(text)
            built = notebooks.new_notebook(for_readers(target.kind, cells), self._setup)
            _require_way_back(target, cells, built)
        built.metadata.course = {
            "source": target.source,
            "source_hash": notebooks.short_hash(text),
            "code_hash": notebooks.code_hash(built),
        }
        nbformat.validate(built)
        return nbformat.from_dict(built)

    def answers(self) -> str:
        """The text of the file that the checker shows solutions from: exercise number to code, as JSON."""
        found: dict[str, str] = {}
        for target in (target for target in self.targets() if target.kind == "solution"):
            with naming(target.source):
                revealed = solutions.reveal(parse(self.read_source(target)))
                for number in (number for number in revealed if not number.startswith(f"{target.name[:2]}.")):
                    raise BuildError(f"the tag 'exercise-{number}' should read 'exercise-{target.name[:2]}.1' or so.")
            found |= revealed
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"

    @cached_property
    def _setup(self) -> str:
        settings = self.root / "pyproject.toml"
        values = tomllib.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
        return setup_cell.source(values.get("tool", {}).get("lessons", {}).get("repository", ""))


def for_readers(kind: Kind, cells: list[Cell]) -> list[Cell]:
    """The cells that a notebook of this kind has of the source's."""
    return [cell for _, cell in solutions.strip(cells)] if kind == "exercise" else cells


def _require_way_back(target: Target, cells: list[Cell], built: NotebookNode) -> None:
    back = [cell for _, cell in notebooks.to_source_cells(built)]
    for want, got in zip(for_readers(target.kind, cells), back, strict=True):
        if want != got:
            raise BuildError(
                f"the cell that starts with {want.first_line!r} holds text that the build generates itself."
            )
