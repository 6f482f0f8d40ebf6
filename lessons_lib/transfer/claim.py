"""What the runs say about the training time that a trained network saves."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from lessons_lib import checkpoints
from lessons_lib.tables import Table
from lessons_lib.transfer.methods import SCRATCH
from lessons_lib.transfer.runs import Run
from lessons_lib.transfer.stages import listed

CLAIMED = 0.9
Saved = dict[int, list[float]]


@dataclass(frozen=True)
class Judgement:
    """The verdict on a claim: `word` is "holds", "holds only if", "does not hold here" or "cannot tell"."""

    word: str
    reason: str

    def __str__(self) -> str:
        return f"{self.word}: {self.reason}"


def pairs(runs: Sequence[Run], method: str) -> list[tuple[Run, Run]]:
    """Runs from scratch, each with the run of `method` that had the same images and seed."""
    other = {(run.per_class, run.seed): run for run in runs if run.method == method}
    return [
        (run, other[run.per_class, run.seed])
        for run in runs
        if run.method == SCRATCH and (run.per_class, run.seed) in other
    ]


def time_saved(runs: Sequence[Run], method: str) -> Saved:
    """The share of the training time that a method saves against training from scratch, for each seed.

    Both are timed until they first reach the validation accuracy that training from scratch ends with.

    Returns:
        By images a class: 1 is all of the time, 0 none, negative where the method is slower; 0 too where it never gets there.
    """
    found: Saved = {}
    for scratch, other in pairs(runs, method):
        target = scratch.history.accuracy[-1][1]
        needed, slow = other.history.seconds_to(target), scratch.history.seconds_to(target)
        assert slow is not None, "a run reaches the accuracy that it ends with"
        found.setdefault(scratch.per_class, []).append(0.0 if needed is None else 1 - needed / slow)
    return dict(sorted(found.items()))


def seconds_saved(runs: Sequence[Run], method: str, per_class: int) -> float:
    """Seconds of training that a method saves at equal accuracy, the mean over the seeds."""
    shares = time_saved(runs, method)[per_class]
    slow = [
        s.history.seconds_to(s.history.accuracy[-1][1]) or 0.0
        for s, _ in pairs(runs, method)
        if s.per_class == per_class
    ]
    return sum(share * seconds for share, seconds in zip(shares, slow, strict=True)) / len(slow)


def saved_table(saved: Mapping[str, Saved]) -> Table:
    """The time saved, by method and images a class: the middle seed, and the lowest and highest."""
    sizes = sorted({size for shares in saved.values() for size in shares})
    caption = "Training time saved until the accuracy of training from scratch is reached"
    return Table(
        caption, [{"images a class": n} | {m: _range(s[n]) for m, s in saved.items() if n in s} for n in sizes]
    )


def judge(saved: Saved, claimed: float = CLAIMED) -> Judgement:
    """Does a method save the claimed share of the training time at equal accuracy?

    It does at a number of images where every seed says so, it does not where none does; anything between is open.

    Raises:
        ValueError: no runs to judge by.
    """
    if not saved:
        raise ValueError("there is no run from scratch with its partner to judge by: run the cell that trains them.")
    yes = [size for size, shares in saved.items() if min(shares) >= claimed]
    no = [size for size, shares in saved.items() if max(shares) < claimed]
    both = [size for size in saved if size not in (*yes, *no)]
    best = max(saved, key=lambda size: median(saved[size]))
    most = f"at best {_range(saved[best])} less training time, with {best} images a class"
    if len(yes) == len(saved):
        return Judgement("holds", f"{claimed:.0%} or more at {listed(yes)} images a class")
    if yes and no and max(yes) < min(no):
        return Judgement(
            "holds only if", f"labels are few, at {listed(yes)} images a class and no longer at {listed(no)}; {most}"
        )
    if yes:
        return Judgement("holds only if", f"you have {listed(yes)} images a class; {most}")
    if not both:
        return Judgement("does not hold here", most)
    fails = f", and with {listed(no)} it does not hold" if no else ""
    return Judgement(
        "cannot tell", f"with {listed(both)} images a class the seeds lie on both sides of {claimed:.0%}{fails}; {most}"
    )


def pretraining_seconds(runs: Sequence[Run], pixels: int) -> float:
    """How long training the shipped network would take on this machine, at the speed of the runs from scratch.

    Args:
        pixels: height times width of the images of the runs; the network was trained on 32 x 32.
    """
    card = json.loads(checkpoints.shipped_path("small").with_name("card.json").read_text(encoding="utf-8"))
    speeds = sorted(run.history.images_per_second for run in runs if run.method == SCRATCH)
    per_second = speeds[len(speeds) // 2] * pixels / 32**2
    return card["train_images"] * card["models"]["small"]["epochs"] / per_second


def break_even(cost_seconds: float, saved_seconds: float) -> int | None:
    """How many new tasks pay for a pre-training of `cost_seconds`, where each saves `saved_seconds`; None: they never do."""
    return math.ceil(cost_seconds / saved_seconds) if saved_seconds > 0 else None


def payback(tasks: int | None, saved_seconds: float, per_class: int) -> str:
    """Whether one's own pre-training would pay, in a sentence; `tasks` is what `break_even` says."""
    if tasks is None:
        return (
            f"At {per_class} images a class fine-tuning saved no time here, so it would never pay for itself in time."
        )
    return (
        f"At {per_class} images a class fine-tuning saved {saved_seconds:.1f} s, so a pre-training of your own would pay from the "
        f"{_ordinal(tasks)} new task on."
    )


def _ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else ending}"


def _range(shares: Sequence[float]) -> str:
    """The middle value, and the lowest and highest where they differ; one run has no spread, and is called so."""
    if len(shares) == 1:
        return f"{shares[0]:.0%} (one run)"
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    spread = f" ({low} to {high})" if low != high else ""
    return f"{median(shares):.0%}{spread}"
