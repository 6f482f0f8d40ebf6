"""The wide network: the same function in PyTorch and ONNX Runtime, and a head that was really fitted."""

import pytest
import torch
from samples import dataset

from lessons_lib import models, onnx_session, training, wide


@pytest.fixture(scope="module")
def fitted():
    data = dataset(train=96, test=40)
    return data, wide.fit(data.train, 4, width=64)


def test_the_head_is_fitted_and_the_rest_is_not_trained(fitted):
    data, model = fitted
    assert training.accuracy(model, data.test) > 0.9
    torch.manual_seed(0)
    fresh = wide.WideNet((3, 16, 16), 4, 64)
    assert torch.equal(fresh.hidden[1].weight, model.hidden[1].weight)
    assert not torch.equal(fresh.head.weight, model.head.weight)


def test_fitting_repeats_itself_and_leaves_the_global_random_state(fitted):
    data, model = fitted
    before = torch.random.get_rng_state()
    again, other = wide.fit(data.train, 4, width=64), wide.fit(data.train, 4, width=64, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(again.head.weight, model.head.weight)
    assert not torch.equal(other.head.weight, model.head.weight)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_graph_computes_the_same(fitted, batch):
    data, model = fitted
    x = models.to_input(data.test.images[:batch])
    run = onnx_session.runner(wide.to_onnx(model), 1)
    with torch.inference_mode():
        assert torch.allclose(run(x), model(x), atol=1e-4)


def test_grey_images_of_another_size_work_too():
    data = dataset(channels=1, size=20)
    model = wide.fit(data.train, 4, width=32)
    run = onnx_session.runner(wide.to_onnx(model), 1)
    assert run(models.to_input(data.test.images[:3])).shape == (3, 4)
    assert models.macs(model, data.image_shape) == 400 * 32 + 32 * 32 + 32 * 4
