import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib import models


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 17, 17)])
def test_multiply_accumulates_are_half_of_the_flops_that_torch_counts(name, shape):
    model = models.build(name, channels=shape[0]).eval()
    with FlopCounterMode(display=False) as counted:
        model(torch.zeros(1, *shape))
    assert models.macs(model, shape) == counted.get_total_flops() / 2


def test_the_six_layer_network_has_the_size_that_was_measured():
    model = models.build("vgg")
    assert models.macs(model, (3, 32, 32)) == pytest.approx(31.6e6, rel=0.01)
    assert models.parameters(model) == pytest.approx(0.43e6, rel=0.01)


def test_parameters_and_bytes_agree_with_a_count_by_hand():
    model = models.build("small", channels=1, classes=10)
    filters = 9 * (1 * 32 + 32 * 64 + 64 * 128)
    norms = 2 * (32 + 64 + 128)
    head = 128 * 10 + 10
    assert models.parameters(model) == filters + norms + head
    assert models.size_bytes(model) == 4 * (filters + 2 * norms + head) + 3 * 8  # and a counter in each norm
    assert models.size_bytes(model.half()) == 2 * (filters + 2 * norms + head) + 3 * 8


def test_counting_leaves_the_model_as_it_was():
    model = models.build("resnet").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    models.macs(model, (3, 16, 16))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(RuntimeError):
        models.macs(model, (1, 16, 16))
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [2, 37])
def test_every_network_takes_every_size_of_image(name, channels, classes):
    model = models.build(name, channels=channels, classes=classes).eval()
    for size in (16, 28, 33, 64):
        logits = model(torch.zeros(2, channels, size, size))
        assert logits.shape == (2, classes)
        assert logits.dtype == torch.float32


@pytest.mark.parametrize("name", models.NAMES)
def test_a_seed_fixes_the_start_and_leaves_other_random_numbers_alone(name):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second, other = (models.build(name, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_without_a_seed_two_networks_differ():
    assert not torch.equal(models.build("small").head.weight, models.build("small").head.weight)


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"'alexnet'.*small, vgg, resnet"):
        models.build("alexnet")


def test_pixels_become_numbers_from_minus_2_to_2():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1)
    assert torch.allclose(models.to_input(pixels).flatten(), torch.tensor([-2.0, -1.2, 2.0]))
    assert pixels.flatten().tolist() == [0, 51, 255]


@pytest.mark.parametrize("wrong", [torch.zeros(1, 3, 8, 8), torch.zeros(3, 8, 8, dtype=torch.uint8)])
def test_other_pixels_are_refused_with_what_they_are(wrong):
    with pytest.raises(TypeError, match=r"uint8 images \(n, c, h, w\); these are torch\."):
        models.to_input(wrong)


def test_shapes_list_what_is_a_matrix_or_a_filter_bank():
    shapes = models.shapes(models.build("small", classes=5))
    assert list(shapes.values()) == [(32, 3, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3), (5, 128)]


def test_a_residual_block_adds_its_input():
    block = models.ResidualBlock(4, 4, stride=1).eval()
    nn.init.zeros_(block.norm2.weight)
    x = torch.rand(1, 4, 5, 5)
    assert torch.equal(block(x), x)
