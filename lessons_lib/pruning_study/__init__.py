"""What pruning does to accuracy, speed and bytes on this machine: the measurements of lesson 07.

Reading order: `recovery` (ways to win accuracy back, seed by seed), `sensitivity` (layer by layer), `variants` (accuracy, latency and
bytes of finished models), `budgets` (which of them to take), `claim` (what that says), `sparse_kernel` and `gpu_sparsity` (what does
skip zeros).
"""

from lessons_lib.pruning_study.budgets import front, most_accurate
from lessons_lib.pruning_study.claim import (
    bearable_in_words,
    guided_in_words,
    judge,
    mask_speed_in_words,
    recovery_in_words,
)
from lessons_lib.pruning_study.recovery import (
    Outcome,
    at_once,
    compared,
    distilled,
    first,
    gradually,
    outcomes_table,
    repeat,
    restarted,
    tuned,
)
from lessons_lib.pruning_study.sensitivity import (
    Sensitivity,
    guided_fractions,
    in_words,
    sensitivity,
    sensitivity_table,
)
from lessons_lib.pruning_study.variants import Variant, kib, measure, rows_table

__all__ = [
    "Outcome", "Sensitivity", "Variant", "at_once", "bearable_in_words", "compared", "distilled", "first", "front",
    "gradually", "guided_fractions", "guided_in_words", "in_words", "judge", "kib", "mask_speed_in_words", "measure", "most_accurate",
    "outcomes_table", "recovery_in_words", "repeat", "restarted", "rows_table", "sensitivity", "sensitivity_table",
    "tuned",
]  # fmt: skip
