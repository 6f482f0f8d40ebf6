"""Gradual rollout: the evidence is valid at any time, the policy decides right, and every request gets an answer."""

import itertools
import threading
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessons_lib.explained import Mistake
from lessons_lib.rollout import Failed, Guard, Policy, Router, Shadow, Tally, bucket, follow, replay, simulate
from lessons_lib.rollout.evidence import STAKES, log_failing, log_needed, log_not_worse, log_worse
from lessons_lib.rollout.policy import decide

QUICK = Policy(shares=(0.3, 1.0), least=20, patience=2_000, prove_before=0.5)


def capital_by_playing(pays: list[float]) -> float:
    """Game by game, each stake on its own: what the formulas with counts must give."""
    purses = np.ones(len(STAKES))
    for pay in pays:
        purses = purses * (1 + STAKES * pay)
    return float(purses.mean())


@given(st.lists(st.sampled_from([1, -1, 0]), max_size=60), st.sampled_from([0.005, 0.02, 0.3]))
@settings(deadline=None, max_examples=60)
def test_the_capital_is_that_of_a_gambler_who_plays_request_by_request(outcomes, margin):
    counts = Counter(outcomes)
    lost, won, same = counts[1], counts[-1], counts[0]
    assert np.exp(log_worse(lost, won)) == pytest.approx(capital_by_playing(outcomes))
    against = capital_by_playing([margin - outcome for outcome in outcomes])
    assert np.exp(log_not_worse(lost, won, same, margin)) == pytest.approx(against)


def test_no_game_can_bankrupt_a_player_and_large_counts_do_not_overflow():
    for counts in itertools.product((0, 1, 10_000_000), repeat=3):
        for value in (log_worse(*counts[:2]), log_not_worse(*counts, 0.01), log_failing(*counts[:2], 0.01)):
            assert np.isfinite(value)


@pytest.mark.parametrize(("lost", "won"), [(0.03, 0.03), (0.2, 0.2), (0.001, 0.001), (0.01, 0.03)])
def test_looking_all_the_time_misleads_no_more_often_than_the_level(lost, won):
    """Ville's inequality, by simulation: 2,000 versions that are not worse, looked at after each of 3,000 requests."""
    random, level, runs = np.random.default_rng(1), 0.05, 2_000
    misled = 0
    for _ in range(20):
        draws = random.random((runs // 20, 3_000))
        losses, wins = (draws < lost).cumsum(1), (draws > 1 - won).cumsum(1)
        misled += int((log_worse(losses, wins) >= log_needed(level)).any(1).sum())
    assert misled / runs <= level + 2 * (level / runs) ** 0.5


@pytest.mark.parametrize(("lost", "won"), [(0.03, 0.01), (0.12, 0.10), (0.02, 0.0), (0.06, 0.02)])
def test_a_version_that_is_worse_by_the_margin_is_shown_to_be_not_worse_no_more_often_than_the_level(lost, won):
    random, level, runs = np.random.default_rng(2), 0.05, 2_000
    misled = 0
    for _ in range(20):
        draws = random.random((runs // 20, 3_000))
        losses, wins = (draws < lost).cumsum(1), (draws > 1 - won).cumsum(1)
        rest = np.arange(1, 3_001) - losses - wins
        misled += int((log_not_worse(losses, wins, rest, 0.02) >= log_needed(level)).any(1).sum())
    assert misled / runs <= level + 2 * (level / runs) ** 0.5


def test_failures_within_what_is_tolerated_are_no_alarm_and_two_in_a_row_are():
    random, runs = np.random.default_rng(3), 1_000
    failures = (random.random((runs, 3_000)) < 0.01).cumsum(1)
    alarms = log_failing(failures, np.arange(1, 3_001), 0.01) >= log_needed(0.05)
    assert alarms.any(1).mean() <= 0.05
    assert log_failing(1, 1, 0.01) < log_needed(0.02) <= log_failing(2, 2, 0.01)
    assert log_failing(0, 1_000, 0.97) < 0 < log_failing(1_000, 1_000, 0.97), "with nearly everything tolerated"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"shares": ()}, "shares"),
        ({"shares": (0.5, 0.2, 1.0)}, "shares"),
        ({"shares": (0.1, 0.5)}, "shares"),
        ({"shares": (0, 1.0)}, "shares"),
        ({"margin": 0}, "margin"),
        ({"level": 1}, "level"),
        ({"tolerated": -0.1}, "tolerated"),
        ({"least": 0}, "least"),
        ({"patience": 0}, "patience"),
        ({"look_every": 0}, "look_every"),
        ({"slower": 0}, "slower"),
        ({"prove_before": 0.01}, "prove_before"),
        ({"prove_before": float("nan")}, "prove_before"),
        ({"prove_before": "0.2"}, "prove_before"),
        ({"shares": 0.5}, "shares"),
        ({"shares": ("1 %", 1.0)}, "shares"),
        ({"shares": (0.1, float("nan"), 1.0)}, "shares"),
        ({"margin": "2 %"}, "margin"),
        ({"level": None}, "level"),
        ({"least": float("nan")}, "least"),
        ({"patience": "20_000"}, "patience"),
        ({"look_every": 2.5}, "look_every"),
        ({"slower": "2"}, "slower"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_name(changed, named):
    with pytest.raises(Mistake, match=named):
        Policy(**changed)


def test_a_version_without_evidence_waits_and_one_without_patience_left_goes():
    policy = Policy(least=10, patience=100)
    equal = Tally(lost=20, won=20, same=50)
    assert decide(equal, 1, 90, policy, shown=False).word == "stay"
    assert decide(equal, 1, 90, policy, shown=True).word == "advance"
    assert decide(equal, 1, 9, policy, shown=True).word == "stay"
    assert decide(Tally(20, 20, 60), 1, 100, policy, shown=False).word == "roll back"
    assert decide(equal, 4, 10, policy, shown=True).word == "promote"
    assert decide(Tally(lost=30), 4, 10, policy, shown=True).word == "roll back"


def routed(outcomes: list[int], policy: Policy) -> Router:
    """A router whose new version loses (1), wins (-1) or ties (0) in this order; request after request until it is over."""
    answers = {1: (True, False), -1: (False, True), 0: (True, True)}
    following = iter(outcomes)
    current = 0

    def new(_x):
        nonlocal current
        current = next(following)
        return answers[current][1]

    router = Router(lambda _x: answers[current][0], new, policy)
    for number in range(10_000_000):
        served = router.answer(str(number), None)
        if served.version == "new":
            router.feedback(str(number), True)
        if router.word != "running":
            break
    router.close()
    return router


@pytest.mark.parametrize("seed", range(12))
def test_the_simulation_decides_as_the_router_does(seed):
    random = np.random.default_rng(seed)
    policy = Policy(shares=(0.2, 0.5, 0.8, 1.0), prove_before=0.6, least=35, look_every=10, patience=600, margin=0.03)
    lost, won = [(0.05, 0.05), (0.1, 0.05), (0.02, 0.04), (0.1, 0.1)][seed % 4]
    length = 1_200
    outcomes = random.choice([1, -1, 0], size=length, p=[lost, won, 1 - lost - won])
    counts = [(outcomes == value).cumsum()[9::10][None] for value in (1, -1)]
    found, router = follow(*counts, policy), routed(outcomes.tolist(), policy)
    assert (router.word == "promoted") == bool(found.promoted[0])
    assert router.tally.compared == found.compared[0]
    assert router.policy.shares[router.stage] == found.highest_share[0]
    assert router.requests == pytest.approx(found.requests[0], rel=0.25)  # the share is one of chance


# disagreements from a few to many requests of a hundred; worse by the margin is the hardest case
WORSE = [(0.03, 0.01), (0.05, 0.03), (0.05, 0.02), (0.10, 0.05), (0.10, 0.08)]
NOT_WORSE = [(0.0, 0.0), (0.01, 0.01), (0.04, 0.04), (0.08, 0.08), (0.02, 0.03), (0.03, 0.08)]


@pytest.mark.parametrize(("lost", "won"), WORSE)
def test_of_1000_rollouts_of_a_worse_version_95_percent_are_rolled_back_before_20_percent_saw_it(lost, won):
    found = simulate(lost, won, runs=1_000, seed=4)
    assert len(found.promoted) == 1_000
    assert found.rolled_back_before(0.20) >= 0.95


@pytest.mark.parametrize(("lost", "won"), NOT_WORSE)
def test_of_1000_rollouts_of_an_equal_or_better_version_95_percent_are_promoted(lost, won):
    assert simulate(lost, won, runs=1_000, seed=4).promoted_share >= 0.95


def test_the_worse_a_version_is_the_sooner_it_is_gone():
    compared = [np.median(simulate(lost, 0.02, runs=100).compared) for lost in (0.04, 0.06, 0.10, 0.30)]
    assert compared == sorted(compared, reverse=True)


def test_versions_may_disagree_on_every_request():
    assert not simulate(0.9, 0.1, runs=5).promoted.any(), "1 - 0.9 is a little less than 0.1"


def test_shares_that_are_no_probabilities_are_refused():
    for lost, won in ((-0.1, 0.1), (0.6, 0.5), (float("nan"), 0.1), (0.1, float("nan"))):
        with pytest.raises(Mistake, match="probabilities"):
            simulate(lost, won)


def test_a_request_has_the_same_place_always_and_the_places_are_spread_evenly():
    places = np.array([bucket(f"user {number}") for number in range(20_000)])
    assert bucket("user 7") == 0.6062110562038304, "in every process, on every machine"
    assert places.min() >= 0
    assert places.max() < 1
    assert np.abs(np.histogram(places, 20, (0, 1))[0] / 20_000 - 0.05).max() < 0.01
    other = np.array([bucket(f"user {number}", "next rollout") for number in range(20_000)])
    assert abs(np.corrcoef(places, other)[0, 1]) < 0.03


def test_whoever_sees_the_new_version_sees_it_at_larger_shares_too():
    shown = {}
    for share in (0.05, 0.2, 0.5):
        router = Router(lambda x: "old", lambda x: "new", Policy(shares=(share, 1.0), prove_before=1.0))
        shown[share] = {n for n in range(2_000) if router.answer(str(n), None).answer == "new"}
        assert len(shown[share]) / 2_000 == pytest.approx(share, abs=0.03)
        router.close()
    assert shown[0.05] <= shown[0.2] <= shown[0.5]


def raising(_x):
    raise RuntimeError("out of memory")


def exiting(_x):
    raise SystemExit(1)


@pytest.mark.parametrize(
    ("new", "word"),
    [(raising, "raised"), (exiting, "raised"), (lambda x: -1, "no answer"), (lambda x: None, "no answer")],
)
def test_a_version_that_fails_is_taken_out_after_two_failures_and_every_user_gets_an_answer(new, word):
    router = Router(lambda x: x + 1, new, QUICK, valid=lambda answer: answer >= 0)  # of None it raises
    served = [router.answer(str(number), number) for number in range(500)]
    assert [one.answer for one in served] == list(range(1, 501))
    assert {one.version for one in served} == {"live"}
    assert router.word == "rolled back"
    assert router.fallbacks == {word: 2}
    assert sum(bool(one.fell_back) for one in served) == 2
    assert "failed in 2 of 2 requests" in router.why


def test_a_version_that_hangs_costs_two_time_limits_and_no_answer():
    forever = threading.Event()
    router = Router(lambda x: x + 1, lambda x: forever.wait(30), QUICK, time_limit_s=0.05)
    began = time.monotonic()
    assert [router.answer(str(number), number).answer for number in range(300)] == list(range(1, 301))
    assert time.monotonic() - began < 10
    assert router.word == "rolled back"
    assert router.fallbacks == {"too late": 2}
    forever.set()


def test_a_version_that_fails_now_and_then_is_taken_out_too():
    numbers = itertools.count()
    router = Router(lambda x: 1, lambda x: 1 if next(numbers) % 10 else raising(x), QUICK)
    served = []
    for number in range(5_000):
        served.append(router.answer(str(number), None))
        router.feedback(str(number), 1)
    assert router.word == "rolled back"
    assert all(one.answer == 1 for one in served)


def test_a_version_that_takes_too_long_is_taken_out():
    def slow(_x):
        time.sleep(0.004)
        return 1

    router = Router(
        lambda x: 1, slow, Policy(shares=(0.5, 1.0), prove_before=0.9, slower=2.0, least=500), time_limit_s=1
    )
    for number in range(400):
        router.answer(str(number), None)
        router.feedback(str(number), 1)
    assert router.word == "rolled back"
    assert "2 times as long" in router.why


def test_a_promoted_version_that_begins_to_fail_still_falls_back():
    broken = False
    policy = Policy(shares=(0.5, 1.0), prove_before=0.9, least=10, margin=0.3)
    router = Router(lambda x: "old", lambda x: raising(x) if broken else "new", policy)
    for number in range(2_000):
        router.answer(str(number), None)
        router.feedback(str(number), "new")
    assert router.word == "promoted"
    assert router.answer("a", None).answer == "new"
    broken = True
    served = router.answer("b", None)
    assert (served.answer, served.version) == ("old", "live")
    assert "out of memory" in served.fell_back


def test_where_the_live_version_fails_the_new_ones_answer_is_used():
    router = Router(raising, lambda x: "new", Policy(shares=(1.0,), prove_before=2.0))
    assert router.answer("a", None).answer == "new"
    with pytest.raises(RuntimeError, match="out of memory"):
        Router(raising, raising, Policy(shares=(1.0,), prove_before=2.0)).answer("a", None)


def test_many_threads_at_once_get_their_own_answers_and_every_request_is_counted():
    router = Router(lambda x: x, lambda x: x, Policy(shares=(0.5, 1.0), prove_before=0.9, patience=10**9, margin=1e-6))
    wrong: list[int] = []

    def client(start: int) -> None:
        for number in range(start, start + 300):
            served = router.answer(str(number), number)
            router.feedback(str(number), number)
            if served.answer != number:
                wrong.append(number)

    clients = [threading.Thread(target=client, args=(1_000 * place,)) for place in range(8)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert not wrong
    assert router.requests == 2_400
    expected = sum(bucket(str(1_000 * place + n)) < 0.5 for place in range(8) for n in range(300))
    assert router.tally.compared == router.tally.answered == expected


def test_a_version_that_hangs_always_is_left_alone_and_asked_again_when_it_has_woken():
    asleep = threading.Event()
    guard = Guard(lambda x: asleep.wait(30) and x, 0.02, most_stuck=2)
    words = []
    for _ in range(4):
        with pytest.raises(Failed) as failure:
            guard(1)
        words.append(failure.value.word)
    assert words == ["too late", "too late", "stuck", "stuck"]
    asleep.set()
    for _ in range(200):
        if not guard.stuck:
            break
        time.sleep(0.01)
    assert guard(5)[0] == 5
    guard.close()


def test_shadow_answers_are_compared_and_nobody_gets_or_awaits_them():
    begin = threading.Event()

    def new(x):
        begin.wait(10)
        if x % 10 == 0:
            raise RuntimeError
        return x + (x % 4 == 0)

    shadow = Shadow(lambda x: x, new, time_limit_s=20, most_waiting=60)
    began = time.monotonic()
    assert [shadow.answer(x) for x in range(100)] == list(range(100))
    assert time.monotonic() - began < 5, "users did not wait for the shadow, which had not even begun"
    begin.set()
    shadow.close()
    assert shadow.dropped >= 39
    assert shadow.agreed + shadow.differed + shadow.failed + shadow.dropped == 100
    compared = [x for x in range(100 - shadow.dropped) if x % 10]
    assert shadow.differed == sum(x % 4 == 0 for x in compared)
    assert shadow.disagreement == pytest.approx(shadow.differed / len(compared))
    assert f"{shadow.differed:,} answers differ" in str(shadow)


def test_an_answer_that_cannot_be_compared_is_a_failure_and_the_shadow_goes_on():
    shadow = Shadow(lambda x: x, lambda x: np.zeros(2) if x < 3 else x, most_waiting=50)
    for x in range(10):
        shadow.answer(x)
    shadow.close()
    assert (shadow.failed, shadow.agreed, shadow.differed) == (3, 7, 0)


def flipped(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    wrong = np.random.default_rng(seed).random(len(labels)) < share
    return np.where(wrong, (labels + 1) % 5, labels)


def test_a_rollout_on_given_answers_rolls_the_worse_back_and_promotes_the_equal():
    labels = np.random.default_rng(0).integers(5, size=2_000)
    live, worse, equal = (flipped(labels, share, seed) for seed, share in enumerate((0.03, 0.09, 0.03), 1))
    bad, good = replay("worse", live, worse, labels), replay("equal", live, equal, labels, seed=2)
    assert bad.router.word == "rolled back"
    assert bad.highest_share < 0.2
    assert bad.seen < 0.2 * bad.requests
    assert good.router.word == "promoted"
    assert good.highest_share == 1.0
    assert bad.wrong - bad.wrong_without == pytest.approx(bad.router.tally.lost - bad.router.tally.won, abs=12)
    assert bad.row()["what became of it"] == "rolled back"


def test_a_rollout_needs_answers_to_the_same_images_and_ends_when_the_requests_do():
    with pytest.raises(ValueError, match="same images"):
        replay("a", [1], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="same images"):
        replay("a", [], [], [])
    done = replay("a", [1], [1], [1], most_requests=1_200)
    assert (done.router.word, done.requests) == ("running", 1_200)
