"""The five mistakes: the logic with a clock that is set by hand, and each one for real, on whatever machine this is."""

import contextlib
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from lessons_lib.timing_mistakes import (
    Finding,
    a_then_b,
    best_of,
    conclusion,
    disturbance,
    mean_instead_of_median,
    no_synchronisation,
    no_warm_up,
    one_sample,
    sampling,
)
from lessons_lib.timing_mistakes.one_sample import LARGEST, SMALLEST, extra_share, wrong_share
from lessons_lib.timing_mistakes.synchronise import asynchronous


class Clock:
    """Shows what it is told to; `spend` makes time pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1e-9
        return self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds


def finding(fooled: bool = True, name: str = "a mistake") -> Finding:
    return Finding(name, "Set up.", "Wrong.", "Right.", {"this": True, "that": fooled}, {"ratio": 2.0})


def test_a_finding_fools_only_where_all_assertions_hold():
    assert finding(True).fooled
    assert not finding(False).fooled
    assert "that: NOT true" in repr(finding(False))
    assert "no harm done this time" in repr(finding(False))
    assert "<table>" in finding()._repr_html_()


def test_a_mistake_gets_a_few_tries_and_says_how_many_it_took():
    outcomes = iter([False, False, True, False])
    found = best_of(4, lambda: finding(next(outcomes)))
    assert (found.fooled, found.tries, found.outcome) == (True, 3, "wrong, in try 3")
    never = best_of(2, lambda: finding(False))
    assert (never.tries, never.outcome) == (2, "no harm done in 2 tries")
    with pytest.raises(ValueError, match="tries is 0; give 1 or more"):
        best_of(0, finding)


def test_the_conclusion_counts_and_names_those_that_did_no_harm():
    assert conclusion([finding(), finding()]) == (
        "2 of 2 mistakes led to a wrong conclusion on this machine: all 4 assertions hold for the samples just taken."
    )
    assert "1 of 2" in conclusion([finding(), finding(False, "mean")])
    assert "mean did no harm this time. That is luck, not a method." in conclusion([finding(), finding(False, "mean")])


def test_a_mistake_that_misleads_now_and_then_says_how_often():
    lucky = replace(finding(name="one sample"), harm="wrong in 14% of single pairs")
    assert lucky.outcome == "wrong in 14% of single pairs"
    assert "samples just taken. Not always: one sample was wrong in 14% of single pairs." in conclusion([lucky])
    assert "method. Not always: one sample was wrong in 14%" in conclusion([lucky, finding(False, "mean")])
    assert "Not always" not in conclusion([replace(lucky, assertions={"this": False})])


@pytest.mark.parametrize(("cold_ms", "fooled"), [(9.0, True), (2.1, False), (1.0, False)])
def test_a_cold_first_call_fools_only_where_it_is_clearly_slower(cold_ms, fooled):
    clock = Clock()

    def make():
        times = iter([cold_ms, *[2.0] * 50])
        return lambda: clock.spend(next(times) / 1e3)

    found = no_warm_up(make, clock=clock)
    assert found.fooled is fooled
    assert found.figures["first_ms"] == pytest.approx(cold_ms, rel=1e-3)
    assert found.figures["later_ms"] == pytest.approx(2.0, rel=1e-3)


def test_a_thread_stands_in_for_a_gpu_and_is_waited_for():
    done = threading.Event()
    with asynchronous("cpu") as (launch, wait):
        launch(lambda: (time.sleep(0.05), done.set()))
        assert not done.is_set(), "the launch returned before the work was done"
        wait()
        assert done.is_set()


def test_an_error_in_the_other_thread_is_not_swallowed():
    def broken():
        raise ZeroDivisionError

    with asynchronous("cpu") as (launch, wait):
        launch(broken)
        with pytest.raises(ZeroDivisionError):
            wait()


def test_without_synchronisation_the_large_batch_looks_like_the_small_one():
    found = no_synchronisation(lambda: time.sleep(0.002), lambda: time.sleep(0.04), images=(1, 64), samples=5)
    assert found.fooled, found
    assert found.figures["whole_ms"] > 35
    assert found.figures["launch_ms"] < 20
    assert "another thread stands in" in found.arranged


def test_single_pairs_are_wrong_where_the_noise_is_larger_than_the_difference():
    draw = np.random.default_rng(0)
    less, more = draw.normal(1.0, 0.1, 400), draw.normal(1.05, 0.1, 400)
    singles, medians = (wrong_share(less, more, size, seed=0) for size in (1, 31))
    assert singles == pytest.approx(0.36, abs=0.08)  # P(N(0.05, 0.141) < 0)
    assert medians < 0.15
    quiet = wrong_share([1.0] * 50, [1.05] * 50, 1, seed=0)
    assert quiet == 0


@pytest.mark.parametrize(("spread", "share"), [(0.0, SMALLEST), (0.08, 0.08), (2.0, LARGEST)])
def test_the_difference_is_about_as_large_as_the_scatter(spread, share):
    samples = np.linspace(1 - spread, 1 + spread, 101)
    assert extra_share(samples) == pytest.approx(share, abs=0.005)


def test_the_mean_is_fooled_by_stalls_and_the_median_is_not():
    clock, slow = Clock(), {"now": False}

    @contextlib.contextmanager
    def stall(numbers, after_s):
        slow["now"] = True
        yield
        slow["now"] = False

    found = mean_instead_of_median(lambda: clock.spend(0.004 if slow["now"] else 0.001), clock=clock, disturb=stall)
    assert found.fooled, found
    assert found.figures["mean_ratio"] < 1 < found.figures["median_ratio"]
    assert found.figures["ratio"] == pytest.approx(5 / 4, rel=0.02)


def test_without_stalls_the_mean_is_right_too():
    clock = Clock()
    found = mean_instead_of_median(
        lambda: clock.spend(0.001), clock=clock, disturb=lambda numbers, after_s: contextlib.nullcontext()
    )
    assert not found.fooled
    assert found.figures["mean_ratio"] == pytest.approx(5 / 4, rel=1e-3)


class FakeLoad:
    """Makes every call three times as long once it has been started."""

    factor = 1.0

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        FakeLoad.factor = 1.0

    def start(self):
        FakeLoad.factor = 3.0


def test_one_after_the_other_a_thing_loses_against_itself_and_in_turns_it_does_not():
    clock = Clock()
    found = a_then_b(lambda: clock.spend(0.001 * FakeLoad.factor), clock=clock, load=FakeLoad)
    assert found.fooled, found
    assert found.figures["ratio"] == pytest.approx(3.0, rel=1e-3)
    assert found.figures["in_turns"] == pytest.approx(1.0, rel=1e-3)


class NoLoad(FakeLoad):
    def start(self):
        pass


def test_a_machine_that_does_not_change_fools_nobody():
    clock = Clock()
    found = a_then_b(lambda: clock.spend(0.001), clock=clock, load=NoLoad)
    assert not found.fooled
    assert found.figures["ratio"] == pytest.approx(1.0, rel=1e-3)


def test_two_calls_take_turns_and_each_comes_first_as_often():
    order = []
    first, second = sampling.in_turns(lambda: order.append("a"), lambda: order.append("b"), 4)
    assert order == list("abbaabba")
    assert (len(first), len(second)) == (4, 4)


def test_a_load_stops_with_its_block_even_when_the_block_fails():
    def interrupted():
        with disturbance.Load() as load:
            load.start()
            assert threading.active_count() == before + 1
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert threading.active_count() == before
    with disturbance.Load():
        pass  # never started: nothing to stop


def test_a_burst_is_over_when_its_block_ends():
    before = threading.active_count()
    with disturbance.burst(1_000_000, 0.001):
        time.sleep(0.002)
    assert threading.active_count() == before


def work():
    """About a millisecond that gives Python's lock away, as an engine does."""
    return MATRIX @ MATRIX


MATRIX = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)


@pytest.mark.timing
@pytest.mark.parametrize(
    "mistake", [one_sample, mean_instead_of_median, a_then_b], ids=lambda mistake: mistake.__name__
)
def test_each_mistake_misleads_on_this_very_machine(mistake):
    def several():
        for _ in range(4):
            work()

    found = best_of(5, lambda: mistake(several))
    assert found.fooled, found


@pytest.mark.timing
def test_no_warm_up_and_no_synchronisation_mislead_on_this_very_machine():
    from samples import learnt

    from lessons_lib import graph_view, onnx_graph

    graph = onnx_graph.export(learnt("small"), (3, 16, 16))
    x = torch.zeros(64, 3, 16, 16)
    cold = best_of(5, lambda: no_warm_up(lambda: graph_view.engine(graph).on(x[:1])))
    assert cold.fooled, cold
    engine = graph_view.engine(graph)
    hasty = best_of(5, lambda: no_synchronisation(engine.on(x[:1]), engine.on(x), images=(1, 64)))
    assert hasty.fooled, hasty
