import math

import pytest
import torch

from lessons_lib.augment import RANGE, Augmentation, erased, warped
from lessons_lib.explained import Mistake
from lessons_lib.models import to_input

ALL = Augmentation(rotation_degrees=20, scale=0.2, shift=0.1, noise=0.05, erase=0.2, flip=True)


@pytest.fixture
def x():
    return torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def each(value, count=5):
    return torch.full((count,), float(value))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_a_quarter_turn_is_that_of_rot90(x, quarters):
    turned = warped(x, each(90 * quarters), each(1), each(0), each(0))
    assert torch.allclose(turned, torch.rot90(x, quarters, (2, 3)), atol=1e-4)


@pytest.mark.parametrize("pixels", [-3, 0, 1, 4])
def test_a_shift_by_whole_pixels_moves_the_content_and_repeats_the_border(x, pixels):
    where = (torch.arange(16) - pixels).clamp(0, 15)
    right = warped(x, each(0), each(1), each(pixels / 16), each(0))
    down = warped(x, each(0), each(1), each(0), each(pixels / 16))
    assert torch.allclose(right, x[:, :, :, where], atol=1e-4)
    assert torch.allclose(down, x[:, :, where], atol=1e-4)


def test_turn_and_shift_together_turn_first_and_then_move(x):
    turned = torch.rot90(x, 1, (2, 3))
    moved = warped(x, each(90), each(1), each(3 / 16), each(-2 / 16))
    columns, rows = (torch.arange(16) - 3).clamp(0, 15), (torch.arange(16) + 2).clamp(0, 15)
    assert torch.allclose(moved, turned[:, :, rows][:, :, :, columns], atol=1e-4)


def test_scale_two_doubles_what_is_in_the_middle():
    square = torch.full((1, 1, 16, 16), -1.0)
    square[:, :, 6:10, 6:10] = 1
    large = warped(square, each(0, 1), each(2, 1), each(0, 1), each(0, 1))
    assert (large > 0).sum() == pytest.approx(4 * 16, abs=8)
    assert (large[:, :, 5:11, 5:11] > 0.9).all()
    assert (large[:, :, :3] < -0.9).all()


def test_images_that_are_wider_than_high_keep_their_proportions():
    disc = torch.full((1, 1, 12, 24), -1.0)
    disc[:, :, 2:10, 11:13] = 1  # a bar, 8 high and 2 wide
    turned = warped(disc, each(90, 1), each(1, 1), each(0, 1), each(0, 1))
    assert torch.allclose(turned[0, 0, 5:7, 8:16], torch.ones(2, 8), atol=1e-4)
    assert (turned > 0).sum() == 16


def test_without_strength_nothing_changes_bit_for_bit(x):
    assert torch.equal(Augmentation()(x), x)


@pytest.mark.parametrize("name", ["rotation_degrees", "scale", "shift", "noise", "erase", "flip"])
def test_every_kind_of_change_changes_and_leaves_its_input_alone(x, name):
    before = x.clone()
    value = {"rotation_degrees": 20.0, "flip": True}.get(name, 0.2)
    changed = Augmentation(**{name: value})(x, seeded())
    assert torch.equal(x, before)
    assert not torch.equal(changed, x)
    assert (changed.shape, changed.dtype) == (x.shape, x.dtype)
    assert changed.isfinite().all()


def test_the_same_seed_draws_the_same_changes(x):
    assert torch.equal(ALL(x, seeded(1)), ALL(x, seeded(1)))
    assert not torch.equal(ALL(x, seeded(1)), ALL(x, seeded(2)))
    torch.manual_seed(1)
    first = ALL(x)
    torch.manual_seed(1)
    assert torch.equal(first, ALL(x))


@pytest.mark.parametrize("name", ["rotation_degrees", "scale", "shift", "noise", "erase"])
def test_each_image_is_changed_in_a_way_of_its_own(name):
    same = torch.randn(1, 1, 24, 24, generator=seeded()).expand(6, -1, -1, -1)
    changed = Augmentation(**{name: 15.0 if name == "rotation_degrees" else 0.3})(same, seeded())
    assert len({image.numpy().tobytes() for image in changed}) == 6


def test_a_flip_mirrors_about_half_of_the_images_and_leaves_the_others():
    x = torch.randn(400, 1, 4, 4, generator=seeded())
    flipped = Augmentation(flip=True)(x, seeded())
    mirrored = (flipped == x.flip(3)).flatten(1).all(1)
    kept = (flipped == x).flatten(1).all(1)
    assert (mirrored | kept).all()
    assert 150 < mirrored.sum() < 250


def test_one_more_kind_of_change_leaves_the_others_as_they_were(x):
    turned = Augmentation(rotation_degrees=20)(x, seeded())
    both = Augmentation(rotation_degrees=20, erase=0.2)(x, seeded())
    hidden = both != turned
    assert 0.1 < hidden.float().mean() < 0.3
    assert (both[hidden] == 0).all()


def test_the_noise_has_the_standard_deviation_that_was_asked_for():
    x = torch.zeros(20, 3, 32, 32)
    noise = Augmentation(noise=0.1)(x, seeded())
    assert noise.std().item() == pytest.approx(0.1 * RANGE, rel=0.02)
    assert noise.mean().abs() < 0.01
    black_and_white = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    assert to_input(black_and_white).diff(dim=0).item() == pytest.approx(RANGE)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.6])
def test_the_rectangle_covers_the_share_and_lies_within_the_image(share):
    x = torch.ones(200, 3, 32, 32)
    hidden = Augmentation(erase=share)(x, seeded()) == 0
    assert hidden.float().mean((1, 2, 3)).sub(share).abs().max() < 0.03
    assert torch.equal(hidden[:, 0], hidden[:, 2])
    rows, columns = hidden[:, 0].any(2).sum(1), hidden[:, 0].any(1).sum(1)
    assert torch.equal(rows * columns, hidden[:, 0].sum((1, 2))), "it is one rectangle"
    assert len({(a.item(), b.item()) for a, b in zip(rows, columns, strict=True)}) > 3


def test_the_rectangle_reaches_every_corner():
    x = torch.ones(4, 1, 8, 8)
    tops, lefts = torch.tensor([0.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 0.0, 1.0])
    hidden = erased(x, 0.25, tops, lefts, torch.full((4,), 0.5))[:, 0] == 0
    assert [hidden[i, r, c].item() for i, (r, c) in enumerate([(0, 0), (0, 7), (7, 0), (7, 7)])] == [True] * 4
    assert (hidden.sum((1, 2)) == 16).all()


@pytest.mark.parametrize(("name", "value"), [("scale", 1.0), ("erase", -0.1), ("noise", math.nan), ("shift", 0.6)])
def test_a_strength_out_of_range_is_named_with_its_limits(name, value):
    with pytest.raises(Mistake, match=rf"Augmentation\({name}=.*\): give a number from 0 \(none of it\) to"):
        Augmentation(**{name: value})


def test_its_text_tells_one_augmentation_from_another():
    assert repr(Augmentation(scale=0.2)) == repr(Augmentation(scale=0.2)) != repr(Augmentation(scale=0.3))
    assert "0x" not in repr(ALL)


@pytest.mark.gpu
def test_on_a_gpu_it_does_what_it_does_on_a_cpu(x):
    numbers = each(30), each(1.1), each(0.1), each(-0.05)
    on_gpu = warped(x.cuda(), *(n.cuda() for n in numbers)).cpu()
    assert torch.allclose(on_gpu, warped(x, *numbers), atol=1e-3)
    assert ALL(x.cuda()).device.type == "cuda"
