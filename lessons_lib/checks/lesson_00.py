"""The checks of lesson 00: reading what a network puts out."""

from typing import Any

import torch

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import call, expect

CLASSES = ["stop", "yield", "no entry", "speed 50"]


def _names(indices: torch.Tensor) -> list[str]:
    return [CLASSES[index] for index in indices.tolist()]


@exercise(
    "00.1",
    "From scores to names",
    hints=(
        "Each row holds the scores of one image. The prediction is the place of the largest score in that row.",
        "`logits.argmax(dim=1)` searches along the classes and gives one index per image.",
        "Look each index up: `[classes[index] for index in logits.argmax(dim=1).tolist()]`.",
    ),
    learned="The prediction is the place of the largest score; the scores need not be probabilities for that.",
)
def predicted_names(answer: Any) -> None:
    # Four images and four classes: searching in the wrong direction still runs, so it can be recognised.
    logits = torch.tensor(
        [[0.1, 3.5, -1.0, 0.3], [3.0, -2.0, 0.5, 1.0], [0.2, 0.1, 0.0, -0.5], [-4.0, -3.0, -1.0, -2.0]]
    )
    best = logits.argmax(dim=1)
    mistakes = {
        "You searched down the columns (`dim=0`): that finds the image with the highest score for each class. "
        "Search along each row: `dim=1`.": _names(logits.argmax(dim=0)),
        "These are the smallest scores: the prediction is the class with the largest.": _names(logits.argmin(dim=1)),
        "These are the indices; look each one up in `classes`.": best.tolist(),
        "These are the indices, as a tensor; look each one up in `classes`.": best,
        "This is one prediction for the whole batch: without `dim=1`, `argmax` searches all images at once.": (
            CLASSES[int(logits.argmax())]
        ),
        "Scores can be negative: compare them as they are, not by their size.": _names(logits.abs().argmax(dim=1)),
    }
    expect(answer, {"logits": logits, "classes": CLASSES}, _names(best), mistakes=mistakes)
    single = torch.tensor([[-5.0, -7.0, -6.0, -4.0]])
    expect(answer, {"logits": single, "classes": CLASSES}, ["speed 50"], note="This is a batch of one image.")
    many = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    expect(answer, {"logits": many, "classes": CLASSES}, _names(many.argmax(dim=1)))


@exercise(
    "00.2",
    "How sure is it?",
    hints=(
        "Softmax turns a row of scores into probabilities: `exp` of each score, divided by the sum over the row.",
        "Subtract each row's largest score first: the probabilities stay the same, and `exp` cannot overflow.",
        "`shifted = logits - logits.max(dim=1, keepdim=True).values`, and the largest shifted score is 0, so its `exp` is 1.",
        "`return 1 / shifted.exp().sum(dim=1)`",
    ),
    learned="Softmax after subtracting the row's maximum: the same probabilities, and no score is too large for it.",
)
def confidence(answer: Any) -> None:
    logits = torch.tensor([[0.5, 2.0, -1.0], [3.0, 1.0, 0.5], [0.2, 0.1, 0.4], [-1.0, -2.0, -3.0]])
    probabilities = logits.softmax(dim=1)
    mistakes = {
        "You normalised down the columns (`dim=0`): the probabilities of one image stand in a row, `dim=1`.": (
            logits.softmax(dim=0).max(dim=1).values
        ),
        "These are the largest scores themselves; softmax makes probabilities of them.": logits.max(dim=1).values,
        "These are the probabilities of every class; keep only the largest of each row: `.max(dim=1).values`.": (
            probabilities
        ),
        "These are the indices of the predicted classes; asked for are their probabilities.": logits.argmax(dim=1),
        "This is the smallest probability of each row; the prediction has the largest.": probabilities.min(
            dim=1
        ).values,
        "This is the average over the batch; one probability for each image is asked for.": (
            probabilities.max(dim=1).values.mean()
        ),
        "You divided the scores by their sum; take `exp` of them first, so that none is negative.": (
            (logits / logits.sum(dim=1, keepdim=True)).max(dim=1).values
        ),
    }
    expect(answer, {"logits": logits}, probabilities.max(dim=1).values, mistakes=mistakes)
    _stays_finite(answer)
    many = torch.randn(100, 12, generator=torch.Generator().manual_seed(2)) * 5
    expect(answer, {"logits": many}, many.softmax(dim=1).max(dim=1).values)


def _stays_finite(answer: Any) -> None:
    large = torch.tensor([[1000.0, 999.0], [998.0, 1000.0]])
    if _is_not_finite(call(answer, {"logits": large})):
        raise NotYet(
            "Right for small scores, but it overflows for large ones: `exp(1000)` is inf, and inf / inf is NaN. "
            "Subtract each row's largest score before `exp`; the probabilities stay the same."
        )
    apart = torch.tensor([[1000.0, 999.0], [-1000.0, -999.0]])
    if _is_not_finite(call(answer, {"logits": apart})):
        raise NotYet(
            "You subtracted the largest score of the whole batch: in a row far below it every `exp` is 0, and 0 / 0 is "
            "NaN. Subtract each row's own largest score: `.max(dim=1, keepdim=True).values`."
        )
    for logits in (large, apart):
        expect(answer, {"logits": logits}, logits.softmax(dim=1).max(dim=1).values, note="These scores are very large.")


def _is_not_finite(result: Any) -> bool:
    return isinstance(result, torch.Tensor) and not result.isfinite().all()
