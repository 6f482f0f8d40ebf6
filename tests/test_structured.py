"""Channels taken out by torch-pruning, which is also the oracle of the version from scratch."""

import copy
import importlib.util

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot

from lessons_lib import checkpoints, models, pruning, training
from lessons_lib.explained import NotHere
from lessons_lib.pruning import structured

SHAPE = (3, 16, 16)


@pytest.fixture
def package():
    return pytest.importorskip("torch_pruning", reason="torch-pruning is not installed: pip install torch-pruning")


def logits(model):
    with torch.no_grad():
        return model(models.to_input(dataset().test.images))


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.8])
def test_the_version_from_scratch_agrees_with_torch_pruning_on_the_same_channels(package, name, fraction):
    model = learnt(name)
    layers = pruning.prunable_layers(model)
    kept = [pruning.keep_channels(pruning.channel_importance(*layer), fraction) for layer in layers]
    theirs = copy.deepcopy(model).eval()
    graph = package.DependencyGraph().build_dependency(theirs, torch.zeros(1, *SHAPE))
    for (conv, _), channels in zip(pruning.prunable_layers(theirs), kept, strict=True):
        gone = sorted(set(range(conv.out_channels)) - set(channels.tolist()))
        graph.get_pruning_group(conv, package.prune_conv_out_channels, idxs=gone).prune()
    ours = pruning.narrowed(model, kept)
    assert models.shapes(ours) == models.shapes(theirs)
    assert torch.equal(logits(ours), logits(theirs))


def test_the_groups_of_a_chain_are_a_layer_and_the_next(package):
    found = pruning.coupled(learnt("small"), SHAPE)
    assert [(g.channels, g.outputs, g.inputs) for g in found] == [
        (32, ("blocks.0.0",), ("blocks.1.0",)),
        (64, ("blocks.1.0",), ("blocks.2.0",)),
        (128, ("blocks.2.0",), ("head",)),
    ]


def test_what_is_added_together_shrinks_together(package):
    found = pruning.coupled(learnt("resnet"), SHAPE)
    by_output = {name: group for group in found for name in group.outputs}
    assert set(by_output["stem.0"].outputs) == {"stem.0", "blocks.0.conv2"}
    assert set(by_output["blocks.1.conv2"].outputs) == {"blocks.1.conv2", "blocks.1.skip"}
    assert set(by_output["stem.0"].inputs) == {"blocks.0.conv1", "blocks.1.conv1", "blocks.1.skip"}
    assert by_output["blocks.0.conv1"].outputs == ("blocks.0.conv1",)
    assert "head" not in by_output
    told = repr(pruning.groups_table(found))
    assert "blocks.1.conv2, blocks.1.skip" in told or "blocks.1.skip, blocks.1.conv2" in told


@pytest.mark.parametrize("name", models.NAMES)
def test_a_network_pruned_in_groups_is_smaller_and_trains_saves_and_loads(package, name, tmp_path):
    model, data = copy.deepcopy(learnt(name)), dataset()
    before = snapshot(model)
    slim = pruning.remove_coupled(model, 0.5, SHAPE)
    assert same_weights(snapshot(model), before)
    assert 0.2 < models.macs(slim, SHAPE) / models.macs(model, SHAPE) < 0.3
    assert not slim.training
    assert logits(slim).shape == (40, 4)
    assert training.train(slim, data, training.Recipe(steps=2, batch_size=16), quiet=True).finished
    checkpoints.save(tmp_path / "slim.safetensors", slim, data)
    again, _ = checkpoints.load(tmp_path / "slim.safetensors")
    assert torch.equal(logits(again), logits(slim.eval()))


def test_widths_are_round_and_something_always_stays(package):
    for fraction in (0.3, 0.99):
        slim = pruning.remove_coupled(learnt("resnet"), fraction, SHAPE)
        widths = [conv.out_channels for conv in slim.modules() if isinstance(conv, torch.nn.Conv2d)]
        assert all(width % 4 == 0 and width >= 4 for width in widths)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_a_fraction_out_of_range_is_named(fraction):
    with pytest.raises(ValueError, match=f"fraction is {fraction!r}"):
        pruning.remove_coupled(learnt("small"), fraction, SHAPE)


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install" in structured.torch_pruning_missing()
    with pytest.raises(NotHere, match='needs torch-pruning, which is not installed: `pip install "torch-pruning'):
        pruning.coupled(learnt("small"), SHAPE)


# shares by layer, and layers that are chosen


def test_each_layer_can_lose_a_share_of_its_own():
    slim = pruning.remove_channels(learnt("small"), [0.0, 0.5, 0.75])
    assert [conv.out_channels for conv, _ in slim.layers()] == [32, 32, 32]
    with pytest.raises(ValueError, match="2 fractions for 3 layers; give one for each"):
        pruning.remove_channels(learnt("small"), [0.5, 0.5])
    with pytest.raises(ValueError, match=r"fraction is 1\.5"):
        pruning.remove_channels(learnt("small"), [0.5, 1.5, 0.5])
