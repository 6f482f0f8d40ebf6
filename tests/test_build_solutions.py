import pytest
import sample_course
from building.percent import BuildError, Cell, parse
from building.solutions import merge, reveal, strip

CELLS = parse(sample_course.EXERCISES)


def test_learners_get_a_stub_in_place_of_each_solution_and_no_cell_of_the_teachers():
    stripped = strip(CELLS)
    text = "\n".join(cell.source for _, cell in stripped)
    assert [position for position, _ in stripped] == [0, 1, 3, 4]
    assert text.count("    # Your code here\n    raise NotImplementedError") == 2
    assert "SOLUTION" not in text
    assert "return" not in text


def test_the_checker_gets_the_solved_code_without_markers():
    found = reveal(CELLS)
    assert found == {
        "01.1": 'def double(x):\n    """Twice x."""\n    y = x + x\n    return y',
        "01.2": "def halve(x):\n    return x / 2",
    }
    assert all(compile(code, number, "exec") for number, code in found.items())


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "### END SOLUTION\nx\n### BEGIN SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\nx\n### END SOLUTION\n### END SOLUTION",
        "### BEGIN SOLUTION here\nx\n### END SOLUTION",
        "## BEGIN SOLUTION\nx\n### END SOLUTION",
    ],
)
def test_markers_that_do_not_pair_up_are_refused(source):
    with pytest.raises(BuildError, match="SOLUTION"):
        strip([Cell("code", "f = 1"), Cell("code", source)])


def test_a_solution_cannot_hide_in_markdown():
    with pytest.raises(BuildError, match="code cell"):
        strip([Cell("markdown", "### BEGIN SOLUTION\nsecret\n### END SOLUTION")])


def test_a_stub_written_by_hand_is_refused():
    with pytest.raises(BuildError, match="the stub is generated"):
        strip([Cell("code", "def f():\n    # Your code here\n    raise NotImplementedError")])


def test_two_cells_for_one_exercise_are_refused():
    with pytest.raises(BuildError, match=r"exercise-01\.1"):
        reveal([Cell("code", "x", ("exercise-01.1",)), Cell("code", "y", ("exercise-01.1",))])


def test_text_around_a_stub_can_be_edited_and_the_solution_stays():
    stripped = dict(strip(CELLS))[1]
    edited = Cell("code", stripped.source.replace("Twice x.", "The double."), stripped.tags)
    assert merge(CELLS[1], edited).source == CELLS[1].source.replace("Twice x.", "The double.")


@pytest.mark.parametrize(
    "change", [("# Your code here", "# Code"), ("    raise", "        raise"), ("    # Your code here\n", "")]
)
def test_a_changed_stub_is_refused(change):
    stripped = dict(strip(CELLS))[1]
    with pytest.raises(BuildError, match=r"should have 1 unchanged stub"):
        merge(CELLS[1], Cell("code", stripped.source.replace(*change), stripped.tags))


def test_two_equal_solutions_in_one_cell_are_both_put_back():
    region = "    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    cell = Cell("code", f"def f():\n{region}\n\n\ndef g():\n{region}")
    ((_, stripped),) = strip([cell])
    assert merge(cell, stripped) == cell
