"""The five classic mistakes of timing, each made on purpose beside the honest way, with real calls on this machine.

What is shown is decided by the samples: `Finding.fooled` is True only where the wrong way did come to a wrong conclusion.
Where something disturbs the measurement, it is real, it was started on purpose, and the finding says so.
"""

from lessons_lib.timing_mistakes.finding import Finding, best_of, conclusion
from lessons_lib.timing_mistakes.mean import mean_instead_of_median
from lessons_lib.timing_mistakes.one_sample import one_sample
from lessons_lib.timing_mistakes.order import a_then_b
from lessons_lib.timing_mistakes.synchronise import no_synchronisation
from lessons_lib.timing_mistakes.warm_up import no_warm_up

__all__ = [
    "Finding", "a_then_b", "best_of", "conclusion", "mean_instead_of_median", "no_synchronisation", "no_warm_up",
    "one_sample",
]  # fmt: skip
