"""The roofline: what a model moves and calculates, where it lies, and what is said about it."""

import pytest
import torch
from samples import learnt
from torch import nn

from lessons_lib import batching, plots, roofline
from lessons_lib.roofline import Machine, Spot, Work
from lessons_lib.timing import Measurement

MACHINE = Machine(flop_per_s=100e9, bytes_per_s=10e9)  # ridge at 10 operations a byte


def test_the_roof_rises_to_the_ridge_and_is_flat_beyond():
    assert MACHINE.ridge == 10
    assert MACHINE.roof(1) == 10e9
    assert MACHINE.roof(10) == MACHINE.roof(1000) == 100e9
    assert "from 10 operations a byte on" in str(MACHINE)


def test_a_linear_layer_is_counted_by_hand():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    work = roofline.work_of(model, (3, 2, 2))
    assert work.flop == 2 * 12 * 5
    assert work.weight_bytes == 4 * 12 * 5
    assert work.image_bytes == 4 * (12 + 2 * 5)
    assert work.intensity(1) == pytest.approx(120 / (240 + 88))
    assert work.intensity(10**9) == pytest.approx(120 / 88)  # the weights no longer count


def test_a_convolution_uses_each_weight_at_every_pixel():
    work = roofline.work_of(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False)), (1, 8, 8))
    assert work.flop == 2 * 64 * 18
    assert work.weight_bytes == 4 * 18
    assert work.image_bytes == 4 * (64 + 2 * 128)


def test_counting_leaves_the_model_as_it_was():
    model = learnt("small").train()
    try:
        roofline.work_of(model, (3, 16, 16))
        assert model.training
        assert not any(m._forward_hooks for m in model.modules())
    finally:
        model.eval()


def point(batch, ms):
    return batching.BatchPoint(batch, Measurement("", (ms / 1000,) * 4))


def test_spots_lie_where_the_arithmetic_says_and_are_called_by_what_rules():
    work = Work(flop=1e6, weight_bytes=1e6, image_bytes=1e4)
    found = roofline.spots(
        "x", work, [point(1, 0.2), point(64, 1.0), point(8, 8.0), batching.BatchPoint(512, None, "no room")], MACHINE
    )
    assert [spot.batch for spot in found] == [1, 64, 8]
    assert [spot.bound for spot in found] == ["memory", "arithmetic", "overhead"]
    assert found[0].flop_per_s == pytest.approx(1e6 / 0.0002)
    assert found[0].roof == pytest.approx(1e6 / 1.01e6 * 10e9)
    assert found[1].share == pytest.approx(64e6 / 0.001 / 100e9)


def test_what_rules_is_told_for_the_smallest_and_the_largest_batch():
    spots = [
        Spot("a", 1, 1.0, 8e9, 10e9, 10.0),
        Spot("a", 64, 40.0, 90e9, 100e9, 10.0),
        Spot("b", 1, 20.0, 9e9, 100e9, 10.0),
    ]
    said = roofline.told(spots)
    assert (
        "**a** at batch 1 is held up by memory (80% of the roof), and at batch 64 held up by arithmetic (90%)." in said
    )
    assert (
        "**b** at batch 1 is far below the roof, held up by neither (9% of the roof), and still is at batch 1" in said
    )


def test_the_picture_tells_the_same_in_words_and_as_a_table():
    spots = [Spot("a", 1, 1.0, 8e9, 10e9, 10.0), Spot("a", 64, 40.0, 90e9, 100e9, 10.0)]
    picture = plots.roofline(MACHINE, spots)
    assert (
        "a from 80% of the roof at batch 1 (memory rules) to 90% of the roof at batch 64 (arithmetic rules)"
        in picture.alt
    )
    assert [row["what rules"] for row in picture.table.rows] == ["memory", "arithmetic"]
    assert picture.png.startswith(b"\x89PNG")


@pytest.mark.timing
def test_this_machine_can_be_measured():
    before = torch.get_num_threads()
    machine = roofline.measure_machine(1, seconds=0.2)
    assert 1e9 < machine.flop_per_s < 1e13
    assert 1e8 < machine.bytes_per_s < 1e13
    assert torch.get_num_threads() == before


POINTS = [point(1, 2.0), point(8, 4.0), point(32, 15.0), point(128, 120.0)]  # 500, 2000, 2133, 1067 images a second


def test_enough_is_the_smallest_batch_near_the_best():
    assert batching.fastest(POINTS).batch == 32
    assert batching.enough(POINTS, 0.9).batch == 8
    assert batching.enough(POINTS, 0.99).batch == 32
    assert batching.gain(POINTS) == pytest.approx(32 / 15 * 1000 / 500)
    assert batching.relative_rates(POINTS)[8] == pytest.approx([4.0, 4.0, 4.0])
    row = batching.row("x", POINTS)
    assert row["gain"] == "4.3x"
    assert row["at best"] == "2,133 (batch 32)"


def test_what_happens_beyond_the_best_batch_is_told_as_it_is():
    assert "x does 50% less at batch 128 than at 32" in batching.beyond({"x": POINTS, "y": POINTS[:3]})
    flat = [*POINTS[:3], point(64, 30.0)]
    assert batching.beyond({"y": flat}) == "Beyond it next to nothing is gained, and everybody waits longer."


def test_where_the_largest_size_tried_still_brings_more_saturation_was_not_reached():
    rising = [point(1, 2.0), point(8, 4.0), point(32, 12.0)]
    assert not batching.saturated(rising)
    assert batching.saturated(POINTS)
    assert batching.row("x", rising)["enough"] == "batch 32 or more"
    assert batching.row("x", rising)["at best"] == "2,667 (batch 32, the largest tried)"
    said = batching.beyond({"x": rising, "y": POINTS})
    assert said.startswith("Saturation was not reached by x (batch 32)")
    assert "y does 50% less" in said
    assert "Beyond" not in batching.beyond({"x": rising})


def test_what_several_images_take_together_is_told_as_it_is():
    assert batching.together("x", POINTS) == "8 images take **x** 2.0 times as long as 1, not 8 times."
    assert "so here they share little" in batching.together("x", [point(1, 2.0), point(8, 15.0)])
    assert batching.together("x", POINTS[:1]) == "No batch of 8 was measured of x."


def test_a_size_that_did_not_fit_is_left_out():
    points = [*POINTS[:2], batching.BatchPoint(512, None, "no room")]
    assert batching.fastest(points).batch == 8
    assert list(batching.relative_rates(points)) == [1, 8]
