"""Zeros: masks by magnitude, the 2:4 pattern, and masks that hold, or grow, while a network trains."""

import copy
import itertools
import zlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import models, pruning, training
from lessons_lib.pruning.masks import weights

RECIPE = training.Recipe(steps=12, batch_size=16, peak_rate=0.1)


def magnitudes(model):
    return torch.cat([p.detach().abs().flatten() for p in model.parameters() if p.ndim > 1])


# one mask


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.floats(0, 1))
def test_exactly_the_rounded_share_goes_and_nothing_that_stays_is_smaller(values, sparsity):
    weight = torch.tensor(values, dtype=torch.float32)
    mask = pruning.magnitude_mask(weight, sparsity)
    assert mask.dtype == torch.bool
    assert int((~mask).sum()) == round(sparsity * len(values))
    if 0 < int(mask.sum()) < len(values):
        assert weight[mask].abs().min() >= weight[~mask].abs().max()


@pytest.mark.parametrize("sparsity", [-0.1, 1.1, float("nan")])
def test_a_sparsity_that_is_no_share_is_refused(sparsity):
    with pytest.raises(ValueError, match=f"sparsity is {sparsity!r}; give the share"):
        pruning.magnitude_mask(torch.ones(3), sparsity)


# a whole network


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9])
def test_ranked_together_the_smallest_weights_of_the_whole_network_go(name, sparsity):
    model = learnt(name)
    thin = pruning.masked(model, pruning.magnitude_masks(model, sparsity))
    count = len(magnitudes(model))
    assert pruning.sparsity(thin) == pytest.approx(sparsity, abs=1 / count)
    threshold = magnitudes(model).sort().values[round(sparsity * count) - 1] if sparsity else -1
    for (_, before), (_, after) in zip(model.named_parameters(), thin.named_parameters(), strict=True):
        left = before * (before.abs() > threshold) if before.ndim > 1 else before
        assert torch.equal(after, left)


def test_ranked_together_some_layers_lose_more_than_others():
    gone = [(~mask).float().mean().item() for mask in pruning.magnitude_masks(learnt("vgg"), 0.75).values()]
    assert max(gone) - min(gone) > 0.05


def test_masking_leaves_the_model_alone_and_biases_and_batch_norms_in_both():
    model = copy.deepcopy(learnt("small")).train()
    before = snapshot(model)
    thin = pruning.masked(model, pruning.magnitude_masks(model, 1.0))
    assert same_weights(snapshot(model), before)
    assert model.training
    assert not thin.training
    assert pruning.sparsity(thin) == 1.0
    assert torch.equal(thin.head.bias, model.head.bias)


def test_a_mask_of_a_weight_that_is_not_there_is_named():
    with pytest.raises(
        ValueError, match=r"there is no weight 'blocks\.9\.weight' to mask; there are blocks\.0\.0\.weight"
    ):
        pruning.masked(learnt("small"), {"blocks.9.weight": torch.ones(1, dtype=torch.bool)})


def test_zeros_save_bytes_only_once_they_are_zipped():
    model = learnt("vgg")
    thin = pruning.masked(model, pruning.magnitude_masks(model, 0.9))
    assert models.size_bytes(thin) == models.size_bytes(model)
    assert models.macs(thin, (3, 16, 16)) == models.macs(model, (3, 16, 16))
    assert pruning.zipped_bytes(thin) < 0.4 * pruning.zipped_bytes(model)
    assert pruning.zipped_bytes(b"ab" * 500) == len(zlib.compress(b"ab" * 500, 9)) < 40


# training with zeros


def test_held_zeros_stay_zero_through_momentum_and_weight_decay_and_the_others_move():
    model = learnt("small")
    masks = pruning.magnitude_masks(model, 0.8)
    thin = pruning.masked(model, masks)
    start = snapshot(thin)
    training.train(thin, dataset(), RECIPE, after_step=pruning.Hold(thin, masks), quiet=True)
    for name, mask in masks.items():
        now = thin.state_dict()[name]
        assert not now[~mask].any()
        assert (now[mask] != start[name][mask]).float().mean() > 0.9


def test_masks_of_other_places_are_another_training():
    model, mask = learnt("small"), torch.zeros(4, 128, dtype=torch.bool)
    first, second = mask.clone(), mask.clone()
    first[0, 0] = second[0, 1] = True
    held, again, other = (pruning.Hold(model, {"head.weight": one}) for one in (first, first.clone(), second))
    assert repr(held) == repr(again) != repr(other)


def test_without_holding_the_zeros_come_back():
    model = learnt("small")
    thin = pruning.masked(model, pruning.magnitude_masks(model, 0.8))
    training.train(thin, dataset(), RECIPE, quiet=True)
    assert pruning.sparsity(thin) < 0.1


def test_the_cubic_schedule_is_that_of_the_paper():
    assert pruning.cubic(0, 100, 0.9) == 0
    assert pruning.cubic(100, 100, 0.9) == pruning.cubic(500, 100, 0.9) == 0.9
    assert pruning.cubic(50, 100, 0.8, initial=0.0) == pytest.approx(0.8 * (1 - 0.125))
    assert pruning.cubic(25, 100, 0.9, initial=0.5) == pytest.approx(0.9 - 0.4 * 0.75**3)
    shares = [pruning.cubic(step, 40, 0.95) for step in range(41)]
    gains = [later - sooner for sooner, later in itertools.pairwise(shares)]
    assert all(early > late for early, late in itertools.pairwise(gains))
    with pytest.raises(ValueError, match="at least one step"):
        pruning.cubic(0, 0, 0.9)


def test_gradual_pruning_reaches_its_share_and_what_is_gone_stays_gone():
    model = copy.deepcopy(learnt("small"))
    growing, seen, gone = pruning.Gradual(model, 0.9, grow_steps=8, every=2), [], None

    def look(step):
        nonlocal gone
        growing(step)
        zero = {name: weight == 0 for name, weight in weights(model).items()}
        assert gone is None or all((zero[name] | ~gone[name]).all() for name in zero)
        gone = {name: mask.clone() for name, mask in zero.items()}
        seen.append(pruning.sparsity(model))

    training.train(model, dataset(), RECIPE, after_step=look, quiet=True)
    assert seen == sorted(seen)
    assert seen[0] == 0
    assert seen[2] == pytest.approx(pruning.cubic(2, 8, 0.9), abs=1e-3)
    assert seen[3] == seen[2]
    assert seen[8] == seen[-1] == pytest.approx(0.9, abs=1e-3)


def test_a_gradual_pruning_that_was_stopped_goes_on_bit_for_bit(tmp_path):
    class Stopped(Exception):
        pass

    def run(stop_after=None, checkpoint=None):
        model = copy.deepcopy(learnt("small"))
        growing = pruning.Gradual(model, 0.9, grow_steps=9, every=4)

        class Growing:
            __repr__ = growing.__repr__

            def __call__(self, step):
                growing(step)
                if step == stop_after:
                    raise Stopped

        training.train(
            model, dataset(), RECIPE, after_step=Growing(), checkpoint=checkpoint, checkpoint_every=1, quiet=True
        )
        return snapshot(model)

    path = tmp_path / "gradual.safetensors"
    for stop in (2, 6, 10):
        with pytest.raises(Stopped):
            run(stop, path)
    assert same_weights(run(checkpoint=path), run())


# two of four


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000))
def test_two_of_every_four_neighbours_stay_and_they_are_the_largest(rows, groups, seed):
    weight = torch.randn(rows, 4 * groups, generator=torch.Generator().manual_seed(seed))
    mask = pruning.two_of_four(weight)
    for row, group in itertools.product(range(rows), range(groups)):
        four = slice(4 * group, 4 * group + 4)
        stay = {place for place in range(4) if mask[row, four][place]}
        best = max(itertools.combinations(range(4), 2), key=lambda pair: weight[row, four][list(pair)].abs().sum())
        assert stay == set(best)


def test_two_of_four_holds_with_equal_weights():
    mask = pruning.two_of_four(torch.zeros(3, 8))
    assert (mask.unflatten(1, (-1, 4)).sum(2) == 2).all()


@pytest.mark.parametrize("shape", [(2, 6), (8,), (2, 2, 4)])
def test_other_shapes_are_refused_by_name(shape):
    with pytest.raises(ValueError, match="columns a multiple of 4; this is"):
        pruning.two_of_four(torch.zeros(shape))


def test_a_model_without_weights_has_no_sparsity():
    assert pruning.sparsity(nn.ReLU()) == 0.0
