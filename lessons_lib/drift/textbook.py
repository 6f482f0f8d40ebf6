"""Rules that stand in textbooks, tried on quiet weeks: how often does each cry wolf?"""

import numpy as np

from lessons_lib.drift import ks, psi
from lessons_lib.drift.alarms import Rate
from lessons_lib.drift.detectors import Scores, Weeks, detectors
from lessons_lib.drift.signals import Signals

SIGNIFICANT = 0.05
WARNING = 0.1  # of the population stability index: "a minor shift"


def rules(reference: Signals, quiet: Signals, weeks: Weeks, classes: int) -> dict[str, Rate]:
    """The false alarms of each rule, by its wording.

    Args:
        reference: from before the launch. quiet: a pool of other images without drift. weeks: of that pool (r, w).
    """
    index: Scores = detectors(reference, classes)["PSI of inputs"].scores(quiet, weeks)
    gaps = ks.Reference(reference.features).distances(quiet.features, weeks)  # (r, d)
    count = gaps.shape[1]
    single, shared = (
        critical_distance(share, len(reference), weeks.shape[1]) for share in (SIGNIFICANT, SIGNIFICANT / count)
    )
    found = {
        f"PSI above {WARNING:g} in an input": index > WARNING,
        f"PSI above {psi.RULE_OF_THUMB:g} in an input": index > psi.RULE_OF_THUMB,
        f"KS with p below {SIGNIFICANT:g} in one feature that was chosen before": gaps[:, 0] > single,
        f"KS with p below {SIGNIFICANT:g} in any of {count} features": (gaps > single).any(1),
        f"KS with p below {SIGNIFICANT:g} / {count} in any of them": (gaps > shared).any(1),
    }
    return {rule: Rate(int(np.sum(rings)), len(weeks)) for rule, rings in found.items()}


def critical_distance(share: float, m: int, w: int) -> float:
    """The Kolmogorov-Smirnov distance that samples of m and of w exceed by chance with this probability."""
    from scipy.stats import kstwo

    return float(kstwo.isf(share, round(m * w / (m + w))))
