"""What is made of the costs: shares, swings, savings, claims and the learner's own figures."""

import json
import math

import pytest
import torch
from samples import dataset, engine, learnt, row

from lessons_lib import record
from lessons_lib.economics import claims, crossing, ends, own, savings, sensitivity, shares, told, verdicts
from lessons_lib.economics.assumptions import GPU_PRICE, assumed
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Input
from lessons_lib.economics.units import between
from lessons_lib.explained import Mistake
from lessons_lib.grid import Grid
from lessons_lib.inference_claims import TrainingRun
from lessons_lib.step_cost import Costs, Work
from lessons_lib.timing import Measurement, Verdict

STEADY = assumed().changed(growth=0, retrainings=0, fewest_machines=0)  # both curves are straight lines


def eager(**changed):
    return row(verdict="the baseline", latency_ms=8.0, p95_ms=10.0, images_per_second=125.0, times_faster=1.0, low=1.0,
               high=1.0, **changed)  # fmt: skip


def fast(times, **changed):
    usual = dict(engine="ONNX Runtime", latency_ms=8 / times, p95_ms=10 / times, images_per_second=125 * times)
    return row(times_faster=times, low=0.95 * times, high=1.05 * times, **(usual | changed))


GRID = Grid(
    (
        eager(),
        fast(4),
        fast(8, variant="int8", engine="ONNX Runtime int8"),
        fast(16, variant="channels -50 %", only_baseline_right=5),
        fast(40, variant="channels -75 %", only_baseline_right=30),
        eager(batch=32),
        fast(4, batch=32, latency_ms=32.0, images_per_second=1000.0),
    )
)


def test_the_share_of_straight_lines_by_hand():
    even = crossing.overtakes(crossing.curves(STEADY)).months
    assert shares.inference_share(STEADY, even) == pytest.approx(0.5)
    assert shares.inference_share(STEADY, 4 * even) == pytest.approx(0.8)
    found = shares.windows(STEADY)
    assert found.training == pytest.approx((even / 9, even / 4))
    assert found.inference == pytest.approx((4 * even, 9 * even))


def test_the_traffic_of_a_share_by_hand():
    life, trace = STEADY["lifetime"].value, costs(STEADY)
    price = trace.value("price_filled") / 1e6
    wanted = 9 * trace.value("training_first") / (price * life * 365.25 / 12)
    assert shares.requests_for(STEADY, 0.9) == pytest.approx(wanted, rel=1e-6)
    at_that = STEADY.changed(requests=shares.requests_for(STEADY, 0.9))
    assert shares.inference_share(at_that) == pytest.approx(0.9)


def test_machines_that_always_run_can_outweigh_the_training_at_any_traffic():
    assert shares.requests_for(assumed(), 0.5) is None
    (training, inference) = shares.table(assumed()).rows
    assert (
        [*training.values()][2] == [*inference.values()][2] == "at no traffic: the machines that always run cost more"
    )
    (training, inference) = shares.table(STEADY).rows
    assert [*training.values()][2].endswith(" requests a day")


def test_a_share_that_is_never_reached_is_said_so():
    never = STEADY.changed(retrainings=52, training_time=100)
    assert shares.windows(never).inference == (None, None)
    assert shares.table(never).rows[1]["at this traffic, counted from launch on"] == "never"
    assert verdicts.budget_shares(never).word == "does not hold here"
    assert "inference is never" in verdicts.budget_shares(never.changed(training_time=6)).reason


def test_the_tornado_is_sorted_and_leaves_out_what_does_not_move():
    swings = sensitivity.tornado(STEADY, "price_filled")
    assert {swing.name for swing in swings} == {"latency", "serving_price", "utilisation", "redundancy"}
    assert [swing.width for swing in swings] == sorted((swing.width for swing in swings), reverse=True)
    latency = next(swing for swing in swings if swing.name == "latency")
    usual = costs(STEADY).value("price_filled")
    assert (latency.at_low, latency.at_high) == pytest.approx((usual / 5, usual * 4))  # 1 and 20 ms in place of 5
    assert (latency.low, latency.high) == ("1 ms", "20 ms")


def test_savings_by_hand():
    found = {one.change: one for one in savings.savings(GRID, assumed())}
    assert set(found) == {"an inference engine", "int8", "pruning", "batching", "everything together"}
    price = costs(assumed().changed(latency=8)).value("price_filled")
    assert found["an inference engine"].before_usd == pytest.approx(price)
    assert found["an inference engine"].share == pytest.approx(0.75)
    assert found["int8"].share == pytest.approx(0.5)
    assert found["pruning"].after.variant == "channels -50 %"  # the faster one loses three points
    assert found["batching"].share == pytest.approx(0.5)  # 32 ms for 32 in place of 2 ms for one
    assert found["everything together"].share == pytest.approx(1 - 1 / 16)
    assert {one.word for one in found.values()} == {"saves"}
    assert found["pruning"].row()["points of accuracy"] == "-0.5"


@pytest.mark.parametrize(
    ("times", "low", "high", "word"),
    [(8, 7.6, 8.4, "saves"), (4.1, 3.7, 4.5, "cannot tell"), (2, 1.9, 2.1, "costs more")],
)
def test_a_saving_is_only_claimed_where_the_intervals_are_apart(times, low, high, word):
    int8 = row(
        variant="int8",
        engine="ONNX Runtime int8",
        latency_ms=8 / times,
        p95_ms=20,
        times_faster=times,
        low=low,
        high=high,
    )
    found = savings.savings(Grid((eager(), fast(4), int8)), assumed())
    assert next(one for one in found if one.change == "int8").word == word


def test_what_was_not_measured_in_turns_has_to_differ_by_a_tenth():
    rows = (eager(), fast(4), fast(4, batch=32, latency_ms=60.0, images_per_second=32 / 0.06))
    (found,) = [one for one in savings.savings(Grid(rows), assumed()) if one.change == "batching"]
    assert found.word == "cannot tell"


def test_batches_that_took_turns_with_single_images_are_believed():
    found = savings.savings(GRID, assumed(), (16, Verdict(1.25, 1.2, 1.3)))
    assert [one.change for one in found] == [
        "an inference engine",
        "int8",
        "pruning",
        "batching",
        "everything together",
    ]
    assert (found[3].word, found[3].share, found[3].after.batch) == ("saves", pytest.approx(0.2), 16)
    (unsure,) = [
        one for one in savings.savings(GRID, assumed(), (16, Verdict(1.5, 0.9, 2.5))) if one.change == "batching"
    ]
    assert unsure.word == "cannot tell"


def test_a_batch_is_compared_with_the_same_images_one_by_one():
    from time import sleep

    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    seen = set()

    def run(x):
        seen.add(len(x))
        sleep(0.002)
        return x

    size, verdict = own.batching(engine(run), images, 0.1, size=8)
    assert (size, verdict.word, seen) == (8, "faster", {1, 8})
    assert 4 < verdict.ratio < 12  # a call takes the same time, however many images are in it


def test_a_cheap_network_that_loses_its_accuracy_is_not_praised():
    bad = fast(40, variant="channels -75 %", only_baseline_right=300)
    found = savings.savings(Grid((eager(), fast(4), bad)), assumed())
    pruned = next(one for one in found if one.change == "pruning")
    assert pruned.row()["verdict"] == "saves, and loses accuracy"
    assert "**pruning**" not in told.worth(found, assumed())
    assert told.worth([pruned], assumed()).startswith(
        "None of the changes certainly saves anything here without losing"
    )


def test_a_gpu_is_paid_at_its_own_price():
    gpu = fast(100, engine="GPU eager", device="cuda", threads=None)
    found = savings.savings(Grid((*GRID.rows, gpu)), assumed())
    (one,) = [one for one in found if one.change == "a GPU instead"]
    quotient = 100 / 16 / (GPU_PRICE.value / assumed()["serving_price"].value)
    assert one.before_usd / one.after_usd == pytest.approx(quotient)
    assert one.word == "costs more"
    said = told.device(found, assumed(), GPU_PRICE.value)
    assert said.startswith("At $4 an hour, a GPU has to make 100 times the predictions of one machine")
    assert said.endswith("makes 6.25 times as many: it costs more.")
    assert "None was measured" in told.device(savings.savings(GRID, assumed()), assumed(), 2.0)


def test_whether_the_bill_notices_is_said():
    idle = told.worth(savings.savings(GRID, assumed()), assumed())
    assert "Your bill does not change by any of them" in idle
    assert "3,240,000 predictions a day before that change" in idle  # 30 % of a day at 125 a second
    busy = assumed().changed(requests=1e9)
    filled = told.worth(savings.savings(GRID, busy), busy)
    assert "Where the machines are filled, the bill falls with the price" in filled
    assert filled.endswith("in whole machines where each is rented for long.")
    assert told.worth([], assumed()) == "There are no two configurations to compare."
    slower = [savings.savings(Grid((eager(), fast(0.5))), assumed())[0]]
    assert told.worth(slower, busy).startswith("None of the changes certainly saves")


def test_the_half_million_claim_by_hand():
    trace = claims.half_million(assumed())
    assert trace.value("gpu_hours_least") == 12_500
    assert trace.value("gpu_hours_most") == 50_000
    assert trace.value("machines_least") == pytest.approx(1_000_000 / 8766)
    assert trace.value("machines_most") == pytest.approx(5_000_000 / 8766)
    assert trace.value("even") == pytest.approx(2.4)
    assert trace.value("first_year") == pytest.approx(500 / 6)
    assert trace.value("traffic_least") == pytest.approx(1_000_000 / 8766 / 2 * 0.3 * 86_400 / 0.005)


def test_the_company_of_the_claim_pays_what_it_says():
    for requests in (1e5, 1e12):  # more than its machines can answer, too
        found = crossing.curves(claims.company(assumed().changed(requests=requests)))
        assert found.first == pytest.approx(100_000)
        assert float(found.serving(12)) == pytest.approx(500_000, rel=1e-6)
        assert crossing.overtakes(found).months == pytest.approx(2.4)


def test_ten_milliseconds_by_hand():
    trace = claims.less_time(assumed(), 2_000_000)
    assert trace.value("time_saved") == pytest.approx(1e4 / 3600)
    assert trace.value("worth_least") == pytest.approx(1 / 3.6)
    assert trace.value("worth_most") == pytest.approx(5 / 3.6)
    assert trace.value("worth_here") == pytest.approx(1e4 / 3600 * 0.04 * 2 / 0.3)
    assert trace.value("share_worth") == pytest.approx(0.2 * 5e3 / 3600 * 0.04 * 2 / 0.3)
    assert trace.value("traffic_needed") == pytest.approx(1000 * 12 / 365.25 / (1e-2 / 3600 * 0.04 * 2 / 0.3))
    assert trace.value("bytes_saved") == pytest.approx(400)
    assert trace.value("transfer_worth") == pytest.approx(36)


def test_ninety_per_cent_of_the_computing_by_hand():
    once = assumed().changed(retrainings=0, failed_share=0, training_runs=1)
    trace = claims.computing(once)
    assert trace.value("predictions_needed") == pytest.approx(9 * 3600 / 0.005)
    enough = once.changed(growth=0, requests=trace.value("predictions_needed") / (24 * 365.25 / 12))
    assert costs(enough).value("computing_share") == pytest.approx(90)


def test_large_runs_by_hand():
    trace = claims.gpus(1e11)
    assert trace.value("rent_least") == 1_250
    assert trace.value("rent_most") == 15_000
    assert trace.value("run_hours_least") == 625_000
    assert trace.value("run_hours_most") == 5_000_000
    assert trace.value("months_least") == pytest.approx(625 / 730.5)
    assert trace.value("here_least") == pytest.approx(625_000 * 4e14 / 1e11 / 8766)


def test_every_claim_of_the_ledger_is_judged():
    judged = verdicts.of_all(assumed(), 1_700_000, 1e11)
    assert set(judged) == set(verdicts.CLAIMS)
    assert judged["gpu_prices"].word == "cannot be tested here"
    assert {judged[key].word for key in ("budget_shares", "half_million")} == {"holds only if"}
    assert judged["ten_ms_or_20_percent"].word == "does not hold here"  # a prediction takes 5 ms in all
    assert [line["claim"] for line in verdicts.table(judged).rows] == list(verdicts.CLAIMS.values())
    json.dumps(verdicts.for_record(judged))


def test_a_claim_holds_where_its_assumptions_do():
    company = claims.company(assumed())
    assert verdicts.half_million(company).word == "holds"
    assert verdicts.half_million(assumed().changed(training_price=0)).word == "does not hold here"
    slow = assumed().changed(latency=50, requests=1e9)
    assert verdicts.ten_ms(slow).word == "holds"
    told_idle = verdicts.ten_ms(slow.changed(fewest_machines=1e5))
    assert (told_idle.word, "are filled, which they are not" in told_idle.reason) == ("holds only if", True)
    assert verdicts.computing(slow).word == "holds"
    assert verdicts.computing(assumed().changed(requests=1_000)).word == "holds only if"
    nothing = assumed().changed(serving_price=1e-9, growth=0)
    assert verdicts.budget_shares(nothing).word == "does not hold here"


def test_ten_milliseconds_cannot_be_saved_where_there_are_none():
    fast_one = verdicts.ten_ms(assumed())
    assert fast_one.word == "does not hold here"
    assert fast_one.reason == "10 ms cannot be saved where a prediction takes 5 ms in all"
    assert verdicts.ten_ms(assumed().changed(latency=40, batch=8)).word == "does not hold here"  # 5 ms again


def test_less_size_is_judged_by_itself_and_both_halves_stand_in_the_verdict():
    smaller = verdicts.less_size(assumed(), 10_000_000)  # 2 MB less: $1,000 at $0.09 a GB
    assert smaller.word == "holds only if"
    assert smaller.reason.startswith("copies of the model are sent 5,560,000 a month or more, for $1,000 a month")
    slow = assumed().changed(latency=50, requests=1e9)
    for one, word in (
        (assumed(), "does not hold here"),
        (slow, "holds only if"),
        (slow.changed(requests=1e3), "holds only if"),
    ):
        both = verdicts.less_time(one, 10_000_000)
        assert both.word == word
        assert "5,560,000 a month" in both.reason
        assert "10 ms" in both.reason


def measured(**ranges):
    """Inputs of which some were measured, each from its low to its high end."""
    new = [
        Input(name, (low + high) / 2, assumed()[name].unit, low, high, "measured here")
        for name, (low, high) in ranges.items()
    ]
    return assumed().replaced(*new)


def test_only_what_was_measured_is_moved_to_its_ends():
    assert len(ends.ends(assumed())) == 1 + 1
    assert ends.within(assumed(), lambda one: one["requests"].value) == (100_000, 100_000)
    inputs = measured(latency=(1, 3), training_time=(0.5, 1.5))
    pairs = {(one["latency"].value, one["training_time"].value) for one in ends.ends(inputs)}
    assert pairs == {(2, 1), (1, 0.5), (1, 1.5), (3, 0.5), (3, 1.5)}
    assert ends.within(inputs.changed(latency=2.5), lambda one: one["latency"].value) == (
        2.5,
        2.5,
    )  # it is the learner's now


def test_the_crossing_has_a_spread_by_hand():
    def months(inputs):
        return crossing.overtakes(crossing.curves(inputs)).months

    straight = {"growth": 0, "retrainings": 0}
    inputs = measured(training_time=(0.5, 1.5)).changed(**straight)
    middle = months(inputs)
    found = ends.within(inputs, months)
    assert found == pytest.approx((middle / 2, 1.5 * middle))
    said = told.crossing(crossing.overtakes(crossing.curves(inputs)), spread=found)
    assert f"Within the range of what was measured in this run it is {between(*found)}; another run" in said
    assert "Within" not in told.crossing(crossing.Crossing(2.4, "x"), spread=(2.4, 2.4))
    assert "it is 2 months or more, if ever" in told.crossing(crossing.Crossing(2.4, "x"), spread=(2.0, math.inf))
    assert ends.within(inputs, lambda one: None if one["training_time"].value > 1 else 2.0) == (2.0, math.inf)


def test_a_verdict_that_changes_within_what_was_measured_cannot_be_told():
    near = measured(latency=(5, 8), training_time=(0.2, 3)).changed(requests=80_000)
    shares_found = ends.within(near, lambda one: costs(one).value("computing_share"))
    assert shares_found[0] < verdicts.ABOUT_90 < shares_found[1]
    judged = verdicts.of_all(near, 1_000_000, 1e11)
    assert judged["inference_share"].word == "cannot tell"
    assert 'it is "holds' in judged["inference_share"].reason
    kept = verdicts.for_record(judged)
    assert kept["inference_share"]["word"] == "cannot be tested here"  # the ledger's word for it
    assert kept["inference_share"]["said"].startswith("cannot tell: within the range of what was measured")
    assert {one["word"] for one in kept.values()} <= {
        "holds",
        "holds only if",
        "does not hold here",
        "cannot be tested here",
    }
    sure = verdicts.certain(verdicts.computing, measured(latency=(5, 8)).changed(requests=5e5))
    assert sure.word == "holds"
    assert " to " in sure.reason.split(" of ")[0]  # its spread


def test_both_ends_of_ten_milliseconds_cannot_be_told():
    assert verdicts.certain(verdicts.ten_ms, measured(latency=(8, 13))).word == "cannot tell"
    assert verdicts.certain(verdicts.ten_ms, measured(latency=(8, 9))).word == "does not hold here"


def test_a_condition_reads_on_after_holds_only_if():
    for key, one in verdicts.of_all(assumed().changed(latency=50, requests=1_000), 1_000_000, 1e11).items():
        if one.word == "holds only if":
            assert one.reason[0].islower(), key
            assert not one.reason.startswith(("it holds", "if")), key


def test_whether_energy_crosses_elsewhere_is_worked_out():
    alike = told.other_currencies(assumed())  # two cores against one, in money as in power
    assert alike == (
        "The machine that trains costs 2 times as much an hour as one that serves, and draws 2 times as much power, so the curves "
        "cross at the same time, whatever you count in."
    )
    same = assumed().changed(training_price=0.04, training_power=5)
    assert told.other_currencies(same).startswith(
        "The machine that trains costs as much an hour as one that serves, and draws as much"
    )
    apart = told.other_currencies(assumed().changed(training_power=20))
    assert "draws 4 times as much power, so the curves cross elsewhere: in money after" in apart
    never = STEADY.changed(retrainings=52, training_time=1000)
    assert told.other_currencies(never).endswith("serving never overtakes training, whatever you count in.")
    assert "in energy and carbon never" in told.other_currencies(assumed().changed(serving_power=0))


def test_what_moves_nothing_is_named_and_the_speed_of_the_network_explained():
    unit = "USD/million_predictions"
    swings = sensitivity.tornado(assumed())
    assert "latency" not in {swing.name for swing in swings}
    least = 0.005 * costs(assumed()).value("price_life")
    assert all(swing.width >= least for swing in swings)
    rest = sensitivity.table(swings, unit, "x").caption
    assert rest.startswith("x; moves nothing")
    assert "latency of a batch" in rest
    said = told.latency_matters(swings, assumed(), unit)
    assert "moves nothing within its range: the machines that always run are not filled" in said
    assert f"10 times as fast would come to {costs(assumed().changed(latency=0.5))['price_life'].told}" in said
    busy = assumed().changed(requests=1e9)
    assert told.latency_matters(sensitivity.tornado(busy), busy, unit).startswith(
        "How fast the network is stands in place "
    )
    narrow = measured(latency=(2, 2.001)).changed(requests=1e9)
    assert "its range is narrow" in told.latency_matters(sensitivity.tornado(narrow), narrow, unit)


@pytest.mark.parametrize(
    ("yours", "told_of"),
    [
        (["a"], "YOURS is ['a']; it has to be a dictionary"),
        ("a", "YOURS is 'a'"),
        (None, "YOURS is None"),
        ({1: 2}, "YOURS is {1: 2}"),
        ({"self": 1}, "there is no input 'self'"),
        ({"latency": None}, "latency is None"),
        ({"serving_price": "0.10 EUR/hour"}, "Money is in USD"),
        ({"requests": 10**400}, "it has to be a number that is finite"),
        ({"growth": 100, "lifetime": "100 year"}, "no number is so large, with "),
    ],
)
def test_yours_is_refused_before_anything_is_measured(yours, told_of):
    with pytest.raises(Mistake) as raised:
        own.checked(yours)
    assert told_of in str(raised.value)


def test_yours_that_can_be_used_comes_back():
    assert own.checked({"latency": 3, "serving_price": "0.10"}) == {"latency": 3, "serving_price": "0.10"}
    assert own.checked({}) == {}


def test_sentences_for_what_was_found():
    assert told.crossing(crossing.Crossing(2.4, "x")).startswith(
        "Counted in money, serving has cost as much as training 2.4 months after launch, in month 3."
    )
    minutes = told.crossing(crossing.Crossing(9.134 / 60 / 730.5, "x"))
    assert minutes == "Counted in money, serving has cost as much as training 9.1 minutes after launch."
    assert "never overtakes training" in told.crossing(crossing.Crossing(None, "x"), "kWh")
    assert told.matters_most([], "USD") == "No input moves this figure within its range."
    swing = sensitivity.Swing("latency", "latency", "1 ms", "9 ms", 9.0, 1.0)
    assert told.matters_most([swing], "USD/million_predictions").endswith("latency ($1 to $9 a million predictions).")
    assert told.matters_most(sensitivity.tornado(STEADY), "USD").startswith(
        "What matters most: machines that always run ($"
    )
    assert "so the two prices agree" in told.filled_or_not(assumed().changed(requests=1e9))
    assert "at least 1 must run at all times" in told.filled_or_not(assumed())
    assert told.energy(assumed()).startswith(
        "Training included, a million predictions take 1,950 Wh and emit 867 g CO2."
    )
    rows = told.currencies(assumed()).rows
    assert [line["counted in"] for line in rows] == ["money", "energy", "carbon"]
    assert rows[0]["serving, whole life"] == costs(assumed())["serving_life"].told


def keep(rows, name="sample"):
    record.append("measurement", name="09.grid", dataset=name, rows=[one.as_dict() for one in rows])


def test_the_figures_of_lesson_09_are_found_again():
    assert own.from_record("sample") is None
    keep(GRID.rows)
    found = own.from_record("sample")
    assert found.grid.rows == GRID.rows
    assert found.source.startswith("measured here, lesson 09, 20")
    assert own.from_record("another") is None


@pytest.mark.parametrize(
    "rows",
    [[], "rows", [{"variant": "base"}], [row(variant="other").as_dict()], [row().as_dict() | {"latency_ms": "fast"}]],
)
def test_a_record_that_cannot_be_used_is_passed_over(rows):
    record.append("measurement", name="09.grid", dataset="sample", rows=rows)
    assert own.from_record("sample") is None


def test_a_smoke_run_of_lesson_09_does_not_replace_a_fuller_one():
    rows = [one.as_dict() for one in GRID.rows]
    record.append("measurement", name="09.grid", dataset="sample", rows=rows, profile="quick")
    record.append("measurement", name="09.grid", dataset="sample", rows=rows[:1], profile="smoke")
    record.append("measurement", name="09.grid", dataset="another", rows=rows[:2], profile="full")
    assert len(own.from_record("sample").grid.rows) == len(rows)
    assert len(own.from_record("another").grid.rows) == 2


def test_measured_inputs_say_so():
    (latency, batch) = own.of_serving(fast(4, batch=8), "measured here, lesson 09")
    assert (latency.value, latency.high, latency.unit) == (2.0, 2.5, "ms")
    assert latency.source == "measured here, lesson 09: median to p95"
    assert batch.value == 8
    assert [one.value for one in own.of_machine(fast(4, threads=2))] == [0.08, 10]
    assert [one.value for one in own.of_machine(fast(4, device="cuda", threads=None))] == [4.0, 700]


def test_the_time_of_a_run_comes_from_that_of_a_step():
    steps = Measurement("", tuple(seconds / 1e3 for seconds in (80, 90, 100, 110, 120)))
    work = Work(steps, 1, 1)
    found = Costs(50, work, work, work, Verdict(0.3, 0.2, 0.4))
    hours, price, power = own.of_training(found, TrainingRun(180_000, 3.0), "cpu")
    assert (hours.value, hours.low, hours.high) == pytest.approx((0.1, 0.09, 0.11))  # 3,600 steps of 100 ms
    cores = torch.get_num_threads()
    assert (price.value, power.value) == (pytest.approx(0.04 * cores), 5 * cores)
    assert own.of_training(found, TrainingRun(180_000, 3.0), "cuda")[1].value == GPU_PRICE.value


def test_power_is_an_assumption_where_it_cannot_be_read(monkeypatch):
    monkeypatch.setattr("lessons_lib.energy.counters", lambda device: ([], "No meter."))
    found = own.of_power(engine(lambda x: x), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 0.01)
    assert found == ([], "No meter. So its power is an assumption.")


def test_power_is_read_where_there_is_a_counter(monkeypatch):
    from itertools import count

    from lessons_lib.energy import Counter

    ticks = count(0, 1_000_000)
    monkeypatch.setattr("lessons_lib.energy.counters", lambda device: ([Counter("m", "cpu", lambda: next(ticks))], ""))
    found, said = own.of_power(engine(lambda x: x), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 0.05)
    assert found[0].name == "serving_power"
    assert 5 < found[0].value <= 20.5  # one joule in a twentieth of a second
    assert found[0].source.startswith("measured here")
    assert said.startswith("The CPU package draws")


def test_yours_come_last():
    found = own.inputs(own.of_serving(fast(4), "measured"), latency=3.0, requests="7 prediction/day")
    assert (found["latency"].value, found["requests"].value) == (3.0, 7.0)
    assert found["latency"].source == "changed by you"
    assert found["batch"].source == "measured"
    assert math.isclose(found.as_dict()["requests"]["value"], 7.0)


def test_a_live_measurement_gives_rows_as_lesson_09_does():
    figures = own.live(learnt("small"), dataset(), seconds=0.1, tune_steps=1, batches=(1, 4))
    assert figures.source.startswith("measured here, lesson 10")
    assert own.serving_row(figures.grid).name == "base · ONNX Runtime"
    found = {one.change for one in savings.savings(figures.grid, assumed())}
    assert {"an inference engine", "int8", "pruning", "batching"} <= found


def test_the_cost_of_the_exercise_shows_its_formula():
    from lessons_lib.checks.describe import given_text
    from lessons_lib.checks.lesson_10 import Bill

    assert given_text({"cost": Bill()}) == "`cost` = the function `traffic * seconds * price / utilisation + training`"
