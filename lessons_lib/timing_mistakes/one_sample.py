"""Mistake 3: one sample. Two nearly equal things, each timed once: noise decides who wins."""

import random
import time
from collections.abc import Sequence
from statistics import median, quantiles

from lessons_lib.timing.stopwatch import Call, Clock, garbage_collection_paused
from lessons_lib.timing.verdict import Verdict, judge
from lessons_lib.timing_mistakes.disturbance import numbers_for
from lessons_lib.timing_mistakes.finding import Finding
from lessons_lib.timing_mistakes.sampling import in_turns, several, warm

SMALLEST, LARGEST = 0.01, 0.2  # how much more work the second one does, as a share
MANY = 31  # samples that a median is taken of


def one_sample(call: Call, *, rounds: int = 200, clock: Clock = time.perf_counter, seed: int = 0) -> Finding:
    """Compare a call with the same call that has a little more to do; then ask what single pairs would have said.

    How much more depends on how much samples scatter on this machine: a difference far above the noise is found by
    anybody, and one far below it by nobody.

    Args:
        call: real work of about a millisecond or more. rounds: pairs of samples, taken in turns.
        seed: of the resampling of the pairs.
    """
    with garbage_collection_paused():
        typical_s = warm(call, clock)
        share = extra_share(several(call, 40, clock))
        numbers = numbers_for(share * typical_s, clock)

        def with_more() -> None:
            call()
            sum(range(numbers))

        less, more = in_turns(call, with_more, rounds, clock)
    verdict = judge(less, more)
    singles, medians = wrong_share(less, more, 1, seed), wrong_share(less, more, MANY, seed)
    return Finding(
        mistake="one sample",
        arranged=f"The second does all that the first does, and then adds up {numbers:,} numbers: about {share:.0%} more work by a first "
        f"estimate, chosen to be near the scatter of single calls here. They took turns, {rounds} times.",
        wrong=f"Timed once each, the one with more work wins in {singles:.0%} of the pairs.",
        honest=f"{_honest(verdict)} Medians of {MANY} pairs name the wrong one in {medians:.1%}.",
        assertions={
            "of the single pairs one in fifty or more puts them in the wrong order": singles >= 0.02,
            f"medians of {MANY} pairs are wrong less often": medians < singles,
            "all pairs together do not call the one with more work faster": verdict.word != "faster",
        },
        figures={"extra_share": share, "single_wrong": singles, "median_wrong": medians, "ratio": verdict.ratio},
        harm=f"wrong in {singles:.0%} of single pairs",
    )


def extra_share(samples_s: Sequence[float]) -> float:
    """A difference about as large as the scatter of single calls: the interquartile range over the median, within limits."""
    low, middle, high = quantiles(samples_s, n=4)
    return min(max((high - low) / middle, SMALLEST), LARGEST)


def wrong_share(less_s: Sequence[float], more_s: Sequence[float], size: int, seed: int, draws: int = 2_000) -> float:
    """How often the medians of `size` pairs put the one with more work first; the pairs are drawn from those measured."""
    if size == 1:
        return sum(b < a for a, b in zip(less_s, more_s, strict=True)) / len(less_s)
    draw, wrong = random.Random(seed), 0
    for _ in range(draws):
        chosen = [draw.randrange(len(less_s)) for _ in range(size)]
        wrong += median(more_s[i] for i in chosen) < median(less_s[i] for i in chosen)
    return wrong / draws


def _honest(verdict: Verdict) -> str:
    return f"All pairs together say of the one with more work: {verdict}."
