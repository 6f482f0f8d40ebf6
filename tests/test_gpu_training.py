"""The pieces of the fast training against plain oracles: orders and batches, the network and its whitening, rates and averages."""

import copy
import dataclasses
import itertools

import pytest
import torch
from samples import dataset, same_weights, snapshot
from torch import nn
from torch.nn import functional as F

from lessons_lib import training
from lessons_lib.datasets.split import Split
from lessons_lib.explained import Mistake
from lessons_lib.gpu_training import looking, muon, network, orders, recipe, ways
from lessons_lib.gpu_training.looking import Views
from lessons_lib.gpu_training.orders import Changes
from lessons_lib.gpu_training.recipe import FastRecipe
from lessons_lib.models import to_input

IMAGES = dataset(train=40, size=18).train.images
TINY = (8, 12, 16)


def one_by_one(images, column, cutout):
    """What a batch should hold for one column of orders: pad with reflection, crop, mirror, cover a square."""
    place, down, right, mirrored, top, left = (int(value) for value in column)
    x = images[place : place + 1].float() / 63.75 - 2
    pad, (height, width) = 5, x.shape[2:]
    padded = F.pad(x, (pad,) * 4, "reflect")
    x = padded[:, :, pad + down : pad + down + height, pad + right : pad + right + width]
    x = x.flip(3) if mirrored else x
    x = x.clone()
    x[:, :, top : top + cutout, left : left + cutout] = 0
    return x[0]


@pytest.mark.parametrize("cutout", [0, 1, 6])
@pytest.mark.parametrize("shift", [0, 1, 4])
def test_a_batch_is_what_changing_each_image_on_its_own_gives(shift, cutout):
    planned = orders.drawn(40, 2, Changes(mirror=True, shift=shift, cutout=cutout), 18, seed=3)
    for start in (0, 30, 55):
        chosen = planned[:, start : start + 20]
        found = orders.batch(IMAGES, chosen, cutout)
        wanted = torch.stack([one_by_one(IMAGES, column, cutout) for column in chosen.T])
        assert found.dtype == torch.float32
        assert torch.allclose(found, wanted, atol=1e-6)


def test_a_batch_without_changes_is_the_images_themselves():
    planned = orders.drawn(40, 1, Changes(shift=0), 18, seed=0)
    assert torch.equal(orders.batch(IMAGES, planned), to_input(IMAGES[planned[0]]))


@pytest.mark.parametrize("count", [5, 16, 32])
def test_the_border_is_reflected_as_padding_does_it(count):
    line = torch.arange(count, dtype=torch.float32)[None, None]
    padded = F.pad(line, (4, 4), "reflect")[0, 0]
    assert torch.equal(line[0, 0][orders.reflected(torch.arange(-4, count + 4), count)], padded)


def test_every_epoch_visits_every_image_once_and_moves_it_anew():
    planned = orders.drawn(40, 2.5, Changes(shift=2, cutout=3), 18, seed=1)
    assert planned.shape == (6, 120)
    assert planned.dtype == torch.int64
    for epoch in planned.split(40, 1):
        assert sorted(epoch[0].tolist()) == list(range(40))
    assert not torch.equal(planned[:, :40], planned[:, 40:80])
    assert (planned[1:3].abs() <= 2).all()
    assert {-2, 2} <= set(planned[1].tolist())
    assert set(planned[4].tolist()) == set(range(16)), "the square reaches both borders and does not leave the image"


def test_mirrors_alternate_from_epoch_to_epoch():
    planned = orders.drawn(60, 3, Changes(mirror=True), 18, seed=0)
    by_place = [dict(zip(epoch[0].tolist(), epoch[3].tolist(), strict=True)) for epoch in planned.split(60, 1)]
    assert all(by_place[0][place] == 1 - by_place[1][place] == by_place[2][place] for place in range(60))
    assert 15 < sum(by_place[0].values()) < 45


def test_road_signs_are_never_mirrored():
    assert not recipe.ROAD_SIGNS.changes.mirror
    assert orders.drawn(60, 3, recipe.ROAD_SIGNS.changes, 32, seed=0)[3].sum() == 0
    assert recipe.CIFAR10.changes.mirror


def test_the_seed_decides_the_orders():
    a, b, c = (orders.drawn(40, 2, Changes(mirror=True), 18, seed) for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("changes", [Changes(shift=18), Changes(shift=-1), Changes(cutout=19)])
def test_changes_that_do_not_fit_the_images_are_named(changes):
    with pytest.raises(Mistake, match="do not fit images of 18 pixels"):
        orders.drawn(40, 1, changes, 18, seed=0)


def test_drawing_leaves_the_global_random_numbers_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    orders.drawn(40, 1, Changes(), 18, seed=0)
    network.build(3, 4, TINY)
    assert torch.equal(before, torch.get_rng_state())


def test_whitened_patches_are_uncorrelated_and_of_variance_one():
    images = torch.randint(0, 256, (64, 3, 18, 18), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[:, 1] = images[:, 0] // 2 + images[:, 1] // 2  # channels that tell much the same
    net = network.build(3, 4, TINY)
    network.whiten(net, images)
    with torch.no_grad():
        out = F.conv2d(to_input(images), net.whiten.weight).permute(1, 0, 2, 3).flatten(1)
    moments = out[:12] @ out[:12].T / out.shape[1]
    assert torch.allclose(moments, torch.eye(12), atol=5e-3)
    assert torch.equal(out[12:], -out[:12])


def test_only_the_whitening_filters_and_the_scales_of_the_norms_are_fixed():
    net = network.build(3, 4, TINY)
    fixed = {name for name, p in net.named_parameters() if not p.requires_grad}
    assert fixed == {"whiten.weight"} | {f"blocks.{b}.norm{n}.weight" for b in range(3) for n in (1, 2)}


def test_a_convolution_begins_by_passing_its_input_on():
    layer = network.Convolution(5, 9, 3, padding=1, bias=False)
    x = torch.randn(2, 5, 6, 6)
    assert torch.allclose(layer(x)[:, :5], x, atol=1e-6)


@pytest.mark.parametrize(("channels", "size"), [(3, 16), (1, 28), (3, 32), (3, 64)])
def test_shapes_fit_for_every_size_without_any_arithmetic(channels, size):
    net = network.build(channels, 12).to("meta")
    assert net(torch.empty(5, channels, size, size, device="meta")).shape == (5, 12)


def test_the_full_network_has_the_two_million_parameters_of_its_source():
    assert sum(p.numel() for p in network.build(3, 10).parameters()) == pytest.approx(1.97e6, rel=0.01)


def test_the_same_seed_builds_the_same_network():
    a, b, c = (snapshot(network.build(3, 4, TINY, seed=seed)) for seed in (0, 0, 1))
    assert same_weights(a, b)
    assert not same_weights(a, c)


def test_the_rate_rises_and_falls_in_straight_lines():
    given = FastRecipe(start=0.2, peak_at=0.25, end=0.1)
    shares = [given.rate_at(step, 100) for step in range(101)]
    assert shares[0] == pytest.approx(0.2)
    assert max(shares) == shares[25] == 1
    assert shares[100] == pytest.approx(0.1)
    slopes = torch.tensor(shares).diff()
    assert torch.allclose(slopes[:25], torch.full((25,), 0.8 / 25), atol=1e-6)
    assert torch.allclose(slopes[25:], torch.full((75,), -0.9 / 75), atol=1e-6)
    assert 0 < given.rate_at(0, 1) <= 1


def test_the_rates_are_those_of_the_source_which_sums_over_the_batch():
    sums = 1024 * (1 + 1 / (1 - 0.85))  # airbench94.py: lr 11.5 and weight_decay 0.0153 for 1,024 examples
    net = network.build(3, 10)
    (optimiser,) = recipe.optimisers_of(net, recipe.CIFAR10, 1024)
    biases, others = optimiser.param_groups
    assert others["lr"] / 1024 == pytest.approx(11.5 / sums, rel=0.01)
    assert biases["lr"] == pytest.approx(64 * others["lr"])
    for group in (biases, others):
        assert group["lr"] * group["weight_decay"] == pytest.approx(0.0153 * 1024 / sums, rel=0.01)
    assert len(biases["params"]) == 6
    assert len(others["params"]) == 8, "six convolutions, the bias of the first layer, the head"


def test_rate_and_decay_grow_with_the_batch():
    net = network.build(3, 10, TINY)
    small, large = (recipe.optimisers_of(net, recipe.CIFAR10, size)[0].param_groups[1] for size in (256, 1024))
    assert large["lr"] == pytest.approx(4 * small["lr"])
    assert large["lr"] * large["weight_decay"] == pytest.approx(4 * small["lr"] * small["weight_decay"])


@pytest.mark.parametrize(("images", "steps", "batch"), [(50_000, 483, 1024), (100, 9, 100), (1, 9, 1)])
def test_steps_and_batches_follow_from_the_images(images, steps, batch):
    assert recipe.CIFAR10.total_steps(images) == steps
    assert recipe.CIFAR10.batch_for(images) == batch
    assert steps * batch <= orders.math.ceil(recipe.CIFAR10.epochs) * images, "no step lacks its orders"


def test_the_averager_is_the_running_average_it_says():
    net = nn.Linear(2, 1)
    averager, slow = recipe.Averager(net, every=2, total=6), net.weight.detach().clone()
    for step in range(1, 7):
        with torch.no_grad():
            net.weight.add_(1.0)
        moved = net.weight.detach().clone()
        averager.after(step)
        if step in (2, 4):
            kept = 0.95**2 * (step / 6) ** 3
            slow = kept * slow + (1 - kept) * moved
        wanted = slow if step in (2, 4, 6) else moved
        assert torch.allclose(net.weight, wanted, atol=1e-6), step


def test_the_averager_leaves_whole_numbers_alone():
    norm = nn.BatchNorm2d(2)
    norm.num_batches_tracked += 7
    recipe.Averager(norm, every=1, total=1).after(1)
    assert norm.num_batches_tracked == 7


@pytest.mark.parametrize(
    ("views", "count"), [(Views(), 1), (Views(mirror=True), 2), (Views(shift=1), 3), (Views(True, 1), 6)]
)
def test_views_are_counted_and_named(views, count):
    assert views.count == count
    assert ("test-time augmentation" in str(views)) == (count > 1)


def test_views_are_averaged_with_the_weights_of_the_source():
    x = torch.randn(2, 1, 6, 6)

    def net(x):
        return x[:, 0, 2, :2]  # two "logits" that depend on where the image stands

    padded = F.pad(x, (1, 1, 1, 1), "reflect")
    up_left, down_right = padded[:, :, :6, :6], padded[:, :, 2:, 2:]
    both = [(net(v) + net(v.flip(3))) / 2 for v in (x, up_left, down_right)]
    assert torch.allclose(looking.logits_of(net, x, Views(True, 1)), 0.5 * both[0] + 0.25 * both[1] + 0.25 * both[2])
    assert torch.equal(looking.logits_of(net, x, Views()), net(x))


def test_accuracy_is_that_of_the_course_and_leaves_the_mode_alone():
    data, net = dataset(test=40), network.build(3, 4, TINY).train()
    before = snapshot(net)
    assert looking.accuracy(net, data.test, ways.Way()) == pytest.approx(training.accuracy(net, data.test))
    assert net.training
    assert same_weights(before, snapshot(net))
    assert looking.accuracy(net, Split(data.test.images[:0], data.test.labels[:0]), ways.Way()) == 0


def test_a_recipe_can_be_changed_in_one_place():
    assert dataclasses.replace(recipe.CIFAR10, epochs=1).epochs == 1
    assert copy.copy(recipe.CIFAR10) == recipe.CIFAR10


def test_with_muon_the_rates_are_those_of_its_source():
    net = network.build(3, 10)
    plain, filters = recipe.optimisers_of(net, recipe.CIFAR10_MUON, 2000)
    biases, head = plain.param_groups
    assert biases["lr"] / 2000 == pytest.approx(0.053, rel=0.02), (
        "airbench94_muon.py: bias_lr, for sums over 2,000 images"
    )
    # there logits are divided by 256, here by 9: a step of the head moves the logits as far
    assert head["lr"] / 2000 * network.LOGIT_SCALE**2 == pytest.approx(0.67 / 256**2, rel=0.02)
    assert biases["lr"] * biases["weight_decay"] == pytest.approx(2e-6 * 2000, rel=0.03)
    assert filters.param_groups[0]["lr"] == 0.24
    assert [len(group["params"]) for group in (biases, head, *filters.param_groups)] == [7, 1, 6]
    shares = [recipe.CIFAR10_MUON.rate_at(step, 200) for step in range(201)]
    assert shares[0] == 1
    assert shares[200] == pytest.approx(0)
    assert all(later <= earlier for earlier, later in itertools.pairwise(shares))


@pytest.mark.parametrize("shape", [(6, 30), (30, 6), (8, 8)])
def test_orthogonal_keeps_the_directions_and_evens_the_singular_values(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found, (left, values, right) = muon.orthogonal(matrix, rounds=5), torch.linalg.svd(matrix, full_matrices=False)
    in_its_own_directions = left.T @ found @ right.T
    assert torch.allclose(in_its_own_directions, in_its_own_directions.diag().diag(), atol=1e-9)
    assert (in_its_own_directions.diag()[values > values.max() / 20] - 0.9).abs().max() < 0.4


def test_muon_moves_each_filter_bank_by_its_rate_whatever_the_gradients_size():
    moved = []
    for size in (1.0, 1e4):
        weight = nn.Parameter(torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0)))
        weight.grad = size * torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(1))
        optimiser = muon.Muon([weight], rate=0.1)
        before = weight.detach() * 8**0.5 / weight.detach().norm()
        optimiser.step()
        moved.append(weight.detach() - before)
    assert torch.allclose(moved[0], moved[1], atol=1e-5)
    assert moved[0].flatten(1).norm() == pytest.approx(0.1 * 8**0.5, rel=0.4)
