"""How long does it take, and which of these is faster? `measure` and `compare`: calls in, a result object out.

A latency alone says little on a machine that others use as well. So candidates take turns, one call each, and what is
judged is their ratio within a round. docs/benchmarks/timing.md shows how often such a verdict is wrong.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from lessons_lib.timing.measurement import Comparison, Measurement
from lessons_lib.timing.stopwatch import Call, Clock, Stopwatch, Within, garbage_collection_paused
from lessons_lib.timing.verdict import Verdict

__all__ = ["Comparison", "Measurement", "Verdict", "Within", "compare", "measure"]

FEWEST_SAMPLES = 3
FEWEST_ROUNDS = 4  # even, so that each candidate comes first as often as last
WARM_UP_SHARE = 0.25  # of the time to spend
CHEAP_SHARE = 0.05  # of the time to spend: a round of calls below this leaves time for untimed ones


def measure(
    call: Call,
    *,
    name: str = "",
    seconds: float = 1.0,
    warmup: float | None = None,
    device: Any = "cpu",
    clock: Clock = time.perf_counter,
) -> Measurement:
    """Time a call: warm it up, then sample it until the time is spent, three times at least.

    Args:
        call: takes no argument, such as `lambda: model(images)`. Calls shorter than 100 microseconds are sampled in
            batches, whose loop adds some 20 ns a call.
        name: what the result and errors call it.
        seconds: time to spend in all, warm-up included.
        warmup: the most of it to spend on warming up, in seconds; a quarter unless given. One call always goes untimed.
        device: "cpu", "cuda" or a torch.device: a GPU is waited for before and after each sample.
        clock: returns seconds; replaced in tests.

    Raises:
        TypeError: `call` cannot be called.
        ValueError: `seconds` is not a positive number.
    """
    _check_call("call", call)
    _check_seconds(seconds)
    start = clock()
    watch = Stopwatch(name or "the call", call, synchronise=_synchroniser(device), clock=clock)
    samples: list[float] = []
    with garbage_collection_paused():
        watch.warm_up(WARM_UP_SHARE * seconds if warmup is None else warmup)
        while len(samples) < FEWEST_SAMPLES or clock() - start < seconds:
            samples.append(watch.sample())
    return Measurement(name, tuple(samples), watch.calls_per_sample)


def compare(
    candidates: Mapping[str, Call],
    *,
    seconds: float = 1.0,
    device: Any = "cpu",
    clock: Clock = time.perf_counter,
    confidence: float = 0.995,
) -> Comparison:
    """Time several calls in turns and judge each against the first, the baseline.

    Each round samples every candidate once, in the opposite order of the round before. After each switch one call goes
    untimed where calls are cheap, since the one before left the caches to somebody else. A rare false claim remains:
    with probability 1 - `confidence` for the whole table, however many candidates it has.

    Args:
        candidates: what to call, by name; at least two, none of which takes an argument.
        seconds: time to spend in all, warm-up included; exceeded where four rounds take longer.
        device: "cpu", "cuda" or a torch.device: a GPU is waited for before and after each sample.
        clock: returns seconds; replaced in tests.
        confidence: probability that all intervals of the table cover the true ratios.

    Raises:
        TypeError: something that is no mapping, a name that is no string, or a candidate that cannot be called.
        ValueError: fewer than two candidates, a name that is empty or used twice, `seconds` or `confidence` out of range.
    """
    _check_candidates(candidates)
    _check_seconds(seconds)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}; give a number between 0 and 1, such as 0.995.")
    start = clock()
    wait = _synchroniser(device)
    watches = [Stopwatch(name, call, synchronise=wait, clock=clock) for name, call in candidates.items()]
    with garbage_collection_paused():
        round_s = sum(watch.warm_up(WARM_UP_SHARE * seconds / len(watches)) for watch in watches)
        settle = round_s < CHEAP_SHARE * seconds
        samples = _take_turns(watches, settle=settle, until=lambda: clock() - start >= seconds)
    measurements = {
        watch.name: Measurement(watch.name, tuple(samples[watch.name]), watch.calls_per_sample) for watch in watches
    }
    return Comparison(watches[0].name, measurements, confidence)


def _take_turns(watches: list[Stopwatch], *, settle: bool, until: Callable[[], bool]) -> dict[str, list[float]]:
    """Sample in rounds, back and forth, until it is time, but for four rounds at least; seconds per call by name."""
    samples: dict[str, list[float]] = {watch.name: [] for watch in watches}
    order, previous, rounds = list(watches), None, 0
    while rounds < FEWEST_ROUNDS or not until():
        for watch in order:
            if settle and watch is not previous:
                watch.call_untimed()
            samples[watch.name].append(watch.sample())
            previous = watch
        order.reverse()
        rounds += 1
    return samples


def _synchroniser(device: Any) -> Callable[[], None]:
    """What waits until the device is idle; on a CPU there is nothing to wait for."""
    if str(device) == "cpu":
        return lambda: None
    from lessons_lib.device import pick, synchronise  # imports torch, which timing on a CPU does not need

    chosen = pick(device)
    return (lambda: None) if chosen.type == "cpu" else (lambda: synchronise(chosen))


def _check_seconds(seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"seconds is {seconds!r}; give the time to spend, such as 1.0.")


def _check_call(name: str, call: object) -> None:
    if not callable(call):
        kind = type(call).__name__
        raise TypeError(
            f"{name} is a {kind}, not something to call; write `lambda: model(images)`, not `model(images)`."
        )


def _check_candidates(candidates: object) -> None:
    if not isinstance(candidates, Mapping):
        raise TypeError(f"compare got a {type(candidates).__name__}; give names and calls: {{'old': f, 'new': g}}.")
    for name, call in candidates.items():
        if not isinstance(name, str):
            raise TypeError(f"The name {name!r} is a {type(name).__name__}; give a string.")
        if not name.strip():
            raise ValueError(f"The name {name!r} is empty; the table needs something to call it.")
        _check_call(repr(name), call)
    names = [name.strip() for name in candidates]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"The name {twice.pop()!r} is used twice; the table could not tell the two apart.")
    if len(candidates) < 2:
        raise ValueError(f"compare got {names or 'nothing'}; it needs at least two. `measure` times one thing alone.")
