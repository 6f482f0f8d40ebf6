"""The default data set: road signs, rendered on the spot."""

from lessons_lib import signs
from lessons_lib.datasets.split import Dataset, Split, as_split

TRAIN, VALIDATION, TEST = 12_000, 2_000, 2_000


def load(
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    size: int | None = None,
    seed: int = 0,
    conditions: signs.Conditions = signs.DEFAULT,
) -> Dataset:
    """Render the three parts.

    Args:
        train, validation, test: how many images; None: 12,000, 2,000 and 2,000.
        size: height and width in pixels, 16 to 128; None: 32.
        seed: which images.
        conditions: how the signs are seen, the same in all three parts.

    Returns:
        RGB images of the 12 classes in `signs.CLASSES`.
    """
    counts = (train or TRAIN, validation or VALIDATION, test or TEST)
    return rendered("road_signs", signs.SIGNS, counts, size=size, seed=seed, conditions=conditions)


def rendered(
    name: str,
    kinds: tuple[signs.Sign, ...],
    counts: tuple[int, int, int],
    *,
    size: int | None,
    seed: int,
    conditions: signs.Conditions,
) -> Dataset:
    """A data set of one set of signs, `kinds`; `counts` are the images to train, to validate and to test."""

    def part(index: int, count: int) -> Split:
        # Every part of every seed is a series of its own, so that no image is in two of them.
        images, labels = signs.render(count, seed=3 * seed + index, size=size or 32, conditions=conditions, signs=kinds)
        return as_split(images.transpose(0, 3, 1, 2), labels)

    train, validation, test = (part(index, count) for index, count in enumerate(counts))
    classes = tuple(kind.name for kind in kinds)
    provenance = f"Rendered on this machine from seed {seed}; nothing was downloaded."
    return Dataset(name, train, validation, test, classes, provenance)
