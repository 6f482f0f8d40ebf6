"""Learn a new task from few images: from scratch, on the features of a trained network, or by fine-tuning it.

Reading order: `stages` (a small data set), `methods` (the three ways to learn from it), `runs` (all of them, side by side),
`compared` (which gets further), `claim` (what that says about the time saved), `unknown` (what a network says of what it has
never seen), `textures` and `far` (a task of another kind).
"""

from lessons_lib.transfer.claim import (
    Judgement,
    break_even,
    judge,
    payback,
    pretraining_seconds,
    saved_table,
    seconds_saved,
    time_saved,
)
from lessons_lib.transfer.compared import did_it_help, near_and_far, one_run_note, winner
from lessons_lib.transfer.far import far_domain
from lessons_lib.transfer.methods import BODY_SHARE, METHODS, features, learn, with_new_head
from lessons_lib.transfer.runs import Run, accuracies, best_rates, study
from lessons_lib.transfer.stages import Stage, few, fitting, in_colour
from lessons_lib.transfer.unknown import answers, same_answer

__all__ = [
    "BODY_SHARE", "METHODS", "Judgement", "Run", "Stage", "accuracies", "answers", "best_rates", "break_even", "did_it_help",
    "far_domain", "features", "few", "fitting", "in_colour", "judge", "learn", "near_and_far", "one_run_note", "payback",
    "pretraining_seconds", "same_answer", "saved_table", "seconds_saved", "study", "time_saved", "winner", "with_new_head",
]  # fmt: skip
