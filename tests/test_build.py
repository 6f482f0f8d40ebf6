import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import sample_course
from building import make
from building.percent import BuildError
from sample_course import LESSON, build, edit_notebook, pretend_to_execute, read_notebook, write_course

NOTEBOOKS = ("notebooks/01_sample.ipynb", "solutions/01_sample.ipynb", "exercises/01_sample.ipynb")


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "execute", pretend_to_execute)
    return write_course(tmp_path)


def run(root: Path, *options: str) -> int:
    return build(["--root", str(root), *options])


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def refuse(notebook, folder, home):
    raise AssertionError("nothing should be executed")


@pytest.fixture(scope="module")
def really_built(tmp_path_factory):
    """Built by the command, in a real kernel; the code betrays where it ran."""
    told = "import os, sys\nprint(sys.executable, os.getcwd(), os.environ['LESSONS_HOME'])"
    root = write_course(tmp_path_factory.mktemp("course"), lesson=f"{LESSON}\n# %%\n{told}\n")
    command = [sys.executable, str(sample_course.ROOT / "tools" / "build.py"), "--root", str(root)]
    subprocess.run(command, check=True)
    return root


def test_the_command_executes_lessons_and_solutions_and_not_exercises(really_built):
    executed = [read_notebook(really_built / name) for name in NOTEBOOKS]
    counts = [[cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] for notebook in executed]
    assert counts == [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5], [None] * 4]
    assert run(really_built, "--check") == 0


def test_computed_prose_is_stored_with_its_figures(really_built):
    (said,) = [
        cell for cell in read_notebook(really_built / NOTEBOOKS[0]).cells if "computed" in cell.metadata.get("tags", [])
    ]
    text = 'It is **0.25**, a "quarter" of {it}, or $\\frac{1}{4}$ \\\n"and so on"'
    assert said.outputs[0].data == {"text/markdown": text, "text/plain": text}


def test_the_kernel_is_this_python_and_its_paths_are_not_stored(really_built):
    notebook = read_notebook(really_built / NOTEBOOKS[0])
    assert notebook.cells[-1].outputs[0].text.split() == [
        f"~/python/{Path(sys.executable).relative_to(sys.prefix).as_posix()}",
        "./notebooks",
        "~/.lessons",
    ]
    assert str(really_built) not in json.dumps(notebook)
    assert set(notebook.metadata) == {"course", "kernelspec", "language_info"}
    assert all("execution" not in cell.metadata for cell in notebook.cells)


def test_what_is_up_to_date_is_neither_executed_nor_written(course, monkeypatch):
    assert run(course) == 0
    before = snapshot(course)
    monkeypatch.setattr(make, "execute", refuse)
    assert run(course) == 0
    assert snapshot(course) == before


def test_a_change_of_text_keeps_the_outputs(course, monkeypatch):
    run(course)
    outputs = [cell.get("outputs") for cell in read_notebook(course / NOTEBOOKS[0]).cells]
    write_course(course, lesson=LESSON.replace("The line above", "A line"))
    assert run(course, "--check") == 1
    monkeypatch.setattr(make, "execute", refuse)
    assert run(course) == 0
    notebook = read_notebook(course / NOTEBOOKS[0])
    assert any("A line" in cell.source for cell in notebook.cells)
    assert [cell.get("outputs") for cell in notebook.cells] == outputs
    assert notebook.metadata.course.seconds == 1.5


def test_a_change_of_code_is_executed_again(course):
    run(course)
    write_course(course, lesson=LESSON.replace("share(1, 4)\n", "share(1, 40)\n"))
    assert run(course) == 0
    (changed,) = [cell for cell in read_notebook(course / NOTEBOOKS[0]).cells if cell.source == "share(1, 40)"]
    assert changed.outputs[0].text == "12\n"


def test_without_execution_changed_code_has_no_outputs_and_the_check_says_so(course, capsys):
    run(course)
    write_course(course, lesson=LESSON.replace("share(1, 4)\n", "share(1, 40)\n"))
    assert run(course, "--no-execute") == 0
    assert run(course, "--check") == 1
    assert "notebooks/01_sample.ipynb: not every code cell has been executed" in capsys.readouterr().err


def test_force_executes_again(course, monkeypatch):
    run(course)
    monkeypatch.setattr(make, "execute", refuse)
    with pytest.raises(AssertionError):
        run(course, "--force")


def test_only_builds_the_lessons_asked_for(course, capsys):
    (course / "lessons" / "02_other.py").write_text("# %%\nx = 1\n")
    assert run(course, "--only", "2") == 0
    assert (course / "notebooks" / "02_other.ipynb").exists()
    assert not (course / NOTEBOOKS[0]).exists()
    assert run(course, "--only", "7") == 1
    assert "no lesson 07" in capsys.readouterr().err


def test_a_lesson_that_fails_is_named_with_its_heading_and_keeps_its_old_notebook(tmp_path, monkeypatch, capsys):
    course = write_course(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(make, "execute", pretend_to_execute)
        run(course)
    before = (course / NOTEBOOKS[0]).read_bytes()
    write_course(course, lesson=LESSON.replace("share(1, 4)\n", "share(1, 0)\n"))
    assert run(course) == 1
    complaint = capsys.readouterr().err
    assert (
        "notebooks/01_sample.ipynb: the cell under 'Measure' stopped: ZeroDivisionError: division by zero" in complaint
    )
    assert (course / NOTEBOOKS[0]).read_bytes() == before
    assert sorted(path.name for path in (course / "notebooks").iterdir()) == ["01_sample.ipynb"]


def test_an_error_that_a_widget_swallows_stops_the_build(tmp_path, capsys):
    code = (
        "import ipywidgets\nbutton, output = ipywidgets.Button(), ipywidgets.Output()\n"
        "@button.on_click\ndef press(_):\n    with output:\n        1 / 0\nbutton.click()\n"
    )
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01_widget.py").write_text(f"# %%\n{code}")
    assert run(tmp_path) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert not (tmp_path / "notebooks" / "01_widget.ipynb").exists()


def test_the_solutions_for_the_checker_are_written(course):
    run(course)
    found = json.loads((course / make.ANSWERS).read_text())
    assert sorted(found) == ["01.1", "01.2"]
    assert found["01.2"] == "def halve(x):\n    return x / 2"


def spoil_output(root, **output):
    notebook = read_notebook(root / NOTEBOOKS[0])
    notebook.cells[2].outputs = [nbformat.from_dict(output)]
    nbformat.write(notebook, root / NOTEBOOKS[0])


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def display(**data):
    return {"output_type": "display_data", "metadata": {}, "data": data}


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (
            {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []},
            "stored the error 'ValueError: no'",
        ),
        (stream("Traceback (most recent call last):\n  x\nKeyError: 1\n", "stderr"), "stored the error 'KeyError: 1'"),
        (stream("/home/somebody/course"), "a path of the machine, '/home/somebody/course'"),
        (stream(r"C:\Users\somebody\x"), "a path of the machine"),
        (display(**{"text/html": "<td>/Users/somebody/x</td>"}), "a path of the machine"),
        (display(**{"text/plain": str(Path.home() / "data")}), "a path of the machine"),
        (display(**{"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}), "the view of a widget"),
        (stream("x" * 1_000_001), "has 1.0 MB; the limit is 1 MB"),
    ],
)
def test_the_check_finds_outputs_that_nobody_should_read(course, capsys, output, complaint):
    run(course)
    spoil_output(course, **output)
    before = snapshot(course)
    assert run(course, "--check") == 1
    complaints = capsys.readouterr().err
    assert complaint in complaints
    assert all(line.startswith("notebooks/01_sample.ipynb: ") for line in complaints.splitlines())
    assert snapshot(course) == before


def test_the_check_finds_an_error_hidden_in_the_state_of_a_widget(course, capsys):
    run(course)
    notebook = read_notebook(course / NOTEBOOKS[0])
    hidden = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "by zero", "traceback": []}
    state = {"state": {"1": {"state": {"outputs": [hidden]}}}}
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": state}
    nbformat.write(notebook, course / NOTEBOOKS[0])
    assert run(course, "--check") == 1
    assert "a widget hides the error 'ZeroDivisionError: by zero'" in capsys.readouterr().err


def delete(root):
    (root / NOTEBOOKS[0]).unlink()


def edit(root):
    edit_notebook(root / NOTEBOOKS[2], "# 01 · Exercises", "# 01 · Tasks")


def rerun(root):
    notebook = read_notebook(root / NOTEBOOKS[0])
    notebook.cells[1].execution_count = 9
    nbformat.write(notebook, root / NOTEBOOKS[0])


def spoil_answers(root):
    (root / make.ANSWERS).write_text("{}\n")


def add_orphan(root):
    (root / "notebooks" / "99_gone.ipynb").write_bytes((root / NOTEBOOKS[0]).read_bytes())


def break_file(root):
    (root / NOTEBOOKS[0]).write_text("{")


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (delete, "notebooks/01_sample.ipynb: is missing"),
        (
            edit,
            "exercises/01_sample.ipynb: disagrees with lessons/exercises/01_sample.py in the cell under '01 · Tasks'",
        ),
        (rerun, "notebooks/01_sample.ipynb: the cells were not executed once each, top to bottom"),
        (spoil_answers, "lessons_lib/checks/solutions.json: disagrees"),
        (add_orphan, "notebooks/99_gone.ipynb: has no source"),
        (break_file, "01_sample.ipynb is no notebook"),
    ],
)
def test_the_check_names_what_is_out_of_step(course, capsys, harm, complaint):
    run(course)
    harm(course)
    assert run(course, "--check") == 1
    assert complaint in capsys.readouterr().err


def test_outputs_of_other_code_are_stale_even_where_the_cells_agree(course, capsys):
    run(course)
    notebook = read_notebook(course / NOTEBOOKS[0])
    notebook.metadata.course.code_hash = "0" * 16
    nbformat.write(notebook, course / NOTEBOOKS[0])
    assert run(course, "--check") == 1
    assert "has outputs of other code" in capsys.readouterr().err


def test_text_that_looks_generated_is_refused_with_the_name_of_the_source(course, capsys):
    rule = '<div style="border-top:3px solid #0072B2;width:6em"></div>'
    write_course(course, lesson=f"# %% [markdown]\n# {rule}\n#\n# text\n")
    assert run(course) == 1
    assert "lessons/01_sample.py: the cell that starts with '<div style=" in capsys.readouterr().err


def test_an_exercise_of_another_lesson_is_refused(course, capsys):
    write_course(course, exercises='# %% tags=["exercise-02.1"]\nx = 1\n')
    assert run(course) == 1
    assert "lessons/exercises/01_sample.py: the tag 'exercise-02.1'" in capsys.readouterr().err


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    make.write(path, "old")
    monkeypatch.setattr(make.os, "replace", lambda old, new: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_address_is_set_in_one_place_and_a_change_keeps_the_outputs(course, monkeypatch):
    run(course)
    (course / "pyproject.toml").write_text('[tool.lessons]\nrepository = "https://github.com/owner/name"\n')
    assert run(course, "--check") == 1
    monkeypatch.setattr(make, "execute", refuse)
    assert run(course) == 0
    setups = {cell.source for name in NOTEBOOKS for cell in read_notebook(course / name).cells if cell.id == "setup"}
    assert len(setups) == 1
    assert '"https://github.com/owner/name"' in setups.pop()


def test_a_damaged_notebook_is_named(tmp_path):
    (tmp_path / "x.ipynb").write_text("[]")
    with pytest.raises(BuildError, match=r"x\.ipynb is no notebook"):
        make.read(tmp_path / "x.ipynb")
