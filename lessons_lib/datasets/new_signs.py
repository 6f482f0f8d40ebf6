"""Ten road signs that `road_signs` does not have: a new task for a network that has learnt those."""

from lessons_lib import signs
from lessons_lib.datasets.road_signs import TEST, TRAIN, VALIDATION, rendered
from lessons_lib.datasets.split import Dataset


def load(
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    size: int | None = None,
    seed: int = 0,
    conditions: signs.Conditions = signs.DEFAULT,
) -> Dataset:
    """Render the three parts; the arguments are those of `road_signs.load`.

    Returns:
        RGB images of the 10 classes in `signs.NEW_CLASSES`.
    """
    counts = (train or TRAIN, validation or VALIDATION, test or TEST)
    return rendered("new_signs", signs.NEW_SIGNS, counts, size=size, seed=seed, conditions=conditions)
