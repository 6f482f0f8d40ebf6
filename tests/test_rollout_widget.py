"""What a rollout looks like and what is said about it: pictures, sentences, the verdict, and the sliders of lesson 11."""

from dataclasses import replace

import numpy as np
import pytest
from front import VIEW
from test_rollout import flipped

from lessons_lib import plots
from lessons_lib.rollout import Policy, Router, replay, simulate, told
from lessons_lib.rollout.evidence import log_needed
from lessons_lib.rollout.networks import lost_and_won
from lessons_lib.widgets.rollout import describe, rollout_explorer, rollout_grid

POLICY = Policy(shares=(0.1, 0.4, 1.0), least=50, patience=2_000, margin=0.05)
SHOW = """
from lessons_lib.rollout import Policy
from lessons_lib.widgets.rollout import rollout_explorer, rollout_grid
policy = Policy(shares=(0.1, 0.4, 1.0), least=50, patience=2_000)
grid = rollout_grid(0.04, policy, differences=(0.0, 0.05), margins=(0.02, 0.05), runs=20)
rollout_explorer(grid)
"""


@pytest.fixture(scope="module")
def done():
    labels = np.random.default_rng(0).integers(5, size=1_000)
    live, worse = flipped(labels, 0.03, 1), flipped(labels, 0.2, 2)
    return {"worse": replay("worse", live, worse, labels, POLICY), "equal": replay("equal", live, live, labels, POLICY)}


@pytest.fixture
def failing():
    def raising(_x):
        raise RuntimeError

    router = Router(lambda x: x, raising, POLICY)
    for number in range(200):
        router.answer(str(number), number)
    return {"raises": router}


def test_the_picture_of_a_rollout_tells_the_end_and_the_share_of_each_stage(done):
    picture = plots.evidence(done["worse"])
    assert "Rollout of worse: rolled back" in picture.alt
    assert picture.png.startswith(b"\x89PNG")
    shares = [row["share of the traffic"] for row in plots.evidence(done["equal"]).table.rows]
    assert shares == ["10%", "40%", "100%", "100%"]


def test_a_rollout_without_any_look_has_a_picture_too():
    labels = [1] * 10
    nothing = replay("short", labels, labels, labels, Policy(shares=(0.01, 1.0)), most_requests=1)
    assert "before two versions could be compared" in plots.evidence(nothing).alt


def test_the_fates_table_has_a_row_for_each_difference():
    outcomes = [simulate(lost, 0.02, POLICY, runs=20) for lost in (0.02, 0.12)]
    picture = plots.fates([0.0, 0.1], outcomes, 0.05, 0.2, chosen=0.1)
    assert [row["difference, points"] for row in picture.table.rows] == ["+0.0", "+10.0"]
    assert "+0.0 points: 100% promoted; +10.0 points: 0% promoted" in picture.alt


@pytest.mark.parametrize(
    ("lost", "won", "word"),
    [(0.04, 0.01, "has to be rolled back"), (0.01, 0.01, "should be promoted"), (0.02, 0.01, "either end")],
)
def test_a_difference_is_told_with_what_should_follow(lost, won, word):
    assert word in told.difference_told("new", lost, won, 0.02)


def test_a_rollout_is_told_with_what_it_cost(done):
    assert "**worse** was rolled back after" in told.replay_told(done["worse"])
    assert "wrong answers more than without the rollout" in told.replay_told(done["worse"])
    assert "Users got as many wrong answers as without the rollout." in told.replay_told(done["equal"])


def test_simulated_rollouts_are_told_by_what_they_should_have_done():
    outcomes = simulate(0.1, 0.0, POLICY, runs=20)
    assert "(worse) is rolled back before 20% of the traffic saw it in 100.0% of 20" in told.simulated_told(
        "new", 0.1, 0.0, outcomes, POLICY
    )
    assert "(not worse) is promoted in" in told.simulated_told("new", 0.0, 0.0, outcomes, POLICY)
    assert "(in between) is promoted in" in told.simulated_told("new", 0.02, 0.0, outcomes, POLICY)


def test_fallbacks_are_told(failing):
    assert told.fallback_told(200, True, failing) == (
        "All 200 users got the answer of the live version. The version that **raises**: rolled back, with 2 answers missing."
    )
    assert told.fallback_told(200, False, failing).startswith("Not all of the 200 users")


def outcomes_of(**differences: tuple[float, float]):
    return {name: (*pair, simulate(*pair, POLICY, runs=20)) for name, pair in differences.items()}


def test_the_claim_holds_where_everything_ended_as_it_should(done, failing):
    found = told.claim(
        list(done.values()), outcomes_of(worse=(0.2, 0.0), equal=(0.0, 0.0)), failing, True, 1_000, POLICY
    )
    assert found["word"] == "holds"
    assert "worse rolled back at 10%, equal promoted at 100%" in found["said"]
    assert "worse ended as it should in 100.0%" in found["said"]


def test_the_claim_does_not_hold_where_a_user_got_no_answer_or_rollouts_ended_wrongly(done, failing):
    good = outcomes_of(worse=(0.2, 0.0))
    unserved = told.claim(list(done.values()), good, failing, False, 1_000, POLICY)
    assert unserved["word"] == "does not hold here"
    assert "not every user got the live version's answer" in unserved["said"]
    wrong = {"equal": (0.0, 0.0, good["worse"][2])}  # an equal version that was rolled back each time
    assert told.claim(list(done.values()), wrong, failing, True, 1_000, POLICY)["word"] == "does not hold here"
    running = {"raises": Router(lambda x: x, lambda x: x, POLICY)}
    assert told.claim(list(done.values()), good, running, True, 1_000, POLICY)["word"] == "does not hold here"


def test_the_claim_cannot_be_tested_on_few_images_or_without_a_clear_case(done, failing):
    few = told.claim(list(done.values()), outcomes_of(worse=(0.2, 0.0)), failing, True, 50, POLICY)
    between = told.claim(list(done.values()), outcomes_of(between=(0.02, 0.0)), failing, True, 1_000, POLICY)
    assert few["word"] == between["word"] == "cannot be tested here"
    assert "Only 50 test images" in few["said"]
    assert "No version was clearly worse" in between["said"]


def test_answers_that_are_wrong_in_both_versions_are_told_apart_from_lost_and_won():
    live, new, labels = [0, 1, 2, 3, 4], [0, 1, 9, 8, 7], [0, 1, 2, 5, 7]
    assert told.differing_told(live, {"a": new}, labels) == (
        "**a** answers 3 of them differently from the live version, and 1 of these is wrong in both. What is wrong in both, though "
        "differently, counts in the shadow, and is neither lost nor won."
    )
    assert lost_and_won(live, new, labels) == (1 / 5, 1 / 5)


def test_evidence_that_was_nearly_enough_before_a_roll_back_is_told():
    labels = [0] * 100
    done = replay("worse", labels, [int(i % 4 == 0) for i in range(100)], labels, POLICY)
    before = max(look.log_worse for look in done.router.looks[:-1])
    needed = log_needed(POLICY.level)
    assert done.router.word == "rolled back"
    assert before < needed <= done.router.looks[-1].log_worse
    assert ("(before, at most " in plots.evidence(done).alt) == (before >= needed - np.log(2))
    near = [replace(look, log_worse=min(look.log_worse, needed - 0.02)) for look in done.router.looks[:-1]]
    near[-1] = replace(near[-1], log_worse=needed - 0.02)
    done.router.looks[:-1] = near
    assert "50 is enough (before, at most 49 of 50)" in plots.evidence(done).alt


def test_the_explorer_begins_between_the_ends(front):
    front.run(SHOW.replace("(0.0, 0.05)", "(-0.02, 0.0, 0.05)"))
    assert "as often wrong as the live one" in front.readout("rollout-readout")


def test_a_setting_is_told_in_sentences():
    worse, equal = simulate(0.1, 0.0, POLICY, runs=20), simulate(0.0, 0.0, POLICY, runs=20)
    told_worse = describe(0.1, 0.05, worse)
    assert told_worse.startswith(
        "A new version that is wrong more often by 10 points, with a margin of 5 points: promoted in 0%"
    )
    assert told_worse.endswith("It should go.")
    assert "as often wrong as the live one" in describe(0.0, 0.05, equal)
    assert "wrong less often by 1 point, with" in describe(-0.01, 0.05, equal)
    assert describe(0.01, 0.05, equal).endswith("either end is right.")


def test_without_a_notebook_the_sentences_are_printed(capsys):
    rollout_explorer(rollout_grid(0.02, POLICY, differences=(0.0, 0.1), margins=(0.05,), runs=10))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_without_rollouts_there_is_nothing_to_explore():
    with pytest.raises(ValueError, match="run the cell that simulates them first"):
        rollout_explorer({})


def test_both_sliders_change_sentence_and_picture(front):
    assert set(front.run(SHOW)) == {VIEW, "text/html", "text/plain"}
    assert front.options("worse by") == ["+0", "+5"]
    for gap, margin, said in (
        ("+0", "2", "as often wrong"),
        ("+5", "2", "by 5 points, with a margin of 2"),
        ("+5", "5", "of 5 points"),
    ):
        front.choose("worse by", gap)
        front.choose("margin", margin)
        assert said in front.readout("rollout-readout")
        assert f"margin of {margin} points" in front.image()["alt"]
