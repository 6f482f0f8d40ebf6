"""The library's floors: imports go down only, and nothing heavy is imported before it is needed."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parent.parent / "lessons_lib"
HEAVY = ("matplotlib", "ipywidgets", "onnxruntime", "openvino", "nncf", "ray", "torch_pruning", "torchao", "tornado")


def reading_order() -> list[str]:
    """The parts of the library in the order in which lessons_lib/__init__.py names them."""
    text = (LIBRARY / "__init__.py").read_text(encoding="utf-8")
    floors = re.findall(r"^\d+\. (.+)$", text, re.MULTILINE)
    return [name for names in floors for name in re.findall(r"`(\w+)`", names)]


ORDER = reading_order()


def part_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    """Every part of the library that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "lessons_lib":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lessons_lib."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("lessons_lib.")}
    return found


FILES = sorted(p for p in LIBRARY.rglob("*.py") if p != LIBRARY / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(LIBRARY)))
def test_imports_go_down_only(path: Path) -> None:
    part = part_of(path)
    assert part in ORDER, f"{part} has no place in the reading order of lessons_lib/__init__.py"
    before = ORDER[: ORDER.index(part)]
    for other in imported_parts(path) - {part}:
        assert other in before, f"{part} imports {other}, which is not named before it"


def test_every_part_that_is_named_exists() -> None:
    assert set(ORDER) == {part_of(path) for path in FILES}


@pytest.mark.parametrize("part", ORDER)
def test_importing_a_part_imports_nothing_heavy(part: str) -> None:
    code = f"import sys, lessons_lib.{part}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
