"""Which way of learning gets further, in words, and when that cannot be told."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from lessons_lib.transfer.methods import SCRATCH
from lessons_lib.transfer.runs import Run, accuracies
from lessons_lib.transfer.stages import listed

ONE_SEED_SPREAD = 0.04  # of the accuracy: what two seeds are taken to differ by where only one was run
ONCE = "ran once, so the spread is not known: another seed may say otherwise."


def winner(runs: Sequence[Run], per_class: int) -> str:
    """Who is best at so many images a class, in a few words; a tie where the lead is within the noise, see `noise`."""
    at = _at(runs, per_class)
    means = {method: fmean(values) for method, values in at.items()}
    first, *others = sorted(means, key=lambda method: -means[method])
    close = [method for method in others if means[first] - means[method] <= noise(at.values(), runs[0].test_images)]
    return f"{listed([first, *close])}, too close to tell apart" if close else first


def one_run_note(runs: Sequence[Run]) -> str:
    """A sentence about the numbers of images at which nothing was repeated; empty where everything was."""
    scratch = accuracies(runs)[SCRATCH]
    single = [size for size, values in sorted(scratch.items()) if len(values) == 1]
    if not single:
        return ""
    if len(single) == len(scratch):
        return f"Each way {ONCE}"
    return f"With {listed(single)} images a class each way {ONCE}"


def common_size(*studies: Sequence[Run]) -> int | None:
    """The largest number of images a class that was tried in all of the studies; None where there is none."""
    shared = set.intersection(*({run.per_class for run in runs} for runs in studies))
    return max(shared, default=None)


def near_and_far(near: Sequence[Run], near_name: str, far: Sequence[Run], far_name: str) -> str:
    """What transfer did on two tasks, at the same number of images a class, in sentences: the far task first.

    Where no number was tried on both, each is told at its largest, and that they differ is said.
    """
    size = common_size(near, far)
    told = f"{did_it_help(far, far_name, size)}\n\n{did_it_help(near, near_name, size)}"
    if size is None:
        told += "\n\nThese are different numbers of images: compare each task with its own training from scratch only."
    return told


def did_it_help(runs: Sequence[Run], name: str, per_class: int | None = None) -> str:
    """For each way to transfer: better or worse than from scratch, in sentences that also say how many runs that is.

    Args:
        name: of the data set. per_class: the number of images a class to look at; None: the largest there is.

    Raises:
        ValueError: there is no run with so many images a class.
    """
    size = max(run.per_class for run in runs) if per_class is None else per_class
    at = _at(runs, size)
    scratch = at.pop(SCRATCH)
    told = [f"{method} {_against(values, scratch, runs[0].test_images)}" for method, values in at.items()]
    start = f"On {name}, with {size} images a class, training from scratch gets {fmean(scratch):.1%}"
    return f"{'; '.join([start, *told])}. {_repeated(len(scratch))}"


def _at(runs: Sequence[Run], per_class: int) -> dict[str, list[float]]:
    """The accuracies at a number of images a class, by method."""
    found = {method: sizes[per_class] for method, sizes in accuracies(runs).items() if per_class in sizes}
    if not found:
        there = listed(sorted({run.per_class for run in runs}))
        raise ValueError(f"there is no run with {per_class} images a class; there are runs with {there}.")
    return found


def _against(values: Sequence[float], scratch: Sequence[float], test_images: int) -> str:
    difference = fmean(values) - fmean(scratch)
    told = f"{fmean(values):.1%} ({100 * difference:+.1f} points)"
    if abs(difference) <= noise([values, scratch], test_images):
        return f"{told}, too close to tell apart"
    return f"{told}, so it {'helps' if difference > 0 else 'hurts'}"


def _repeated(times: int) -> str:
    return f"Each way {ONCE}" if times == 1 else f"These are means of {times} runs."


def noise(groups: Iterable[Sequence[float]], test_images: int) -> float:
    """A difference of two accuracies that says nothing: half the spread of the seeds, or two standard errors if that is more.

    The standard error is that of a share counted on so many test images.
    """
    kept = [list(values) for values in groups]
    spread = max(max(values) - min(values) if len(values) > 1 else ONE_SEED_SPREAD for values in kept)
    share = fmean([fmean(values) for values in kept])
    return max(spread / 2, 2 * math.sqrt(share * (1 - share) / test_images))
