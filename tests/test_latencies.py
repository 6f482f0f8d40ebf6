"""Percentiles, deadlines and pages of many calls, against oracles that compute them another way."""

import itertools

import numpy as np
import pytest
import torch
from samples import Outline

from lessons_lib import latencies, plots
from lessons_lib.latencies import Latencies
from lessons_lib.plots.latencies import tail

DRAWN = tuple(np.random.default_rng(0).lognormal(1, 0.5, 997))
ONE = Latencies("eager", DRAWN)
FOUND = {"eager": ONE, "int8": Latencies("int8", tuple(s / 10 for s in DRAWN))}


@pytest.mark.parametrize("percent", [0.1, 1, 25, 50, 90, 95, 99, 99.9, 100])
def test_a_percentile_is_that_of_numpy_and_one_that_was_measured(percent):
    found = ONE.percentile_ms(percent)
    assert found == np.percentile(DRAWN, percent, method="inverted_cdf")
    assert found in DRAWN


@pytest.mark.parametrize("percent", [0, -1, 100.1, float("nan")])
def test_a_percentile_out_of_range_is_refused(percent):
    with pytest.raises(ValueError, match="give a number above 0, up to 100"):
        ONE.percentile_ms(percent)


def test_exactly_on_time_is_in_time():
    one = Latencies("x", (1.0, 2.0, 3.0, 4.0))
    assert one.share_within(2.0) == 0.5
    assert one.keeps(2.0, 50)
    assert not one.keeps(2.0, 51)


def test_the_share_within_a_percentile_is_at_least_that_percentile():
    for percent in (50, 95, 99, 99.9):
        limit = ONE.percentile_ms(percent)
        assert ONE.share_within(limit) >= percent / 100
        assert ONE.share_within(limit - 1e-9) < percent / 100


def test_every_engine_gets_the_same_images_one_by_one_and_as_many_samples():
    seen: dict[str, list[float]] = {"a": [], "b": []}
    images = torch.arange(7.0).reshape(7, 1, 1, 1)
    engines = {name: lambda x, name=name: seen[name].append((x.shape[0], x.item())) for name in seen}
    found = latencies.collect(engines, images, seconds=0.001)
    assert seen["a"] == seen["b"]
    assert {count for count, _ in seen["a"]} == {1}
    assert {value for _, value in seen["a"]} == set(range(7))
    assert len({len(one.samples_ms) for one in found.values()}) == 1
    assert len(found["a"].samples_ms) >= 20


def test_a_stall_stays_in_the_samples_and_the_first_call_of_a_turn_does_not():
    clock = {"now": 0.0}
    calls = iter(range(10_000))

    def engine(x):
        call = next(calls)
        clock["now"] += 0.5 if call == 8 else 0.01 if (call - 5) % 11 == 0 else 0.001

    found = latencies.collect({"a": engine}, torch.zeros(3, 1, 1, 1), seconds=0.0001, clock=lambda: clock["now"])
    samples = found["a"].samples_ms
    assert max(samples) == pytest.approx(500)
    assert sorted(samples)[-2] == pytest.approx(1.0)


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="latencies need an engine and an image; got 0 and 1"):
        latencies.collect({}, torch.zeros(1, 1, 1, 1), seconds=1)


def test_a_page_of_a_hundred_calls_usually_meets_a_slow_one():
    assert latencies.chance_of_a_slow_one(100) == pytest.approx(0.634, abs=0.001)
    assert latencies.chance_of_a_slow_one(1) == pytest.approx(0.01)
    drawn = latencies.pages_with_a_slow_one(ONE, 100)
    beyond = 1 - ONE.share_within(ONE.percentile_ms(99))
    assert drawn == pytest.approx(1 - (1 - beyond) ** 100, abs=0.04)


def test_a_promise_is_told_in_a_sentence():
    assert latencies.deadline_told(FOUND, 100, 50) == "Every engine here makes 50 % of the predictions within 100 ms."
    assert latencies.deadline_told(FOUND, 1e-6, 50).startswith("No engine here")
    assert latencies.deadline_told(FOUND, 1.0, 95) == "Here int8 makes 95 % of the predictions within 1 ms."
    three = {name: Latencies(name, (speed,)) for name, speed in (("a", 1.0), ("b", 1.0), ("c", 9.0))}
    assert latencies.deadline_told(three, 2, 99).startswith("Here a and b make 99 %")


@pytest.mark.parametrize(
    ("samples_ms", "said"),
    [
        ((1.0, 1.0, 1.0, 1.2), "a little above the median, pulled up by the slow ones, and says nothing"),
        ((1.0, 1.0, 1.0), "at the median or just below it, and says nothing"),
        ((0.1, 1.0, 1.0), "below the median: it is pulled down by the fast ones"),
        ((1.0, 1.0, 1.0, 17.0), "5.0 times the median: only 25% of the predictions take longer"),
    ],
)
def test_the_mean_is_placed_where_it_lies(samples_ms, said):
    assert said in latencies.mean_told(Latencies("eager", samples_ms))


def test_what_a_percentile_rests_on_is_counted():
    assert latencies.few_samples_told(1000) == "Of 1,000 samples 1 lies beyond p99.9"
    assert latencies.few_samples_told(5000) == "Of 5,000 samples 5 lie beyond p99.9"


def test_the_table_and_the_record_hold_the_percentiles():
    table = latencies.percentile_table(FOUND, (1.0, 100.0))
    assert table.columns == [
        "engine",
        "median",
        "p95",
        "p99",
        "p99.9",
        "mean",
        "slowest",
        "within 1 ms",
        "within 100 ms",
    ]
    kept = latencies.as_dict(FOUND, (1.0,))
    assert kept["eager"]["p99_ms"] == ONE.percentile_ms(99)
    assert kept["int8"]["within_1_ms"] == FOUND["int8"].share_within(1.0)


def test_the_tail_falls_from_all_samples_to_one():
    times, shares = tail(ONE)
    assert times == sorted(DRAWN)
    assert shares[0] == 100
    assert shares[-1] == pytest.approx(100 / len(DRAWN))
    assert all(a > b for a, b in itertools.pairwise(shares))


def test_the_picture_has_its_words_and_its_table():
    picture = plots.latencies(FOUND, (1.0, 100.0), title="How slow?", percent=99)
    assert picture.alt.startswith("How slow?. eager has a median of")
    outline = Outline(picture._repr_html_())
    assert len(outline.all("tr")) == 3
