"""The mistakes that a model is surest of, as pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons_lib import confusion
from lessons_lib.plots.images import contact_sheet
from lessons_lib.plots.picture import Picture
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from torch import Tensor

    from lessons_lib.datasets.split import Split


def mistakes(
    split: "Split", logits: "Tensor", classes: Sequence[str], *, title: str = "Sure and wrong", most: int = 8
) -> Picture | Table:
    """The worst mistakes, each with what the model said, how sure it was, and what is right.

    Args:
        split: the images and their labels. logits: float32 (n, classes), what a model says of them.
        classes: their names. most: how many to show.

    Returns:
        The picture; where every answer is right, an empty table that says so.
    """
    worst = confusion.sure_and_wrong(logits, split.labels, most)
    if not len(worst):
        return Table("No mistakes: nothing to show.", [])
    sure, said = logits[worst].softmax(1).max(1)
    captions = [
        f"{classes[mine]}, {share:.0%}\n(is {classes[truth]})"
        for mine, share, truth in zip(said.tolist(), sure.tolist(), split.labels[worst].tolist(), strict=True)
    ]
    return contact_sheet(split.images[worst], captions, title=title, columns=4)
