"""Distances between a week and the reference, against scipy, sums by hand and double loops."""

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from samples import dataset, learnt
from scipy.spatial.distance import pdist
from scipy.stats import binomtest, ks_2samp

from lessons_lib.datasets.split import Split
from lessons_lib.drift import alarms, corruptions, kinds, ks, mmd, psi, signals, textbook, weeks
from lessons_lib.explained import Mistake

RANDOM = np.random.default_rng(0)


def test_the_stability_index_is_that_of_a_sum_by_hand():
    p, q = (1.5 / 5, 3.5 / 5), (8.5 / 17, 8.5 / 17)
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert psi.psi([8, 8], [1, 3]) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.16946, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=12))
def test_the_stability_index_is_never_negative_and_the_same_in_both_directions(pairs):
    before, now = (list(side) for side in zip(*pairs, strict=True))
    assert psi.psi(before, now) >= 0
    assert psi.psi(before, now) == pytest.approx(psi.psi(now, before))
    assert psi.psi(before, before) == 0


def test_without_drift_the_stability_index_is_about_what_the_counts_make_it():
    reference = RANDOM.multinomial(2000, [0.1] * 10)
    found = psi.psi(reference, RANDOM.multinomial(200, [0.1] * 10, size=2000)).mean()
    assert found == pytest.approx(9 * (1 / 200 + 1 / 2000), rel=0.15)


def test_weekly_histograms_are_those_of_numpy():
    bins_of, drawn = RANDOM.integers(5, size=40), RANDOM.integers(40, size=(7, 12))
    expected = [np.bincount(bins_of[week], minlength=5).tolist() for week in drawn]
    assert psi.counts(bins_of, drawn, 5).tolist() == expected


@pytest.mark.parametrize("ties", [False, True])
def test_the_largest_gaps_are_those_of_scipy(ties):
    reference, pool = RANDOM.normal(size=(60, 3)), RANDOM.normal(0.3, 1.2, size=(50, 3))
    if ties:
        reference, pool = reference.round(1), pool.round(1)
    drawn = RANDOM.integers(50, size=(6, 17))  # with replacement, so that even without rounding some are equal
    found = ks.Reference(reference).distances(pool, drawn)
    for row, week in zip(found, drawn, strict=True):
        for column in range(3):
            oracle = ks_2samp(reference[:, column], pool[week, column], method="asymp")
            assert row[column] == pytest.approx(oracle.statistic, abs=1e-12)
            assert ks.p_value(row[column], 60, 17) == pytest.approx(oracle.pvalue, rel=1e-6)


def test_many_weeks_are_the_same_in_pieces(monkeypatch):
    reference, pool, drawn = RANDOM.normal(size=(30, 4)), RANDOM.normal(size=(20, 4)), RANDOM.integers(20, size=(9, 5))
    whole = ks.Reference(reference).distances(pool, drawn)
    monkeypatch.setattr(ks, "AT_ONCE", 1)
    assert np.array_equal(ks.Reference(reference).distances(pool, drawn), whole)


def test_the_critical_distance_has_the_p_value_that_it_was_made_for():
    limit = textbook.critical_distance(0.05, 300, 40)
    assert ks.p_value(limit, 300, 40) == pytest.approx(0.05, rel=1e-3)


def by_double_loop(x, y, width):
    """The definition, pair by pair."""

    def k(a, b):
        return math.exp(-sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) / (2 * width**2))

    n, m = len(x), len(y)
    within_x = sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(k(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(k(a, b) for a in x for b in y) / (n * m)


def test_the_mean_discrepancy_is_that_of_a_double_loop():
    x, y = RANDOM.normal(size=(9, 4)), RANDOM.normal(0.5, 1, size=(7, 4))
    assert mmd.mmd_squared(x, y, 1.7) == pytest.approx(by_double_loop(x, y, 1.7), abs=1e-12)


def test_discrepancies_of_many_weeks_are_those_of_each_alone():
    features, pool = (
        RANDOM.normal(2, 3, size=(40, 5)).astype(np.float32),
        RANDOM.normal(size=(30, 5)).astype(np.float32),
    )
    reference = mmd.Reference(features)
    drawn = np.stack([RANDOM.permutation(30)[:12] for _ in range(4)])
    scaled = (pool - features.mean(0)) / (features.std(0) + 1e-6)
    alone = [mmd.mmd_squared(scaled[week], reference.own, reference.width) for week in drawn]
    assert reference.discrepancies(pool, drawn) == pytest.approx(alone, abs=1e-5)


def test_an_image_that_a_week_holds_twice_is_no_pair_with_itself():
    features, pool = RANDOM.normal(size=(40, 3)).astype(np.float32), RANDOM.normal(size=(6, 3)).astype(np.float32)
    reference, week = mmd.Reference(features), np.array([[0, 0, 1, 2]])
    seen = ((pool - features.mean(0)) / (features.std(0) + 1e-6))[week[0]]
    kernel = mmd.likeness(seen, seen, reference.width)
    pairs = [kernel[i, j] for i in range(4) for j in range(4) if week[0, i] != week[0, j]]
    between = mmd.likeness(seen, reference.own, reference.width).mean()
    expected = np.mean(pairs) + reference.within - 2 * between
    assert reference.discrepancies(pool, week)[0] == pytest.approx(expected, abs=1e-5)


def test_the_median_distance_is_that_of_scipy():
    x = RANDOM.normal(size=(20, 3))
    assert mmd.median_distance(x) == pytest.approx(np.median(pdist(x)))
    assert mmd.median_distance(np.ones((5, 3))) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.floats(0.001, 0.999))
def test_a_new_quiet_week_exceeds_the_threshold_as_seldom_as_stated(count, rate):
    scores = np.arange(count, dtype=float)
    above = sum(
        alarms.threshold(scores, rate) < place - 0.5 for place in range(count + 1)
    )  # n + 1 equally likely places
    assert above / (count + 1) <= max(rate, 1 / (count + 1)) + 1e-9


def test_rates_have_the_exact_interval_and_know_what_they_are_compatible_with():
    rate = alarms.Rate(9, 200)
    oracle = binomtest(9, 200).proportion_ci(0.95, method="exact")
    assert rate.interval == pytest.approx((oracle.low, oracle.high))
    assert (rate.within(0.03), rate.within(0.01)) == (True, False)
    assert str(alarms.Rate(0, 100)).startswith("0.0%, 0.0% to 3.6%")


def test_the_weeks_until_an_alarm_follow_from_its_chance():
    assert [alarms.weeks_until(p) for p in (1.0, 0.95, 0.5, 0.0)] == [1, 1, 5, math.inf]
    ringing = np.arange(1000) % 2 == 0
    first = alarms.first_alarms(ringing, 4000, 60)
    assert first.mean() == pytest.approx(2.0, rel=0.05)
    assert np.quantile(first, 0.95) <= alarms.weeks_until(ringing.mean())
    assert np.isinf(alarms.first_alarms(np.zeros(5, bool), 3, 4)).all()


@pytest.mark.parametrize("bad", [0, 1, -0.1, 2])
def test_impossible_rates_are_refused(bad):
    with pytest.raises(Mistake, match="between 0 and 1"):
        alarms.threshold(np.zeros(3), bad)


IMAGES = RANDOM.integers(0, 256, size=(3, 1, 21, 30), dtype=np.uint8)


@pytest.mark.parametrize("name", corruptions.ALL)
def test_a_corruption_keeps_shape_and_type_and_grows_with_its_strength(name):
    smooth = np.repeat(np.repeat(RANDOM.integers(40, 180, size=(4, 3, 4, 5), dtype=np.uint8), 6, 2), 6, 3)
    change = corruptions.ALL[name]
    off = []
    for strength in (0.05, 0.4, 1.0):
        seen = change(smooth, strength, np.random.default_rng(1))
        assert (seen.shape, seen.dtype) == (smooth.shape, np.uint8)
        assert np.array_equal(seen, change(smooth, strength, np.random.default_rng(1)))
        off.append(np.abs(seen.astype(float) - smooth).mean())
    assert off[0] < off[1] < off[2]


def test_compression_does_what_jpeg_does():
    """Pillow at quality 50 uses the table as it is: an eighth of full strength. Sides that are no multiple of 8 too."""
    for image in (IMAGES[0, 0], np.add.outer(np.arange(21), 7 * np.arange(30)).astype(np.uint8)):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", quality=50)
        theirs = np.asarray(Image.open(stream)).astype(int)
        ours = corruptions.jpeg(image[None, None], 1 / 8, RANDOM)[0, 0].astype(int)
        whole = slice(0, 16), slice(0, 24)  # how the border is filled up is each one's own
        off, lost = np.abs(ours - theirs)[whole], np.abs(image.astype(int) - theirs)[whole]
        blocks = off.reshape(2, 8, 3, 8).max((1, 3))
        assert (
            blocks <= 1
        ).sum() >= 4  # its transform is in whole numbers: now and then it rounds a frequency the other way
        assert off.mean() < 0.2 * lost.mean()


def test_overexposure_and_contrast_by_hand():
    image = np.array([[[[0, 100], [200, 255]]]], np.uint8)
    assert corruptions.brightness(image, 0.5, RANDOM).ravel().tolist() == [76, 176, 255, 255]
    middle = 555 / 4
    by_hand = [round(middle + 0.1 * (value - middle)) for value in (0, 100, 200, 255)]
    assert corruptions.contrast(image, 1.0, RANDOM).ravel().tolist() == by_hand


def test_other_data_sets_get_corruptions_and_another_mix():
    data = dataset(train=64, test=40)
    ways = kinds.kinds(data)
    assert list(ways) == [*corruptions.ALL, kinds.OTHER_MIX]
    for name, way in ways.items():
        same, strong = way.images("test", 0.0, 30), way.images("test", 1.0, 30)
        assert strong.images.shape == same.images.shape == (30, 3, 16, 16)
        if name != kinds.OTHER_MIX:
            assert torch.equal(same.images, data.test.images[:30])
            assert torch.equal(strong.labels, data.test.labels[:30])
    mixed = ways[kinds.OTHER_MIX].images("test", 1.0, 1000).labels
    assert (mixed >= 2).float().mean() == pytest.approx(0.1 / 1.1, abs=0.04)
    with pytest.raises(Mistake, match="from 0 to 1"):
        ways["noise"].images("test", 1.5, 4)


def test_road_signs_drift_in_the_scene_and_new_signs_have_no_right_answer():
    data = dataset(size=32, classes=12, name="road_signs")
    ways = kinds.kinds(data, seed=3)
    assert list(ways) == [*kinds.WEATHER, kinds.NEW_SIGNS, kinds.OTHER_MIX]
    clear, dim = (ways["dusk"].images("test", strength, 48) for strength in (0.0, 0.5))
    assert torch.equal(clear.labels, dim.labels)
    assert dim.images.float().mean() < 0.6 * clear.images.float().mean()
    some = ways[kinds.NEW_SIGNS].images("test", 0.5, 400)
    assert (some.labels == kinds.UNKNOWN).float().mean() == pytest.approx(0.25, abs=0.06)
    kept = some.labels >= 0
    assert torch.equal(some.images[kept], ways["dusk"].images("test", 0.0, 400).images[kept])
    images, captions = kinds.examples({"new signs": ways[kinds.NEW_SIGNS]}, (0.0, 1.0))
    assert (len(images), captions) == (2, ["new signs\n0", "new signs\n1"])
    assert not torch.equal(images[0], images[1])


def test_signals_are_what_the_model_says_of_each_image():
    model, data = learnt("small"), dataset()
    seen = signals.look(model, data.test, batch_size=7)
    with torch.inference_mode():
        chances = model(data.test.images.float() / 63.75 - 2).softmax(1)
    assert np.allclose(seen.confidence, chances.max(1).values.numpy(), atol=1e-5)
    assert seen.predicted.tolist() == chances.argmax(1).tolist()
    assert seen.accuracy == pytest.approx((chances.argmax(1) == data.test.labels).float().mean().item())
    assert seen.features.shape == (40, 128)
    assert len(seen.part(slice(5, 15))) == 10


def test_statistics_of_images_by_hand():
    red = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    red[:, 0] = 255
    brightness, contrast, sharpness, colour = signals.input_statistics(red)[0].tolist()
    assert (brightness, sharpness, colour) == pytest.approx((1 / 3, 0.0, 1.0))
    assert contrast == pytest.approx(np.std([1] * 16 + [0] * 32, ddof=1))
    grey = torch.tensor([0, 255] * 8, dtype=torch.uint8).reshape(1, 1, 4, 4)
    assert signals.input_statistics(grey)[0].tolist() == pytest.approx([0.5, np.std([0, 1] * 8, ddof=1), 1.0])


def test_few_images_make_small_weeks():
    assert weeks.week_size(100, 4000, 2500) == 100
    assert weeks.week_size(100, 4000, 400) == 20
    assert weeks.week_size(100, 6) == weeks.SMALLEST_WEEK


def test_unlabelled_new_things_count_as_wrong():
    model, data = learnt("small"), dataset()
    seen = signals.look(model, Split(data.test.images, torch.full_like(data.test.labels, kinds.UNKNOWN)))
    assert seen.accuracy == 0
