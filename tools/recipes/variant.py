"""One way to train, as a value: everything that the search changes."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Variant:
    """A recipe of the search; the defaults are the course's own, `lessons_lib.training.Recipe`.

    network: "small" (convolution, norm, ReLU, pool) or "pool first" (convolution, pool, norm, ReLU: the norm works on a
    quarter of the values). width: times the channels of the small network.
    optimiser: "sgd" (Nesterov) for everything, or "muon" for the filters and sgd for the rest. peak_rate: of sgd;
    muon_rate: of the filters. warmup: the share of steps in which the rate rises. schedule: how it falls, "linear" or "cosine".
    initialise: "default", "kaiming", "dirac" (each layer begins as the identity on its first channels), "whiten" (the first
    layer begins as the principal directions of the training patches). zero_head: the last layer begins at 0.
    average: the share of the last steps whose weights are averaged; 0 for none.
    flips: mirror training images at random. test_flips: add up the logits of an image and its mirror image.
    """

    network: str = "small"
    width: float = 1.0
    optimiser: str = "sgd"
    batch_size: int = 64
    peak_rate: float = 0.1
    muon_rate: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 5e-4
    smoothing: float = 0.1
    warmup: float = 0.2
    schedule: str = "linear"
    initialise: str = "default"
    zero_head: bool = False
    average: float = 0.0
    flips: bool = False
    shift: int = 0
    test_flips: bool = False

    def changed(self) -> dict[str, Any]:
        """What differs from the course's recipe, by name."""
        usual = asdict(Variant())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def key(variant: Variant, steps: int, seed: int) -> str:
    """The name under which a training is kept: what differs from the course's recipe, steps and seed."""
    return json.dumps([variant.changed(), steps, seed])
