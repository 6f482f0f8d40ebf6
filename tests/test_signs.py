"""The road signs: reproducible, under control by name, recognisable, fast."""

import time
from dataclasses import fields, replace

import numpy as np
import pytest

from lessons_lib import signs
from lessons_lib.signs import CLASSES, Conditions, render, shapes

CLEAR = Conditions.of_severity(0)
WEATHER = ["fog", "rain", "snow", "dusk", "lens_dirt"]


def test_images_and_labels_have_the_promised_shapes_and_types():
    images, labels = render(30, size=40)
    assert (images.shape, images.dtype) == ((30, 40, 40, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((30,), np.int64)


def test_there_are_twelve_classes_with_different_names():
    assert len(set(CLASSES)) == 12


@pytest.mark.parametrize("count", [1, 11, 12, 100, 1000])
def test_classes_are_as_balanced_as_they_can_be(count):
    _, labels = render(count, size=16, conditions=CLEAR)
    counts = np.bincount(labels, minlength=12)
    assert counts.max() - counts.min() <= 1


def test_labels_are_shuffled():
    _, labels = render(120, size=16, conditions=CLEAR)
    assert len({tuple(row) for row in labels.reshape(10, 12)}) == 10


def test_the_same_seed_gives_the_same_images_and_another_seed_others():
    first, again, other = render(20, seed=5)[0], render(20, seed=5)[0], render(20, seed=6)[0]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("count", [1, 63, 64, 65])
def test_a_long_series_begins_with_a_short_one(count):
    weather = Conditions(rain=0.5, snow=0.5, fog=0.5, lens_dirt=0.5)
    long_images, long_labels = render(150, seed=3, conditions=weather)
    images, labels = render(count, seed=3, conditions=weather)
    assert np.array_equal(images, long_images[:count])
    assert np.array_equal(labels, long_labels[:count])


def test_no_two_images_are_the_same():
    images, _ = render(600, size=16)
    assert len({image.tobytes() for image in images}) == 600


def test_labels_choose_the_signs_and_leave_the_scene_as_it_is():
    stops, _ = render(50, conditions=CLEAR, labels=np.zeros(50, int))
    parking, labels = render(50, conditions=CLEAR, labels=[11] * 50)
    assert labels.tolist() == [11] * 50
    assert np.array_equal(stops[:, 0], parking[:, 0])  # the top row shows background only
    assert not np.array_equal(stops, parking)


@pytest.mark.parametrize("name", [field.name for field in fields(Conditions)])
def test_every_condition_changes_the_images_and_0_means_none(name):
    base = replace(Conditions(), **{name: 0})
    with_it = render(64, seed=1, conditions=replace(base, **{name: 0.5}))[0]
    without = render(64, seed=1, conditions=base)[0]
    assert not np.array_equal(with_it, without)


@pytest.mark.parametrize("name", WEATHER)
def test_more_of_a_weather_takes_the_picture_further_from_the_clear_one(name):
    clear = render(60, conditions=CLEAR)[0].astype(float)
    changes = [np.abs(render(60, conditions=replace(CLEAR, **{name: x}))[0] - clear).mean() for x in (0.2, 0.5, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] > 1  # of 255: visible


def test_fog_lets_through_what_the_law_of_koschmieder_says():
    clear = render(640, conditions=CLEAR)[0].astype(float).std(axis=(1, 2)).mean()
    foggy = render(640, conditions=replace(CLEAR, fog=1.0))[0].astype(float).std(axis=(1, 2)).mean()
    expected = np.exp(-np.linspace(0.5, 1.5, 1001)).mean()  # the density varies by half
    assert foggy / clear == pytest.approx(expected, rel=0.05)


def test_dusk_takes_more_of_the_red_than_of_the_blue():
    clear, dark = (render(60, conditions=replace(CLEAR, dusk=x))[0].mean(axis=(0, 1, 2)) for x in (0, 1.0))
    left = dark / clear
    assert left[0] < left[1] < left[2] < 0.5


def test_noise_has_the_standard_deviation_that_its_field_names():
    quiet = replace(CLEAR, noise=0.0)
    difference = render(640, conditions=replace(CLEAR, noise=0.06))[0].astype(float) - render(640, conditions=quiet)[0]
    largest = difference.std(axis=(1, 2, 3)).max() / 255
    assert 0.045 < largest < 0.065


def test_the_sign_keeps_the_size_that_its_scale_allows():
    areas = []
    for scale in (0.0, 0.55):
        images, _ = render(64, conditions=replace(CLEAR, scale=scale), labels=[CLASSES.index("no entry")] * 64)
        red = (images[..., 0] > 150) & (images[..., 1] < 80) & (images[..., 2] < 80)
        areas.append(np.median(red.mean(axis=(1, 2))))  # the median: some backgrounds are red as well
    disc_without_bar = (np.pi * 0.95**2 - 4 * 0.56 * 0.15) * 0.82**2 / 4
    assert areas[0] == pytest.approx(disc_without_bar, rel=0.1)
    assert areas[1] < 0.7 * areas[0]


def test_a_turned_right_arrow_is_a_left_arrow():
    x, y = np.meshgrid(np.linspace(-1, 1, 21, dtype=np.float32), np.linspace(-1, 1, 21, dtype=np.float32))
    left, right = CLASSES.index("turn left"), CLASSES.index("turn right")
    _, pointing_left = shapes.distances(np.array([left]), x[None], y[None])
    _, pointing_right = shapes.distances(np.array([right]), x[None], y[None])
    assert np.allclose(pointing_left[0], pointing_right[0, :, ::-1], atol=1e-6)


def test_plain_signs_are_told_apart_by_their_nearest_neighbour():
    """An oracle without learning: the mean picture of each class recognises upright signs without weather."""
    train_images, train_labels = render(600, seed=1, conditions=CLEAR)
    means = np.stack([train_images[train_labels == label].mean(axis=0) for label in range(12)])
    images, labels = render(240, seed=2, conditions=CLEAR)
    distance = ((images[:, None].astype(np.float32) - means[None]) ** 2).mean(axis=(2, 3, 4))
    assert (distance.argmin(axis=1) == labels).mean() > 0.9


@pytest.mark.parametrize("size", [16, 17, 33, 64, 128])
def test_a_scene_looks_alike_at_every_size(size):
    calm = replace(Conditions(), noise=0, blur=0)
    small = render(12, size=16, conditions=calm)[0].astype(float).mean(axis=(1, 2))
    other = render(12, size=size, conditions=calm)[0].astype(float).mean(axis=(1, 2))
    assert np.abs(small - other).max() < 5


def test_severity_multiplies_the_default_conditions():
    assert Conditions.of_severity(1) == Conditions()
    assert Conditions.of_severity(2).noise == 2 * Conditions().noise
    assert all(getattr(CLEAR, field.name) == 0 for field in fields(CLEAR))


@pytest.mark.parametrize("severity", [3, 20])
def test_a_severity_beyond_reason_still_gives_pictures(severity):
    images, _ = render(12, conditions=Conditions.of_severity(severity))
    assert images.dtype == np.uint8


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "much", None, True])
def test_conditions_that_are_no_number_of_0_or_more_are_refused_by_name(value):
    with pytest.raises(ValueError, match=r"Conditions\(fog=.*0 or more"):
        Conditions(fog=value)
    with pytest.raises(ValueError, match=r"of_severity.*0 or more"):
        Conditions.of_severity(value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": -1}, "count is -1"),
        ({"count": 2.5}, "count is 2.5"),
        ({"count": 1, "seed": -1}, "seed is -1"),
        ({"count": 1, "size": 15}, "size is 15.*16 to 128"),
        ({"count": 1, "size": 129}, "size is 129.*16 to 128"),
        ({"count": 1, "conditions": 1.0}, "conditions is 1.0"),
        ({"count": 2, "labels": [0]}, "2 whole numbers"),
        ({"count": 1, "labels": [0.5]}, "1 whole numbers"),
        ({"count": 1, "labels": [12]}, "classes are 0 to 11"),
        ({"count": 1, "labels": [-1]}, "classes are 0 to 11"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        render(arguments.pop("count"), **arguments)


def test_no_images_is_an_answer_too():
    images, labels = render(0)
    assert (images.shape, labels.shape) == ((0, 32, 32, 3), (0,))


@pytest.mark.timing
def test_one_core_renders_hundreds_of_images_a_second():
    render(64)
    rates = []
    for _ in range(3):
        start = time.process_time()  # of this process alone, whoever shares the machine
        signs.render(512)
        rates.append(512 / (time.process_time() - start))
    assert max(rates) > 500


def test_the_twelve_signs_are_the_default_set():
    assert np.array_equal(render(24)[0], render(24, signs=signs.SIGNS)[0])


def test_the_new_signs_are_ten_others_in_the_same_scenes():
    assert len(set(signs.NEW_CLASSES)) == 10
    assert not set(signs.NEW_CLASSES) & set(CLASSES)
    old, _ = render(20, conditions=CLEAR, labels=[0] * 20)
    new, labels = render(20, conditions=CLEAR, labels=list(range(10)) * 2, signs=signs.NEW_SIGNS)
    assert labels.max() == 9
    assert np.array_equal(old[:, 0], new[:, 0])  # the top row shows background only
    assert not np.array_equal(old, new)


def test_labels_count_in_the_set_that_was_given():
    with pytest.raises(ValueError, match="classes are 0 to 9"):
        render(1, labels=[10], signs=signs.NEW_SIGNS)
    _, labels = render(100, size=16, conditions=CLEAR, signs=signs.NEW_SIGNS)
    assert np.bincount(labels).tolist() == [10] * 10


def test_mirrored_new_signs_are_each_other():
    side = np.linspace(-1, 1, 21, dtype=np.float32)
    x, y = np.meshgrid(side, side)
    drawn = {
        name: shapes.distances(np.array([label]), x[None], y[None], signs.NEW_SIGNS)[1][0]
        for label, name in enumerate(signs.NEW_CLASSES)
    }
    assert np.allclose(drawn["keep left"], drawn["keep right"][:, ::-1], atol=1e-6)
    assert np.allclose(drawn["height limit"], drawn["width limit"].T, atol=1e-6)
    assert np.allclose(drawn["speed limit 80"], drawn["speed limit 80"][::-1], atol=1e-6)
    assert not np.allclose(drawn["speed limit 30"], drawn["speed limit 50"])


def test_plain_new_signs_are_told_apart_by_their_nearest_neighbour():
    train_images, train_labels = render(600, seed=1, conditions=CLEAR, signs=signs.NEW_SIGNS)
    means = np.stack([train_images[train_labels == label].mean(axis=0) for label in range(10)])
    images, labels = render(200, seed=2, conditions=CLEAR, signs=signs.NEW_SIGNS)
    distance = ((images[:, None].astype(np.float32) - means[None]) ** 2).mean(axis=(2, 3, 4))
    assert (distance.argmin(axis=1) == labels).mean() > 0.6  # the speed limits differ in a digit alone
