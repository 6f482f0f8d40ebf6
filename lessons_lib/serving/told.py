"""What the loads showed, in sentences whose words depend on the result."""

import math
from collections.abc import Sequence

from lessons_lib.queueing import ServiceTimes
from lessons_lib.serving.points import Point, in_words


def rates_won(points: Sequence[Point], deadline_ms: float, share: float = 99) -> list[float]:
    """The rates at which the requests miss the deadline one by one, and meet it in batches, at this percentile."""
    single = {p.per_second: p for p in points if p.policy.max_batch == 1}
    batched = {p.per_second: p for p in points if p.policy.max_batch > 1}
    return [
        rate
        for rate in sorted(single.keys() & batched.keys())
        if single[rate].load.percentile(share) > deadline_ms >= batched[rate].load.percentile(share)
    ]


def deadline_told(points: Sequence[Point], deadline_ms: float) -> str:
    """Does batching meet the deadline where single requests miss it?"""
    won = rates_won(points, deadline_ms)
    if won:
        rate = won[-1]
        one, many = (_at(points, rate, batched) for batched in (False, True))
        return (
            f"At {rate:.0f} requests a second, one by one the slowest of a hundred {_takes(one)} and misses the deadline of "
            f"{deadline_ms:.3g} ms; **in batches it {_takes(many)} and meets it**. The mean batch was {many.mean_batch:.1f}."
        )
    single = [p for p in points if p.policy.max_batch == 1 and p.load.percentile(99) > deadline_ms]
    if not single:
        return f"One by one met the deadline of {deadline_ms:.3g} ms at every load here: these loads were too low to need batches."
    batched_rates = {p.per_second for p in points if p.policy.max_batch > 1}
    if not all(p.per_second in batched_rates for p in single):
        return (
            f"One by one misses the deadline of {deadline_ms:.3g} ms; in batches not all of these loads were measured. Run the cell "
            "again, to its end."
        )
    return (
        f"From {min(p.per_second for p in single):.0f} requests a second on, one by one misses the deadline of {deadline_ms:.3g} ms at p99, "
        "and **batches missed it there as well** on this run: something else held the machine up for that long, or batching "
        "gains too little here. Run the cell again to see which."
    )


def _takes(point: Point) -> str:
    slowest_ms = point.load.percentile(99)
    return f"takes {in_words(slowest_ms)}" if math.isfinite(slowest_ms) else "gets no answer at all"


def _at(points: Sequence[Point], rate: float, batched: bool) -> Point:
    return next(p for p in points if p.per_second == rate and (p.policy.max_batch > 1) == batched)


def at_share_told(points: Sequence[Point], service: ServiceTimes, share: float = 0.9) -> str:
    """The p99 one by one, at the load nearest to a share of the engine's capacity, and which share the draw brought."""
    single = [point for point in points if point.policy.max_batch == 1]
    if not single:
        return ""
    near = min(single, key=lambda point: abs(point.per_second / service.capacity(1) - share))
    times = near.load.percentile(99) / service(1)
    planned, brought = (rate / service.capacity(1) for rate in (near.per_second, near.load.per_second))
    taken = (
        "more than one request in a hundred got no answer"
        if math.isinf(times)
        else f"99 of 100 requests took at most **{times:.0f} times the engine's own time**"
    )
    return f"Planned at {planned:.0%} of what the engine can do alone (this draw brought {brought:.0%}), one by one {taken}."


def price_told(points: Sequence[Point]) -> str:
    """What batching costs at the lowest load, by the median; empty where one of both was not measured there."""
    rate = min((point.per_second for point in points), default=0.0)
    single, batched = (
        [p.load.percentile(50) for p in points if p.per_second == rate and (p.policy.max_batch > 1) == many]
        for many in (False, True)
    )
    if not single or not batched:
        return ""
    one, many = single[0], batched[0]
    told = f"At the lowest load, {rate:.0f} requests a second, the p50 is {in_words(one)} one by one and {in_words(many)} in batches"
    if math.isfinite(one) and many > 1.05 * one:
        return f"{told}: there batching costs everybody a wait for others."
    return f"{told}: there batching costs nothing that shows."


def dropping_told(kept: Point, dropping: Point, deadline_ms: float) -> str:
    """What dropping those that would be late does to the others.

    Args:
        kept, dropping: the same load without and with a deadline in the server; one and the same where only the first was measured.
    """
    if dropping is kept:
        return "The load with a deadline in the server was not measured: run the cell again, to its end."
    before, after = kept.load.in_time(deadline_ms), dropping.load.in_time(deadline_ms)
    lost = dropping.stats.get("dropped", 0)
    told = (
        f"Nothing dropped: {before:.0%} of the requests were answered in time. With a deadline {lost:,} of "
        f"{len(dropping.load.replies):,} were dropped uncomputed, and {after:.0%} were answered in time: "
    )
    if after > before + 0.05:
        return told + "**the engine no longer works on answers that nobody waits for**."
    if after < before - 0.05:
        return told + "**dropping did harm here**, which happens where the server was hardly too slow."
    if after < 0.1:
        return (
            told
            + "**it did not help**: something other than the engine's queue was too slow here, such as a busy processor."
        )
    return told + "**about the same**, so this load was not heavy enough to need it."


def all_accounted_for(points: Sequence[Point]) -> str:
    """Did every request of every load get an answer or a refusal?"""
    asked = sum(len(point.load.replies) for point in points)
    silent = sum(point.load.statuses.get(0, 0) for point in points)
    if not silent:
        return f"Each of the {asked:,} requests was answered or told why not."
    return f"Of {asked:,} requests {silent:,} were still waiting when the client gave up."


def claim(gains: Sequence[tuple[str, float, str]], won: Sequence[float]) -> str:
    """The verdict on "batching maximises hardware use and throughput".

    Args:
        gains: for each model its name, how many times the throughput of batch 1 its best batch has, and what rules at batch 1.
        won: see `rates_won`.
    """
    gained = [f"{name} {gain:.1f}x ({bound} rules at batch 1)" for name, gain, bound in gains]
    much = [name for name, gain, _ in gains if gain >= 1.5]
    not_arithmetic = [name for name, _, bound in gains if bound != "arithmetic"]
    word = (
        "holds"
        if len(much) == len(gains)
        else "does not hold here"
        if not much
        else "holds only if something other than arithmetic rules"
        if much == not_arithmetic
        else f"holds only if the network is {' or '.join(much)}, of those measured"
    )
    served = "; under load it also met a deadline that single requests missed" if won else ""
    return f"{word}: {', '.join(gained)}{served}"
