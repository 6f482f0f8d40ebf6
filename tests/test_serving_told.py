"""What is said about loads: words follow the figures, in every case."""

import math

import pytest

from lessons_lib import plots
from lessons_lib.queueing import Policy, ServiceTimes
from lessons_lib.serving import Load, Point, ray_local, theory, told
from lessons_lib.serving import points as points_module
from lessons_lib.serving.load import Reply

SERVICE = ServiceTimes((1, 32), (5.0, 10.0))
ONE, MANY = Policy(), Policy(32, 2.0)


def load(latencies_ms, seconds=1.0):
    """One request every few milliseconds, with these latencies; None is no answer."""
    step = seconds / len(latencies_ms)
    replies = [
        Reply(i * step, i * step, None if ms is None else i * step + ms / 1000, 200 if ms is not None else 504)
        for i, ms in enumerate(latencies_ms)
    ]
    return Load(tuple(replies), seconds)


def point(policy, rate, latencies_ms, name="", batches=None, **stats):
    counted = {"batches": batches or {"1": [len(latencies_ms), 5.0 * len(latencies_ms), 0.0]}, **stats}
    return Point(name or str(policy), policy, rate, load(latencies_ms), counted)


def test_a_rate_is_won_where_single_requests_miss_and_batches_meet():
    points = [
        point(ONE, 100, [8.0] * 100), point(MANY, 100, [8.0] * 100),
        point(ONE, 300, [400.0] * 300), point(MANY, 300, [12.0] * 300),
        point(ONE, 900, [900.0] * 900), point(MANY, 900, [90.0] * 900),
    ]  # fmt: skip
    assert told.rates_won(points, 50) == [300]
    said = told.deadline_told(points, 50)
    assert "At 300 requests a second, one by one the slowest of a hundred takes 400 ms and misses" in said
    assert "in batches it takes 12 ms and meets it" in said
    assert "missed it there as well" in told.deadline_told(points[:2] + points[4:], 50)
    assert "these loads were too low" in told.deadline_told(points[:2], 50)


def test_where_the_loads_were_stopped_early_nothing_is_said_of_those_that_were_not_measured():
    single = [point(ONE, 100, [8.0] * 100), point(ONE, 900, [900.0] * 900)]
    assert "in batches not all of these loads were measured" in told.deadline_told(single, 50)
    assert "was not measured" in told.dropping_told(single[0], single[0], 50)
    assert "nothing can be compared" in ray_local.told(single, [point(MANY, 100, [9.0] * 100)], 2)


def test_a_request_without_an_answer_does_not_take_never():
    points = [point(ONE, 100, [8.0] * 97 + [None] * 3), point(MANY, 100, [8.0] * 100)]
    assert "the slowest of a hundred gets no answer at all and misses" in told.deadline_told(points, 50)


def test_lost_requests_count_against_a_server():
    points = [point(ONE, 100, [8.0] * 97 + [None] * 3), point(MANY, 100, [8.0] * 100)]
    assert told.rates_won(points, 50) == [100]
    assert points[0].row(50)["p99"] == "never"
    assert points[0].row(50)["in time"] == "97.0%"
    assert points[0].row(50)["without an answer"] == "3.0%"


@pytest.mark.parametrize(
    ("kept", "dropped", "says"),
    [
        ([500.0] * 90 + [10.0] * 10, [20.0] * 60 + [None] * 40, "no longer works on answers that nobody waits for"),
        ([20.0] * 100, [20.0] * 80 + [None] * 20, "dropping did harm here"),
        ([20.0] * 100, [20.0] * 100, "about the same"),
        ([500.0] * 100, [500.0] * 60 + [None] * 40, "it did not help"),
    ],
)
def test_dropping_is_told_as_it_came_out(kept, dropped, says):
    lost = sum(ms is None for ms in dropped)
    said = told.dropping_told(point(ONE, 100, kept), point(ONE, 100, dropped, dropped=lost), 50)
    assert says in said
    assert f"{lost} of 100 were dropped" in said


def test_silent_requests_are_told():
    assert (
        told.all_accounted_for([point(ONE, 10, [5.0] * 10)]) == "Each of the 10 requests was answered or told why not."
    )
    silent = Point("x", ONE, 10, Load((Reply(0.0), Reply(0.1, 0.1, 0.2, 200)), 1.0), {})
    assert "Of 2 requests 1 were still waiting" in told.all_accounted_for([silent])


def test_the_load_nearest_to_a_share_of_the_capacity_is_told():
    points = [point(ONE, 60, [8.0] * 60), point(ONE, 180, [50.0] * 180)]
    assert told.at_share_told(points, SERVICE) == (
        "Planned at 90% of what the engine can do alone (this draw brought 90%), one by one 99 of 100 requests took at most "
        "**10 times the engine's own time**."
    )
    assert "brought 80%" in told.at_share_told([point(ONE, 180, [50.0] * 160)], SERVICE)
    assert "more than one request in a hundred got no answer" in told.at_share_told(
        [point(ONE, 180, [None] * 10)], SERVICE
    )


def test_what_batching_costs_at_the_lowest_load_is_told():
    single = [point(ONE, 60, [8.0] * 60), point(ONE, 180, [50.0] * 180)]
    assert "the p50 is 8 ms one by one and 10 ms in batches: there batching costs everybody" in told.price_told(
        [*single, point(MANY, 60, [10.0] * 60)]
    )
    assert "costs nothing that shows" in told.price_told([*single, point(MANY, 60, [8.1] * 60)])
    assert told.price_told(single) == told.price_told([]) == ""


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ([("a", 7.0, "overhead"), ("b", 2.0, "memory")], "holds: "),
        ([("a", 7.0, "overhead"), ("b", 1.1, "arithmetic")], "holds only if"),
        ([("a", 7.0, "arithmetic"), ("b", 1.1, "overhead")], "holds only if the network is a, of those measured"),
        ([("a", 1.2, "arithmetic"), ("b", 1.0, "arithmetic")], "does not hold here"),
    ],
)
def test_the_claim_gets_the_verdict_of_the_figures(gains, word):
    assert told.claim(gains, []).startswith(word)
    assert "met a deadline" in told.claim(gains, [100.0])
    assert "met a deadline" not in told.claim(gains, [])


def test_theory_stands_beside_the_measured_and_says_where_they_part():
    points = [
        point(ONE, 100, [9.0] * 100), point(ONE, 400, [300.0] * 400, batches={"1": [400, 2400.0, 0.0]}),
        point(MANY, 400, [14.0] * 400, batches={"4": [100, 600.0, 0.0]}),
    ]  # fmt: skip
    found = theory.beside(points, SERVICE, [5.0], 1.0)
    assert found[0].theory_ms == pytest.approx(7.5)  # half busy: 5 + 5 * 0.5 / (2 * 0.5)
    assert found[1].theory_ms == math.inf
    assert found[2].theory_ms is None
    assert found[0].busy == pytest.approx(0.5)
    said = theory.where_they_part(found, SERVICE)
    assert "a request takes 1.5 ms longer than the formula says" in said
    assert "up to 1.20 times its time" in said
    assert "From 400 requests a second on the formula has no answer" in said
    rows = theory.table(found).rows
    assert [row["theory"] for row in rows] == ["7.5 ms", "grows for ever", "no formula"]
    assert theory.overhead_ms(found) == pytest.approx(9.0 - found[0].simulated_ms)
    assert theory.overhead_ms([]) == 0
    assert "nothing to set beside" in theory.where_they_part([], SERVICE)


def test_the_picture_of_loads_has_its_twins():
    points = [point(ONE, 100, [9.0] * 98 + [None] * 2), point(MANY, 100, [9.0] * 100)]
    picture = plots.load(points, 50)
    assert "one by one: p99 never at 100/s" in picture.alt
    assert [row["p95"] for row in picture.table.rows] == ["9 ms", "9 ms"]


def test_ray_is_told_as_it_came_out():
    own = [point(ONE, 100, [9.0] * 100), point(MANY, 100, [9.0] * 100)]
    slower = [point(MANY, 100, [30.0] * 100, name="Ray Serve")]
    assert "is the slower one at most loads" in ray_local.told(own, slower, 2)
    assert "at 100/s 9 ms and 30 ms" in ray_local.told(own, slower, 2)
    assert "is the faster one" in ray_local.told([point(MANY, 100, [90.0] * 100)], slower, 2)
    assert "neither the faster nor the slower" in ray_local.told(own, [point(MANY, 100, [9.0] * 100)], 2)
    assert "share what it has" in ray_local.told(own, [], 2)


def test_loads_that_were_sent_late_are_named():
    on_time = point(ONE, 100, [9.0] * 100)
    replies = tuple(Reply(i / 100, i / 100 + 0.02, i / 100 + 0.03, 200) for i in range(100))
    late = Point("busy", ONE, 300, Load(replies, 1.0), {})
    assert points_module.warning([on_time]) == "All loads were sent at the times they were due."
    assert "In 1 of 2 loads" in points_module.warning([on_time, late])
    assert "(busy at 300/s)" in points_module.warning([on_time, late])
