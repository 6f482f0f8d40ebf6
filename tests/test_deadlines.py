"""The sliders over deadlines and promises look finished samples up."""

import pytest
from front import VIEW

from lessons_lib.latencies import Latencies
from lessons_lib.widgets.deadlines import deadline_explorer, describe

FOUND = {
    "eager": Latencies("eager", tuple(3.0 + i / 100 for i in range(100))),
    "int8": Latencies("int8", (*[0.4] * 98, 0.9, 8.0)),
}
SHOW = """
from lessons_lib.latencies import Latencies
from lessons_lib.widgets.deadlines import deadline_explorer
deadline_explorer({
    "eager": Latencies("eager", tuple(3.0 + i / 100 for i in range(100))),
    "int8": Latencies("int8", (*[0.4] * 98, 0.9, 8.0)),
})
"""


def test_a_promise_is_told_with_every_engine_that_keeps_it():
    told = describe(FOUND, 1.0, 99.0)
    assert told.startswith(
        "99 % within 1 ms: kept by int8. eager 0.0% in time, p99 3.98 ms; int8 99.0% in time, p99 900 µs."
    )
    assert told.endswith("still has a late one in 63% of the cases.")
    assert describe(FOUND, 5.0, 99.0).startswith("99 % within 5 ms: kept by eager, int8.")
    assert describe(FOUND, 1.0, 99.9).startswith("99.9 % within 1 ms: kept by none of them.")


def test_without_a_notebook_the_sentences_are_printed(capsys):
    deadline_explorer(FOUND)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["99 % within 1 ms", "99 % within 100 ms"]


def test_without_samples_there_is_nothing_to_explore():
    with pytest.raises(ValueError, match="run the cell that collects them first"):
        deadline_explorer({})


def test_both_sliders_change_sentence_and_picture(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert (front.chosen("deadline"), front.chosen("promise")) == ("1 ms", "99 %")
    pictures = set()
    for deadline, promise, kept in (
        ("1 ms", "99 %", "int8"),
        ("1 ms", "99.9 %", "none of them"),
        ("5 ms", "95 %", "eager, int8"),
    ):
        front.choose("deadline", deadline)
        front.choose("promise", promise)
        assert front.readout("deadline-readout").startswith(f"{promise} within {deadline}: kept by {kept}.")
        assert front.image()["alt"].startswith(f"{promise} within {deadline}.")
        pictures.add(front.image()["src"])
    assert len(pictures) == 3
