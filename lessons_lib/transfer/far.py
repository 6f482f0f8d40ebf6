"""A task of quite another kind than road signs."""

from lessons_lib import datasets
from lessons_lib.datasets import cache, fashion_mnist
from lessons_lib.datasets.split import Dataset
from lessons_lib.explained import Mistake
from lessons_lib.transfer.textures import textures

CHOICES = ("auto", "fashion_mnist", "textures")
GET_IT = 'FAR = "fashion_mnist" downloads it once, 31 MB'


def far_domain(
    choice: str, *, train: int, validation: int, test: int, seed: int = 0, other_than: str = ""
) -> tuple[Dataset, str]:
    """Load the far task, and say in a sentence which one it is.

    Args:
        choice: "auto": Fashion-MNIST where its files are on this machine, else textures; nothing is downloaded. Or one of
            these two by name. other_than: the name of the data set that is the new task already.

    Raises:
        Mistake: `choice` is none of these.
    """
    if choice not in CHOICES:
        raise Mistake(f"FAR is {choice!r}; choose one of {', '.join(CHOICES)}.")
    counts = {"train": train, "validation": validation, "test": test}
    if choice == "auto" and other_than == "fashion_mnist":
        return textures(**counts, seed=seed), "The far task is drawn on the spot: textures, waves under noise."
    if choice == "fashion_mnist" or (choice == "auto" and is_here()):
        return datasets.load(
            "fashion_mnist", **counts, seed=seed
        ), "The far task is Fashion-MNIST: pictures of clothes."
    told = "The far task is drawn on the spot: textures, waves under noise."
    reason = f" The files of Fashion-MNIST are not on this machine; {GET_IT}." if choice == "auto" else ""
    return textures(**counts, seed=seed), told + reason


def is_here() -> bool:
    """True where the official files of Fashion-MNIST are on this machine."""
    return all(cache.find(file, fashion_mnist.LAYOUTS)[0] for file in fashion_mnist.FILES)
