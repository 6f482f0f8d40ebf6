"""Budgets, candidates and the choice among them: by hand-made measurements, whose verdicts are known."""

import dataclasses
import math
import subprocess
import sys

import pytest
from samples import dataset, engine, learnt, same_weights, snapshot

from lessons_lib import plots
from lessons_lib.capstone import candidates, choosing, judging, measuring, memory, scenarios
from lessons_lib.capstone.candidates import BASE, FLOAT32, INT8, Candidate
from lessons_lib.capstone.measuring import Measured
from lessons_lib.cold_start import store
from lessons_lib.explained import Mistake, NotHere

MIB = 2**20
JOB = scenarios.Scenario("job", "a job", "A story.", 1.0, 0.5, 0.5, 0.5, 0.5)


def measured(candidate=BASE, **changed):
    """The base unless changed: 90 % right, 10 ms, 1,000 KiB, 200 MiB, $1."""
    usual = dict(
        accuracy=0.9, test_images=1000, p99_ms=10.0, median_ms=8.0, calls=500, size_bytes=1024_000, memory_bytes=200 * MIB,
        cost_per_million=1.0,
    )  # fmt: skip
    return Measured(candidate, **(usual | changed))


BETTER = dict(p99_ms=4.0, size_bytes=256_000, memory_bytes=80 * MIB, cost_per_million=0.25)
CHEAP = Candidate("base", INT8)


def lines(**changed):
    judged = judging.judge(JOB, measured(CHEAP, **(BETTER | changed)), measured())
    return {line.budget: line for line in judged.lines}


# scenarios


def test_the_base_misses_a_budget_of_every_scenario_whatever_the_machine():
    base = measured()
    for name, judged in choosing.every([base]).items():
        assert judged[0].missed, name
        assert all(line.used >= 1.3 for line in judged[0].missed), "no noise decides: the base is compared with itself"


def test_an_unknown_scenario_is_named_with_those_that_there_are():
    with pytest.raises(Mistake, match="SCENARIO is 'car'; choose one of vehicle, phone, nightly, web service"):
        scenarios.find("car")


def test_every_scenario_has_all_five_budgets():
    assert set(scenarios.SCENARIOS) == set(candidates.REFERENCES)
    for row in scenarios.table().rows:
        assert set(row) == {"scenario", "accuracy lost", "p99 latency", "size", "memory", "cost per million"}
    assert scenarios.share(0.5) == "50% of the base"
    assert scenarios.share(30.0) == "30 times the base"


# judging


def test_a_candidate_within_every_budget_ships():
    judged = judging.judge(JOB, measured(CHEAP, **BETTER), measured())
    assert judged.meets
    assert judged.sentence() == (
        "For a job: base · ONNX Runtime int8 · batch 1 meets all 5 budgets. The tightest is p99 latency: 80% of it is used."
    )
    assert [line.verdict for line in judged.lines] == [
        "met, 100% to spare", "met, 20% to spare", "met, 50% to spare", "met, 20% to spare", "met, 50% to spare",
    ]  # fmt: skip


def test_what_is_missed_is_told_with_its_distance():
    worse = measured(CHEAP, **(BETTER | {"accuracy": 0.86, "p99_ms": 6.0, "size_bytes": 2_048_000}))
    judged = judging.judge(JOB, worse, measured())
    assert [line.budget for line in judged.missed] == ["accuracy", "p99 latency", "size"]
    assert judged.sentence() == (
        "For a job: base · ONNX Runtime int8 · batch 1 misses 3 of 5 budgets: accuracy by 3 points, 30 of 1,000 images (measured 86.00%, "
        "allowed at least 89.00%); p99 latency by 20% (measured 6.00 ms, allowed at most 5.00 ms); size by a factor of 4.0 "
        "(measured 2,000 KiB, allowed at most 500 KiB)."
    )


def test_exactly_at_the_limit_is_met():
    at = lines(accuracy=0.89, p99_ms=5.0, size_bytes=512_000, memory_bytes=100 * MIB, cost_per_million=0.5)
    assert all(line.met for line in at.values())
    assert [line.used for line in at.values()] == pytest.approx([1.0] * 5)
    beyond = lines(
        accuracy=0.8889, p99_ms=5.001, size_bytes=512_001, memory_bytes=100 * MIB + 1, cost_per_million=0.50001
    )
    assert not any(line.met for line in beyond.values())


def test_more_accuracy_than_the_base_uses_nothing():
    assert lines(accuracy=0.95)["accuracy"].used == 0.0


def test_with_few_images_a_single_one_does_not_decide():
    base = measured(accuracy=0.9, test_images=20)
    one, two = (measured(CHEAP, **BETTER, accuracy=0.9 - count / 20, test_images=20) for count in (1, 2))
    assert judging.judge(JOB, one, base).meets
    (line,) = judging.judge(JOB, two, base).missed
    assert line.verdict == "missed by 5 points, 1 of 20 images"


def test_only_what_the_clock_decides_is_called_close():
    assert lines(p99_ms=4.8)["p99 latency"].verdict == "met, 4% to spare; only just, another run may differ"
    assert lines(p99_ms=5.2)["p99 latency"].verdict == "missed by 4%; only just, another run may differ"
    assert lines(p99_ms=5.6)["p99 latency"].verdict == "missed by 12%"
    assert lines(size_bytes=500_000)["size"].verdict == "met, 2% to spare"


def test_a_memory_that_could_not_be_measured_is_not_promised():
    judged = judging.judge(JOB, measured(CHEAP, **(BETTER | {"memory_bytes": None})), measured())
    (line,) = judged.missed
    assert (line.budget, line.used) == ("memory", math.inf)
    assert "not measured" in judged.sentence()
    assert "unknown" in repr(judged.table())
    assert plots.budgets(judged).png


def test_a_disturbed_machine_is_told_and_its_p99_can_be_passed_over():
    busy = measured(p99_ms=40.0)
    stalled = measured(CHEAP, **(BETTER | {"p99_ms": 30.0, "median_ms": 2.0}))
    assert not judging.judge(JOB, stalled, busy).meets
    assert judging.judge_by_median(JOB, stalled, busy).meets


def test_calm_is_judged_over_all_candidates_and_those_that_were_held_up_are_named():
    calm, stalled = measured(), measured(CHEAP, p99_ms=6.8, median_ms=2.0)
    assert judging.disturbance([calm, measured(CHEAP, p99_ms=16.0)]) == (
        "No candidate's p99 is more than 2.0 times its median: this machine was calm enough to judge by p99."
    )
    assert (
        "for 1 of 2 candidates: base · ONNX Runtime int8 · batch 1 (3.4 times). Of these no share"
        in judging.disturbance([calm, stalled])
    )
    busy = judging.disturbance([measured(p99_ms=40.0), stalled])
    assert (
        "2 of 2 candidates: base · eager · batch 1 (5.0 times); base · ONNX Runtime int8 · batch 1 (3.4 times)." in busy
    )
    assert "The base is one of them, and all are compared with it" in busy
    assert "(5.0 times); and 2 more. " in judging.disturbance([measured(p99_ms=40.0)] * 6)


def test_the_spread_of_an_accuracy_is_its_standard_error_also_where_all_are_right():
    told = judging.accuracy_spread(measured(accuracy=0.5, test_images=400))
    assert "of 400 test images would move an accuracy by about ±2.5 points." in told
    assert "by about ±0.3 points." in judging.accuracy_spread(measured(accuracy=1.0, test_images=400))


def test_few_images_are_too_few_to_tell():
    told = judging.accuracy_spread(measured(accuracy=1.0, test_images=2))
    assert told == "2 test images are too few to tell an accuracy: others would move it by about ±19 points."
    assert judging.accuracy_spread(measured(accuracy=1.0, test_images=1)).startswith("1 test image is too few")
    assert "too few" in judging.accuracy_spread(measured(test_images=99))
    assert "too few" not in judging.accuracy_spread(measured(test_images=100))


def near(accuracy, **changed):
    """Judged on 2,000 images, of which the base got 8 right that this one did not, and the reverse 2."""
    usual = dict(test_images=2000, only_base_right=8, only_this_right=2)
    mine = measured(CHEAP, **(BETTER | usual | changed), accuracy=accuracy)
    return judging.judge(dataclasses.replace(JOB, points_lost=0.25), mine, measured(accuracy=0.99, test_images=2000))


def test_a_miss_within_the_error_of_the_images_cannot_be_told():
    judged = near(0.987)  # 0.05 points beyond the 0.25; the error of 8 against 2 is 0.16
    (line,) = judged.missed
    assert (
        line.verdict
        == "cannot tell: missed by 0.05 points, 1 of 2,000 images, and other images would move that by ±0.17 points"
    )
    assert line.word == "cannot tell"
    assert not judged.meets
    assert judged.sentence().startswith(
        "For a job: cannot tell whether base · ONNX Runtime int8 · batch 1 meets all 5 budgets."
    )
    assert [row["job"] for row in choosing.matrix({"job": [judged]}).rows] == ["cannot tell: accuracy"]
    assert plots.budgets(judged).png
    both = near(0.987, size_bytes=1_024_000)
    assert [row["job"] for row in choosing.matrix({"job": [both]}).rows] == ["misses size; cannot tell: accuracy"]
    assert "misses 2 of 5 budgets: accuracy by 0.05 points" in both.sentence()


def test_beyond_the_error_of_the_images_a_miss_is_a_miss():
    (line,) = near(0.985).missed
    assert line.verdict == "missed by 0.25 points, 5 of 2,000 images"
    assert near(0.988).lines[0].verdict == "met, 20% to spare; only just, other images may differ"
    assert near(0.99).lines[0].verdict == "met, 100% to spare"


def test_a_p99_of_fewer_than_a_hundred_calls_is_called_the_slowest():
    assert measured(calls=34).p99 == "10.0 ms (slowest of 34)"
    assert measured(calls=99).p99 == "10.0 ms (slowest of 99)"
    assert measured(calls=100).p99 == "10.0 ms"
    assert choosing.measured_table([measured(calls=34)]).rows[0]["p99 of a call"] == "10.0 ms (slowest of 34)"
    assert lines(calls=34)["p99 latency"].measured == "4.00 ms (slowest of 34)"


# choosing

POOL = [
    measured(),
    measured(CHEAP, **BETTER),
    measured(Candidate("channels -50 %", FLOAT32), **(BETTER | {"cost_per_million": 0.1, "accuracy": 0.85})),
    measured(Candidate("channels -50 %", INT8), **(BETTER | {"cost_per_million": 0.2, "accuracy": 0.895})),
]


def judged_pool(job=JOB):
    return judging.judge_all(job, POOL)


def test_the_cheapest_is_taken_of_those_that_meet_everything():
    assert choosing.cheapest(judged_pool()).measured is POOL[3]
    assert choosing.cheapest(judged_pool(dataclasses.replace(JOB, points_lost=0.2))).measured is POOL[1]
    strict = dataclasses.replace(JOB, memory_share=0.1)
    assert choosing.cheapest(judged_pool(strict)) is None
    assert choosing.nearest(judged_pool(strict)).measured is POOL[1]


def test_the_fewest_builds_serve_every_job_that_can_be_served():
    strict = dataclasses.replace(JOB, name="strict", points_lost=0.2)
    small = dataclasses.replace(JOB, name="cheap", cost_share=0.22)
    hopeless = dataclasses.replace(JOB, name="hopeless", memory_share=0.1)
    both = {job.name: judged_pool(job) for job in (strict, small)}
    assert choosing.fewest(both) == [POOL[1].name, POOL[3].name]
    assert choosing.one_for_all(both).startswith("It takes 2 builds to serve every scenario: **")
    assert choosing.one_for_all({"strict": both["strict"]}) == (
        f"One build is enough for every scenario here: **{POOL[1].name}**."
    )
    with_hopeless = both | {"hopeless": judged_pool(hopeless)}
    assert choosing.one_for_all(with_hopeless).endswith("None of them meets every budget of: hopeless.")
    assert choosing.one_for_all({"hopeless": judged_pool(hopeless)}).startswith("No candidate meets all budgets")


def test_of_the_smallest_sets_the_cheapest_is_taken_whatever_its_place_in_the_pool():
    dear, cheap = ({"cost_per_million": cost} for cost in (0.3, 0.1))
    pool = [
        measured(),
        measured(Candidate("base", INT8), **(BETTER | dear)),
        measured(Candidate("slim", FLOAT32), **(BETTER | dear | {"accuracy": 0.895})),
        measured(Candidate("slim", INT8), **(BETTER | cheap | {"accuracy": 0.895, "size_bytes": 100_000})),
        measured(
            Candidate("tiny", INT8),
            **(BETTER | cheap | {"accuracy": 0.895, "size_bytes": 100_000, "cost_per_million": 0.2}),
        ),
    ]
    strict = dataclasses.replace(JOB, name="strict", points_lost=0.2)
    small = dataclasses.replace(JOB, name="small", size_share=0.15)
    jobs = {job.name: judging.judge_all(job, pool) for job in (JOB, strict, small)}
    assert choosing.fewest(jobs) == [pool[1].name, pool[3].name]
    turned = {name: [judged[place] for place in (0, 4, 3, 2, 1)] for name, judged in jobs.items()}
    assert set(choosing.fewest(turned)) == {pool[1].name, pool[3].name}
    assert choosing.fewest({"job": jobs["job"]}) == [pool[3].name], "one is enough: the cheapest one"


def test_the_tables_say_what_is_missed_where():
    found = {"job": judged_pool()}
    told = {row["candidate"]: row["job"] for row in choosing.matrix(found).rows}
    assert list(told.values()) == [
        "misses p99 latency, size, memory, cost per million",
        "meets all",
        "misses accuracy",
        "meets all",
    ]
    (row,) = choosing.chosen_table(found).rows
    assert row["cheapest that meets all"] == POOL[3].name
    assert row["candidates that meet all"] == "2 of 4"
    (none,) = choosing.chosen_table({"x": judged_pool(dataclasses.replace(JOB, memory_share=0.1))}).rows
    assert none["cheapest that meets all"] == "none"
    assert none["tightest budget"].startswith("memory: missed by")
    assert choosing.measured_table(POOL).rows[0]["p99 of a call"] == "10.0 ms"


def test_a_step_is_compared_with_what_stood_before_it_alone():
    faster = measured(Candidate("base", FLOAT32), p99_ms=5.0, memory_bytes=None)
    rows = choosing.steps_table([measured(), faster, measured(Candidate("base", INT8), p99_ms=2.0)]).rows
    assert [row["step"] for row in rows] == ["the engine: ONNX Runtime", "8 bits"]
    assert [row["p99 of a call"] for row in rows] == ["0.50x", "0.40x"]
    assert rows[0]["memory"] == "not measured"


# the picture


def test_the_picture_tells_every_budget_without_colour():
    judged = judging.judge(JOB, measured(CHEAP, **(BETTER | {"size_bytes": 4_096_000})), measured())
    picture = plots.budgets(judged)
    assert picture.alt == (
        "Budgets used by base · ONNX Runtime int8 · batch 1, for a job. Accuracy: met, 100% to spare. P99 latency: met, 20% to spare. "
        "Size: missed by a factor of 8.0. Memory: met, 20% to spare. Cost per million: met, 50% to spare."
    )
    assert [row["budget"] for row in picture.table.rows] == [line.budget for line in judged.lines]


# candidates


def test_the_pool_holds_every_combination_once_and_begins_with_the_base():
    pool = candidates.pool(["base", "slim"], batch=8)
    assert pool[0] == BASE
    assert len(set(pool)) == len(pool) == 2 + 2 * 2 * 2
    assert Candidate("slim", INT8, 8) in pool
    assert Candidate("slim", INT8, 8, threads=2).name == "slim · ONNX Runtime int8 · batch 8 · 2 threads"


@pytest.mark.parametrize(
    ("candidate", "told"),
    [
        (Candidate("slim", FLOAT32), "VARIANT is 'slim'; choose one of: base"),
        (Candidate("base", "GPU half"), "ENGINE is 'GPU half'; what is shipped here runs on a CPU: eager; "),
        (Candidate("base", FLOAT32, 0), "BATCH is 0; give a whole number from 1 to 512"),
        (Candidate("base", FLOAT32, 1.5), "BATCH is 1.5"),
        (Candidate("base", FLOAT32, 1, True), "THREADS is True"),
    ],
)
def test_what_cannot_be_built_is_named(candidate, told):
    with pytest.raises(Mistake, match=told.replace("(", r"\(")):
        candidates.check(candidate, ["base"])


def test_more_threads_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(candidates.machine, "cpu_limit", lambda: 2.0)
    candidates.check(Candidate("base", "eager", threads=2), ["base"])
    with pytest.raises(Mistake, match=r"THREADS is 64; give a whole number from 1 to 2 \(the cores that there are"):
        candidates.check(Candidate("base", "eager", threads=64), ["base"])
    monkeypatch.setattr(candidates.machine, "cpu_limit", lambda: 0.5)
    candidates.check(Candidate("base", "eager"), ["base"])
    with pytest.raises(Mistake, match="'base' is a network of the course, so yours needs another name"):
        candidates.check(Candidate("base", "eager"), ["base", "channels -50 %", "base"])


@pytest.mark.parametrize("price", [0, -0.04, math.nan, "4 cents", None])
def test_a_core_without_a_price_is_refused_before_anything_is_measured(price):
    with pytest.raises(Mistake, match=r"PRICE_PER_HOUR is .*; it has to be a number above 0"):
        candidates.check_price(price)
    with pytest.raises(Mistake, match="PRICE_PER_HOUR"):
        measuring.measure([BASE], {}, dataset(), price_per_hour=price)


def test_what_the_explorer_is_to_show_is_known_before_it_is_measured():
    candidates.check_shown("", ["base"])
    candidates.check_shown("mine · ONNX Runtime int8 · batch 32", ["base", "mine"])
    with pytest.raises(Mistake, match="SHOWN is 'best'; leave it empty, or choose one of: base · eager · batch 1; "):
        candidates.check_shown("best", candidates.VARIANTS)


def test_an_engine_that_is_not_installed_is_a_sentence(monkeypatch):
    monkeypatch.setattr(candidates.engines, "missing", lambda name: f"{name}: not installed.")
    with pytest.raises(NotHere, match="OpenVINO: not installed"):
        candidates.check(Candidate("base", "OpenVINO"), ["base"])


# measuring


@pytest.fixture(scope="module")
def small_run():
    """A small network for real: the base, and int8 at two batch sizes."""
    model, before = learnt("small"), snapshot(learnt("small"))
    wanted = [Candidate("base", INT8), Candidate("base", INT8, 8)]
    found = measuring.measure(wanted, {"base": model}, dataset(), seconds=0.4, price_per_hour=0.36)
    assert same_weights(snapshot(model), before)
    return found


def test_every_candidate_is_measured_and_the_base_comes_first(small_run):
    assert [one.candidate for one in small_run] == [BASE, Candidate("base", INT8), Candidate("base", INT8, 8)]
    for one in small_run:
        assert one.problem == ""
        assert 0 < one.median_ms <= one.p99_ms
        assert 0 <= one.accuracy <= 1
        assert one.test_images == 40
        per_image_s = one.median_ms / 1e3 / one.candidate.batch
        assert one.cost_per_million == pytest.approx(1e6 * per_image_s * 0.36 / 3600)
    base, single, eight = small_run
    assert single.accuracy == eight.accuracy
    for one in small_run:
        gained = one.only_this_right - one.only_base_right
        assert one.accuracy - base.accuracy == pytest.approx(gained / one.test_images, abs=1e-6)
    assert single.size_bytes == eight.size_bytes < base.size_bytes
    assert single.median_ms < eight.median_ms
    assert single.as_dict()["name"] == "base · ONNX Runtime int8 · batch 1"


def test_a_process_without_pytorch_needs_less_memory(small_run):
    base, single, _ = small_run
    assert 20 * MIB < single.memory_bytes < 0.6 * base.memory_bytes


def test_the_fresh_process_does_not_import_pytorch_for_an_engine():
    code = "import sys, lessons_lib.capstone.child; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_two_threads_cost_two_cores(monkeypatch):
    monkeypatch.setattr(candidates.machine, "cpu_limit", lambda: 2.0)
    wanted = [Candidate("base", FLOAT32, threads=2)]
    found = measuring.measure(wanted, {"base": learnt("small")}, dataset(), seconds=0.2, price_per_hour=3600.0)
    two = found[1]
    assert two.cost_per_million == pytest.approx(1e6 * two.median_ms / 1e3 * 2)


def test_the_files_that_count_are_those_that_are_shipped(tmp_path):
    shipped = dataclasses.replace(engine(None), files={"model.xml": b"12345", "model.bin": b"123"})
    assert store(tmp_path / "a", shipped, learnt("small"), dataset()) == 8
    eager = store(tmp_path / "b", engine(None), learnt("small"), dataset())
    assert eager == (tmp_path / "b" / "model.safetensors").stat().st_size > 300_000


def test_a_process_that_fails_leaves_a_sentence_and_the_other_figures(monkeypatch):
    def fail(*_):
        raise ValueError("killed")

    monkeypatch.setattr(memory, "peak_bytes", fail)
    (base,) = measuring.measure([BASE], {"base": learnt("small")}, dataset(), seconds=0.1)
    assert base.memory_bytes is None
    assert base.problem == "base · eager · batch 1: the memory of a fresh process could not be measured (killed)."
    assert base.p99_ms > 0


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"model\.onnx|NO_SUCHFILE"):
        memory.peak_bytes(Candidate("base", FLOAT32), tmp_path, (3, 16, 16))


def test_calls_take_turns_of_the_same_length_and_each_is_timed():
    now = [0.0]

    def call(seconds):
        now[0] += seconds

    order = []
    calls = {
        "quick": lambda: (order.append("quick"), call(0.01)),
        "slow": lambda: (order.append("slow"), call(0.1)),
    }
    found = measuring.take_turns(calls, seconds=0.0, clock=lambda: now[0])
    assert found["quick"].samples_ms == pytest.approx([10.0] * 9)
    assert found["slow"].samples_ms == pytest.approx([100.0] * 3)
    assert order[:6] == ["quick"] * 3 + ["slow"] * 3, "warm-up"
    assert order[6:12] == ["quick"] * 4 + ["slow"] * 2, "one of each turn is not timed"
