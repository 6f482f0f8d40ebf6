"""The sliders over batch sizes and memories look up finished measurements."""

import pytest
from front import VIEW

from lessons_lib.timing import Measurement
from lessons_lib.training_batches import BatchCost
from lessons_lib.widgets.batch_sizes import batch_explorer, describe

MIB = 2**20
SMALL, LARGE = (
    BatchCost(b, Measurement("", (ms / 1000,) * 4), b * MIB, 2 * MIB) for b, ms in ((8, 10.0), (128, 100.0))
)
SHOW = """
from lessons_lib.timing import Measurement
from lessons_lib.training_batches import BatchCost
from lessons_lib.widgets.batch_sizes import batch_explorer
costs = [BatchCost(b, Measurement("", (ms / 1000,) * 4), b * 2**20, 2 * 2**20) for b, ms in ((8, 10.0), (128, 100.0))]
batch_explorer(costs)
"""


def test_a_batch_size_is_told_in_sentences():
    assert describe(SMALL, 64 * MIB) == (
        "Batch 8: 800 images/s, 10.0 ms a step. Activations 8 MiB, all together 10 MiB: fits into 64 MiB, "
        "where about 62 images would be the most."
    )
    assert "130 MiB: does not fit into 64 MiB, where about 62 images" in describe(LARGE, 64 * MIB)
    assert describe(LARGE, MIB).endswith("does not fit into 1 MiB, where not even one image would.")


def test_without_a_notebook_the_sentences_are_printed(capsys):
    batch_explorer([SMALL, LARGE])
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["Batch 8", "Batch 128"]


def test_without_measurements_there_is_nothing_to_explore():
    with pytest.raises(ValueError, match="run the cell that measures them first"):
        batch_explorer([])


def test_both_sliders_change_sentence_and_picture(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("batch") == ["8", "128"]
    for batch, memory, told in (("8", "1 MiB", "does not fit"), ("8", "64 MiB", "fits"), ("128", "1 GiB", "fits")):
        front.choose("batch", batch)
        front.choose("memory", memory)
        sentence = front.readout("batch-readout")
        assert sentence.startswith(f"Batch {batch}: ")
        assert f"{told} into {memory}" in sentence
        assert front.image()["alt"] == sentence
