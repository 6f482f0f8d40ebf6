"""The simulated year against one counted by hand, what a retraining is measured by, and the claim about its rhythm."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import dataset, learnt, same_weights, snapshot

from lessons_lib import record
from lessons_lib.drift import claims, cost, kinds, parameters, retraining, told, told_costs, weeks, year
from lessons_lib.drift.signals import Signals
from lessons_lib.drift.weeks import Watched
from lessons_lib.drift.year import Measured, Policy, Prices, World
from lessons_lib.explained import Mistake

LINEAR = {0.0: 0.0, 1.0: 40.0}  # points lost by distance
SURE = Measured(LINEAR, {0.0: 0.0, 0.001: 1.0, 1.0: 1.0}, recovered=1.0)  # rings whenever there is anything
DEAF = Measured(LINEAR, {0.0: 0.0, 1.0: 0.0}, recovered=1.0)
PRICES = Prices(look=100.0, retraining=1000.0, point_week=50.0)
JUMP = World("jumps", jump=9)


def test_the_world_goes_there_and_back():
    way = World("moves", 4.0).strengths(10)
    assert way.tolist() == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0, 0.25]
    assert not World("stands still").strengths().any()
    assert JUMP.strengths(12).tolist() == [0] * 9 + [1] * 3


def test_never_to_train_pays_for_every_error():
    found = year.simulate(Policy(), JUMP, SURE, PRICES)
    assert found.points_lost.tolist() == [0] * 9 + [40] * 43
    assert found.costs == {"looks": 0, "retrainings": 0, "errors": 43 * 40 * 50}


def test_an_alarm_that_is_heard_costs_one_bad_week():
    found = year.simulate(Policy(on_alarm=True), JUMP, SURE, PRICES)
    assert (found.looks, found.retrainings, found.points_lost.sum()) == (1, 1, 40)
    assert found.cost == 100 + 1000 + 40 * 50


def test_a_calendar_trains_whether_or_not_there_is_something_to_learn():
    found = year.simulate(Policy(13), JUMP, DEAF, PRICES)
    assert (found.looks, found.retrainings) == (0, 4)
    assert found.points_lost.tolist() == [0] * 9 + [40] * 4 + [0] * 39


def test_both_together_hear_and_cover_what_is_not_heard():
    assert year.simulate(Policy(13, on_alarm=True), JUMP, DEAF, PRICES).points_lost.sum() == 4 * 40
    assert year.simulate(Policy(13, on_alarm=True), JUMP, SURE, PRICES).points_lost.sum() == 40


def test_false_alarms_cost_looks_and_nothing_else():
    noisy = Measured(LINEAR, {0.0: 0.25, 1.0: 1.0}, recovered=1.0)
    found = year.simulate(Policy(on_alarm=True), World("stands still"), noisy, PRICES, runs=4000)
    assert found.looks == pytest.approx(13, rel=0.03)
    assert (found.retrainings, found.costs["errors"]) == (0, 0)


def test_a_retraining_that_brings_half_back_leaves_half_and_rings_again():
    half = Measured(LINEAR, SURE.chances, recovered=0.5)
    found = year.simulate(Policy(on_alarm=True), JUMP, half, PRICES)
    assert found.points_lost[9:15].tolist() == [40, 20, 10, 5, 2.5, 1.25]
    assert found.retrainings == 6  # until less than a point is lost
    assert found.looks == 52 - 9  # what is left still rings


@settings(max_examples=30, deadline=None)
@given(st.floats(0.05, 1), st.floats(0, 1), st.integers(1, 60), st.booleans(), st.sampled_from(year.WORLDS))
def test_whatever_the_policy_the_bill_adds_up(recovered, chance, every, on_alarm, world):
    measured = Measured(LINEAR, {0.0: chance / 10, 1.0: chance}, recovered)
    found = year.simulate(Policy(every, on_alarm), world, measured, PRICES, runs=20)
    assert found.cost == pytest.approx(
        100 * found.looks + 1000 * found.retrainings + 50 * found.points_lost.sum(), rel=1e-9
    )
    assert 52 // every <= found.retrainings + 1e-9 or on_alarm
    assert found.looks <= 52
    assert (found.points_lost >= 0).all()


def test_the_best_calendar_is_the_cheapest_of_all_and_never_where_nothing_moves():
    for world in year.WORLDS:
        best = year.best_calendar(world, SURE, PRICES)
        tried = [year.simulate(Policy(every), world, SURE, PRICES, runs=1).cost for every in (None, *year.PERIODS)]
        assert best.cost == min(tried)
    assert year.best_calendar(World("stands still"), SURE, PRICES).policy == Policy()


def test_the_rhythm_follows_the_speed_and_the_price_of_an_error():
    verdict = claims.rhythm(SURE, PRICES)
    assert verdict["word"] == "holds only if"
    assert "never where the world stands still" in verdict["said"]
    free = Prices(look=0.0, retraining=0.0, point_week=1.0)
    assert claims.rhythm(SURE, free)["word"] == "holds"  # every week wherever it moves, whatever an error costs
    no_errors = Prices(look=1.0, retraining=1.0, point_week=0.0)
    assert claims.rhythm(SURE, no_errors)["word"] == "does not hold here"
    harmless = Measured({0.0: 0.0, 1.0: 0.5}, SURE.chances, 1.0)
    assert claims.rhythm(harmless, PRICES)["word"] == "cannot be tested here"
    useless = Measured(LINEAR, SURE.chances, 0.05)
    assert "5% of the way" in claims.rhythm(useless, PRICES)["said"]


def test_the_claim_and_the_tables_of_the_lesson_try_the_same_calendars():
    assert [str(one) for one in year.CALENDARS] == [
        "never",
        "every 13 weeks",
        "every 8 weeks",
        "every 4 weeks",
        "every week",
    ]
    verdict, rows = claims.rhythm(SURE, PRICES), claims.rhythm_table(SURE, PRICES).rows
    for world, row in zip(year.SPEEDS, rows, strict=True):
        lived = [year.simulate(one, world, SURE, PRICES) for one in year.CALENDARS]
        assert row["at your prices"] == str(min(lived, key=lambda one: one.cost).policy)
        assert row["the world"] == world.name
        assert row["at your prices"] in verdict["said"]


def test_a_dearer_error_is_told_with_the_world_that_it_belongs_to():
    said = claims.rhythm(SURE, PRICES)["said"]
    assert said.startswith("the price of an error is counted as well: in a simulated year")
    for column, words in (
        ("errors 10 times as dear", "10 times as dear it is "),
        ("errors a 10th as dear", "a 10th as dear it is "),
    ):
        part = said.partition(words)[2].partition(";")[0]
        for row in claims.rhythm_table(SURE, PRICES).rows:
            if row[column] != row["at your prices"]:
                assert row[column] in part
                assert row["the world"] in part


def test_what_a_look_decides_is_what_the_simulation_does():
    told_rule = told_costs.look_told()
    assert "where a percentage point of accuracy or more is lost, the model is trained anew" in told_rule
    assert year.TOLERATED == 1
    below = Measured({0.0: 0.0, 1.0: 0.9}, SURE.chances, recovered=1.0)
    found = year.simulate(Policy(on_alarm=True), JUMP, below, PRICES)
    assert (found.looks, found.retrainings) == (43, 0)
    often = World("moves in a quarter", 13.0)
    both, alone = (year.simulate(Policy(every, on_alarm=True), often, SURE, PRICES) for every in (13, None))
    assert (both.cost, both.looks) == (alone.cost, alone.looks)


def test_policies_have_names_and_refuse_a_period_below_a_week():
    policies = [Policy(), Policy(1), Policy(4), Policy(on_alarm=True), Policy(4, on_alarm=True)]
    assert [str(policy) for policy in policies] == [
        "never", "every week", "every 4 weeks", "on alarm", "every 4 weeks and on alarm",
    ]  # fmt: skip
    for period in (0, -4, 2.5, float("nan"), "4"):
        with pytest.raises(Mistake, match="1 week or more"):
            Policy(period)


def watched(lost, size=50, rings=1.0):
    """A record of two kinds of drift with one detector that rings in a share of the weeks."""
    scores = np.where(np.arange(100) < 100 * rings, 2.0, 0.0)
    places = {(kind, s): {"d": scores} for kind in ("a", "b") for s in (0.5, 1.0)}
    quiet = {"d": np.linspace(0, 1, 100)}
    accuracies = {place: 0.9 - lost[place[0]] * place[1] for place in places}
    return Watched(size, quiet, quiet, places, accuracies, 0.9, {"d": "inputs"})


def test_the_first_claim_gets_the_verdict_that_the_figures_give():
    limits = {"d": 1.0}
    cases = {
        "holds": watched({"a": 0.3, "b": 0.2}),
        "holds only if": watched({"a": 0.3, "b": 0.0}),
        "does not hold here": watched({"a": 0.0, "b": 0.0}),
        "cannot be tested here": watched({"a": 0.3, "b": 0.2}, size=5),
    }
    assert {word: claims.decays(one, limits)["word"] for word, one in cases.items()} == {word: word for word in cases}
    unclear = replace(watched({"a": 0.3, "b": 0.2}), grain=31.0)
    assert claims.decays(unclear, limits)["word"] == "does not hold here"
    missed = claims.decays(watched({"a": 0.3, "b": 0.2}, rings=0.1), limits)
    assert missed["word"] == "does not hold here"
    assert "not found that soon: a, b" in missed["said"]
    some = watched({"a": 0.3, "b": 0.2})
    some.drifted["b", 1.0] = {"d": np.zeros(100)}
    assert claims.decays(some, limits)["said"].startswith("the drift is none of b, which take longer to find: 2 of 2")


def test_a_detector_that_was_chosen_for_one_drift_is_told_to_miss_another():
    assert told_costs.blind_told(watched({"a": 0.3, "b": 0.2}), "d", 1.0) == ""
    some = watched({"a": 0.3, "b": 0.2})
    some.drifted["b", 1.0] = {"d": np.zeros(100)}
    assert "misses b even at full strength" in told_costs.blind_told(some, "d", 1.0)


def test_the_cheapest_threshold_is_not_compared_with_itself():
    free = cost.Stakes(false_alarm=0.0, point_week=0.0)
    assert told_costs.choice_told(watched({"a": 0.3, "b": 0.2}), ("a", 0.5), free).count("set for") == 1


def test_the_drift_to_choose_by_is_one_that_training_anew_can_mend():
    places = {(kind, 1.0): {"d": np.zeros(3)} for kind in (kinds.NEW_SIGNS, "fog", kinds.OTHER_MIX)}
    accuracies = dict(zip(places, (0.88, 0.5, 0.88), strict=True))
    seen = Watched(50, {"d": np.zeros(3)}, {"d": np.zeros(3)}, places, accuracies, 0.9, {"d": "inputs"})
    assert cost.creeping(seen, points=2.0) == ("fog", 1.0)


def test_figures_from_a_handful_of_images_are_no_findings():
    few = watched({"a": 0.5, "b": 0.0})
    assert "No drift here costs more than chance makes" in told.falls_told(replace(few, grain=60.0))
    assert "**a** costs most" in told.falls_told(few)
    assert told.psi_told(100, 1_000) == "with 10 bins, 100 images a week and 1,000 in the reference it is about 0.10"
    assert told.psi_told(5, 1) == "with so few images, 5 a week and 1 in the reference, it can be anything"
    assert weeks.few_told(100, 6, 6).startswith("Too few images: weeks of 5")
    assert weeks.few_told(100, 4_000, 4_000) == ""
    signals_of_two = Signals(*(np.zeros((2, 1)),) * 2, np.ones(2), np.zeros(2, int), np.ones(2, bool))
    assert weeks.watch({}, *(signals_of_two,) * 2, {("a", 1.0): signals_of_two}, size=5, weeks=1).grain > 50


@pytest.mark.parametrize(
    ("given", "told_of"),
    [
        ({"WEEK": -5}, "WEEK is -5; give a whole number of images, 5 or more."),
        ({"WEEK": 7.5}, "WEEK is 7.5;"),
        ({"DRIFTS": "two"}, "DRIFTS is 'two'; give a number of drifts a year above 0 and up to 52."),
        ({"LOOK": -5}, "LOOK is -5; give a price in dollars, 0 or more."),
        ({"FALSE_ALARMS": 0}, "FALSE_ALARMS is 0; give a number of false alarms a year above 0 and up to 26."),
        ({"MACHINE_HOUR": math.nan}, "MACHINE_HOUR is nan; give a price in dollars, 0 or more, or None."),
        ({"LABEL": None, "RELEASE": True}, "LABEL is None; give a price in dollars, 0 or more. RELEASE is True;"),
    ],
)
def test_a_parameter_that_cannot_be_is_named_in_a_sentence(given, told_of):
    with pytest.raises(Mistake, match=re.escape(told_of)):
        parameters.checked(**parameters.DEFAULTS | given)


def test_the_record_says_which_parameters_are_the_learner_s():
    found = parameters.checked(**parameters.DEFAULTS | {"LOOK": 0, "MACHINE_HOUR": 3})
    assert [name for name, one in found.items() if one["source"] == record.CHANGED] == ["LOOK", "MACHINE_HOUR"]


def test_the_defaults_are_those_of_the_lesson():
    source = (Path(__file__).resolve().parent.parent / "lessons/11_production.py").read_text(encoding="utf-8")
    cell: dict = {}
    exec(source.partition('tags=["parameters"]')[2].partition("# %%")[0], cell)
    assert {name: cell[name] for name in parameters.DEFAULTS} == parameters.DEFAULTS


def test_curves_for_the_year_start_at_nothing_and_never_fall():
    found = year.measured(watched({"a": 0.3, "b": -0.1}), "b", "d", 1.0, 0.5)
    assert found.points_lost == {0.0: 0.0, 0.5: 0.0, 1.0: 0.0}
    found = year.measured(watched({"a": 0.3, "b": 0.0}), "a", "d", 1.0, 0.5)
    assert found.points_lost == pytest.approx({0.0: 0.0, 0.5: 15.0, 1.0: 30.0})
    assert found.chances == {0.0: 0.0, 0.5: 1.0, 1.0: 1.0}


def test_after_a_retraining_the_year_loses_what_was_measured_after_it():
    bent = replace(
        watched({"a": 0.4, "b": 0.0}), accuracies={("a", 0.5): 0.86, ("a", 1.0): 0.5, ("b", 0.5): 0.9, ("b", 1.0): 0.9}
    )
    found = year.measured(bent, "a", "d", 1.0, 0.55)  # 4 points at half the way, 40 at all of it; 18 were left
    assert year.simulate(Policy(10), World("jumps", jump=0), found, PRICES).points_lost[10] == pytest.approx(
        18, abs=0.1
    )
    assert year.measured(bent, "a", "d", 1.0, 1.0).recovered == 1.0
    assert year.measured(bent, "a", "d", 1.0, 0.0).recovered == 0.0


def test_retraining_leaves_the_model_as_it_was_and_is_judged_on_other_images():
    model, data = learnt("small"), dataset(train=64, test=40)
    before = snapshot(model)
    way = kinds.kinds(data)["low contrast"]
    found = retraining.retrain(model, data, way, labelled=30, tested=40, steps=8)
    assert same_weights(before, snapshot(model))
    assert (found.kind, found.labelled) == ("low contrast", 30)
    assert found.seconds > 0
    assert 0 <= found.recovered <= 1
    again = retraining.retrain(model, data, way, labelled=30, tested=40, steps=8)
    assert (again.after, again.still) == (found.after, found.still)


def test_the_share_that_comes_back_by_hand():
    def recovered(quiet, before, after):
        return retraining.Retrained("a", 1.0, 10, 1.0, quiet, before, after, quiet).recovered

    assert recovered(0.9, 0.5, 0.7) == pytest.approx(0.5)
    assert (recovered(0.9, 0.5, 0.95), recovered(0.9, 0.5, 0.4), recovered(0.9, 0.9, 0.8)) == (1.0, 0.0, 1.0)


def test_the_price_of_a_retraining_has_three_parts():
    found = retraining.Retrained("dusk", 1.0, 500, 7200.0, 0.99, 0.5, 0.8, 0.98)
    parts = retraining.retraining_price(found, price_per_hour=3.0, price_of_a_label=0.1, release=40.0, failed_share=0.5)
    assert parts == pytest.approx({"the machine": 12.0, "labels": 50.0, "the release": 40.0})
    twice = retraining.retraining_price(found, price_per_hour=3.0, price_of_a_label=0.1, release=40.0, runs=2)
    assert twice == parts  # two runs, or one of which every second fails
    sentence = told_costs.retrained_told(found, parts)
    assert "61% of what was lost" in sentence
    nothing = retraining.Retrained("dusk", 1.0, 500, 7200.0, 0.5, 0.5, 0.5, 0.5)
    assert "Nothing was lost before. It costs $102" in told_costs.retrained_told(nothing, parts)
    assert "$102: $12 for the machine, $50 for labels, $40 for the release. Most of it goes to labels." in sentence


def test_tables_and_sentences_name_the_cheapest_policy():
    years = [year.simulate(policy, JUMP, SURE, PRICES) for policy in (Policy(), Policy(13), Policy(on_alarm=True))]
    assert told_costs.years_told(years, "jumps") == (
        "In a world that jumps, **on alarm** is the cheapest of these: $3,100 a year; never to train anew costs $86,000."
    )
    assert told_costs.looks_told(years, "jumps").startswith(
        "On alarm alone, a world that jumps takes 1.0 looks and 1.0 retrainings."
    )
    assert told_costs.looks_told(years[:1], "jumps") == "In a world that jumps, the alarm hardly rings."
    assert told.listed(["a"]) + told.listed(["a", "b", "c"]) == "aa, b and c"
    assert [row["train anew"] for row in told_costs.year_table(years, "jumps").rows] == [
        "never",
        "every 13 weeks",
        "on alarm",
    ]


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "$0"), (0.001, "less than a cent"), (0.5, "$0.50"), (12.4, "$12"), (1234567, "$1,234,567")],
)
def test_money_is_written_so_that_it_can_be_read(amount, words):
    assert told_costs.money(amount) == words


def test_weeks_in_words():
    assert [told.weeks_word(weeks) for weeks in (1, 3, math.inf)] == ["1 week", "3 weeks", "not in a year"]
