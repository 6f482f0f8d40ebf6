"""What lesson 10 hands on to lesson 11, whatever stands in the record."""

import pytest

from lessons_lib import record
from lessons_lib.economics.assumptions import assumed
from lessons_lib.economics.handed_on import machine
from lessons_lib.explained import Mistake


def keep(device="cpu", profile="quick", **changed):
    inputs = assumed().changed(**changed).as_dict()
    record.append("measurement", name="10.costs", dataset="sample", device=device, profile=profile, inputs=inputs)


def test_without_a_record_the_price_is_an_assumption_and_says_so():
    found = machine("cpu")
    assert (found.price_per_hour, found.runs, found.failed_share) == (0.10, 1.0, 0.0)
    assert found.told == (
        "A machine-hour costs $0.1 (an assumption: your record holds no price of lesson 10 for this device)."
    )


def test_lesson_10_gives_price_runs_and_failures():
    keep(training_price="0.24 USD/hour", retraining_runs=3, failed_share=0.25)
    found = machine("cpu")
    assert (found.price_per_hour, found.runs, found.failed_share) == pytest.approx((0.24, 3.0, 0.25))
    assert found.told == (
        "A machine-hour costs $0.24 (training_price of lesson 10: changed by you); a retraining takes 3 runs that end well, "
        "and 25% of those started fail (lesson 10)."
    )


def test_an_assumption_of_lesson_10_stays_one():
    keep()
    assert "$0.08 (training_price of lesson 10: assumption, yours to change)" in machine("cpu").told


def test_a_price_in_another_unit_is_converted():
    inputs = assumed().as_dict()
    inputs["training_price"] |= {"value": 2.4, "low": 0.0, "high": 9.0, "unit": "USD/day"}
    record.append("measurement", name="10.costs", device="cpu", inputs=inputs)
    assert machine("cpu").price_per_hour == pytest.approx(0.1)


def test_your_own_price_comes_first():
    keep(retraining_runs=3)
    found = machine("cpu", 5)
    assert (found.price_per_hour, found.runs) == (5, 3.0)
    assert "A machine-hour costs $5 (your MACHINE_HOUR)" in found.told
    assert machine("cpu", 0).price_per_hour == 0


@pytest.mark.parametrize("price", [-1, "0.10", float("nan"), True])
def test_a_price_that_cannot_be_is_refused_by_its_name(price):
    with pytest.raises(Mistake, match="MACHINE_HOUR is "):
        machine("cpu", price)


def test_the_price_of_a_gpu_is_not_that_of_a_cpu():
    keep(device="cuda:0", training_price=4.0)
    assert machine("cpu").price_per_hour == 0.10
    assert machine("cuda").price_per_hour == 4.0


def test_a_smoke_run_of_lesson_10_does_not_replace_a_fuller_one():
    keep(training_price=0.5)
    keep(training_price=0.9, profile="smoke")
    assert machine("cpu").price_per_hour == 0.5


@pytest.mark.parametrize(
    "inputs",
    [None, [], "much", {}, {"training_price": 0.1}, {"training_price": {"value": 0.1}},
     assumed().as_dict() | {"training_price": assumed().as_dict()["training_price"] | {"value": -1}},
     assumed().as_dict() | {"training_price": assumed().as_dict()["training_price"] | {"unit": "bananas"}},
     assumed().as_dict() | {"training_price": assumed().as_dict()["carbon"]},
     assumed().as_dict() | {"failed_share": assumed().as_dict()["failed_share"] | {"value": float("nan")}},
     assumed().as_dict() | {"retraining_runs": assumed().as_dict()["retraining_runs"] | {"source": 3}}],
)  # fmt: skip
def test_an_odd_record_counts_as_none(inputs):
    record.append("measurement", name="10.costs", device="cpu", inputs=inputs)
    assert machine("cpu").price_per_hour == 0.10
