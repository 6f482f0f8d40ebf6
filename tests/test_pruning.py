import copy

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import models, pruning, training


def importance(conv, norm):
    """Written out channel by channel: length of the filter, times scale, over the spread of its outputs."""
    return [
        conv.weight[i].pow(2).sum().sqrt().item()
        * abs(norm.weight[i].item())
        / (norm.running_var[i].item() + norm.eps) ** 0.5
        for i in range(conv.out_channels)
    ]


def silence(conv, norm, count):
    """All but the `count` most important channels say exactly 0 from now on; those channels."""
    ranked = sorted(range(conv.out_channels), key=importance(conv, norm).__getitem__)
    with torch.no_grad():
        for gone in ranked[:-count]:
            norm.weight[gone] = 0
            norm.bias[gone] = 0
    return sorted(ranked[-count:])


def layers_to_prune(model):
    if isinstance(model, models.ResNet):
        return [(block.conv1, block.norm1) for block in model.blocks]
    return [(block[0], block[1]) for block in model.blocks]


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.9])
def test_the_slim_model_computes_what_is_left_when_the_removed_channels_say_nothing(name, fraction):
    model = learnt(name)
    slim = pruning.remove_channels(model, fraction)
    silenced = copy.deepcopy(model).eval()
    for (conv, norm), (left, _) in zip(layers_to_prune(silenced), layers_to_prune(slim), strict=True):
        kept = silence(conv, norm, left.out_channels)
        assert left.out_channels % 4 == 0
        assert left.out_channels == pytest.approx(conv.out_channels * (1 - fraction), abs=2)
        assert len(kept) == left.out_channels
    x = models.to_input(dataset().test.images)
    with torch.no_grad():
        assert torch.allclose(slim(x), silenced(x), atol=1e-4)
    assert models.parameters(slim) < models.parameters(model)


def test_half_of_the_channels_leave_about_a_quarter_of_the_work():
    model = models.build("vgg", seed=0)
    share = models.macs(pruning.remove_channels(model, 0.5), (3, 32, 32)) / models.macs(model, (3, 32, 32))
    assert 0.24 < share < 0.27


@pytest.mark.parametrize("name", models.NAMES)
def test_removing_nothing_gives_an_equal_copy(name):
    model = learnt(name)
    slim = pruning.remove_channels(model, 0)
    assert slim is not model
    assert same_weights(snapshot(slim), snapshot(model))


@pytest.mark.parametrize("training_mode", [True, False])
def test_the_model_stays_as_it_was_and_the_copy_is_ready_to_use(training_mode):
    model = copy.deepcopy(learnt("vgg")).train(training_mode)
    before = snapshot(model)
    slim = pruning.remove_channels(model, 0.5)
    assert same_weights(snapshot(model), before)
    assert model.training is training_mode
    assert not any(layer.training for layer in slim.modules())
    assert all(p.requires_grad for p in slim.parameters())
    with torch.no_grad():
        slim.head.weight.zero_()
        slim.blocks[0][0].weight.zero_()
    assert same_weights(snapshot(model), before)


@pytest.mark.parametrize("round_to", [1, 4, 8])
def test_what_stays_is_a_multiple_that_kernels_like(round_to):
    slim = pruning.remove_channels(learnt("small"), 0.3, round_to)
    assert all(conv.out_channels % round_to == 0 for conv, _ in layers_to_prune(slim))


def test_something_always_stays():
    slim = pruning.remove_channels(learnt("vgg"), 0.9999)
    assert {conv.out_channels for conv, _ in layers_to_prune(slim)} == {4}
    assert pruning.keep_channels(torch.tensor([1.0, 3.0]), 0.9).tolist() == [0, 1]


def test_the_channels_that_stay_keep_their_order():
    assert pruning.keep_channels(torch.tensor([5.0, 1, 7, 2, 9, 3, 8, 4]), 0.5).tolist() == [0, 2, 4, 6]


def test_a_slim_network_can_be_trained_and_slimmed_again():
    slim = pruning.remove_channels(learnt("resnet"), 0.5)
    history = training.train(slim, dataset(), training.Recipe(steps=2, batch_size=16), quiet=True)
    assert history.finished
    assert pruning.remove_channels(slim, 0.5).blocks[2].conv1.out_channels == 32


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_named(fraction):
    with pytest.raises(ValueError, match=f"fraction is {fraction!r}.*from 0 to less than 1"):
        pruning.remove_channels(learnt("small"), fraction)


def test_other_networks_are_refused_by_name():
    with pytest.raises(TypeError, match="ConvNet and ResNet; this model is a Linear"):
        pruning.remove_channels(nn.Linear(2, 2), 0.5)
