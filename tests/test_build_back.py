import nbformat
import pytest
import sample_course
from building import make
from building.back import source_of
from building.percent import Cell, parse, render
from building.project import Project, Target
from hypothesis import given
from hypothesis import strategies as st
from sample_course import EXERCISES, LESSON, build, edit_notebook, pretend_to_execute, read_notebook, write_course

LESSON_BOOK, EXERCISE_BOOK, SOLUTION_BOOK = (
    f"{folder}/01_sample.ipynb" for folder in ("notebooks", "exercises", "solutions")
)
REAL = Project(sample_course.ROOT).targets()


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "execute", pretend_to_execute)
    write_course(tmp_path)
    assert build(["--root", str(tmp_path)]) == 0
    return tmp_path


def back(course, book, *options):
    return build(["--root", str(course), "--back", str(course / book), *options])


def lesson(course):
    return (course / "lessons" / "01_sample.py").read_text(encoding="utf-8")


def exercises(course):
    return (course / "lessons" / "exercises" / "01_sample.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("book", [LESSON_BOOK, EXERCISE_BOOK, SOLUTION_BOOK])
def test_an_unedited_notebook_changes_nothing(course, capsys, book):
    assert back(course, book) == 0
    assert (lesson(course), exercises(course)) == (LESSON, EXERCISES)
    assert "says the same already" in capsys.readouterr().out


@pytest.mark.parametrize("target", REAL, ids=lambda target: target.notebook)
def test_every_real_source_comes_back_byte_for_byte(target):
    project = Project(sample_course.ROOT)
    text = project.read_source(target)
    assert source_of(project, target, project.build(target), text) == text


WORDS = st.text(st.sampled_from("ab {}\"'\\#:\n"), min_size=1, max_size=20).map(lambda text: f"a{text}a")
CODE = st.builds(
    Cell, st.just("code"), WORDS, st.sampled_from([(), ("solution-only",), ("parameters",)]), st.sampled_from([1, 2])
)
PROSE = st.builds(Cell, st.just("markdown"), st.one_of(WORDS, st.just("## Measure\n\ntext")), st.just(()), st.just(1))
SOLVED = st.builds(
    lambda name, indent, answer: Cell(
        "code",
        f"def {name}():\n{indent}### BEGIN SOLUTION\n{indent}return {answer}\n{indent}### END SOLUTION\n# {name}",
    ),
    st.sampled_from("fgh"),
    st.sampled_from(["    ", "  ", "\t"]),
    st.integers(0, 3),
)


@given(
    st.lists(st.one_of(CODE, PROSE, SOLVED), min_size=1, max_size=8),
    st.sampled_from(["lesson", "exercise", "solution"]),
)
def test_any_source_comes_back_byte_for_byte(cells, kind):
    project, target = Project(sample_course.ROOT / "nowhere"), Target(kind, "01_any")
    text = render([*cells, Cell("markdown", "The end")])
    assert source_of(project, target, project.build(target, text), text) == text


def test_an_edit_of_a_lesson_reaches_its_source_and_is_shown(course, capsys):
    edit_notebook(course / LESSON_BOOK, "The line above", "A line")
    edit_notebook(course / LESSON_BOOK, "It is **", "That makes **")
    assert back(course, LESSON_BOOK) == 0
    assert lesson(course) == LESSON.replace("The line above", "A line").replace("It is **", "That makes **")
    shown = capsys.readouterr().out
    assert "-# The line above gets a rule." in shown
    assert "+# A line gets a rule." in shown
    assert "build.py --only 01" in shown


def test_cells_added_moved_and_deleted_in_a_lesson_are_brought_back(course):
    notebook = read_notebook(course / LESSON_BOOK)
    notebook.cells.insert(2, nbformat.v4.new_markdown_cell("\nNew text\r\nof two lines\n\n"))
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    del notebook.cells[-2]
    nbformat.write(notebook, course / LESSON_BOOK)
    assert back(course, LESSON_BOOK) == 0
    cells = parse(lesson(course))
    assert cells[1] == Cell("markdown", "New text\nof two lines")
    assert cells[2:] == parse(LESSON)[1:-1]


def test_text_written_above_the_rule_of_a_block_does_not_bring_the_rule_into_the_source(course):
    edit_notebook(course / LESSON_BOOK, "<div", "Look.<div")
    assert back(course, LESSON_BOOK) == 0
    assert lesson(course) == LESSON.replace("# ## Measure\n", "# Look.\n#\n# ## Measure\n")


def test_a_notebook_saved_by_jupyterlab_brings_back_only_what_was_edited(course):
    notebook = read_notebook(course / LESSON_BOOK)
    notebook.metadata.kernelspec.display_name = "Other"
    for cell in notebook.cells:
        cell.metadata.update(editable=True, slideshow={"slide_type": ""})
    nbformat.write(notebook, course / LESSON_BOOK)
    assert back(course, LESSON_BOOK) == 0
    assert lesson(course) == LESSON


def test_an_edit_of_the_solutions_reaches_the_source_with_its_markers(course):
    edit_notebook(course / SOLUTION_BOOK, "y = x + x", "y = 2 * x")
    assert back(course, SOLUTION_BOOK) == 0
    assert exercises(course) == EXERCISES.replace("y = x + x", "y = 2 * x")


def test_an_edit_of_the_exercises_leaves_the_solutions_as_they_are(course):
    edit_notebook(course / EXERCISE_BOOK, '"""Twice x."""', '"""The double of x."""')
    notebook = read_notebook(course / EXERCISE_BOOK)
    notebook.cells.insert(1, nbformat.v4.new_markdown_cell("First things first."))
    nbformat.write(notebook, course / EXERCISE_BOOK)
    assert back(course, EXERCISE_BOOK) == 0
    want = EXERCISES.replace("Twice x.", "The double of x.")
    want = want.replace("# 01 · Exercises\n\n", "# 01 · Exercises\n\n# %% [markdown]\n# First things first.\n\n")
    assert exercises(course) == want


def test_a_cell_moved_by_cut_and_paste_keeps_its_solution_and_teachers_cells_follow_their_neighbour(course):
    notebook = read_notebook(course / EXERCISE_BOOK)
    moved = notebook.cells.pop(2)
    moved.id = "pasted"
    notebook.cells.append(moved)
    nbformat.write(notebook, course / EXERCISE_BOOK)
    assert back(course, EXERCISE_BOOK) == 0
    cells = parse(EXERCISES)
    assert [cell.source for cell in parse(exercises(course))] == [cells[index].source for index in (0, 3, 4, 1, 2)]


def change_stub(notebook):
    notebook.cells[2].source = notebook.cells[2].source.replace("# Your code here", "return x + x")


def delete_exercise(notebook):
    del notebook.cells[2]


def add_stub(notebook):
    notebook.cells.append(nbformat.v4.new_code_cell("def g():\n    # Your code here\n    raise NotImplementedError"))


def write_a_cell_mark(notebook):
    notebook.cells[0].source = "%% time"


def write_raw(notebook):
    notebook.cells.append(nbformat.v4.new_raw_cell("raw"))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (change_stub, "should have 1 unchanged stub"),
        (delete_exercise, "is gone, and with it its solution"),
        (add_stub, "should have 0 unchanged stub"),
        (write_a_cell_mark, "would start another cell"),
        (write_raw, "of the kind raw"),
    ],
)
def test_an_edit_that_cannot_be_brought_back_changes_nothing_and_says_why(course, capsys, harm, complaint):
    notebook = read_notebook(course / EXERCISE_BOOK)
    harm(notebook)
    nbformat.write(notebook, course / EXERCISE_BOOK)
    assert back(course, EXERCISE_BOOK, "--force") == 1
    assert exercises(course) == EXERCISES
    complaints = capsys.readouterr().err
    assert complaint in complaints
    assert "exercises/01_sample.ipynb" in complaints


def test_a_source_that_changed_meanwhile_is_kept_unless_forced(course, capsys):
    changed = LESSON.replace("1 minute", "2 minutes")
    write_course(course, lesson=changed)
    edit_notebook(course / LESSON_BOOK, "The line above", "A line")
    assert back(course, LESSON_BOOK) == 1
    assert lesson(course) == changed
    assert "changed after this notebook was built" in capsys.readouterr().err
    assert back(course, LESSON_BOOK, "--force") == 0
    assert lesson(course) == LESSON.replace("The line above", "A line")
    assert "-# *2 minutes*" in capsys.readouterr().out


def test_an_edit_of_the_set_up_cell_stays_out_and_this_is_said(course, capsys):
    edit_notebook(course / LESSON_BOOK, "@title Set-up", "@title My set-up")
    assert back(course, LESSON_BOOK) == 0
    assert lesson(course) == LESSON
    assert "its edit stays out" in capsys.readouterr().out


def test_a_file_that_is_no_built_notebook_is_refused(course, capsys):
    assert build(["--root", str(course), "--back", str(course / "other.ipynb")]) == 1
    assert "not built from a source" in capsys.readouterr().err


def test_after_back_and_build_everything_is_in_step(course):
    edit_notebook(course / EXERCISE_BOOK, "# 01 · Exercises", "# 01 · Tasks")
    assert back(course, EXERCISE_BOOK) == 0
    assert build(["--root", str(course)]) == 0
    assert build(["--root", str(course), "--check"]) == 0
    assert "# 01 · Tasks" in read_notebook(course / SOLUTION_BOOK).cells[0].source
