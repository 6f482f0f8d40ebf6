"""The checks of lesson 08: arrivals, honest latencies, batches, and the largest batch within a deadline."""

import math
import random
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect


@exercise(
    "08.1",
    "When requests arrive",
    hints=(
        "Two steps: turn each draw into a gap in seconds, then add the gaps up.",
        "More requests a second means shorter gaps: divide the draw by `per_second`.",
        "`itertools.accumulate` gives the running sums: of 1, 2, 3 they are 1, 3, 6.",
        "`return list(accumulate(draw / per_second for draw in draws))`",
    ),
    learned="Bursts come from chance alone: a server that could just bear evenly spaced requests is overrun by these.",
)
def arrival_times(answer: Any) -> None:
    for draws, per_second in (([0.5, 2.0, 0.25, 1.5], 10.0), ([1.0, 3.0, 0.5], 200.0)):
        given = {"draws": draws, "per_second": per_second}
        expect(answer, given, _sums(draws, 1 / per_second), mistakes=_arrival_mistakes(draws, per_second))
    expect(answer, {"draws": [], "per_second": 5.0}, [], note="No draws: nobody comes.")
    random.seed(81)
    draws = [random.expovariate(1.0) for _ in range(200)]
    expect(answer, {"draws": draws, "per_second": 50.0}, _sums(draws, 1 / 50))


def _sums(draws: list[float], factor: float) -> list[float]:
    return list(accumulate(draw * factor for draw in draws))


def _arrival_mistakes(draws: list[float], rate: float) -> dict[str, Any]:
    right = _sums(draws, 1 / rate)
    return {
        "These are the gaps; a request arrives a gap after the one before: add them up.": [
            draw / rate for draw in draws
        ],
        "The rate is used the wrong way round: at more requests a second the gaps get shorter, so divide by it.": _sums(
            draws, rate
        ),
        "These arrive evenly, as by a clock, and `draws` is not used: real requests come in bursts.": [
            (place + 1) / rate for place in range(len(draws))
        ],
        "The rate is not used: this is one request a second on average.": _sums(draws, 1.0),
        "These are milliseconds; asked for are seconds.": [1000 * time for time in right],
        "The first request arrives a gap after 0, not at 0.": [0.0, *right[:-1]],
        "The 0 at the beginning is no request: leave it out.": [0.0, *right],
    }


@exercise(
    "08.2",
    "How long did it really take?",
    hints=(
        "Somebody wanted something at `due_s`. From then on they wait.",
        "`zip(due_s, finished_s)` gives the pairs; the difference is in seconds, asked for are milliseconds.",
        "`finished is None` asks whether there was no answer; then the latency is `math.inf`.",
        "`[math.inf if end is None else (end - due) * 1000 for due, end in zip(due_s, finished_s)]`",
    ),
    learned="Fix the times beforehand and count from them. Then a stall is seen by every request that it hit.",
)
def latencies_ms(answer: Any) -> None:
    due = [0.0, 0.1, 0.2, 0.3, 0.4]
    sent = [0.0, 0.1, 0.2, 1.2, 1.25]
    finished = [0.005, 0.105, 1.2, 1.205, 1.26]
    _expect_latencies(answer, due, sent, finished, note="The server stalled for a second from 0.2 s on.")
    _expect_latencies(answer, due[:3], sent[:3], [0.01, None, 0.25], note="The second request never got an answer.")
    at_zero = "The clock reads 0.0 at the first answer, and that is an answer."
    _expect_latencies(answer, [-0.01, 0.1], [-0.01, 0.1], [0.0, 0.105], note=at_zero)
    draw = random.Random(82)
    for _ in range(3):
        due = list(accumulate(draw.expovariate(10) for _ in range(30)))
        sent = [time + draw.choice([0.0, 0.5]) for time in due]
        _expect_latencies(answer, due, sent, [time + draw.choice([0.01, 0.02]) for time in sent])


def _expect_latencies(answer: Any, due: list[float], sent: list[float], finished: list[Any], note: str = "") -> None:
    def counted(starts: list[float], factor: float = 1000.0, never: float = math.inf) -> list[float]:
        return [never if end is None else (end - start) * factor for start, end in zip(starts, finished, strict=True)]

    mistakes: dict[str, Any] = {
        "These count from the moment of sending: that is coordinated omission. The stall delayed the sending, and "
        "the person waited all the same.": counted(sent),
        "These are seconds; asked for are milliseconds.": counted(due, 1.0),
        "This is how late the requests were sent; asked for is the whole way to the answer.": [
            (start - time) * 1000 for time, start in zip(due, sent, strict=True)
        ],
        "The sign is turned round: the answer comes after the request.": counted(due, -1000.0, -math.inf),
        "A request that never got an answer was left out, so that the others look better: its latency is `math.inf`.": [
            value for value in counted(due) if value < math.inf
        ],
        "A request that never got an answer counts as 0 ms, the best of all: its latency is `math.inf`.": counted(
            due, never=0.0
        ),
        "0.0 is a time, not a missing answer: ask whether it `is None`.": [
            (end - time) * 1000 if end else math.inf for time, end in zip(due, finished, strict=True)
        ],
    }
    given = {"due_s": due, "sent_s": sent, "finished_s": finished}
    expect(answer, given, counted(due), mistakes=mistakes, note=note)


Batches = list[list[float]]
Joins = Callable[[list[float], float], bool]


@exercise(
    "08.3",
    "A batch former",
    hints=(
        "Go through the arrivals in order: each joins the last batch, or begins a new one.",
        "It may join if the last batch has room, and if it comes no later than `max_wait_ms` after that batch's first request.",
        "`batches[-1][0]` is the arrival of the oldest request of the last batch; before the first arrival there is no batch.",
        "`if batches and len(batches[-1]) < max_batch and now <= batches[-1][0] + max_wait_ms: batches[-1].append(now)`, and "
        "otherwise `batches.append([now])`.",
    ),
    learned="Two numbers rule it: the batch size bounds the engine's time, the waiting time bounds what the first one loses.",
)
def form_batches(answer: Any) -> None:
    cases: list[tuple[list[float], int, float, str]] = [
        ([0.0, 1.0, 2.0, 9.0, 10.0], 3, 5.0, ""),
        ([0.0, 4.0, 8.0, 12.0, 16.0, 30.0], 8, 5.0, "The first five come 4 ms apart."),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 100.0, ""),
        ([0.0, 5.0, 5.5], 4, 5.0, "The second arrives exactly when the waiting time is over."),
        ([0.0, 1.0, 2.0], 1, 10.0, "A batch of 1 is no batching."),
        ([3.0, 3.0, 3.0, 4.0], 8, 0.0, "With no waiting time only those that come together go together."),
        ([], 4, 5.0, "Nobody comes, so there is no batch."),
    ]
    for arrivals, most, wait, note in cases:
        _expect_batches(answer, arrivals, most, wait, note)
    draw = random.Random(83)
    for _ in range(5):
        arrivals = sorted(float(draw.randint(0, 60)) for _ in range(25))
        _expect_batches(answer, arrivals, draw.randint(2, 6), float(draw.randint(1, 8)))


def _formed(arrivals: list[float], joins: Joins) -> Batches:
    batches: Batches = []
    for now in arrivals:
        if batches and joins(batches[-1], now):
            batches[-1].append(now)
        else:
            batches.append([now])
    return batches


def _tested_late(arrivals: list[float], most: int, wait: float) -> Batches:
    """Each request joins first; whether that closes the batch is asked afterwards."""

    def is_open(batch: list[float], _now: float) -> bool:
        return len(batch) < most and batch[-1] <= batch[0] + wait

    return _formed(arrivals, is_open)


def _expect_batches(answer: Any, arrivals: list[float], most: int, wait: float, note: str = "") -> None:
    right = _formed(arrivals, lambda batch, now: len(batch) < most and now <= batch[0] + wait)
    mistakes: dict[str, Any] = {
        "The time counts from the latest request of the batch, so that a steady trickle would keep the first one waiting for "
        "ever: count from the oldest.": _formed(
            arrivals, lambda batch, now: len(batch) < most and now <= batch[-1] + wait
        ),
        "Batches grow without a limit: at `max_batch` requests one is full.": _formed(
            arrivals, lambda batch, now: now <= batch[0] + wait
        ),
        "One too many in a batch: it is full when it holds `max_batch` requests.": _formed(
            arrivals, lambda batch, now: len(batch) <= most and now <= batch[0] + wait
        ),
        "One too few in a batch: it may hold `max_batch` requests, not one less.": _formed(
            arrivals, lambda batch, now: len(batch) < most - 1 and now <= batch[0] + wait
        ),
        "Who arrives exactly when the waiting time is over still comes along: `<=`.": _formed(
            arrivals, lambda batch, now: len(batch) < most and now < batch[0] + wait
        ),
        "The waiting time is not used: nobody waits longer than `max_wait_ms` for others.": _formed(
            arrivals, lambda batch, now: len(batch) < most
        ),
        "A request that comes after the time is over belongs to the next batch: test before you append.": _tested_late(
            arrivals, most, wait
        ),
        "The last batch is missing: what is still open at the end has to leave as well.": right[:-1],
        "These are the sizes of the batches; asked for are the arrival times in each.": [len(batch) for batch in right],
    }
    given = {"arrivals_ms": arrivals, "max_batch": most, "max_wait_ms": wait}
    expect(answer, given, right, mistakes=mistakes, note=note, arrange=_as_lists)


def _as_lists(batches: Any) -> Any:
    """Tuples in place of lists are as good; an empty batch is not."""
    if not isinstance(batches, list | tuple) or not all(isinstance(batch, list | tuple) for batch in batches):
        return batches
    if any(not batch for batch in batches):
        raise NotYet("There is an empty batch in the result: a batch begins with its first request.")
    return [list(batch) for batch in batches]


Row = dict[str, Any]


@exercise(
    "08.4",
    "The largest batch within a deadline",
    hints=(
        "Write down the worst case of one row: filling, waiting for the engine, being computed.",
        "Filling takes `(batch - 1) * 1000 / per_second` ms: the first request is there already.",
        'Keep the rows with filling + 2 * `row["ms"]` <= `deadline_ms`, and take the largest batch.',
        '`max((row["batch"] for row in rows if ... <= deadline_ms), default=None)`',
    ),
    learned="The deadline is spent three times: on filling, on waiting for the engine, and on the batch itself.",
)
def largest_batch(answer: Any) -> None:
    rows = [
        {"batch": size, "ms": ms}
        for size, ms in ((1, 4.0), (2, 5.0), (4, 6.0), (8, 9.0), (16, 15.0), (32, 28.0), (64, 60.0))
    ]
    for per_second, deadline_ms in ((1000.0, 25.5), (10.0, 31.0), (1000.0, 25.0), (100.0, 42.0)):
        _expect_largest(answer, rows, per_second, deadline_ms)
    late = "No batch is fast enough here, so return None: no batch size can promise this deadline."
    _expect_largest(answer, rows, 100.0, 7.0, late)
    _expect_largest(answer, [], 100.0, 50.0, "Nothing was measured, so return None.")
    mixed = [rows[place] for place in (3, 6, 1, 4, 5, 0, 2)]
    _expect_largest(answer, mixed, 200.0, 200.0, "The rows may come in any order.")
    draw = random.Random(84)
    for _ in range(5):
        sizes = draw.sample(range(1, 40), 6)
        made = [{"batch": size, "ms": 2.0 + size * draw.randint(1, 4) / 4} for size in sizes]
        _expect_largest(answer, made, float(draw.randint(100, 2000)), float(draw.randint(10, 80)))


def _expect_largest(answer: Any, rows: list[Row], per_second: float, deadline_ms: float, note: str = "") -> None:
    def chosen(fill: float = 1.0, engine: float = 2.0, first: int = 1, strict: bool = False) -> int | None:
        def worst(row: Row) -> float:
            return fill * (row["batch"] - first) * 1000 / per_second + engine * row["ms"]

        kept = [r["batch"] for r in rows if (worst(r) < deadline_ms if strict else worst(r) <= deadline_ms)]
        return max(kept, default=None)

    in_time = [r["batch"] for r in rows if (r["batch"] - 1) * 1000 / per_second + 2 * r["ms"] <= deadline_ms]
    mistakes: dict[str, Any] = {
        "The engine may have just begun with another batch: its time counts twice.": chosen(engine=1.0),
        "The time in which the batch fills is missing.": chosen(fill=0.0),
        "Only the batch's own time in the engine is counted; filling it and waiting for the engine take time as well.": chosen(
            fill=0.0, engine=1.0
        ),
        "Exactly on time is in time: compare with `<=`.": chosen(strict=True),
        "The first request is there already, so a batch fills in one gap less than it has requests.": chosen(first=0),
        "A gap lasts `1000 / per_second` ms; without the 1000 it is in seconds.": chosen(fill=0.001),
        "This is the smallest batch that makes it; asked for is the largest.": min(in_time, default=None),
        "This is the last row that makes it; asked for is the largest batch.": [None, *in_time][-1],
        "This is the first row that makes it; asked for is the largest of these batches.": next(iter(in_time), None),
        "This is the largest batch of all; it misses the deadline.": max((r["batch"] for r in rows), default=None),
        "This is the row; asked for is its batch size.": next((r for r in rows if r["batch"] == chosen()), None),
    }
    given = {"rows": rows, "per_second": per_second, "deadline_ms": deadline_ms}
    expect(answer, given, chosen(), mistakes=mistakes, note=note, arrange=partial(_not_none, chosen()))


def _not_none(want: int | None, got: Any) -> Any:
    """Without a batch where there is one, "does every path end in return" would mislead."""
    if got is None and want is not None:
        raise NotYet(f"Yours found no batch; one of {want} meets the deadline.")
    return got
