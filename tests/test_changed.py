"""What a learner is told whose code changed the network that it was given."""

import copy

import pytest
from torch import nn

from lessons_lib import models
from lessons_lib.checks.changed import change

ADVICE = "if a changed network is wanted, change a `copy.deepcopy` of it (a plain `copy.copy` shares its layers)"


def head_on_a_shallow_copy(model):
    renewed = copy.copy(model)
    renewed.head = nn.Linear(model.head.in_features, 3)


def frozen_on_a_shallow_copy(model):
    copy.copy(model).requires_grad_(False)


def evaluation_mode_on_a_shallow_copy(model):
    copy.copy(model).eval()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (head_on_a_shallow_copy, f"has other weights or statistics than before; {ADVICE}"),
        (frozen_on_a_shallow_copy, f"was frozen (`requires_grad`), in whole or in part; {ADVICE}"),
        (
            evaluation_mode_on_a_shallow_copy,
            f"was left in evaluation mode; put it back as it was with `model.train(...)`, or, {ADVICE}",
        ),
        (
            lambda model: model.head.requires_grad_(False),
            f"was frozen (`requires_grad`), in whole or in part; {ADVICE}",
        ),
    ],
)
def test_a_network_that_was_changed_is_named_with_the_way_to_copy_one(harm, told):
    model = models.build("small", classes=5).train()
    before = copy.deepcopy(model)
    harm(model)
    assert change(before, model) == told


def test_a_network_that_was_thawed_or_set_to_training_is_told_so():
    model = models.build("small", classes=5).eval().requires_grad_(False)
    before = copy.deepcopy(model)
    model.head.requires_grad_(True)
    assert change(before, model).startswith("was thawed")
    model.train()
    assert change(before, model).startswith("was left in training mode")


def test_a_network_that_was_left_alone_is_no_change():
    model = models.build("small", classes=5)
    assert change(copy.deepcopy(model), model) == ""
