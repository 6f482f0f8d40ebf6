"""The explorers of lesson 03, driven through real messages."""

import re

import pytest
import torch
from front import VIEW
from samples import Outline, split

from lessons_lib.augment import Augmentation
from lessons_lib.history import History
from lessons_lib.study import Run
from lessons_lib.widgets import augmentation, runs

AUGMENTATION = """
from samples import split
from lessons_lib.widgets.augmentation import augmentation_explorer
augmentation_explorer(split(8, (3, 24, 24), 4, seed=0).images, ["turn left", "stop"] * 4)
"""


def test_each_control_changes_the_picture_and_the_sentence(front):
    bundle = front.run(AUGMENTATION)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert Outline(bundle["text/html"]).all("img")[0]["alt"].startswith("Above: turn left, stop,")
    seen = [front.image("Above:")["src"]]
    for description, value, told in (
        ("rotation", 90.0, "Turned by up to 90 degrees"),
        ("scale", 0.5, "resized to between 50% and 150%"),
        ("shift", 0.25, "moved by up to 25% of the width"),
        ("noise", 0.1, "noise of 10% of black to white"),
        ("erase", 0.2, "20% of each image erased"),
    ):
        front.set(front.find(description=description), value=value)
        assert told in front.readout("augmentation-readout")
        seen.append(front.image("Above:")["src"])
    front.set(front.find(description="draw"), value=1)
    seen.append(front.image("Above:")["src"])
    front.choose("flip", "on")
    assert 'A mirrored "turn left" is a "turn right" under the old label.' in front.readout("augmentation-readout")
    seen.append(front.image("Above:")["src"])
    assert len(set(seen)) == len(seen)


def test_what_cannot_be_seen_is_doubted():
    plain = augmentation.describe(Augmentation(), ["stop"])
    assert plain.startswith("Nothing is changed. The labels are still true, as far as this text can tell.")
    assert "mirrored" in augmentation.describe(Augmentation(flip=True), ["stop"])
    assert "turn right" not in augmentation.describe(Augmentation(flip=True), ["stop"])
    assert "becomes" not in augmentation.describe(Augmentation(rotation_degrees=10), ["stop"])
    assert "become something else" in augmentation.describe(Augmentation(rotation_degrees=90), ["stop"])
    assert "cannot learn it" in augmentation.describe(Augmentation(erase=0.5), ["stop"])


def test_unchanged_images_come_back_as_they_were():
    images = split(4, (1, 16, 16), 4, seed=0).images
    assert torch.equal(augmentation.changed(images, Augmentation()), images)
    sheet = augmentation.before_and_after(images, Augmentation())
    assert sheet.shape == (1, 2 * 18, 4 * 18)
    assert torch.equal(sheet[:, :18], sheet[:, 18:])


RUNS = """
from test_study_widgets import FOUND
from lessons_lib.widgets.runs import runs_explorer
runs_explorer(FOUND)
"""


def run(training, validation):
    history = History([2.0, 1.0, 0.5], accuracy=[(2, 0.3), (3, validation)], finished=True)
    return Run(training, validation, history, torch.nn.Identity())


FOUND = {"plain": {0: run(1.0, 0.6), 1: run(0.9, 0.7)}, "stopped": {}, "<b>more</b>": {0: run(0.95, 0.9)}}


def test_the_explorer_looks_finished_runs_up(front):
    bundle = front.run(RUNS)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("trial") == ["plain", "<b>more</b>"]
    first = front.readout("runs-readout")
    assert first == (
        "plain: 95.0% right on the training images, 65.0% (mean of 2 seeds, 60.0% to 70.0%) on new ones, a gap of 30.0 points."
    )
    assert front.image()["alt"] == first
    front.choose("trial", "<b>more</b>")
    assert front.readout("runs-readout").endswith("90.0% on new ones, a gap of 5.0 points.")
    assert "&lt;b&gt;more" in front.of_class("runs-readout")["value"]


def test_without_runs_the_explorer_says_what_to_do():
    with pytest.raises(ValueError, match="run the cell that trains them first"):
        runs.runs_explorer({"a": {}})


def test_without_a_notebook_the_explorers_print_sentences(capsys):
    runs.runs_explorer(FOUND)
    augmentation.augmentation_explorer(split(4, (1, 16, 16), 4, seed=0).images, list("abcd"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["plain", "<b>more</b>"]
    assert re.match("Turned by up to 10 degrees; resized", lines[2])
