"""The logic runs against a fake clock, the statistics against published numbers and simulated measurements."""

import gc
import json
import math
import random
import subprocess
import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from lessons_lib.timing import Within, compare, measure
from lessons_lib.timing.measurement import Comparison, Measurement
from lessons_lib.timing.stopwatch import Stopwatch
from lessons_lib.timing.table import duration
from lessons_lib.timing.verdict import Verdict, judge, student_t, trimmed_mean_interval


class FakeClock:
    """Time that passes only when a fake call says so; keeps a log of who was called."""

    def __init__(self) -> None:
        self.now, self.log = 0.0, []

    def __call__(self) -> float:
        return self.now

    def call(self, name, latency_s):
        """A call that lasts `latency_s`: a number, or a function of how often it was called and of the time."""
        count = iter(range(10**9))

        def fake() -> None:
            self.log.append(name)
            self.now += latency_s(next(count), self.now) if callable(latency_s) else latency_s

        return fake


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def noisy(latency_s, *, spread=0.05, spikes=0.0, seed=0):
    """Latencies with log-normal noise, of which the share `spikes` lasts twenty times as long."""
    source = random.Random(seed)

    def draw(count, now):
        return latency_s * math.exp(source.gauss(0, spread)) * (20 if source.random() < spikes else 1)

    return draw


# measure


def test_every_sample_is_one_call_and_the_time_is_spent(clock):
    found = measure(clock.call("a", 0.01), seconds=1.0, clock=clock)
    assert found.samples_s == pytest.approx([0.01] * len(found.samples_s))
    assert clock.now == pytest.approx(1.0, abs=0.011)
    assert found.calls_per_sample == 1


def test_a_slow_first_call_is_not_counted(clock):
    found = measure(clock.call("a", lambda count, now: 0.5 if count == 0 else 0.01), seconds=1.0, clock=clock)
    assert max(found.samples_s) == pytest.approx(0.01)


def test_warming_up_ends_when_the_time_settles(clock):
    latency = [0.3, 0.2, 0.1, 0.05, 0.02] + [0.01] * 10_000
    found = measure(clock.call("a", lambda count, now: latency[count]), seconds=10.0, clock=clock)
    assert max(found.samples_s) == pytest.approx(0.01)
    assert len(clock.log) - len(found.samples_s) < 20


def test_warming_up_ends_when_its_budget_is_spent(clock):
    found = measure(clock.call("a", lambda count, now: 0.9**count), seconds=5.0, warmup=2.0, clock=clock)
    assert len(clock.log) - len(found.samples_s) == 3  # 1 + 0.9 + 0.81 s


def test_a_call_of_three_seconds_gets_three_samples(clock):
    found = measure(clock.call("slow", 3.0), seconds=1.0, clock=clock)
    assert len(found.samples_s) == 3
    assert clock.now == pytest.approx(12.0)


def test_calls_of_50_ns_are_batched_so_that_the_clock_can_resolve_them(clock):
    found = measure(clock.call("quick", 50e-9), seconds=0.01, clock=clock)
    assert found.calls_per_sample * 50e-9 >= 100e-6
    assert found.median_ms == pytest.approx(50e-6)


def test_a_clock_that_reads_zero_for_one_call_is_no_obstacle(clock):
    found = measure(clock.call("quick", 50e-9), seconds=0.05, clock=lambda: round(clock.now / 1e-6) * 1e-6)
    assert found.median_ms == pytest.approx(50e-6, rel=0.02)


def test_a_stall_during_warm_up_does_not_leave_batches_too_short(clock):
    watch = Stopwatch(
        "a",
        clock.call("a", lambda count, now: 0.01 if count == 12 else 1e-6),
        synchronise=lambda: None,
        clock=clock,
    )
    watch.warm_up(1.0)
    assert watch.calls_per_sample == 128


def test_a_clock_that_stands_still_is_an_error(clock, monkeypatch):
    monkeypatch.setattr("lessons_lib.timing.stopwatch.MOST_CALLS_PER_SAMPLE", 8)
    with pytest.raises(RuntimeError, match="clock does not advance"):
        measure(clock.call("nothing", 0.0), clock=clock)


def test_a_real_call_is_measured_with_the_real_clock():
    found = measure(lambda: sum(range(1000)), name="sum", seconds=0.05)
    assert 0 < found.quartiles_ms[0] <= found.median_ms <= found.quartiles_ms[1] <= found.p95_ms
    assert found.calls_per_sample > 1


def test_the_device_is_waited_for_before_and_after_each_sample(clock):
    """A fake GPU: calls return at once, the work happens while waiting."""
    pending, log = [], []

    def wait() -> None:
        log.append("wait")
        clock.now += sum(pending)
        pending.clear()

    def launch() -> None:
        log.append("call")
        pending.append(0.01)

    watch = Stopwatch("gpu", launch, synchronise=wait, clock=clock)
    watch.call_untimed()
    assert watch.sample() == pytest.approx(0.01)  # the untimed call is not in it
    assert log == ["call", "wait", "call", "wait"]


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "auto"])
def test_devices_are_given_by_name_or_as_torch_knows_them(device, clock):
    assert len(measure(clock.call("a", 0.1), seconds=1.0, device=device, clock=clock).samples_s) >= 3


def test_an_unknown_device_is_an_error():
    with pytest.raises(ValueError, match="toaster"):
        measure(lambda: None, device="toaster")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_work_on_a_gpu_is_waited_for():
    matrix = torch.rand(4096, 4096, device="cuda")
    found = measure(lambda: matrix @ matrix, seconds=0.5, device="cuda")
    assert found.median_ms > 2 * 4096**3 / 2e15 * 1000  # no GPU does 2 PFLOP/s in float32


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_garbage_collection_is_restored_whatever_happens(error):
    seen = []

    def call() -> None:
        seen.append(gc.isenabled())
        raise error

    with pytest.raises(type(error)):
        measure(call)
    assert gc.isenabled()
    assert seen == [False]


def test_garbage_collection_stays_off_where_it_was_off(clock):
    gc.disable()
    try:
        measure(clock.call("a", 0.1), clock=clock)
        assert not gc.isenabled()
    finally:
        gc.enable()


# compare


def test_order_alternates_and_one_call_after_each_switch_is_untimed(clock):
    found = compare({"a": clock.call("a", 0.01), "b": clock.call("b", 0.01)}, seconds=1.0, clock=clock)
    rounds = len(found.measurements["a"].samples_s)
    expected = ["a", "a", "b", "b"] + ["b", "a", "a", "a", "b", "b"] * rounds
    warm_up = len(clock.log) - (3 * rounds + 1)
    assert clock.log[warm_up:] == expected[: 3 * rounds + 1]


def test_three_candidates_go_back_and_forth(clock):
    found = compare({name: clock.call(name, 1.0) for name in "abc"}, seconds=0.1, clock=clock)
    assert "".join(clock.log[3:]) == "abccbaabccba"  # slow calls: four rounds, none of them untimed
    assert {len(each.samples_s) for each in found.measurements.values()} == {4}


def test_the_time_to_spend_is_respected_warm_up_included(clock):
    compare({"a": clock.call("a", 0.007), "b": clock.call("b", 0.008)}, seconds=1.0, clock=clock)
    assert clock.now == pytest.approx(1.0, abs=0.03)


def test_warming_up_a_call_that_never_settles_leaves_time_for_the_rounds(clock):
    calls = {name: clock.call(name, lambda count, now: 0.05 * 0.97**count) for name in "ab"}
    compare(calls, seconds=1.0, clock=clock)
    assert clock.log.index("b") == 3  # 0.05 + 0.0485 + 0.047 s exceed an eighth of a second


def test_a_thing_compared_with_itself_cannot_be_told_apart(clock):
    found = compare(
        {"a": clock.call("a", noisy(0.007, seed=1)), "b": clock.call("b", noisy(0.007, seed=2))}, clock=clock
    )
    assert found.verdict.word == "cannot tell"
    assert found.verdict.low < 1 < found.verdict.high


def test_exactly_equal_latencies_cannot_be_told_apart(clock):
    found = compare({"a": clock.call("a", 0.007), "b": clock.call("b", 0.007)}, clock=clock)
    assert found.verdict.word == "cannot tell"


@pytest.mark.parametrize(("latency_s", "word"), [(0.007 * 1.004, "cannot tell"), (0.007 * 1.006, "slower")])
def test_differences_below_half_a_per_cent_are_not_claimed_however_steady(clock, latency_s, word):
    calls = {"a": clock.call("a", 0.007), "b": clock.call("b", latency_s)}
    assert compare(calls, clock=clock).verdict.word == word


@pytest.mark.parametrize(("latency_s", "word"), [(0.0077, "slower"), (0.0063, "faster")])
def test_a_difference_of_ten_per_cent_is_found_with_the_true_ratio_in_the_interval(clock, latency_s, word):
    found = compare(
        {"a": clock.call("a", noisy(0.007, seed=1)), "b": clock.call("b", noisy(latency_s, seed=2))}, clock=clock
    ).verdict
    assert found.word == word
    assert found.low <= 0.007 / latency_s <= found.high


def test_spikes_do_not_flip_a_verdict(clock):
    slow = noisy(0.0070 * 1.1, seed=2)
    found = compare(
        {"a": clock.call("a", noisy(0.007, spikes=0.08, seed=1)), "b": clock.call("b", slow)}, seconds=5.0, clock=clock
    )
    assert found.measurements["a"].p95_ms > 5 * found.measurements["a"].median_ms  # the spikes are there, and kept
    assert found.verdict.word == "slower"


def test_spikes_do_not_tell_a_thing_from_itself(clock):
    calls = {name: clock.call(name, noisy(0.007, spikes=0.08, seed=ord(name))) for name in "ab"}
    assert compare(calls, seconds=5.0, clock=clock).verdict.word == "cannot tell"


def test_a_machine_that_slows_down_threefold_does_not_tell_a_thing_from_itself(clock):
    def drifting(seed):
        draw = noisy(0.007, spread=0.02, seed=seed)
        return lambda count, now: draw(count, now) * (1 + 2 * now)

    found = compare({"a": clock.call("a", drifting(1)), "b": clock.call("b", drifting(2))}, clock=clock)
    assert found.verdict.word == "cannot tell"
    assert found.measurements["a"].warning


def test_noise_as_large_as_the_effect_gives_no_verdict(clock):
    calls = {"a": clock.call("a", noisy(0.1, spread=0.5)), "b": clock.call("b", noisy(0.11, spread=0.5, seed=2))}
    assert compare(calls, clock=clock).verdict.word == "cannot tell"


def test_candidates_of_very_different_length_are_compared(clock):
    found = compare({"a": clock.call("a", 0.01), "b": clock.call("b", 2e-6)}, seconds=0.5, clock=clock).verdict
    assert found.word == "faster"
    assert found.ratio == pytest.approx(5000)


def restless(latency_s, weather, *, seed):
    """Spikes, noise, and a load that all candidates share and that changes slowly."""
    draw = noisy(latency_s, spread=0.04, spikes=0.01, seed=seed)
    return lambda count, now: draw(count, now) * weather[int(now * 10)]


@pytest.mark.parametrize(
    ("true_ratio", "seconds", "least", "most"), [(1.0, 1, 0, 1), (1.1, 1, 95, 100), (1.05, 2, 90, 100)]
)
def test_a_restless_machine_seldom_fools_and_seldom_silences_the_verdict(true_ratio, seconds, least, most):
    found = []
    for trial in range(100):
        clock, steps = FakeClock(), np.random.default_rng(trial).normal(0, 0.05, 100)
        weather = np.exp(np.cumsum(steps))
        a = clock.call("a", restless(0.007 * true_ratio, weather, seed=2 * trial))
        b = clock.call("b", restless(0.007, weather, seed=2 * trial + 1))
        found.append(compare({"a": a, "b": b}, seconds=seconds, clock=clock).verdict.word)
    assert least <= 100 - found.count("cannot tell") <= most
    assert true_ratio == 1 or "slower" not in found


def test_an_error_carries_the_name_of_its_candidate(clock):
    def broken() -> None:
        raise ZeroDivisionError("deep inside")

    with pytest.raises(ZeroDivisionError, match="deep inside") as caught:
        compare({"fine": clock.call("fine", 0.1), "int8": broken}, clock=clock)
    assert "'int8'" in caught.value.__notes__[0]
    assert len(caught.value.__notes__) == 1


def nothing() -> None:
    return None


@pytest.mark.parametrize(
    ("candidates", "error", "said"),
    [
        ({}, ValueError, "got nothing"),
        ({"a": nothing}, ValueError, "`measure` times one thing"),
        ({"a": nothing, " ": nothing}, ValueError, "empty"),
        ({"a": nothing, "a ": nothing}, ValueError, "twice"),
        ({"a": nothing, 3: nothing}, TypeError, "a int; give a string"),
        ({"a": nothing, "b": torch.zeros(2)}, TypeError, "'b' is a Tensor"),
        ([nothing, nothing], TypeError, "a list"),
    ],
)
def test_bad_candidates_get_an_error_that_helps(candidates, error, said):
    with pytest.raises(error, match=said):
        compare(candidates)


def test_bad_arguments_get_an_error_that_helps():
    with pytest.raises(TypeError, match="lambda: model"):
        measure(torch.zeros(2))
    for seconds in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match="seconds"):
            measure(nothing, seconds=seconds)
    with pytest.raises(ValueError, match="confidence"):
        compare({"a": nothing, "b": nothing}, confidence=99.5)


# verdicts


@pytest.mark.parametrize(
    ("confidence", "degrees", "published"),
    [
        *[(0.95, 1, 12.7062), (0.95, 2, 4.3027), (0.99, 3, 5.8409), (0.95, 4, 2.7764), (0.99, 5, 4.0321)],
        *[(0.95, 10, 2.2281), (0.99, 29, 2.7564), (0.999, 7, 5.4079), (0.5, 15, 0.6912), (0.95, 120, 1.9799)],
        *[(0.999, 30, 3.6460), (0.99, 10**6, 2.5758)],
    ],
)
def test_student_quantiles_are_those_of_the_printed_tables(confidence, degrees, published):
    assert student_t(confidence, degrees) == pytest.approx(published, abs=6e-5)


@pytest.mark.parametrize("degrees", [1, 2, 3, 8, 37, 500])
def test_the_density_of_student_integrates_to_the_confidence(degrees):
    end = student_t(0.995, degrees)
    t = np.linspace(-end, end, 400_001)
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)
    density = scale * (1 + t**2 / degrees) ** (-(degrees + 1) / 2)
    assert np.sum((density[1:] + density[:-1]) / 2) * (t[1] - t[0]) == pytest.approx(0.995, abs=1e-6)


def test_the_interval_is_the_published_one():
    """Self-awareness data; R. Wilcox, Introduction to Robust Estimation: 20 % trimmed mean 283, interval (160, 405)."""
    data = [77, 87, 88, 114, 151, 210, 219, 246, 253, 262, 296, 299, 306, 376, 428, 515, 666, 1310, 2611]
    assert trimmed_mean_interval(data, confidence=0.95) == pytest.approx((282.69, 160.39, 404.99), abs=0.01)


@pytest.mark.parametrize("count", [3, 4, 5, 17, 60])
def test_the_interval_agrees_with_one_written_out_in_plain_python(count):
    values = [random.Random(seed).gauss(0, 1) for seed in range(count)]
    cut, ordered = count // 5, sorted(values)
    kept = ordered[cut : count - cut]
    winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
    mean = sum(winsorised) / count
    variance = sum((value - mean) ** 2 for value in winsorised) / (count - 1)
    margin = student_t(0.9, len(kept) - 1) * math.sqrt(variance) / (0.6 * math.sqrt(count))
    middle = sum(kept) / len(kept)
    assert trimmed_mean_interval(values, confidence=0.9) == pytest.approx((middle, middle - margin, middle + margin))


def heavy_tailed(source: np.random.Generator, count: int) -> np.ndarray:
    """Log ratios as a shared machine gives them: quiet, with one round in eight stalled on one side or the other."""
    stalled = source.random(count) < 0.125
    return 0.05 * source.standard_normal(count) + stalled * source.choice([-1, 1], count) * source.exponential(1, count)


@pytest.mark.parametrize("draw", [lambda source, count: source.standard_normal(count), heavy_tailed])
@pytest.mark.parametrize("count", [6, 20, 60])
def test_intervals_cover_the_truth_as_often_as_they_promise(draw, count):
    source, trials = np.random.default_rng(count), 3000
    found = [trimmed_mean_interval(draw(source, count), confidence=0.95) for _ in range(trials)]
    coverage = np.mean([low <= 0 <= high for _, low, high in found])
    assert coverage > 0.95 - 4 * math.sqrt(0.95 * 0.05 / trials) - 0.005
    assert coverage < 1 if count == 6 else coverage < 0.985  # nor is it vacuous


def test_the_ratio_says_how_many_times_faster():
    baseline = np.exp(np.random.default_rng(0).normal(0, 0.02, 100))
    found = judge(baseline, baseline / 2.9)
    assert found.ratio == pytest.approx(2.9)
    assert judge(baseline / 2.9, baseline).ratio == pytest.approx(1 / 2.9)


def test_statistics_refuse_what_they_cannot_judge():
    with pytest.raises(ValueError, match="3 samples against 2"):
        judge([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="at least 3"):
        judge([1, 2], [1, 2])
    with pytest.raises(ValueError, match="degrees"):
        student_t(0.9, 0)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((2.9, 2.7, 3.1), "faster, 2.9x, 2.7 to 3.1"),
        ((1.048, 1.004, 1.09), "faster, 1.048x, 1.004 to 1.090"),
        ((0.34, 0.32, 0.37), "slower, 0.34x, 0.32 to 0.37"),
        ((1.01, 0.97, 1.05), "cannot tell, 1.01x, 0.97 to 1.05"),
        ((21.2, 19.1, 23.4), "faster, 21x, 19 to 23"),
        ((1.0, 0.016, 61.0), "cannot tell, between 0.02x and 61x"),
        ((200.0, 9.97, 1234.0), "faster, between 10x and 1200x"),
        ((400.0, 17.4, 9999.0), "faster, between 17x and 10000x"),
    ],
)
def test_a_verdict_is_a_word_and_a_ratio_with_its_interval(figures, said):
    assert str(Verdict(*figures)) == said


def sampled(name: str, ratio: float, seed: int) -> Measurement:
    source = np.random.default_rng(seed)
    return Measurement(name, tuple(0.01 / ratio * np.exp(source.normal(0, 0.02, 50))))


@pytest.fixture
def three() -> Comparison:
    parts = [sampled("eager", 1, 0), sampled("<int8>", 3, 1), sampled("again", 1, 2)]
    return Comparison("eager", {part.name: part for part in parts}, 0.995)


def test_more_candidates_make_each_interval_wider(three):
    alone = Comparison("eager", {name: three.measurements[name] for name in ("eager", "<int8>")}, 0.995)
    assert three.verdicts["<int8>"].high > alone.verdict.high
    pair = (three.measurements[name].samples_s for name in ("eager", "<int8>"))
    assert three.verdicts["<int8>"] == judge(*pair, confidence=1 - 0.005 / 2)


def test_the_verdict_of_three_has_to_be_named(three):
    with pytest.raises(ValueError, match="<int8>"):
        _ = three.verdict


# results


def test_a_measurement_knows_its_figures():
    found = Measurement("a", tuple(milliseconds / 1000 for milliseconds in range(1, 101)))
    assert found.median_ms == pytest.approx(50.5)
    assert found.quartiles_ms == pytest.approx((25.75, 75.25))
    assert found.p95_ms == pytest.approx(95.05)
    assert found.per_second == pytest.approx(1000 / 50.5)
    assert "98 %" in found.warning
    assert Measurement("quiet", (0.01, 0.01, 0.0101)).warning is None


def test_results_survive_json(three):
    for row in [*three.rows(), three.measurements["eager"].to_dict(samples=True)]:
        assert json.loads(json.dumps(row)) == row
    assert "samples_s" not in three.measurements["eager"].to_dict()
    assert [row["verdict"] for row in three.rows()] == ["baseline", "faster", "cannot tell"]


def test_text_shows_units_and_verdicts(three):
    assert repr(Measurement("a", (0.007, 0.00702, 0.0071))) == (
        "a: median 7.02 ms, quartiles 7.01 to 7.06 ms, p95 7.09 ms (3 samples)"
    )
    lines = repr(three).splitlines()
    assert len(lines) == 5
    assert "than eager" in lines[0]
    assert str(three.verdicts["<int8>"]) in lines[3]


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        ((7.02,), "7.02 ms"),
        ((3000,), "3.00 s"),
        ((0.0421,), "42.1 µs"),
        ((50e-6,), "50.0 ns"),
        ((6.9, 12), "6.90 to 12.0 ms"),
    ],
)
def test_times_are_shown_in_the_unit_that_suits_them(milliseconds, said):
    assert duration(*milliseconds) == said


class Tags(HTMLParser):
    """Collects the tags of a page and fails where they do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_html_table_is_accessible_and_takes_its_colours_from_the_page(three):
    page = three._repr_html_()
    tags = Tags(page)
    assert not tags.open
    assert [tag for tag, _ in tags.seen].count("caption") == 1
    scopes = [attributes["scope"] for tag, attributes in tags.seen if tag == "th"]
    assert scopes == ["col"] * 5 + ["row"] * 3
    assert "&lt;int8&gt;" in page
    assert ">faster, 3.01x" in page
    assert "color" not in page
    assert "background" not in page


def test_importing_costs_nothing_beyond_torch():
    heavy = "matplotlib", "ipywidgets", "onnxruntime", "onnx", "IPython", "torch"
    code = f"import sys, lessons_lib.timing; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_benchmark_writes_its_report(tmp_path):
    tool = Path(__file__).parent.parent / "tools" / "bench_timing.py"
    report = tmp_path / "docs" / "timing.md"
    few = ["--counts", "2", "1", "1", "--seconds", "0.05", "0.05", "0.05", "--threads", "1", "--output", str(report)]
    done = subprocess.run([sys.executable, str(tool), *few], capture_output=True, text=True)
    rows = [line for line in report.read_text(encoding="utf-8").splitlines() if line.startswith("| 1 |")]
    assert len(rows) == 3
    assert done.returncode == ("MISSED" in "".join(rows)), done.stderr


def test_a_context_is_entered_for_each_sample_before_its_clock_starts(clock):
    @contextmanager
    def switched():
        clock.now += 1.0
        clock.log.append("on")
        yield
        clock.log.append("off")
        clock.now += 1.0

    call = Within(clock.call("a", 0.1), switched)
    assert measure(call, seconds=20.0, clock=clock).median_ms == pytest.approx(100)
    assert clock.log[:6] == ["on", "a", "off"] * 2
    found = compare({"b": clock.call("b", 0.1), "a": call}, seconds=60.0, clock=clock)
    assert found.measurements["a"].median_ms == found.measurements["b"].median_ms == pytest.approx(100)
