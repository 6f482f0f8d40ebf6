"""The vision transformer: against the counter of PyTorch, against a convolution, and that it learns."""

import pytest
import torch
from samples import dataset
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib import models, vit


@pytest.mark.parametrize("name", list(vit.SIZES))
@pytest.mark.parametrize("size", [16, 32])
def test_its_products_are_those_that_pytorch_counts(name, size):
    with torch.device("meta"):
        model = vit.VisionTransformer(size, size // 8, *vit.SIZES[name], classes=12)
        images = torch.empty(1, 3, size, size)
    with FlopCounterMode(display=False) as counter:
        assert model(images).shape == (1, 12)
    assert counter.get_total_flops() == 2 * vit.macs(model)


@pytest.mark.parametrize(("width", "depth"), [(64, 2), (192, 4)])
def test_its_parameters_are_those_of_the_formula(width, depth):
    model = vit.VisionTransformer(32, 4, width, depth, 2, classes=10)
    block = 4 * width + (3 * width * width + 3 * width) + (width * width + width) + 8 * width * width + 5 * width
    assert models.parameters(model) == (48 + 1) * width + 64 * width + depth * block + 2 * width + 10 * (width + 1)


def test_embedding_the_patches_is_a_convolution_with_steps_as_wide_as_its_filter():
    model = vit.build("tiny", image_shape=(3, 32, 32), classes=5)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    filters = model.embed.weight.view(-1, 3, 4, 4)
    expected = torch.conv2d(images, filters, model.embed.bias, stride=4).flatten(2).transpose(1, 2)
    assert torch.allclose(model.embed(model.patches(images)), expected, atol=1e-5)


def test_attention_is_the_formula_written_out():
    attention = vit.Attention(8, 2)
    x = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    q, k, v = attention.qkv(x).chunk(3, -1)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / 2, -1)  # 2 is the root of a head's width
        heads.append(weights @ v[..., part])
    assert torch.allclose(attention(x), attention.out(torch.cat(heads, -1)), atol=1e-6)


def test_it_learns():
    data = dataset()
    model = vit.build("tiny", image_shape=data.image_shape, classes=len(data.classes), seed=1)
    images, labels = models.to_input(data.train.images[:64]), data.train.labels[:64]
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_the_same_seed_is_the_same_network_and_nobody_else_is_disturbed():
    before = torch.get_rng_state()
    one, other = (vit.build("tiny", image_shape=(3, 16, 16), classes=4, seed=3) for _ in range(2))
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: vit.build("huge", image_shape=(3, 32, 32), classes=2), "no transformer 'huge'; choose one of tiny"),
        (lambda: vit.build("tiny", image_shape=(3, 28, 32), classes=2), "28 x 32"),
        (lambda: vit.build("tiny", image_shape=(1, 28, 28), classes=2), "multiple of 8"),
        (lambda: vit.VisionTransformer(30, 4), "size 30 has to be a multiple of patch 4"),
        (lambda: vit.VisionTransformer(width=100, heads=6), "width 100 of heads 6"),
    ],
)
def test_sizes_that_do_not_fit_are_named(make, told):
    with pytest.raises(ValueError, match=told):
        make()
