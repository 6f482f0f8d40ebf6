"""Bytes are counted against sums made by hand."""

from functools import partial

import pytest
import torch
from samples import same_weights, snapshot
from torch import nn

from lessons_lib import models, training_memory
from lessons_lib.training_memory import activation_bytes, count, expected, in_words, inference_bytes, unique_bytes

SGD = partial(torch.optim.SGD, lr=0.1)
MOMENTUM = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
IMAGES = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3])


@pytest.fixture
def model() -> nn.Module:
    return models.build("small", channels=3, classes=4, seed=0)


@pytest.mark.parametrize(("optimiser", "slots"), [(SGD, 0), (MOMENTUM, 1), (torch.optim.Adam, 2)])
def test_arithmetic_and_count_agree(model, optimiser, slots):
    parameters = sum(p.numel() for p in model.parameters())
    told, counted = expected(parameters, slots=slots), count(model, optimiser, IMAGES, LABELS)
    running_statistics = sum(b.numel() * b.element_size() for b in model.buffers())
    assert counted.weights == told.weights + running_statistics
    assert counted.gradients == told.gradients
    # Adam also counts the steps, in one number for each tensor
    assert told.optimiser <= counted.optimiser <= told.optimiser + 8 * len(list(model.parameters()))


def test_counting_leaves_the_model_alone(model):
    before = snapshot(model)
    count(model, torch.optim.Adam, IMAGES, LABELS)
    inference_bytes(model, IMAGES)
    assert same_weights(snapshot(model), before)
    assert all(p.grad is None for p in model.parameters())
    assert model.training


def test_the_activations_of_a_small_chain_are_those_counted_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 256, 4))
    image, convolved = 3 * 256 * 4, 8 * 256 * 4
    # kept: the input of the convolution, and the output of ReLU, which the flattened input of the last layer shares
    assert activation_bytes(network, IMAGES[:1]) in (image + convolved, image + 2 * convolved)  # or its contiguous copy


def test_a_network_without_a_kept_activation_counts_its_input_only():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 256, 4, bias=False))
    assert activation_bytes(network, IMAGES) == 4 * 3 * 256 * 4


@pytest.mark.parametrize("name", models.NAMES)
def test_activations_grow_with_the_batch_and_the_rest_does_not(name):
    network = models.build(name, channels=3, classes=4, seed=0)
    two, four = count(network, MOMENTUM, IMAGES[:2], LABELS[:2]), count(network, MOMENTUM, IMAGES, LABELS)
    assert four.activations / two.activations == pytest.approx(2, rel=0.02)
    assert (two.weights, two.gradients, two.optimiser) == (four.weights, four.gradients, four.optimiser)
    assert four.largest == "activations" or name != "small"
    assert four.total == sum(four.parts.values())


def test_a_prediction_holds_the_weights_and_one_layer_at_a_time():
    network = nn.Sequential(nn.Flatten(), nn.Linear(768, 100, bias=False), nn.Linear(100, 10, bias=False))
    weights = 4 * (768 * 100 + 100 * 10)
    assert inference_bytes(network, IMAGES) == weights + 4 * 4 * (768 + 100)


def test_training_holds_more_than_a_prediction(model):
    training, prediction = count(model, MOMENTUM, IMAGES, LABELS).total, inference_bytes(model, IMAGES)
    assert training > 1.5 * prediction


def test_views_of_the_same_numbers_count_once():
    numbers = torch.zeros(100)
    assert unique_bytes([numbers, numbers[:50], numbers.view(10, 10), "no tensor", 3]) == 400
    assert unique_bytes([]) == 0


def test_a_cpu_keeps_no_count_of_its_peak():
    assert training_memory.peak_bytes(lambda: pytest.fail("not called"), "cpu") is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_reports_the_peak_of_a_call():
    assert training_memory.peak_bytes(lambda: torch.zeros(2**20, device="cuda"), "cuda") >= 4 * 2**20


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1 KiB"),
        (619_520, "605 KiB"),
        (39_636_992, "37.8 MiB"),
        (2**31, "2 GiB"),
    ],
)
def test_sizes_are_told_in_fitting_units(size, words):
    assert in_words(size) == words
