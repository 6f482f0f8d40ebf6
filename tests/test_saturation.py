import pytest

from lessons_lib import saturation
from lessons_lib.batching import BatchPoint
from lessons_lib.timing import Measurement


def point(batch, ms):
    return BatchPoint(batch, Measurement("", (ms / 1e3,) * 3, 1) if ms else None, "" if ms else "does not fit")


def test_the_smallest_batch_within_five_per_cent_is_enough():
    points = [point(1, 2.0), point(8, 8.0), point(32, 31.0), point(64, 66.0), point(128, None)]
    told = saturation.sentence(points)
    assert told.startswith("A batch of 8 is enough: it comes within 5 % of the highest throughput seen, at 2.0 times")
    assert "for a wait of 8 ms instead of 2" in told


def test_where_one_image_is_enough_nothing_else_is_claimed():
    assert saturation.sentence([point(1, 1.0), point(8, 8.2)]).startswith("A batch of 1 is enough already")


def test_where_the_largest_one_brings_most_nothing_is_said_of_larger_ones():
    told = saturation.sentence([point(1, 2.0), point(8, 8.0)])
    assert "still larger ones may bring more" in told
    assert "Beyond it" not in told
    assert saturation.sentence([point(1, 2.0), point(8, None)]).startswith("Only a batch of 1 was measured")


def test_of_equal_throughputs_the_smaller_batch_is_enough():
    assert saturation.sentence([point(1, 2.0), point(8, 8.0), point(16, 16.0)]).startswith("A batch of 8 is enough")


def test_without_any_measurement_there_is_no_answer():
    with pytest.raises(ValueError, match="no batch size was measured"):
        saturation.sentence([point(1, None)])
