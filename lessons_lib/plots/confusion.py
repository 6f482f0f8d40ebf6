"""A confusion matrix as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons_lib import confusion as counting
from lessons_lib.plots.picture import Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

MOST_NAMES = 26  # classes beyond that are drawn without numbers and names
LONGEST_NAME = 14


def confusion(counts: "Tensor", classes: Sequence[str], *, title: str = "Which class is taken for which") -> Picture:
    """A confusion matrix, row = truth: darker is a larger share of the row; the numbers are images.

    Args:
        counts: int64 (classes, classes), as `confusion.count` returns them. classes: their names.
    """
    if tuple(counts.shape) != (len(classes), len(classes)):
        raise ValueError(f"counts is {tuple(counts.shape)}; {len(classes)} classes need a row and a column each.")
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)

    def paint(axes: "Axes") -> None:
        axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)  # one hue: readable for every kind of colour vision
        axes.set(title=title, xlabel="the model says", ylabel="it is")
        axes.grid(False)
        axes.spines[:].set_visible(False)
        if len(classes) <= MOST_NAMES:
            names = [_short(name) for name in classes]
            axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
            axes.set_yticks(range(len(names)), names)
            axes.tick_params(length=0)
            _write_numbers(axes, counts, shares)

    side = min(7.0, 2.2 + 0.38 * len(classes))
    return draw(paint, alt=_told(counts, classes, title), table=_table(counts, classes, title), size=(side, side))


def _write_numbers(axes: "Axes", counts: "Tensor", shares: "Tensor") -> None:
    size = 9 if len(counts) <= 12 else 6
    for truth, said in counts.nonzero().tolist():
        colour = "white" if shares[truth, said] > 0.5 else "black"
        axes.text(said, truth, f"{counts[truth, said]}", ha="center", va="center", color=colour, fontsize=size)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _told(counts: "Tensor", classes: Sequence[str], title: str) -> str:
    right, total = int(counts.diagonal().sum()), int(counts.sum())
    mistakes = [f"{classes[m.truth]} taken for {classes[m.said]} ({m.images})" for m in counting.largest(counts, 3)]
    most = f"Most frequent mistakes: {', '.join(mistakes)}" if mistakes else "No mistakes"
    return f"{title}: {right} of {total} images are right. {most}."


def _table(counts: "Tensor", classes: Sequence[str], title: str) -> Table:
    heads = [name if classes.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(classes)]
    rows = [
        {"it is \\ the model says": name} | dict(zip(heads, row, strict=True))
        for name, row in zip(classes, counts.tolist(), strict=True)
    ]
    return Table(f"{title}: images, a row for each true class", rows)
