"""The price of a step and of a prediction: counts against formulas by hand."""

import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import models, step_cost

DATA = dataset()


def test_a_prediction_is_counted_as_the_course_counts_it():
    model = learnt("small")
    assert step_cost.prediction_macs(model, DATA.test.images[:2]) == 2 * models.macs(model, DATA.image_shape)


def test_a_step_makes_three_times_the_arithmetic_less_the_first_layers_input():
    model, images, labels = learnt("small"), DATA.test.images[:2], DATA.test.labels[:2]
    forward = models.macs(model, DATA.image_shape)
    first = 16 * 16 * 32 * 3 * 9  # height, width, outputs, inputs, kernel
    assert step_cost.step_macs(model, images, labels) == 2 * (3 * forward - first)
    assert not model.training


def test_a_linear_layer_is_counted_both_ways():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5, bias=False), nn.Linear(5, 4, bias=False))
    macs = step_cost.step_macs(model, DATA.test.images[:2], DATA.test.labels[:2])
    assert macs == 2 * (2 * 768 * 5 + 3 * 5 * 4)


def test_everything_is_measured_and_the_model_stays_as_it_was():
    model = learnt("small")
    before = snapshot(model)
    found = step_cost.measure(model, DATA.train, 128, seconds=0.2)  # more than there are images
    assert same_weights(before, snapshot(model))
    assert not model.training
    assert found.batch == 128
    assert 2 < found.times_the_arithmetic < 3
    assert found.times_the_memory > 1
    assert found.one.macs * 128 == found.same_batch.macs
    assert [row["price"] for row in found.table().rows] == ["time", "memory", "multiply-accumulates"]
    assert set(found.as_dict()) == {"batch", "times_as_long", "step", "same_batch", "one"}


def test_a_prediction_needs_no_gradient():
    assert step_cost.predict(learnt("small"), DATA.test.images[:2]).is_inference()


def test_counting_works_for_other_networks():
    model = models.build("resnet", channels=1, classes=4, seed=0).eval()
    images = torch.zeros(2, 1, 16, 16, dtype=torch.uint8)
    assert step_cost.prediction_macs(model, images) == 2 * models.macs(model, (1, 16, 16))
