"""What was tried, stage by stage: each stage changes one thing at a time in the recipe that the stage before ended with."""

from dataclasses import dataclass, replace
from typing import Any

from recipes.variant import Variant

SEEDS = (0, 1, 2)
COURSE = Variant()
FASTER = replace(COURSE, peak_rate=0.3, network="pool first")
MUON = replace(FASTER, optimiser="muon", muon_rate=0.1)
WHITENED = replace(MUON, initialise="whiten", warmup=0.05)
FINAL = WHITENED
WIDE = replace(FINAL, width=1.5)

# whose steps are timed against each other
TIMED = {
    "the course's recipe": COURSE,
    "pooling before the norm": replace(COURSE, network="pool first"),
    "and Muon": MUON,
    "and half as many channels again": WIDE,
}


@dataclass(frozen=True)
class Stage:
    """Changes to a recipe, each tried alone with the same seeds and the same number of steps of 64 images."""

    title: str
    base: Variant
    steps: int
    changes: dict[str, dict[str, Any]]

    def variants(self) -> dict[str, Variant]:
        """By name: the base first, then the base with each change."""
        return {"unchanged": self.base} | {name: replace(self.base, **change) for name, change in self.changes.items()}

    def steps_of(self, variant: Variant) -> int:
        """As many images for everyone: a larger batch makes fewer steps."""
        return self.steps * 64 // variant.batch_size


STAGES = (
    Stage(
        "From the course's recipe",
        COURSE,
        500,
        {
            "peak rate 0.3": {"peak_rate": 0.3},
            "peak rate 1": {"peak_rate": 1.0},
            "pooling before the norm": {"network": "pool first"},
            "both: 0.3 and pooling first": {"peak_rate": 0.3, "network": "pool first"},
        },
    ),
    Stage(
        "With a peak rate of 0.3 and pooling first",
        FASTER,
        500,
        {
            "Muon, rate 0.1": {"optimiser": "muon", "muon_rate": 0.1},
            "filters: Kaiming's initialisation": {"initialise": "kaiming"},
            "filters: begin as the identity": {"initialise": "dirac"},
            "first layer: whitening": {"initialise": "whiten"},
            "last layer: begins at 0": {"zero_head": True},
            "no label smoothing": {"smoothing": 0.0},
            "weights averaged over the last 20 %": {"average": 0.2},
            "cosine schedule": {"schedule": "cosine"},
        },
    ),
    Stage(
        "With Muon",
        MUON,
        500,
        {
            "Muon's rate 0.05": {"muon_rate": 0.05},
            "Muon's rate 0.24": {"muon_rate": 0.24},
            "first layer: whitening": {"initialise": "whiten"},
            "filters: begin as the identity": {"initialise": "dirac"},
            "last layer: begins at 0": {"zero_head": True},
            "warm-up over 5 % of the steps": {"warmup": 0.05},
            "whitening and warm-up over 5 %": {"initialise": "whiten", "warmup": 0.05},
            "no label smoothing": {"smoothing": 0.0},
            "weights averaged over the last 20 %": {"average": 0.2},
            "batches of 32": {"batch_size": 32, "muon_rate": 0.07, "peak_rate": 0.2},
            "batches of 128": {"batch_size": 128, "muon_rate": 0.14},
            "flips, in training and in the test": {"flips": True, "test_flips": True},
        },
    ),
    Stage(
        "With whitening and a short warm-up, a longer training",
        WHITENED,
        1_500,
        {
            "flips": {"flips": True},
            "flips, in training and in the test": {"flips": True, "test_flips": True},
            "shifts by up to 1 pixel": {"shift": 1},
            "weights averaged over the last 20 %": {"average": 0.2},
            "half as many channels again": {"width": 1.5},
        },
    ),
)

# the recipe and the numbers of steps that are tried for each accuracy
TARGETS = {0.90: (FINAL, (700, 800)), 0.91: (WIDE, (1_000, 1_200)), 0.92: (WIDE, (2_500, 3_000, 3_600, 4_500))}
