import jupytext
import pytest
import sample_course  # puts tools/ on the path
from building.percent import BuildError, Cell, parse, render, trim
from hypothesis import given
from hypothesis import strategies as st

TAGS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=8), max_size=2
).map(tuple)
LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20), min_size=1, max_size=6)
SOURCES = LINES.map("\n".join).map(trim).filter(bool)


def can_be_written(cell: Cell) -> bool:
    return not any(line.startswith("%%" if cell.kind == "markdown" else "# %%") for line in cell.source.split("\n"))


CELLS = st.builds(Cell, st.sampled_from(["markdown", "code"]), SOURCES, TAGS, st.sampled_from([1, 2])).filter(
    can_be_written
)


def ends_normally(cells: list[Cell]) -> list[Cell]:
    last = cells[-1]
    return [*cells[:-1], Cell(last.kind, last.source, last.tags)]


@given(st.lists(CELLS, min_size=1, max_size=5).map(ends_normally))
def test_cells_written_and_read_again_are_the_same_cells(cells):
    assert parse(render(cells)) == cells
    assert render(parse(render(cells))) == render(cells)


@pytest.mark.parametrize("text", [sample_course.LESSON, sample_course.EXERCISES])
def test_jupytext_reads_the_same_cells(text):
    read = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent", "comment_magics": False})
    want = [(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ()))) for cell in read.cells]
    assert [(cell.kind, cell.source, cell.tags) for cell in parse(text)] == want


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import torch\n\n# %%\nx = 1\n", "line 1 is 'import torch'"),
        ("", "line 1 is ''"),
        ("# %%\n\nx = 1\n", "line 2 is ''"),
        ("# %%\nx = 1\n# %%\ny = 2\n", "line 3 is '# %%'; the normal form of a source has '' there"),
        ("# %%\nx = 1\n\n\n\n# %%\ny = 2\n", "line 5 is ''"),
        ("# %%\nx = 1", "line 3 is the end"),
        ("# %%\nx = 1\n\n", "line 4 is ''"),
        ("# %%\n\n# %%\nx = 1\n", "line 1: this cell is empty"),
        ("# %% A title\nx = 1\n", "line 1: '# %% A title' does not start a cell"),
        ('# %% tags="parameters"\nx = 1\n', "does not start a cell"),
        ('# %% tags=["a"\nx = 1\n', "does not start a cell"),
        ("# %% tags=[1]\nx = 1\n", "tags are written as in"),
        ('# %% tags=["a","b"]\nx = 1\n', "line 1 is"),
        ("# %% [markdown]\ntext\n", "line 2: 'text' is in a markdown cell"),
        ("# %% [markdown]\n#text\n", "line 2: '#text' is in a markdown cell"),
    ],
)
def test_a_source_out_of_the_normal_form_is_refused_with_its_line(text, complaint):
    with pytest.raises(BuildError) as error:
        parse(text)
    assert complaint in str(error.value)


@pytest.mark.parametrize("cell", [Cell("markdown", "%% time"), Cell("code", "x = 1\n# %% part two")])
def test_a_line_that_would_start_another_cell_is_refused(cell):
    with pytest.raises(BuildError, match="would start another cell"):
        render([cell])
