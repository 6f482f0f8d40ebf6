"""Answers to the exercises of lesson 04: right ones, and wrong ones with a part of the message that each must get."""

import copy

import torch
from torch import nn


def freeze_by_name(model):
    frozen = copy.deepcopy(model)
    for name, weight in frozen.named_parameters():
        weight.requires_grad = name.startswith("head.")
    for module in frozen.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return frozen


def freeze_by_children(model):
    frozen = copy.deepcopy(model)
    for name, child in frozen.named_children():
        if name != "head":
            child.requires_grad_(False).eval()
    return frozen


def frozen_with(change):
    def freeze(model):
        frozen = copy.deepcopy(model)
        change(frozen)
        return frozen

    return freeze


def freeze_the_head_too(model):
    model.requires_grad_(False).eval()


def freeze_the_wrong_part(model):
    model.eval()
    model.head.requires_grad_(False)


def freeze_the_weights_alone(model):
    model.requires_grad_(False)
    model.head.requires_grad_(True)


def freeze_the_blocks_alone(model):
    model.eval()
    model.blocks.requires_grad_(False)


def freeze_without_bias(model):
    model.eval().requires_grad_(False)
    model.head.weight.requires_grad_(True)


def freeze_convolutions(model):
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.requires_grad_(False)


def freeze_in_place(model):
    model.requires_grad_(False).eval()
    model.head.requires_grad_(True)
    return model


def freeze_before_the_copy(model):
    model.requires_grad_(False)
    frozen = copy.deepcopy(model).eval()
    frozen.head.requires_grad_(True)
    return frozen


def freeze_a_new_one(model):
    frozen = copy.deepcopy(model)
    for module in frozen.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()
    return freeze_by_name(frozen)


def head_by_shape(model, classes):
    renewed = copy.deepcopy(model)
    setattr(renewed, "head", nn.Linear(model.head.weight.shape[1], classes, bias=True))  # noqa: B010
    return renewed


def head_by_resizing(model, classes):
    renewed = copy.deepcopy(model)
    renewed.head.out_features = classes
    renewed.head.weight = nn.Parameter(torch.randn(classes, model.head.in_features) * 0.01)
    renewed.head.bias = nn.Parameter(torch.zeros(classes))
    return renewed


def head_with(make):
    def replace_head(model, classes):
        renewed = copy.deepcopy(model)
        renewed.head = make(renewed, classes)
        return renewed

    return replace_head


def head_in_place(model, classes):
    model.head = nn.Linear(model.head.in_features, classes)
    return model


def head_and_all_else(model, classes):
    renewed = head_by_shape(model, classes)
    for module in renewed.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return renewed


def head_under_another_name(model, classes):
    renewed = copy.deepcopy(model)
    renewed.classifier = nn.Linear(model.head.in_features, classes)
    return renewed


def body_of(model):
    return [weight for name, weight in model.named_parameters() if not name.startswith("head.")]


def groups_by_identity(model, head_rate, body_rate):
    head = {id(weight) for weight in model.head.parameters()}
    body = (weight for weight in model.parameters() if id(weight) not in head)
    return [{"params": model.head.parameters(), "lr": head_rate}, {"params": body, "lr": body_rate}]


def one_group_each(model, head_rate, body_rate):
    return tuple(
        {"params": weight, "lr": head_rate if name.startswith("head") else body_rate}
        for name, weight in model.named_parameters()
    )


def two_groups(body, head):
    """Groups from what makes the parameters of the body and of the head."""
    return lambda model, head_rate, body_rate: [
        {"params": body(model), "lr": body_rate},
        {"params": head(model), "lr": head_rate},
    ]


def all_of(model):
    return list(model.parameters())


def head_of(model):
    return list(model.head.parameters())


RIGHT = {
    "04.1": [freeze_by_name, freeze_by_children],
    "04.2": [head_by_shape, head_by_resizing],
    "04.3": [groups_by_identity, one_group_each],
}

WRONG = {
    "04.1": {
        "freezes the head too": (frozen_with(freeze_the_head_too), "Nothing is left to train"),
        "freezes nothing": (frozen_with(lambda model: model.eval()), "Nothing is frozen"),
        "freezes the head": (frozen_with(freeze_the_wrong_part), "wrong way round"),
        "forgets the statistics": (frozen_with(freeze_the_weights_alone), "statistics of the batch norms still move"),
        "misses the stem": (frozen_with(freeze_the_blocks_alone), "not every layer before the head is in `blocks`"),
        "forgets the bias": (frozen_with(freeze_without_bias), "a weight and a bias"),
        "freezes a kind of layer": (frozen_with(freeze_convolutions), "choose by kind of layer"),
        "changes the mode in place": (freeze_in_place, "The argument `model` was left in evaluation mode"),
        "freezes before it copies": (freeze_before_the_copy, "The argument `model` was frozen"),
        "draws new weights": (freeze_a_new_one, "other weights than the one given"),
        "returns nothing": (lambda model: None, "Return a network; yours is None"),
        "returns the parameters": (lambda model: list(model.head.parameters()), "Return a network; yours is the list"),
    },
    "04.2": {
        "wrong number of features": (head_with(lambda m, k: nn.Linear(128, k)), "does not take as many features"),
        "old number of outputs": (
            head_with(lambda m, k: nn.Linear(m.head.in_features, 5)),
            "another number of outputs",
        ),
        "forgets the bias": (head_with(lambda m, k: nn.Linear(m.head.in_features, k, bias=False)), "no bias"),
        "stacks": (head_with(lambda m, k: nn.Sequential(m.head, nn.Linear(5, k))), "behind the old head"),
        "a convolution": (head_with(lambda m, k: nn.Conv2d(m.head.in_features, k, 1)), "should be an `nn.Linear`"),
        "keeps the old one": (lambda model, classes: copy.deepcopy(model), "still the old one"),
        "another name": (head_under_another_name, "has a name of its own"),
        "changes in place": (head_in_place, "The argument `model` has other weights"),
        "starts everything anew": (head_and_all_else, "the features that you wanted to keep are gone"),
        "returns the head": (
            lambda model, classes: nn.Linear(model.head.in_features, classes),
            "has no `head` any more",
        ),
        "returns nothing": (lambda model, classes: None, "yours is None"),
    },
    "04.3": {
        "swaps the rates": (two_groups(head_of, body_of), "rates are swapped"),
        "head in both": (two_groups(all_of, head_of), "`head.weight` stands in two groups"),
        "misses the stem": (two_groups(lambda m: list(m.blocks.parameters()), head_of), "the first is `stem.0.weight`"),
        "misses the bias": (two_groups(body_of, lambda m: [m.head.weight]), "the first is `head.bias`"),
        "one rate": (lambda m, h, b: [{"params": all_of(m), "lr": h}], "rate of the head"),
        "the small rate": (lambda m, h, b: [{"params": all_of(m), "lr": b}], "rate of the body"),
        "no rate": (lambda m, h, b: [{"params": body_of(m)}, {"params": head_of(m), "lr": h}], 'lacks the key "lr"'),
        "names": (
            lambda m, h, b: [{"params": [name for name, _ in m.named_parameters()], "lr": h}],
            "not their names",
        ),
        "pairs": (lambda m, h, b: [{"params": list(m.named_parameters()), "lr": h}], "the tuple"),
        "an optimiser": (lambda m, h, b: torch.optim.SGD(m.parameters(), h), "Return the list of groups"),
        "the parameters": (lambda m, h, b: (m.head.parameters(), h), "A list of dictionaries"),
    },
}
