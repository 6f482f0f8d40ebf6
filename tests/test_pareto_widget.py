"""The budgets of lesson 07: sentence, picture and sliders agree, and look finished rows up."""

import math

import pytest
from front import VIEW

from lessons_lib import plots
from lessons_lib.plots.trade_off import place_labels
from lessons_lib.pruning_study.variants import Variant
from lessons_lib.widgets.pruning import ANY, describe, pareto_explorer, steps

MAKE = """
from lessons_lib.pruning_study.variants import Variant
def row(name, kind, accuracy, latency, file, zipped):
    return Variant(name, kind, accuracy, 1000, 0.0, 1_000_000, latency, file, zipped, "faster, 2.0x, 1.9 to 2.1", 2.0, 1.9, 2.1)
rows = [row("dense", "dense", 0.98, 0.4, 409_600, 399_360), row("90 % zeros", "zeros", 0.975, 0.4, 409_600, 61_440),
        row("channels -50 %", "channels", 0.97, 0.1, 112_640, 102_400)]
"""
space: dict = {}
exec(MAKE, space)
ROWS: list[Variant] = space["rows"]


def test_the_sentence_names_the_most_accurate_variant_within_the_budgets():
    assert describe(ROWS, ANY, ANY) == (
        "Without budgets, take dense: 98.0% (+0.0 points against dense), 400 µs an image, a model file of 400 KiB, 390 KiB zipped."
    )
    assert describe(ROWS, 0.1, ANY).startswith("With at most 100 µs, take channels -50 %: 97.0% (-1.0 points")
    assert describe(ROWS, 0.4, 61_440).startswith(
        "With at most 400 µs and at most 60 KiB zipped, take 90 % zeros: 97.5%"
    )
    assert describe(ROWS, 0.1, 61_440).endswith("nothing fits: give it more time or more bytes.")


def test_a_budget_is_a_value_that_was_measured_or_none():
    assert steps([3.0, 1.0, 3.0]) == [1.0, 3.0, math.inf]


def test_without_a_notebook_the_sentences_are_printed(capsys):
    pareto_explorer(ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "Without budgets, take dense", "With at most 400 µs, take dense", "With at most 100 µs, take channels -50 %",
    ]  # fmt: skip


def test_without_rows_there_is_nothing_to_explore():
    with pytest.raises(ValueError, match="run the cell that measures them first"):
        pareto_explorer([])


@pytest.mark.parametrize("across", ["latency", "file", "zipped file"])
def test_the_picture_tells_what_nothing_beats_and_holds_every_number(across):
    picture = plots.trade_off(ROWS, across, chosen=ROWS[1], budget=1.0)
    best = {"latency": ["channels -50 %", "dense"], "file": ["channels -50 %", "dense"]}.get(
        across, ["90 % zeros", "dense"]
    )
    assert picture.alt.endswith(f"better in both than: {', '.join(best)}.")
    assert [row["variant"] for row in picture.table.rows] == [row.name for row in ROWS]
    assert picture.png.startswith(b"\x89PNG")


def apart(a, b):
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def distance(box, point):
    return math.dist(point, [min(max(at, low), high) for at, low, high in zip(point, box[:2], box[2:], strict=True)])


def test_labels_cover_neither_each_other_nor_a_marker_nor_leave_the_picture():
    markers = [(300, 200), (301, 202), (299, 197), (300, 160), (60, 120), (61, 116), (240, 195)]
    boxes = place_labels(markers, [(70, 9)] * len(markers), (0, 0, 400, 240))
    for place, box in enumerate(boxes):
        assert all(apart(box, other) for other in boxes[:place])
        assert all(distance(box, marker) >= 5 for marker in markers)
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= 400
        assert box[3] <= 240


def test_a_label_is_nearest_to_its_own_marker_where_markers_stand_apart():
    markers = [(40 + 60 * (place % 4), 30 + 25 * (place // 4)) for place in range(12)]
    boxes = place_labels(markers, [(38, 9)] * len(markers), (0, 0, 320, 160))
    assert [min(range(12), key=lambda other: distance(box, markers[other])) for box in boxes] == list(range(12))


def test_a_label_rather_stays_off_a_line():
    free = place_labels([(100, 100)], [(40, 10)], (0, 0, 300, 200))
    moved = place_labels([(100, 100)], [(40, 10)], (0, 0, 300, 200), [(100, 99.5, 200, 100.5)])
    assert free == [(108, 95, 148, 105)]
    assert moved == [(80, 108, 120, 118)]


def test_sliders_and_buttons_change_sentence_and_picture(front):
    front.run(MAKE + "from lessons_lib.widgets.pruning import pareto_explorer")
    bundle = front.run("pareto_explorer(rows)")
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("latency") == ["100 µs", "400 µs", "any"]
    assert front.options("zipped") == ["60 KiB", "100 KiB", "390 KiB", "any"]
    assert front.readout("pareto-readout").startswith("Without budgets, take dense")
    for latency, zipped, taken in (
        ("100 µs", "any", "take channels -50 %"),
        ("any", "60 KiB", "take 90 % zeros"),
        ("100 µs", "60 KiB", "nothing fits"),
    ):
        front.choose("latency", latency)
        front.choose("zipped", zipped)
        assert taken in front.readout("pareto-readout")
        assert front.image()["alt"] == front.readout("pareto-readout")
    before = front.image()["src"]
    front.choose("Across", "zipped file")
    assert front.image()["src"] != before
