"""The cost model against cases worked out by hand, and what must hold whatever the inputs are."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lessons_lib.economics import units
from lessons_lib.economics.assumptions import assumed
from lessons_lib.economics.crossing import Curves, curves, overtakes
from lessons_lib.economics.formulas import FORMULAS, costs
from lessons_lib.economics.growth import busy_time, grown
from lessons_lib.economics.inputs import KINDS, Input, Inputs
from lessons_lib.economics.serving import price_per_million
from lessons_lib.economics.trace import Formula, evaluate
from lessons_lib.economics.training import training_cost
from lessons_lib.explained import Mistake

BY_HAND = {  # chosen so that every step can be done on paper
    "training_time": "5 hour/run", "training_price": "2 USD/hour", "training_runs": "8 run", "failed_share": 0.2,
    "retrainings": "12 1/year", "retraining_runs": "4 run", "requests": "864000 prediction/day", "growth": "0 percent",
    "latency": "40 ms", "batch": "4 prediction", "serving_price": "0.5 USD/hour", "utilisation": 0.05, "fewest_machines": 1,
    "redundancy": 3, "lifetime": "12 month", "training_power": "400 watt", "serving_power": "100 watt", "overhead": 1.5,
    "carbon": "0.5 kg_CO2/kWh",
}  # fmt: skip
HAND = assumed().changed(**BY_HAND)


def test_every_figure_agrees_with_the_one_worked_out_by_hand():
    hours = 8766.0  # of a year of 365.25 days
    trace = costs(HAND)
    by_hand = {
        "run_price": 10,  # 5 h at $2
        "training_first": 100,  # 8 runs of 10 that are started
        "retraining": 50,  # once a month 4 of 5 runs
        "training_life": 700,  # 100 + 12 x 50
        "prediction_time": 10,  # 40 ms for 4
        "machines_busy": 2,  # 10 a second x 10 ms = 0.1 of a machine, busy 5 % of its time
        "machines_paid": 6,  # three copies
        "serving_first": 6 * 0.5 * hours / 12,
        "price_filled": 1e6 * 0.01 / 3600 / 0.05 * 3 * 0.5,
        "price_launch": 6 * 0.5 * 24 / 0.864,
        "growth_rate": 0,
        "machine_time": 6 * hours,
        "serving_life": 3 * hours,
        "total": 700 + 3 * hours,
        "predictions": 864_000 * 365.25,
        "price_life": (700 + 3 * hours) / (0.864 * 365.25),
        "training_hours": 5 * (8 + 48) / 0.8,
        "predicting_hours": 0.1 * hours,
        "computing_share": 100 * 0.1 * hours / (0.1 * hours + 350),
        "training_energy": 350 * 0.4 * 1.5,
        "serving_energy": 6 * hours * 0.1 * 1.5,
        "energy": 210 + 0.9 * hours,
        "emissions": (210 + 0.9 * hours) / 2,
        "energy_price": 1000 * (210 + 0.9 * hours) / (0.864 * 365.25),
        "carbon_price": 500 * (210 + 0.9 * hours) / (0.864 * 365.25),
    }
    assert set(by_hand) == {formula.name for formula in FORMULAS}
    assert {name: trace.value(name) for name in by_hand} == pytest.approx(by_hand, rel=1e-12)


def test_too_little_traffic_pays_for_the_machines_that_always_run():
    trace = costs(HAND.changed(requests=864.0))
    assert trace.value("machines_busy") == pytest.approx(0.002)
    assert trace.value("machines_paid") == 3
    assert trace.value("price_launch") == pytest.approx(500 * trace.value("price_filled"))


def test_the_two_plain_functions_by_hand():
    assert price_per_million(0.0036, 0.5) == pytest.approx(0.5)  # a million of 3.6 ms is an hour
    assert price_per_million(0.0036, 0.5, utilisation=0.25, redundancy=2) == pytest.approx(4.0)
    assert training_cost(5, 2) == 10
    assert training_cost(5, 2, runs=8, failed_share=0.2) == pytest.approx(100)


def test_the_model_agrees_with_the_plain_functions():
    trace = costs(HAND)
    assert trace.value("price_filled") == pytest.approx(price_per_million(0.01, 0.5, 0.05, 3))
    assert trace.value("training_first") == pytest.approx(training_cost(5, 2, 8, 0.2))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: price_per_million(0, 1), "seconds_per_prediction is 0"),
        (lambda: price_per_million(1, -1), "price_per_hour is -1"),
        (lambda: price_per_million(1, 1, utilisation=0), "utilisation is 0; it has to be a number above 0 and at most 1"),
        (lambda: price_per_million(1, 1, utilisation=30), "utilisation is 30"),
        (lambda: price_per_million(1, 1, redundancy=0.5), "redundancy is 0.5; it has to be a number 1 or more"),
        (lambda: price_per_million(math.nan, 1), "seconds_per_prediction is nan"),
        (lambda: price_per_million("3 ms", 1), "seconds_per_prediction is '3 ms'"),
        (lambda: price_per_million(True, 1), "seconds_per_prediction is True"),
        (lambda: training_cost(-1, 1), "hours is -1"),
        (lambda: training_cost(1, math.inf), "price_per_hour is inf"),
        (lambda: training_cost(1, 1, runs=0), "runs is 0"),
        (lambda: training_cost(1, 1, failed_share=1), "failed_share is 1; it has to be a number 0 or more and below 1"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_its_name(call, named):
    with pytest.raises(ValueError, match=named.replace("(", r"\(")):
        call()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"latency": "3 USD"}, "latency is '3 USD'; it has to be in ms"),
        ({"serving_price": "3 hour"}, "has to be in USD/hour"),
        ({"serving_price": "3 USD"}, "has to be in USD/hour"),
        ({"requests": "5 run/day"}, "has to be in prediction/day"),
        ({"utilisation": "3 hour"}, "has to be in a plain number"),
        ({"latency": "3 bananas"}, "write a number and a unit"),
        ({"latency": 0}, "latency is 0"),
        ({"serving_price": 0}, "serving_price is 0"),
        ({"latency": math.nan}, "latency is nan"),
        ({"utilisation": "120 percent"}, "utilisation is 1.2"),
        ({"growth": -100}, "growth is -1"),
        ({"batch": 0.5}, "batch is"),
        ({"failed_share": 1}, "failed_share is 1"),
        ({"training_runs": 0}, "training_runs is 0"),
        ({"latncy": 3}, "there is no input 'latncy'; choose from training_time"),
    ],
)  # fmt: skip
def test_an_input_that_cannot_be_is_refused_by_its_name(change, told):
    with pytest.raises(Mistake, match=told):
        assumed().changed(**change)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"unit": "USD"}, "latency is given in USD; it has to be in ms"),
        ({"unit": "parsec"}, "'parsec' is no unit of this course"),
        ({"source": " "}, "latency has no source"),
        ({"low": 6.0}, "not between its low 6 and high"),
        ({"high": math.inf}, "latency, high is inf"),
        ({"name": "speed"}, "there is no input 'speed'"),
    ],
)
def test_an_input_with_a_fault_is_refused(changed, told):
    with pytest.raises(Mistake, match=told):
        replace(assumed()["latency"], **changed)


def test_inputs_must_all_be_there_and_once():
    every = list(assumed().values())
    with pytest.raises(Mistake, match="missing: carbon"):
        Inputs(*every[:-1])
    with pytest.raises(Mistake, match="given twice"):
        Inputs(*every, every[0])


def test_a_change_may_come_in_another_unit_of_the_same_kind():
    changed = assumed().changed(latency="0.02 second", serving_price="24 USD/day", growth=0.5)
    assert changed["latency"].value == pytest.approx(20)
    assert changed.numbers()["serving_price"] == pytest.approx(1)
    assert changed.numbers()["growth"] == pytest.approx(0.005)  # its own unit is per cent
    assert changed["latency"].source == "changed by you"
    assert assumed()["latency"].value == 5


def test_every_input_of_the_table_has_a_source_and_a_range():
    table = assumed().table()
    assert [row["name"] for row in table.rows] == list(KINDS)
    assert all(row["source"] and " to " in row["range"] for row in table.rows)


def test_units_are_carried_through_every_formula():
    given = {"price": (2.0, "USD/hour"), "time": (30.0, "minute"), "runs": (3.0, "run")}
    (step,) = evaluate([Formula("cost", "cost", "price * time", "USD")], given).values()
    assert step.value == pytest.approx(1)
    assert step.told == "$1"
    assert step.row()["with"] == "price = $2 an hour, time = 30 minute"
    with pytest.raises(Mistake, match="cannot be given in USD"):
        evaluate([Formula("cost", "cost", "price * runs", "USD")], given)


@pytest.mark.parametrize("text", ["price + time", "time - runs", "max(price, runs)", "log(time)", "grown(time, time)"])
def test_what_is_of_different_kinds_cannot_be_mixed(text):
    given = {"price": (2.0, "USD/hour"), "time": (30.0, "minute"), "runs": (3.0, "run")}
    with pytest.raises(Exception, match=r"[Cc]annot"):
        evaluate([Formula("wrong", "wrong", text, "USD")], given)


@given(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS)))
def test_no_input_takes_the_unit_of_another_kind(name, other):
    assume(not units.same_kind(KINDS[name].unit, KINDS[other].unit))
    with pytest.raises(Mistake, match=name):
        replace(assumed()[name], unit=KINDS[other].unit)


def test_a_figure_can_be_followed_back_to_the_inputs():
    why = costs(HAND).why("price_filled")
    assert [row["name"] for row in why.rows] == ["prediction_time", "price_filled"]
    assert why.rows[0]["with"] == "latency = 40 ms, batch = 4 predictions"
    with pytest.raises(KeyError, match="nothing is called 'price'"):
        costs(HAND)["price"]


NUMBERS = {
    "training_time": st.floats(0, 1e5), "training_price": st.floats(0, 100), "training_runs": st.floats(0.1, 1e4),
    "failed_share": st.floats(0, 0.95), "retrainings": st.floats(0, 365), "retraining_runs": st.floats(0.1, 100),
    "requests": st.floats(1e-2, 1e10), "growth": st.floats(-30, 30), "latency": st.floats(1e-3, 1e4),
    "batch": st.floats(1, 512), "serving_price": st.floats(1e-3, 100), "utilisation": st.floats(0.01, 1),
    "fewest_machines": st.just(0.0) | st.floats(0.01, 100), "redundancy": st.floats(1, 4), "lifetime": st.floats(0.1, 120),
}  # fmt: skip
ANY = st.fixed_dictionaries(NUMBERS).map(lambda values: assumed().changed(**values))


@settings(max_examples=60, deadline=None)
@given(ANY, st.floats(1, 1e4))
def test_more_traffic_never_costs_less(inputs, times):
    more = inputs.changed(requests=inputs["requests"].value * times)
    before, after = costs(inputs), costs(more)
    for name in ("serving_first", "serving_life", "total", "energy", "emissions"):
        assert after.value(name) >= before.value(name) * (1 - 1e-9)
    assert after.value("price_launch") <= before.value("price_launch") * (
        1 + 1e-9
    )  # what always runs is shared by more


@settings(max_examples=60, deadline=None)
@given(ANY, st.sampled_from(["training_time", "training_price", "latency", "serving_price", "redundancy", "lifetime"]))
def test_more_of_what_costs_never_costs_less(inputs, name):
    more = inputs.changed(**{name: inputs[name].value * 1.5})
    assert costs(more).value("total") >= costs(inputs).value("total") * (1 - 1e-9)


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_the_trace_and_the_curves_tell_the_same(inputs):
    trace, life = costs(inputs), inputs["lifetime"].value
    for currency, names in (
        ("USD", ("training_life", "serving_life")),
        ("kWh", ("training_energy", "serving_energy")),
    ):
        found = curves(inputs, currency)
        told = [float(found.training(life)), float(found.serving(life))]
        assert told == pytest.approx([trace.value(name) for name in names], rel=1e-9)


MONTHS = st.floats(0.01, 240)
RATES = st.just(0.0) | st.floats(-0.5, 0.5).filter(lambda rate: abs(rate) > 1e-6)


@settings(max_examples=80, deadline=None)
@given(st.just(0.0) | st.floats(0.01, 1e3), st.floats(1e-6, 1e3), RATES, MONTHS)
def test_the_integral_agrees_with_numerical_integration(fewest, busy, rate, months):
    from scipy.integrate import quad

    turn = math.log(fewest / busy) / rate if rate and fewest else -1.0
    points = [turn] if 0 < turn < months else None
    area, _ = quad(lambda t: max(fewest, busy * math.exp(rate * t)), 0, months, points=points, limit=200)
    assert float(busy_time(fewest, busy, rate, months)) == pytest.approx(area, rel=1e-6)


def test_growth_by_hand():
    assert float(grown(0.0, 7.0)) == 7
    assert float(grown(math.log(2), 1.0)) == pytest.approx(1 / math.log(2))
    assert float(busy_time(4, 1, math.log(2), 2.0)) == 8  # it takes two months to need four machines
    assert float(busy_time(4, 1, math.log(2), 3.0)) == pytest.approx(8 + 4 / math.log(2))
    assert float(busy_time(1, 4, -math.log(2), 3.0)) == pytest.approx(3 / math.log(2) + 1)


def lines(**changed):
    usual = dict(first=120.0, retraining=0.0, machine=10.0, fewest=1.0, busy=0.5, rate=0.0)
    return Curves(**(usual | changed))


@pytest.mark.parametrize(
    ("found", "months"),
    [
        (lines(), 12),  # $10 a month
        (lines(busy=3.0), 4),  # $30 a month
        (lines(retraining=4.0), 20),  # $6 a month more than retraining
        (lines(retraining=10.0), None),
        (lines(retraining=11.0), None),
        (lines(first=0.0), 0),
        (lines(rate=math.log(2), busy=0.5, first=8.0), 0.8),  # before the first month is over, one machine
        (lines(rate=math.log(2), busy=1.0, first=10 / math.log(2)), 1),  # doubled once
        (lines(rate=math.log(2), busy=0.5, first=10 + 10 / math.log(2)), 2),  # a flat month, then doubled once
        (lines(rate=-math.log(2), busy=2.0, fewest=1.0, first=10 / math.log(2) + 5), 1.5),  # halved, then flat
        (lines(rate=-math.log(2), busy=1.0, fewest=0.0, first=20.0), None),  # it dies away before
        (lines(rate=-math.log(2), busy=1.0, fewest=0.0, first=5 / math.log(2)), 1),
        (
            lines(rate=-math.log(2), busy=2.0, fewest=0.0, retraining=6.0, first=10 / math.log(2) - 6),
            1,
        ),  # and back later
        (lines(rate=-math.log(2), busy=2.0, fewest=0.0, retraining=6.0, first=12.0), None),  # it comes close, not more
        (lines(rate=math.log(2), busy=1.0, fewest=0.0, retraining=6.0, first=30 / math.log(2) - 12), 2),
        (lines(rate=math.log(2), busy=1.0, fewest=0.0, retraining=15.0, first=70 / math.log(2) - 45), 3),
        (lines(machine=0.0), None),
        (lines(machine=0.0, rate=0.1, fewest=0.0), None),
        (lines(machine=0.0, rate=0.1, retraining=1.0), None),
    ],
)
def test_the_crossing_by_hand(found, months):
    got = overtakes(found).months
    assert got == (None if months is None else pytest.approx(months, abs=1e-9))


CURVES = st.builds(
    Curves, first=st.just(0.0) | st.floats(0.01, 1e6), retraining=st.just(0.0) | st.floats(0.01, 1e4),
    machine=st.floats(0.1, 1e4), fewest=st.just(0.0) | st.floats(0.01, 50), busy=st.floats(1e-3, 50), rate=RATES,
)  # fmt: skip


NECK_AND_NECK = Curves(
    first=0.0, retraining=1.6015625, machine=5.0, fewest=1.6015625, busy=1.0, rate=0.46875
)  # at first


@settings(max_examples=300, deadline=None)
@given(CURVES, st.floats(0.05, 20))
@example(NECK_AND_NECK, 5.0)
def test_break_even_is_exactly_where_the_curves_cross(found, times):
    def gap(months):
        return float(found.serving(months)) - times * float(found.training(months))

    crossing = overtakes(found, times).months
    grid = [0.01 * 1.3**k for k in range(45)]  # up to some 1,000 months
    if crossing is None:
        assert all(gap(months) <= 1e-6 * times * float(found.training(months)) for months in grid)
        return
    assert gap(crossing) == pytest.approx(0, abs=1e-6 * max(1e-9, times * float(found.training(crossing))))
    before = [months for months in grid if months < crossing * (1 - 1e-6)]
    assert all(gap(months) <= 1e-9 * times * float(found.training(months)) for months in before)
    assert gap(crossing * (1 + 1e-3) + 1e-6) > -1e-6 * times * float(found.training(crossing))


def test_nonsense_about_curves_is_refused():
    with pytest.raises(ValueError, match="times is 0"):
        overtakes(lines(), 0)
    with pytest.raises(Mistake, match="no currency 'EUR'"):
        curves(HAND, "EUR")


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (1, "run", "1 run"), (2, "run", "2 runs"), (1, "hour/run", "1 hour a run"), (1234567, "prediction/day", "1,230,000 predictions a day"),
        (0.5, "USD/hour", "$0.5 an hour"), (-3, "USD", "-$3"), (12.345, "percent", "12.3 %"), (9e23, "FLOP", "9 x 10^23 FLOP"),
        (0.25, "", "0.25"),
    ],
)  # fmt: skip
def test_figures_in_words(value, unit, told):
    assert units.in_words(value, unit) == told


@pytest.mark.parametrize(
    ("months", "told"),
    [
        (24, "24 months"),
        (1, "30 days"),
        (36.5 / 60 / 730.5, "36 minutes"),
        (9.134 / 60 / 730.5, "9.1 minutes"),
        (125.4, "125 months"),
        (1e-9, "less than a second"),
        (1 / 30.4375, "24 hours"),
        (1 / 8766, "5 minutes"),
        (1 / 8766 / 10, "30 seconds"),
        (0, "0 seconds"),
    ],
)
def test_times_after_launch_in_words(months, told):
    assert units.when(months) == told


MINUTE = 1 / 60 / 730.5


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (60.9 / 60 * MINUTE, 2.28 * MINUTE, "1 to 2.3 minutes"),
        (36.5 * MINUTE, 82.2 * MINUTE, "36 to 82 minutes"),
        (9.13 * MINUTE, 111 * MINUTE, "9.1 to 111 minutes"),
        (9.13 * MINUTE, 9.14 * MINUTE, "9.1 minutes"),
        (MINUTE, 24, "60 seconds to 24 months"),
        (0, 2, "0 seconds to 2 months"),
    ],
)
def test_two_times_are_told_in_one_unit(first, last, told):
    assert units.between(first, last) == told


def test_small_figures_have_no_exponent_of_a_programmer():
    assert units.digits(4.33e-5) == "4.33 x 10^-5"
    assert units.in_words(-4.33e-7, "USD") == "-$4.33 x 10^-7"
    assert units.digits(0) == "0"
    assert units.digits(0.000123) == "0.000123"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("serving_price", "0.10", 0.1), ("growth", "2", 2), ("growth", "-2", -2), ("growth", "2 percent", 2),
     ("requests", "2e6", 2e6), ("utilisation", "30 percent", 0.3), ("utilisation", " 0.3 ", 0.3)],
)  # fmt: skip
def test_a_text_without_a_unit_is_in_the_unit_of_the_input(name, text, value):
    assert assumed().changed(**{name: text})[name].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"growth": 200}, "growth is 2 (read as 200 %); it has to be a number between -0.5, half as many"),
        ({"growth": "-60 percent"}, "growth is -0.6 (read as -60 %)"),
        ({"utilisation": 30}, 'utilisation is 30; it has to be a number above 0 and at most 1 (30 % is 0.3, or "30 percent")'),
        ({"serving_price": "0.10 EUR/hour"}, "there is no unit EUR here. Money is in USD. Please write a number and a unit"),
        ({"latency": "3 bananas"}, 'there is no unit bananas here. Please write a number and a unit, such as "5 ms"'),
        ({"utilisation": "much more"}, 'such as "0.3"'),
        ({"latency": "nan"}, "latency is nan"),
        ({"latency": True}, "latency is True"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_was_understood_and_what_is_expected(change, told):
    with pytest.raises(Mistake) as raised:
        assumed().changed(**change)
    assert told in str(raised.value)


def test_sources_are_short_in_the_table_and_whole_below():
    inputs = assumed().changed(latency=3)
    short = {row["name"]: row["source"] for row in inputs.table().rows}
    assert max(map(len, short.values())) <= 60
    assert (short["serving_price"], short["latency"]) == ("assumption; AWS m7g, June 2026", "changed by you")
    assert inputs.changed(serving_price=0.05).table().rows[10]["source"] == "changed by you"
    assert [row["source"] for row in inputs.sources().rows] == [one.source for one in inputs.values()]


def test_long_tables_are_folded_in_a_notebook_and_whole_as_text():
    folded = costs(HAND).folded()
    assert folded._repr_html_().startswith("<details><summary>Every figure and its formula</summary><table")
    assert repr(folded) == repr(costs(HAND).table())


def test_an_input_can_be_made_by_hand():
    made = Input("latency", 3.0, "ms", 2.0, 4.0, "a stopwatch")
    assert assumed().replaced(made)["latency"] is made
