"""Arrivals, the simulated queue and the formula: each against an oracle of its own."""

import math
import statistics
from itertools import pairwise

import pytest

from lessons_lib.explained import Mistake
from lessons_lib.queueing import (
    NEVER,
    Policy,
    ServiceTimes,
    mean_latency_ms,
    percentile,
    poisson_arrivals,
    simulate,
)

CONSTANT = ServiceTimes((1,), (10.0,))
FLAT = ServiceTimes((1, 64), (10.0, 10.0))


def slow_simulation(arrivals_s, service, policy, step_s=0.0005):
    """The same queue by the clock, half a millisecond at a time, without any look ahead."""
    waiting, answers, free_at, now, left = [], {}, 0.0, 0.0, list(enumerate(arrivals_s))
    while len(answers) < len(arrivals_s):
        while left and left[0][1] <= now + 1e-12:
            waiting.append(left.pop(0))
        due = waiting and (len(waiting) >= policy.max_batch or now >= waiting[0][1] + policy.max_wait_ms / 1000 - 1e-12)
        if due and now >= free_at - 1e-12:
            batch, waiting = waiting[: policy.max_batch], waiting[policy.max_batch :]
            free_at = now + service(len(batch)) / 1000
            answers |= {number: (free_at - arrived) * 1000 for number, arrived in batch}
        now += step_s
    return [answers[number] for number in range(len(arrivals_s))]


@pytest.mark.parametrize("policy", [Policy(), Policy(4, 0), Policy(4, 6), Policy(8, 25), Policy(2, 100)], ids=str)
@pytest.mark.parametrize("per_second", [40, 150])
def test_the_simulation_agrees_with_a_clock_that_ticks(policy, per_second):
    service = ServiceTimes((1, 8), (8.0, 15.0))
    arrivals = [round(t * 2000) / 2000 for t in poisson_arrivals(per_second, 1.0, seed=3)]
    found = simulate(arrivals, service, policy)
    assert found.latencies_ms == pytest.approx(slow_simulation(arrivals, service, policy), abs=1.01)
    assert sum(found.batches) == len(arrivals)
    assert max(found.batches) <= policy.max_batch


def test_one_by_one_the_simulation_comes_to_the_formula_in_the_long_run():
    for busy in (0.3, 0.6, 0.8):
        rate = 100 * busy
        simulated = simulate(poisson_arrivals(rate, 3000, seed=1), CONSTANT, Policy())
        assert simulated.mean_ms == pytest.approx(mean_latency_ms(rate, [10.0]), rel=0.05)


def test_the_formula_is_that_of_a_constant_service_time():
    # M/D/1: S + rho S / (2 (1 - rho)) with S = 10 ms and rho = 0.5 is 10 + 5
    assert mean_latency_ms(50, [10.0]) == pytest.approx(15.0)
    # M/M/1 would wait twice as long; two values with the mean 10 lie in between
    assert 15.0 < mean_latency_ms(50, [5.0, 15.0]) < 20.0
    assert mean_latency_ms(100, [10.0]) == math.inf
    assert mean_latency_ms(1e-6, [10.0]) == pytest.approx(10.0, rel=1e-3)


def test_where_a_batch_costs_what_one_costs_batching_keeps_up_with_any_load():
    arrivals = poisson_arrivals(500, 5, seed=2)
    single, batched = simulate(arrivals, FLAT, Policy()), simulate(arrivals, FLAT, Policy(64))
    assert single.percentile(99) > 10_000
    assert batched.percentile(99) <= 20.0 + 1e-9  # at most the batch before, and its own


def test_a_deadline_drops_what_would_be_late_and_nothing_else_is_late():
    arrivals = poisson_arrivals(300, 3, seed=4)
    kept = simulate(arrivals, CONSTANT, Policy(deadline_ms=40))
    answered = [value for value in kept.latencies_ms if value < NEVER]
    assert max(answered) <= 40
    assert 0.3 < len(answered) / len(arrivals) < 0.4  # 100 of 300 a second can be served
    free = simulate(arrivals, CONSTANT, Policy())
    assert free.late(40) > 0.9
    assert kept.late(40) == pytest.approx(1 - len(answered) / len(arrivals))


def test_an_overhead_is_added_to_each_latency():
    plain, added = (simulate([0.0, 1.0], CONSTANT, Policy(), overhead_ms=ms).latencies_ms for ms in (0, 3))
    assert plain == pytest.approx([10, 10])
    assert added == pytest.approx([13, 13])


def test_arrivals_have_the_rate_and_the_gaps_of_chance():
    times = poisson_arrivals(200, 100, seed=5)
    gaps = [b - a for a, b in pairwise(times)]
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)  # exponential
    assert sum(gap > 2 / 200 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-2), rel=0.05)
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < 100
    assert times == poisson_arrivals(200, 100, seed=5)
    assert times != poisson_arrivals(200, 100, seed=6)


def test_a_rate_so_low_that_nobody_comes_still_sends_one():
    assert poisson_arrivals(0.001, 0.01) == [0.0]


@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (-1, 1), (1, 0), (math.inf, 1), (math.nan, 1)])
def test_impossible_loads_are_refused(rate, seconds):
    with pytest.raises(Mistake, match="both have to be above 0"):
        poisson_arrivals(rate, seconds)


def test_a_percentile_is_a_latency_that_occurred_and_lost_requests_are_infinite():
    values = [float(v) for v in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([*values[:-1], NEVER], 99) == 99
    assert percentile([*values[:-2], NEVER, NEVER], 99) == NEVER
    assert percentile([7.0], 1) == 7.0
    assert percentile(values, 28) == 28  # in floats 28 / 100 * 100 is a little more than 28
    assert math.isnan(percentile([], 50))


def test_service_times_lie_on_lines_between_measured_sizes():
    times = ServiceTimes.of({8: 12.0, 1: 5.0})
    assert [times(batch) for batch in (1, 8, 16)] == [5.0, 12.0, 24.0]
    assert times(2) == pytest.approx(6.0)
    assert times.capacity(1) == pytest.approx(200)
    assert times.capacity(8) == pytest.approx(8 / 12 * 1000)
    with pytest.raises(ValueError, match="one measured batch size or more"):
        ServiceTimes.of({})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_batch": 0}, "max_batch is 0"),
        ({"max_batch": 2.5}, "max_batch is 2.5"),
        ({"max_batch": True}, "max_batch is True"),
        ({"max_wait_ms": -1}, "max_wait_ms is -1"),
        ({"max_wait_ms": math.nan}, "max_wait_ms is nan"),
        ({"max_wait_ms": "2"}, "max_wait_ms is '2'"),
        ({"deadline_ms": 0}, "deadline_ms is 0"),
        ({"queue_limit": 0}, "queue_limit is 0"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_in_a_sentence(given, message):
    with pytest.raises(Mistake, match=message):
        Policy(**given)


def test_a_policy_says_what_it_is():
    assert str(Policy()) == "one by one"
    assert str(Policy(16, 2.5)) == "batches of up to 16, wait 2.5 ms"
