"""The checks of lesson 01: loss, update and accuracy."""

from typing import Any

import torch
from torch.nn import functional

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import call, expect


def _batch(count: int, classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=generator) * 2
    return logits, torch.randint(classes, (count,), generator=generator)


@exercise(
    "01.1",
    "Cross-entropy from scratch",
    hints=(
        "The loss of one image is minus the logarithm of the probability that the model gives to the right class.",
        "`logits.log_softmax(dim=1)` gives all log-probabilities; from scratch it is "
        "`logits - logits.logsumexp(dim=1, keepdim=True)`.",
        "Pair each row with its own label: `log_probabilities[torch.arange(len(labels)), labels]` has shape (n,).",
        "Then the mean over the images, with a minus sign: `return -picked.mean()`.",
    ),
    learned="This is what `torch.nn.functional.cross_entropy` computes, and what training makes small.",
)
def cross_entropy(answer: Any) -> None:
    logits, labels = _batch(6, 4, seed=0)
    expect(
        answer,
        {"logits": logits, "labels": labels},
        functional.cross_entropy(logits, labels),
        mistakes=_cross_entropy_mistakes(logits, labels),
    )
    _survives_large_logits(answer)
    for count, classes in ((1, 3), (64, 12)):
        logits, labels = _batch(count, classes, seed=count)
        expect(answer, {"logits": logits, "labels": labels}, functional.cross_entropy(logits, labels))


def _cross_entropy_mistakes(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    rows = torch.arange(len(labels))
    log_probabilities = logits.log_softmax(dim=1)
    picked = log_probabilities[rows, labels]
    return {
        "This looks like the sum over the batch: take the mean, or the loss grows with the batch size.": -picked.sum(),
        "The minus sign is missing: the logarithm of a probability is negative, and a loss should be positive.": (
            picked.mean()
        ),
        "You normalised over the images (`dim=0`): the probabilities of one image stand in a row, `dim=1`.": (
            -logits.log_softmax(dim=0)[rows, labels].mean()
        ),
        "This is one loss for each image; take their mean.": -picked,
        "This averages over all classes, not just the right ones: pick the label's entry of each row.": (
            -log_probabilities.mean()
        ),
        "`[:, labels]` takes every label for every image. Pair each row with its own label: "
        "`[torch.arange(len(labels)), labels]`.": -log_probabilities[:, labels].mean(),
        "Softmax was applied twice: `functional.cross_entropy` wants the logits as they are.": (
            functional.cross_entropy(logits.softmax(dim=1), labels)
        ),
        "The logarithm is missing: this is the mean probability of the right class.": picked.exp().mean(),
        "The logarithm is missing: this is minus the mean probability of the right class.": -picked.exp().mean(),
        "Softmax is missing: these are the scores of the right classes, not their log-probabilities.": (
            -logits[rows, labels].mean()
        ),
        "Take the logarithm of each probability first and the mean afterwards, not the other way round.": (
            -picked.exp().mean().log()
        ),
    }


def _survives_large_logits(answer: Any) -> None:
    large, labels = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]]), torch.tensor([1, 1])
    result = call(answer, {"logits": large, "labels": labels})
    if isinstance(result, torch.Tensor) and not result.isfinite().all():
        raise NotYet(
            "Right for small logits, but it overflows for large ones: `exp(1000)` is inf, and the logarithm of a "
            "probability that was rounded to zero is -inf. Work with logarithms throughout: `log_softmax` or `logsumexp`."
        )
    if isinstance(result, torch.Tensor) and result.numel() == 1 and result.item() < 400:
        raise NotYet(
            f"A confident mistake costs {result.item():.4g} here and should cost 500: a small number added inside the "
            "logarithm, or a clamp, hides it. Work with logarithms throughout: `log_softmax` or `logsumexp`."
        )
    expect(answer, {"logits": large, "labels": labels}, torch.tensor(500.0), note="These logits are very large.")


@exercise(
    "01.2",
    "One step of gradient descent",
    hints=(
        "The gradient points uphill: to make the loss smaller, go the other way.",
        "For one tensor: `weight - rate * gradient`. This makes a new tensor; `-=` would change the old one.",
        "`zip(weights, gradients)` hands out the pairs.",
        "`return [weight - rate * gradient for weight, gradient in zip(weights, gradients)]`",
    ),
    learned="This is `torch.optim.SGD` without momentum, and all that training repeats thousands of times.",
)
def sgd_step(answer: Any) -> None:
    generator = torch.Generator().manual_seed(3)
    weights, gradients = ([torch.randn(shape, generator=generator) for shape in ((2, 3), (3,), ())] for _ in range(2))
    for rate in (0.1, 0.0, 2.5):
        expect(
            answer,
            {"weights": weights, "gradients": gradients, "rate": rate},
            [weight - rate * gradient for weight, gradient in zip(weights, gradients, strict=True)],
            mistakes=_sgd_mistakes(weights, gradients, rate),
        )
    nothing: dict[str, Any] = {"weights": [], "gradients": [], "rate": 0.1}
    expect(answer, nothing, [], note="A model without weights has nothing to update.")


def _sgd_mistakes(weights: list[torch.Tensor], gradients: list[torch.Tensor], rate: float) -> dict[str, Any]:
    pairs = list(zip(weights, gradients, strict=True))
    return {
        "This goes uphill: the gradient points to where the loss grows, so subtract it.": [
            w + rate * g for w, g in pairs
        ],
        "The rate is not used: multiply each gradient by `rate`.": [w - g for w, g in pairs],
        "These are the steps alone; subtract them from the weights.": [rate * g for _, g in pairs],
        "These are minus the steps alone; add the weights.": [-rate * g for _, g in pairs],
        "The rate multiplies the weights too: only the gradient is scaled, `weight - rate * gradient`.": [
            rate * (w - g) for w, g in pairs
        ],
        "These are the old weights: nothing was subtracted, or the result was thrown away.": weights,
        "Only the first weight came back: does `return` stand inside the loop?": [w - rate * g for w, g in pairs[:1]],
        "Only the first weight came back, without its list: does `return` stand inside the loop?": (
            weights[0] - rate * gradients[0]
        ),
    }


@exercise(
    "01.3",
    "Accuracy",
    hints=(
        "An image counts where the class with the largest score is its label.",
        "`logits.argmax(dim=1) == labels` is True for each image that is right.",
        "`mean` does not work on True and False: make them numbers with `.float()` first, and take the plain number with `.item()`.",
        "`return (logits.argmax(dim=1) == labels).float().mean().item()`",
    ),
    learned="A share from 0 to 1. Unlike the loss it has no useful gradient, so it judges the model and does not train it.",
)
def accuracy(answer: Any) -> None:
    # As many images as classes: searching in the wrong direction still runs, so it can be recognised.
    logits, labels = _batch(5, 5, seed=3)
    labels[:3] = logits.argmax(dim=1)[:3]
    labels[3:] = logits.argmin(dim=1)[3:]
    share = _share(logits.argmax(dim=1), labels)
    mistakes: dict[str, Any] = {
        "This is a percentage; asked for is a share from 0 to 1.": 100 * share,
        "This counts the images that are right; divide by how many there are.": 5 * share,
        "This is the share of errors; asked for is the share that is right.": 1 - share,
        "You searched down the columns (`dim=0`): the scores of one image stand in a row, `dim=1`.": _share(
            logits.argmax(dim=0), labels
        ),
        "Integer division rounds down to 0: use `/`, not `//`.": 0,
    }
    expect(answer, {"logits": logits, "labels": labels}, share, mistakes=mistakes)
    right = logits.argmax(dim=1)
    expect(answer, {"logits": logits, "labels": right}, 1.0, note="Every image is right here.")
    expect(answer, {"logits": logits, "labels": (right + 1) % 5}, 0.0, note="No image is right here.")
    for count, classes in ((1, 3), (200, 12)):
        logits, labels = _batch(count, classes, seed=count)
        expect(answer, {"logits": logits, "labels": labels}, _share(logits.argmax(dim=1), labels))


def _share(predicted: torch.Tensor, labels: torch.Tensor) -> float:
    right = sum(one == other for one, other in zip(predicted.tolist(), labels.tolist(), strict=True))
    return right / len(labels)
