"""The confusion matrix, the effects and the worst mistakes as pictures with their twins."""

import pytest
import torch
from samples import Outline, split

from lessons_lib import plots
from lessons_lib.paired import Effect

EVIL = r"""<script>"&' $\frac$"""
COUNTS = torch.tensor([[40, 3, 0], [9, 30, 1], [0, 0, 0]])
FOUND = {
    "more data": Effect({0: 0.1, 1: 0.11, 2: 0.12}),
    EVIL: Effect({0: -0.1, 1: -0.11, 2: -0.12}),
    "one seed": Effect({0: 0.01}),
}
IMAGES = split(20, (3, 24, 24), 4, seed=0)

PICTURES = {
    "confusion": (lambda: plots.confusion(COUNTS, ["stop", EVIL, "never seen"]), 3),
    "a hundred classes": (
        lambda: plots.confusion(torch.eye(100, dtype=torch.int64), [f"c{i}" for i in range(100)]),
        100,
    ),
    "twins": (lambda: plots.confusion(COUNTS, ["a", "a", "b"]), 3),
    "effects": (lambda: plots.effects(FOUND), 3),
    "one effect": (lambda: plots.effects({"a": Effect({0: 0.0})}), 1),
    "mistakes": (lambda: plots.mistakes(IMAGES, torch.eye(4)[torch.zeros(20, dtype=torch.int64)], "abcd", most=6), 6),
}


@pytest.mark.parametrize(("make", "rows"), PICTURES.values(), ids=PICTURES)
def test_the_picture_has_an_alternative_text_and_a_table_and_is_drawn_without_a_word(make, rows, recwarn, capfd):
    picture = make()
    outline = Outline(picture._repr_html_())
    assert outline.all("img")[0]["alt"] == picture.alt
    assert len(picture.table.rows) == rows
    assert not outline.all("script")
    assert len(picture.png) < 150_000
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")


def test_the_confusion_matrix_tells_what_is_right_and_what_is_confused_most():
    picture = plots.confusion(COUNTS, ["stop", "give way", "parking"])
    assert (
        "70 of 83 images are right. Most frequent mistakes: give way taken for stop (9), stop taken for give way (3)"
        in picture.alt
    )
    assert list(picture.table.rows[1].values()) == ["give way", 9, 30, 1]
    assert "No mistakes" in plots.confusion(torch.eye(2, dtype=torch.int64), "ab").alt


def test_classes_of_one_name_keep_a_column_each():
    assert list(plots.confusion(COUNTS, ["a", "a", "b"]).table.rows[0].values()) == ["a", 40, 3, 0]


def test_a_matrix_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"counts is \(3, 3\); 2 classes need a row and a column each"):
        plots.confusion(COUNTS, "ab")


def test_effects_are_told_with_their_verdict_and_every_seed():
    picture = plots.effects({"more data": FOUND["more data"], "one seed": FOUND["one seed"]}, title="What helped?")
    assert picture.alt == (
        "What helped? more data helped, +11.0 points, +8.5 to +13.5; "
        "one seed cannot tell, +1.0 points, too few seeds for an interval."
    )
    assert [row["seed by seed"] for row in picture.table.rows] == ["+10.0, +11.0, +12.0", "+1.0"]


def test_the_worst_mistakes_say_what_is_right():
    logits = torch.zeros(20, 4)
    logits[torch.arange(20), IMAGES.labels] = 5.0
    assert plots.mistakes(IMAGES, logits, "abcd").caption == "No mistakes: nothing to show."
    logits[7, 0] = 9.0
    told = plots.mistakes(IMAGES, logits, "abcd").alt
    assert told == "Sure and wrong: 1 image, captioned a, 98% (is d)."
