"""How long until the model is good enough? Images a second are a means; this is the end."""

from collections.abc import Mapping

from lessons_lib.history import History


def scaled_rate(batch_size: int, *, rate: float, at_batch: int) -> float:
    """The learning rate for another batch size: k times as many images a step, k times the rate.

    Args:
        rate: what suits batches of `at_batch` images.

    Source: Goyal et al., Accurate, Large Minibatch SGD, 2017 (the linear scaling rule, with a warm-up).
    """
    return rate * batch_size / at_batch


def rows(runs: Mapping[str, History], target: float) -> list[dict[str, str]]:
    """One row of text for each run: steps, images/s, seconds to the target accuracy (0 to 1), final accuracy."""
    return [
        {
            "run": name,
            "steps": f"{len(run.loss):,}",
            "images/s": f"{run.images_per_second:,.0f}",
            f"time to {target:.0%}": _time(run.seconds_to(target)),
            "accuracy at the end": f"{run.accuracy[-1][1]:.1%}" if run.accuracy else "",
        }
        for name, run in runs.items()
    ]


def conclusion(runs: Mapping[str, History], target: float) -> str:
    """Which run got to the target first, and whether it is the one with the most images a second.

    Args:
        runs: by name; one or more. target: accuracy, 0 to 1.
    """
    times = {name: seconds for name, run in runs.items() if (seconds := run.seconds_to(target)) is not None}
    fastest = max(runs, key=lambda name: runs[name].images_per_second)
    most = (
        f"{fastest[:1].upper()}{fastest[1:]} handles the most images a second ({runs[fastest].images_per_second:,.0f})"
    )
    if not times:
        best = max(runs, key=lambda name: max((share for _, share in runs[name].accuracy), default=0.0))
        return f"{most}, but {target:.0%} was not reached by any of them: this budget is too short. The nearest was {best}."
    first = min(times, key=lambda name: times[name])
    late = [name for name in runs if name not in times]
    missed = f" With this many images, {' and '.join(late)} did not get there at all." if late else ""
    if first == fastest:
        return f"{most}, and is also the first to reach {target:.0%}, after {_time(times[first])}.{missed}"
    then = f"gets there only after {_time(times[fastest])}" if fastest in times else "does not get there at all"
    missed = "" if late == [fastest] else missed
    return f"{most}, but {first} is the first to reach {target:.0%}, after {_time(times[first])}; {fastest} {then}.{missed}"


def _time(seconds: float | None) -> str:
    return "was not reached" if seconds is None else f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
