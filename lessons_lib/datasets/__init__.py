"""Images to learn from: one `load` for road signs, Fashion-MNIST, CIFAR-10 and a folder of the learner's own.

Reading order: `split`, `road_signs`, `new_signs`; `cache`, `lock`, `download` and `official`, which bring `fashion_mnist` and `cifar10` here;
`picture`, `class_folders` and `folder`.
"""

import difflib
import importlib
from pathlib import Path
from typing import Any

from lessons_lib.datasets.split import Dataset, check_counts, check_seed, check_size
from lessons_lib.explained import Mistake

NAMES = ("road_signs", "fashion_mnist", "cifar10", "new_signs", "folder:PATH")
BUILT_IN = NAMES[:-1]
FOLDER = "folder:"


def load(
    name: str = "road_signs",
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set by its name.

    Args:
        name: road_signs or new_signs (rendered, no download; ten signs that road_signs does not have), fashion_mnist,
            cifar10 (downloaded once), or folder:PATH with the learner's own images, one folder a class.
        train, validation, test: how many images. None: all there are, of which a tenth of the training files is kept for
            validation; 12,000, 2,000 and 2,000 road signs or new signs. A folder that holds fewer gives what it has, with a note.
        size: height and width in pixels from 16 up; None: 32, or what the files of fashion_mnist and cifar10 have.
        seed: which images are rendered or chosen; the same seed gives the same images.

    Returns:
        Three parts that share no image, each with the classes in proportion.

    Raises:
        Mistake: an argument that cannot be met, with what can; it is a ValueError.
        DatasetUnavailable: the files are neither here nor to be had; the message says how to place them by hand.
    """
    wanted: dict[str, Any] = {"train": train, "validation": validation, "test": test, "size": size, "seed": seed}
    try:
        check_counts(train=train, validation=validation, test=test)
        check_size(size)
        check_seed(seed)
        return _load(name, wanted)
    except ValueError as problem:
        raise Mistake(str(problem)) from None


def _load(name: str, wanted: dict[str, Any]) -> Dataset:
    if name in BUILT_IN:
        module = importlib.import_module(f"lessons_lib.datasets.{name}")
        return module.load(**wanted)
    if isinstance(name, str) and name.startswith(FOLDER):
        from lessons_lib.datasets.folder import load as load_folder

        return load_folder(name.removeprefix(FOLDER), **wanted)
    raise ValueError(f"There is no data set {name!r}. Choose one of {', '.join(NAMES)}.{_suggestion(name)}")


def _suggestion(name: object) -> str:
    text = str(name).strip()
    if text and Path(text).expanduser().is_dir():
        return f" For the images in that folder, write 'folder:{text}'."
    near = difflib.get_close_matches(text.lower().replace("-", "_").replace(" ", "_"), BUILT_IN, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
