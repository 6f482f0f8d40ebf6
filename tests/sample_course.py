"""A tiny course to build in tests: one lesson and its exercises."""

import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from build import main as build  # noqa: E402, F401

LESSON = r"""# %% [markdown]
# # 01 · How many?
# *1 minute*

# %% tags=["parameters"]
PROFILE = "quick"

# %% [markdown]
# ## Measure
# The line above gets a rule.

# %%
def share(part, whole):
    return part / whole


# %%
share(1, 4)

# %% [markdown] tags=["computed"]
# It is **{share(1, 4):.2f}**, a "quarter" of {{it}}, or $\frac{{1}}{{4}}$ \
# "and so on"
"""

EXERCISES = '''# %% [markdown]
# # 01 · Exercises

# %% tags=["exercise-01.1"]
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    y = x + x
    return y
    ### END SOLUTION


# %% tags=["solution-only"]
double(4)

# %% tags=["exercise-01.2"]
def halve(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION


# %%
halve
'''


def write_course(root: Path, lesson: str = LESSON, exercises: str = EXERCISES) -> Path:
    """Lay the sources out under `root` and return it."""
    (root / "lessons" / "exercises").mkdir(parents=True, exist_ok=True)
    (root / "lessons" / "01_sample.py").write_text(lesson, encoding="utf-8")
    (root / "lessons" / "exercises" / "01_sample.py").write_text(exercises, encoding="utf-8")
    return root


def read_notebook(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def edit_notebook(path: Path, old: str, new: str) -> None:
    """Replace text in the one cell that has it, as somebody in JupyterLab would."""
    notebook = read_notebook(path)
    cells = [cell for cell in notebook.cells if old in cell.source]
    assert len(cells) == 1, f"{len(cells)} cells have {old!r}"
    cells[0].source = cells[0].source.replace(old, new)
    nbformat.write(notebook, path)


def pretend_to_execute(notebook: NotebookNode, folder: Path, home: Path) -> float:
    """Instead of a kernel: each code cell but the set-up cell prints its own length."""
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", text=f"{len(cell.source)}\n")] if count > 1 else []
    return 1.5
