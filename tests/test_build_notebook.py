import nbformat
import pytest
import sample_course  # puts tools/ on the path  # noqa: F401
from building.notebook import BLOCK_COLOURS, code_hash, new_notebook, to_source_cells
from building.percent import BuildError, Cell, trim
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.sampled_from("ab {}\"'\\\n#$%é~`"), min_size=1, max_size=40).map(trim).filter(bool)


def back(notebook):
    return [cell for _, cell in to_source_cells(notebook)]


def text_of(markdown: str) -> str:
    """Braces doubled, as an author writes them."""
    return markdown.replace("{", "{{").replace("}", "}}")


@given(TEXT.filter(lambda text: not ('"""' in text and "'''" in text)))
def test_computed_prose_shows_its_text_and_comes_back_exactly(markdown):
    cell = Cell("markdown", text_of(markdown), ("computed",))
    notebook = new_notebook([cell], "")
    assert back(notebook) == [cell]
    said = []
    code = notebook.cells[1].source.replace("from lessons_lib.say import say", "")
    exec(code, {"say": said.append})
    assert said[0].strip("\n") == markdown.strip("\n")


@given(
    st.lists(
        st.builds(Cell, st.sampled_from(["markdown", "code"]), TEXT, st.just(()), st.sampled_from([1, 2])), max_size=6
    )
)
def test_a_notebook_leads_back_to_its_cells(cells):
    notebook = new_notebook(cells, "pass")
    nbformat.validate(notebook)
    assert back(notebook) == cells


def test_ids_follow_from_the_content_and_are_unique():
    cells = [Cell("code", "x"), Cell("code", "x"), Cell("markdown", "x")]
    first, second = ([cell.id for cell in new_notebook(cells, "pass").cells] for _ in range(2))
    assert first == second
    assert len(set(first)) == 4
    moved = new_notebook([Cell("markdown", "new"), *cells], "pass")
    assert set(first) <= {cell.id for cell in moved.cells}


def test_each_block_gets_a_rule_in_its_own_colour_and_other_headings_none():
    headings = [*BLOCK_COLOURS, "## Something else"]
    notebook = new_notebook(
        [Cell("code", "1"), *(Cell("markdown", f"{heading}\ntext") for heading in headings)], "pass"
    )
    sources = [cell.source for cell in notebook.cells[2:]]
    assert all(colour in source for colour, source in zip(BLOCK_COLOURS.values(), sources, strict=False))
    assert len(set(BLOCK_COLOURS.values())) == 6
    assert sources[-1] == "## Something else\ntext"


def test_the_set_up_cell_is_the_first_code_cell_below_the_title_and_hidden():
    notebook = new_notebook([Cell("markdown", "# Title"), Cell("code", "x = 1")], "pass")
    assert [cell.metadata.get("tags") for cell in notebook.cells] == [None, ["setup"], None]
    assert notebook.cells[1].metadata.jupyter.source_hidden
    assert new_notebook([Cell("code", "x = 1")], "pass").cells[0].id == "setup"


def test_the_set_up_cell_does_not_decide_the_outputs():
    cells = [Cell("code", "x = 1")]
    assert code_hash(new_notebook(cells, "a")) == code_hash(new_notebook(cells, "b"))
    assert code_hash(new_notebook(cells, "a")) != code_hash(new_notebook([Cell("code", "x = 2")], "a"))


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (Cell("markdown", "half { open", ("computed",)), "no f-string"),
        (Cell("markdown", "a \"\"\" and a '''", ("computed",)), "both kinds of triple quotes"),
        (Cell("code", "x = 1", ("computed",)), "is code"),
        (Cell("code", "x = 1", ("setup",)), "belongs to the generated cell"),
    ],
)
def test_cells_that_cannot_be_built_are_refused(cell, complaint):
    with pytest.raises(BuildError, match=complaint):
        new_notebook([cell], "")


def test_empty_cells_of_an_edited_notebook_are_left_out_and_raw_ones_refused():
    notebook = new_notebook([Cell("code", "x = 1")], "pass")
    notebook.cells.append(nbformat.v4.new_code_cell("  \n"))
    assert back(notebook) == [Cell("code", "x = 1")]
    notebook.cells.append(nbformat.v4.new_raw_cell("raw"))
    with pytest.raises(BuildError, match="kind raw"):
        back(notebook)


def test_code_around_a_computed_text_that_was_changed_is_refused():
    notebook = new_notebook([Cell("markdown", "a {1}", ("computed",))], "pass")
    notebook.cells[1].source = "print(1)"
    with pytest.raises(BuildError, match="around a computed text"):
        back(notebook)
