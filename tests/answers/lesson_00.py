"""Answers to the exercises of lesson 00: right ones, and wrong ones with a part of the message that each must get."""

import torch


def names_by_rows(logits, classes):
    return [classes[max(range(len(row)), key=row.__getitem__)] for row in logits.tolist()]


def names_by_sorting(logits, classes):
    return tuple(classes[order[-1]] for order in logits.argsort(dim=1))


def each(formula):
    return lambda weights, gradients, rate: [formula(w, g, rate) for w, g in zip(weights, gradients, strict=True)]


RIGHT = {
    "00.1": [names_by_rows, names_by_sorting],
    "00.2": [
        lambda logits: torch.softmax(logits, 1).amax(1),
        lambda logits: logits.log_softmax(dim=1).max(dim=1).values.exp(),
    ],
}

WRONG = {
    "00.1": {
        "searches the columns": (lambda z, names: [names[i] for i in z.argmax(dim=0)], "`dim=1`"),
        "takes the smallest": (lambda z, names: [names[i] for i in z.argmin(dim=1)], "smallest scores"),
        "returns indices": (lambda z, names: z.argmax(dim=1).tolist(), "look each one up"),
        "returns a tensor of indices": (lambda z, names: z.argmax(dim=1), "as a tensor; look each one up"),
        "one for the batch": (lambda z, names: names[z.argmax()], "one prediction for the whole batch"),
        "compares sizes": (lambda z, names: [names[i] for i in z.abs().argmax(dim=1)], "Scores can be negative"),
        "squeezes a batch of one": (
            lambda z, names: [names[i] for i in z.argmax(dim=1)] if len(z) > 1 else names[int(z.argmax())],
            "a batch of one image",
        ),
    },
    "00.2": {
        "normalises columns": (lambda z: z.softmax(dim=0).amax(1), "normalised down the columns"),
        "returns scores": (lambda z: z.amax(1), "largest scores themselves"),
        "returns all probabilities": (lambda z: z.softmax(1), "keep only the largest"),
        "returns indices": (lambda z: z.argmax(1), "indices of the predicted classes"),
        "takes the smallest": (lambda z: z.softmax(1).amin(1), "smallest probability"),
        "averages": (lambda z: z.softmax(1).amax(1).mean(), "average over the batch"),
        "forgets exp": (lambda z: (z / z.sum(1, keepdim=True)).amax(1), "take `exp`"),
        "overflows": (lambda z: (z.exp() / z.exp().sum(1, keepdim=True)).amax(1), "overflows for large ones"),
        "subtracts the batch's largest": (
            lambda z: ((z - z.max()).exp() / (z - z.max()).exp().sum(1, keepdim=True)).amax(1),
            "largest score of the whole batch",
        ),
    },
}
