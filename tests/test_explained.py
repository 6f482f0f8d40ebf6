"""A wrong setting in a notebook gets a sentence, not a way through the library."""

import nbformat
import pytest
from nbclient import NotebookClient

from lessons_lib import datasets, device
from lessons_lib.explained import Explained, in_short
from lessons_lib.profiles import choose

WRONG = {
    "from lessons_lib.profiles import choose; choose('medium', smoke=1, quick=2, full=3)": "PROFILE is 'medium'",
    "from lessons_lib import datasets; datasets.load('road_sings')": "Did you mean 'road_signs'?",
    "from lessons_lib import datasets; datasets.load('folder:/does/not/exist')": "/does/not/exist",
    "from lessons_lib import device; device.pick('gpu')": "choose auto, cpu or cuda",
}


@pytest.mark.notebook
def test_a_notebook_shows_the_sentence_alone():
    cells = [nbformat.v4.new_code_cell(code) for code in WRONG]
    done = NotebookClient(nbformat.v4.new_notebook(cells=cells), kernel_name="python3", allow_errors=True).execute()
    for cell, told in zip(done.cells, WRONG.values(), strict=True):
        (error,) = [output for output in cell.outputs if output.output_type == "error"]
        assert len(error.traceback) == 1
        assert told in error.traceback[0]
        assert "File" not in error.traceback[0]


def test_they_are_still_the_errors_that_callers_expect():
    with pytest.raises(ValueError, match="choose one of") as wrong_profile:
        choose("medium", smoke=1, quick=2, full=3)
    with pytest.raises(ValueError, match="folder") as wrong_data:
        datasets.load("folder:")
    with pytest.raises(ValueError, match="choose auto") as wrong_device:
        device.pick("gpu")
    assert all(isinstance(e.value, Explained) for e in (wrong_profile, wrong_data, wrong_device))


def test_an_error_comes_down_to_the_first_line_of_its_cause_without_colours():
    def fail():
        try:
            raise ValueError("\x1b[96m\nthe cause\x1b[0m of it\nmore")
        except ValueError as error:
            raise RuntimeError("step 1/3") from error

    with pytest.raises(RuntimeError) as caught:
        fail()
    assert in_short(caught.value) == "ValueError: the cause of it"
    assert in_short(KeyError()) == "KeyError"
    assert len(in_short(ValueError("long " * 100), 80)) == 80
