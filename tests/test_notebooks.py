"""Executes the built notebooks: as they are stored, quickly with other parameters and data, and untouched."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import papermill
import pytest
import sample_course
from building.outputs import hidden_errors
from nbformat import NotebookNode
from PIL import Image

ROOT = sample_course.ROOT
LESSONS, EXERCISES, SOLUTIONS = (
    sorted((ROOT / name).glob("[0-9][0-9]_*.ipynb")) for name in ("notebooks", "exercises", "solutions")
)
CHECK = re.compile(r"(?<!def )\bcheck\(")

pytestmark = pytest.mark.notebook


def named(paths: list[Path]) -> list:
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in paths]


@pytest.fixture(scope="module", autouse=True)
def learner(tmp_path_factory):
    """A folder of the learner's that all share, and figures that do not vanish in the kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESSONS_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("MPLBACKEND", raising=False)
        yield


@pytest.fixture(scope="module")
def own_images(tmp_path_factory) -> str:
    """Somebody's own pictures: three classes told apart by colour, too few for a good model."""
    folder = tmp_path_factory.mktemp("images")
    noise = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (folder / name).mkdir()
        for number in range(24):
            pixels = noise.integers(0, 120, (32, 32, 3), dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return f"folder:{folder}"


def execute(path: Path, out: Path, **parameters: str) -> NotebookNode:
    """Run a notebook where it lies; it is stored elsewhere."""
    papermill.execute_notebook(
        path, out / path.name, parameters=parameters, kernel_name="python3", cwd=path.parent, progress_bar=False
    )
    return nbformat.read(out / path.name, as_version=4)


def errors(notebook: NotebookNode) -> list[str]:
    """What went wrong, also inside of widgets and where it was written to stderr and swallowed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    raised = [output.evalue for output in outputs if output.output_type == "error"]
    texts = [output.text for output in outputs if output.output_type == "stream"]
    return [*raised, *hidden_errors(notebook), *(text for text in texts if "Traceback (most recent call last)" in text)]


def text_of(cell: NotebookNode) -> str:
    """All that a cell displayed as text."""
    outputs = cell.get("outputs", ())
    return "\n".join(str(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("folder", ["notebooks", "solutions"])
def test_the_stored_outputs_are_what_the_quick_profile_gives(folder, tmp_path):
    paths = [path for path in (*LESSONS, *SOLUTIONS) if path.parent.name == folder]
    if not paths:
        pytest.skip(f"{folder}/ has no notebooks yet")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider"]
    rules = ["--nbval-sanitize-with", str(ROOT / "tools" / "nbval_sanitize.cfg")]
    rules += ["--numprocesses=2", "--dist=loadscope"]  # a notebook stays in one process
    told = subprocess.run(
        [*command, *rules, *map(str, paths)], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]


@pytest.mark.parametrize("path", named([*LESSONS, *SOLUTIONS]))
def test_the_smoke_profile_runs_without_an_error(path, tmp_path):
    assert errors(execute(path, tmp_path, PROFILE="smoke")) == []


@pytest.mark.parametrize("path", named([*LESSONS, *SOLUTIONS]))
def test_the_smoke_profile_runs_on_the_learners_own_images(path, tmp_path, own_images):
    assert errors(execute(path, tmp_path, PROFILE="smoke", DATASET=own_images)) == []


@pytest.mark.parametrize("path", named(EXERCISES))
def test_untouched_exercises_run_through_and_every_check_says_not_attempted(path, tmp_path):
    notebook = execute(path, tmp_path, PROFILE="smoke")
    assert errors(notebook) == []
    checks = [(cell, len(CHECK.findall(cell.source))) for cell in notebook.cells if cell.cell_type == "code"]
    assert any(count for _, count in checks), "no cell calls check()"
    for cell, count in checks:
        assert text_of(cell).lower().count("not attempted") >= count, cell.source
