"""Answers to the exercises of lesson 01: right ones, and wrong ones with a part of the message that each must get."""

import torch
from torch.nn import functional


def loss_by_rows(logits, labels):
    losses = [row.logsumexp(0) - row[label] for row, label in zip(logits, labels, strict=True)]
    return torch.stack(losses).mean()


def step_by_a_loop(weights, gradients, rate):
    moved = []
    for index in range(len(weights)):
        moved.append(weights[index].clone().sub_(gradients[index], alpha=rate))
    return moved


def accuracy_by_counting(logits, labels):
    right = 0
    for row, label in zip(logits, labels, strict=True):
        right += int(row.argmax() == label)
    return right / len(labels)


def picked(logits, labels):
    return logits.log_softmax(dim=1)[torch.arange(len(labels)), labels]


def naive_loss(logits, labels):
    return -(logits.exp() / logits.exp().sum(dim=1, keepdim=True))[torch.arange(len(labels)), labels].log().mean()


def loss_with_epsilon(logits, labels):
    return -(logits.softmax(dim=1) + 1e-9)[torch.arange(len(labels)), labels].log().mean()


def changes_in_place(weights, gradients, rate):
    for weight, gradient in zip(weights, gradients, strict=True):
        weight -= rate * gradient
    return weights


def returns_in_the_loop(weights, gradients, rate):
    for weight, gradient in zip(weights, gradients, strict=True):
        return weight - rate * gradient


def each(formula):
    return lambda weights, gradients, rate: [formula(w, g, rate) for w, g in zip(weights, gradients, strict=True)]


RIGHT = {
    "01.1": [functional.cross_entropy, loss_by_rows],
    "01.2": [step_by_a_loop, lambda w, g, rate: tuple(torch.add(a, b, alpha=-rate) for a, b in zip(w, g, strict=True))],
    "01.3": [accuracy_by_counting, lambda logits, labels: float((logits.argmax(1) == labels).double().mean())],
}

WRONG = {
    "01.1": {
        "sums": (lambda z, y: functional.cross_entropy(z, y, reduction="sum"), "sum over the batch"),
        "forgets minus": (lambda z, y: picked(z, y).mean(), "minus sign is missing"),
        "normalises columns": (
            lambda z, y: -z.log_softmax(dim=0)[torch.arange(len(y)), y].mean(),
            "normalised over the images",
        ),
        "does not average": (lambda z, y: -picked(z, y), "one loss for each image"),
        "averages everything": (lambda z, y: -z.log_softmax(1).mean(), "averages over all classes"),
        "picks every label": (lambda z, y: -z.log_softmax(1)[:, y].mean(), "`[:, labels]` takes every label"),
        "softmax twice": (lambda z, y: functional.cross_entropy(z.softmax(1), y), "Softmax was applied twice"),
        "forgets the logarithm": (lambda z, y: picked(z, y).exp().mean(), "the mean probability"),
        "forgets the logarithm, with minus": (lambda z, y: -picked(z, y).exp().mean(), "minus the mean probability"),
        "forgets softmax": (lambda z, y: -z[torch.arange(len(y)), y].mean(), "Softmax is missing"),
        "averages too early": (lambda z, y: -picked(z, y).exp().mean().log(), "logarithm of each probability first"),
        "overflows": (naive_loss, "overflows for large ones"),
        "hides with epsilon": (loss_with_epsilon, "should cost 500"),
    },
    "01.2": {
        "goes uphill": (each(lambda w, g, rate: w + rate * g), "goes uphill"),
        "ignores the rate": (each(lambda w, g, rate: w - g), "rate is not used"),
        "returns the steps": (each(lambda w, g, rate: rate * g), "the steps alone; subtract"),
        "returns minus the steps": (each(lambda w, g, rate: -rate * g), "minus the steps alone"),
        "scales the weights": (each(lambda w, g, rate: rate * (w - g)), "rate multiplies the weights too"),
        "does nothing": (each(lambda w, g, rate: w), "old weights"),
        "returns in the loop": (returns_in_the_loop, "does `return` stand inside the loop?"),
        "only the first": (lambda w, g, rate: [w[0] - rate * g[0]] if w else [], "Only the first weight came back"),
        "changes in place": (changes_in_place, "The argument `weights` was changed in place"),
        "returns a generator": (
            lambda w, g, rate: (a - rate * b for a, b in zip(w, g, strict=True)),
            "is a generator",
        ),
    },
    "01.3": {
        "percent": (lambda z, y: 100 * accuracy_by_counting(z, y), "This is a percentage"),
        "counts": (lambda z, y: (z.argmax(1) == y).sum().item(), "divide by how many"),
        "errors": (lambda z, y: 1 - accuracy_by_counting(z, y), "share of errors"),
        "searches the columns": (lambda z, y: (z.argmax(0) == y).float().mean().item(), "down the columns"),
        "divides integers": (lambda z, y: (z.argmax(1) == y).sum().item() // len(y), "Integer division"),
        "returns a tensor": (lambda z, y: (z.argmax(1) == y).float().mean(), "`.item()` takes the number out"),
        "mean of bools": (lambda z, y: (z.argmax(1) == y).mean(), "`return"),
    },
}
