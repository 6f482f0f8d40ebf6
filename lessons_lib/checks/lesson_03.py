"""The checks of lesson 03: wrong labels, erasing, the confusion matrix and paired comparison."""

import math
import statistics
from typing import Any

import torch

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.sandbox import expect

Tensor = torch.Tensor


@exercise(
    "03.1",
    "Wrong labels on purpose",
    hints=(
        "Work on a copy: `labels.clone()`.",
        "`labels[places]` picks the labels that are to change; add `steps` to them.",
        "After class `classes` - 1 comes class 0: the remainder `% classes` does that.",
        "`spoilt = labels.clone()`, then `spoilt[places] = (labels[places] + steps) % classes`, then `return spoilt`.",
    ),
    learned="Drawing a random class instead would hit the right one now and then: of 20 % meant to be wrong, fewer would be.",
)
def spoil(answer: Any) -> None:
    labels = torch.tensor([3, 0, 2, 1, 3, 2, 0, 1])
    places, steps = torch.tensor([4, 1, 6, 7]), torch.tensor([3, 3, 2, 2])
    given = {"labels": labels, "places": places, "steps": steps, "classes": 4}
    expect(answer, given, _spoilt(labels, places, steps, 4), mistakes=_spoil_mistakes(labels, places, steps))
    nothing = torch.tensor([], dtype=torch.int64)
    given = {"labels": labels, "places": nothing, "steps": nothing, "classes": 4}
    expect(answer, given, labels.clone(), note="No place is to be spoilt here.")
    every, steps = torch.arange(12), torch.full((12,), 11)
    given = {"labels": every, "places": every, "steps": steps, "classes": 12}
    expect(answer, given, _spoilt(every, every, steps, 12), note="Every label is to be spoilt here.")


def _spoilt(labels: Tensor, places: Tensor, steps: Tensor, classes: int) -> Tensor:
    result = labels.tolist()
    for place, step in zip(places.tolist(), steps.tolist(), strict=True):
        result[place] = (result[place] + step) % classes
    return torch.tensor(result)


def _put(labels: Tensor, places: Tensor, values: Tensor) -> Tensor:
    result = labels.clone()
    result[places] = values
    return result


def _spoil_mistakes(labels: Tensor, places: Tensor, steps: Tensor) -> dict[str, Tensor]:
    moved = labels[places] + steps
    return {
        "These are the labels as they were: the change got lost. `labels[places]` on its own is a copy; assign to "
        "`spoilt[places]`.": labels.clone(),
        "Some labels are beyond the last class: after it comes class 0 again, `% classes`.": _put(
            labels, places, moved
        ),
        "Classes beyond the last one were held at the last: some of those labels are right again. After the last class "
        "comes class 0, `% classes`.": _put(labels, places, moved.clamp(max=3)),
        "Classes beyond the last one were all set to 0: wrong labels they are, but not those asked for. One class beyond "
        "the last is 0, two beyond it is 1: the remainder `% classes`.": _put(labels, places, moved * (moved < 4)),
        "These are the steps themselves: a step is how far a label moves on from its true class, so add it. As it is, some labels "
        "may be right by chance.": _put(labels, places, steps),
        "These are only the spoilt labels: return all of them, the right ones included.": moved % 4,
        "The labels moved back instead of on: add the steps.": _put(labels, places, (labels[places] - steps) % 4),
    }


@exercise(
    "03.2",
    "Hide a part of each image",
    hints=(
        "Begin with a copy: `x.clone()`.",
        "The square of one image: `image[:, top : top + side, left : left + side]`; the first `:` takes all colours.",
        "Go through the images with their corners: `for image, top, left in zip(erased, tops, lefts):`. Each `image` is a window on "
        "`erased`: what you assign there arrives in the batch.",
        "In the loop: `image[:, top : top + side, left : left + side] = 0`; after it, `return erased`.",
    ),
    learned="Each image loses something else each time it is seen, so no single detail can be relied upon.",
)
def erase_squares(answer: Any) -> None:
    x = torch.rand(3, 2, 8, 8, generator=torch.Generator().manual_seed(1)) + 0.5
    tops, lefts = torch.tensor([0, 2, 5]), torch.tensor([1, 4, 2])
    given = {"x": x, "tops": tops, "lefts": lefts, "side": 3}
    expect(answer, given, _erased(x, tops, lefts, 3), mistakes=_erase_mistakes(x, tops, lefts))
    given = {"x": x[:1, :1], "tops": tops[2:], "lefts": lefts[2:], "side": 1}
    expect(answer, given, _erased(x[:1, :1], tops[2:], lefts[2:], 1), note="One grey image and a square of one pixel.")
    given = {"x": x, "tops": tops, "lefts": lefts, "side": 0}
    expect(answer, given, x.clone(), note="The square has no pixels here.")


def _erased(x: Tensor, tops: Tensor, lefts: Tensor, side: int) -> Tensor:
    rows, columns = torch.arange(x.shape[2])[None, :, None], torch.arange(x.shape[3])[None, None, :]
    top, left = tops[:, None, None], lefts[:, None, None]
    inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return x.masked_fill(inside[:, None], 0.0)


def _erase_mistakes(x: Tensor, tops: Tensor, lefts: Tensor) -> dict[str, Tensor]:
    def everywhere(place: int) -> Tensor:
        return _erased(x, tops[[place] * 3], lefts[[place] * 3], 3)

    all_places = x
    for place in range(3):
        all_places = _erased(all_places, tops[[place] * 3], lefts[[place] * 3], 3)
    first_colour = x.clone()
    first_colour[:, :1] = _erased(x, tops, lefts, 3)[:, :1]
    kept = x - _erased(x, tops, lefts, 3)
    return {
        "Every image lost the same square, that of the first image: each has a corner of its own.": everywhere(0),
        "Every image lost the same square, that of the last image: each has a corner of its own.": everywhere(2),
        "Every image lost all the squares: change one image at a time, `erased[i]`, with its own corner.": all_places,
        "Rows and columns are swapped: the dimensions are (n, c, h, w), so the rows, from `top`, come first.": _erased(
            x, lefts, tops, 3
        ),
        "Only the first colour was erased: take all of them, with `:` in the place of the channels.": first_colour,
        "The squares are one pixel too large: `top : top + side` holds `side` rows.": _erased(x, tops, lefts, 4),
        "The squares are one pixel too small: `top : top + side` ends before `top + side`.": _erased(x, tops, lefts, 2),
        "It is the other way round: the square goes to 0 and the rest stays.": kept,
        "Nothing was erased: assign 0 to a slice of the copy, and return the copy.": x.clone(),
        "Only the first image lost its square: does `return` stand inside the loop?": torch.cat(
            [_erased(x, tops, lefts, 3)[:1], x[1:]]
        ),
    }


@exercise(
    "03.3",
    "Confusion matrix",
    hints=(
        "Begin with zeros: `torch.zeros(classes, classes, dtype=torch.int64)`.",
        "Each image adds 1 at one place: the row of its label, the column of its prediction.",
        "`counts[labels, predictions] += 1` looks right, but a pair that comes up twice is counted once: use a loop, or `torch.bincount`.",
        "`for label, prediction in zip(labels.tolist(), predictions.tolist()): counts[label, prediction] += 1`",
    ),
    learned="The diagonal holds what is right; a large number beside it names two classes that need better data.",
)
def confusion_matrix(answer: Any) -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 2])
    predictions = torch.tensor([0, 0, 1, 2, 1, 0, 2, 1, 1])
    given = {"labels": labels, "predictions": predictions, "classes": 4}
    right = _counted(labels, predictions, 4)
    expect(answer, given, right, mistakes=_confusion_mistakes(right), note="Class 3 does not occur.")
    random = torch.Generator().manual_seed(4)
    labels, predictions = torch.randint(12, (2, 300), generator=random)
    given = {"labels": labels, "predictions": predictions, "classes": 12}
    expect(answer, given, _counted(labels, predictions, 12))
    nothing = torch.tensor([], dtype=torch.int64)
    given = {"labels": nothing, "predictions": nothing, "classes": 3}
    expect(answer, given, torch.zeros(3, 3, dtype=torch.int64), note="There are no images here.")


def _counted(labels: Tensor, predictions: Tensor, classes: int) -> Tensor:
    pairs = list(zip(labels.tolist(), predictions.tolist(), strict=True))
    return torch.tensor([[pairs.count((row, column)) for column in range(classes)] for row in range(classes)])


def _confusion_mistakes(right: Tensor) -> dict[str, Tensor]:
    shares = right / right.sum(1, keepdim=True)
    return {
        "It is transposed: the true class is the row, the answer the column.": right.T.contiguous(),
        "Each pair was counted once only: `counts[labels, predictions] += 1` adds 1 to a place however often it is named.": (
            right.clamp(max=1)
        ),
        "These are shares of each row: count the images.": shares,
        "These are shares of each row, and class 3 divided by 0: count the images.": shares.nan_to_num(0.0),
        "These are shares of all images: count them.": right / right.sum(),
        "The counts are right, but they are not whole numbers: `dtype=torch.int64`.": right.float(),
        "Class 3 is missing: it has a row and a column too, although no image has to do with it.": right[:3, :3],
        "Only the right answers were counted: the mistakes are what this matrix is for.": right.diagonal().diag(),
        "Only the mistakes were counted: the right answers stand on the diagonal.": right - right.diagonal().diag(),
    }


@exercise(
    "03.4",
    "Helped, or luck?",
    hints=(
        "First the differences, pair by pair: `a - b` for `b, a` in `zip(before, after)`.",
        "Their standard deviation divides by n - 1: `torch.std` and `statistics.stdev` do that, `numpy.std` does not unless told.",
        "The standard error of the mean is the standard deviation divided by the square root of n.",
        "`d = [a - b for b, a in zip(before, after)]`, then `return mean(d) / (stdev(d) / len(d) ** 0.5)` with `mean` and `stdev` "
        "from `statistics`.",
    ),
    learned="Pairs that share their luck make small effects visible; comparing two means with separate spreads would miss them.",
)
def paired_t(answer: Any) -> None:
    # The seeds differ far more than the two ways of training do: who ignores the pairs finds nothing.
    before, after = [0.60, 0.71, 0.52], [0.63, 0.76, 0.56]
    given = {"before": before, "after": after}
    expect(answer, given, _t(before, after), mistakes=_t_mistakes(before, after))
    before, after = [0.81, 0.77, 0.85, 0.80, 0.79], [0.80, 0.78, 0.81, 0.80, 0.75]
    expect(answer, {"before": before, "after": after}, _t(before, after), note="The change hurt here.")
    expect(answer, {"before": [0.5, 0.6], "after": [0.6, 0.5]}, 0.0, note="One seed gained what the other lost.")


def _t(before: list[float], after: list[float]) -> float:
    differences = [new - old for old, new in zip(before, after, strict=True)]
    return statistics.mean(differences) / (statistics.stdev(differences) / math.sqrt(len(differences)))


def _t_mistakes(before: list[float], after: list[float]) -> dict[str, float]:
    differences = [new - old for old, new in zip(before, after, strict=True)]
    mean, spread, n = statistics.mean(differences), statistics.stdev(differences), len(differences)
    apart = math.sqrt((statistics.variance(before) + statistics.variance(after)) / n)
    return {
        "The pairs are ignored: you used the spread of the accuracies themselves, in which the luck of each seed drowns the effect. Take the "
        "standard deviation of the differences.": mean / apart,
        "The sign is wrong: the difference is `after` minus `before`.": -mean / spread * math.sqrt(n),
        "The square root of n is missing: the standard error is the standard deviation divided by it.": mean / spread,
        "The standard deviation divides by n here; with few seeds that makes it too small. Divide by n - 1.": mean
        / statistics.pstdev(differences)
        * math.sqrt(n),
        "You divided by n instead of its square root.": mean / (spread / n),
        "This is the mean difference; divide it by its standard error.": mean,
        "This is the standard error; asked for is the mean difference divided by it.": spread / math.sqrt(n),
        "You divided by the variance: its square root, the standard deviation, has the right units.": mean
        / (spread**2 / math.sqrt(n)),
        "The square root of n went to the wrong place: a mean over more seeds is surer, so t grows with n.": mean
        / (spread * math.sqrt(n)),
    }
