"""The fast training on a real GPU: a captured or compiled step is the same step, it is faster, and its memory is told."""

import gc
from dataclasses import replace

import pytest
import torch
from samples import dataset

from lessons_lib import datasets, peak_arithmetic, training
from lessons_lib.explained import NotHere
from lessons_lib.gpu_training import fit, network, orders, recipe, sweeping, ways
from lessons_lib.gpu_training.orders import Changes
from lessons_lib.gpu_training.recipe import FastRecipe
from lessons_lib.gpu_training.step import Step
from lessons_lib.gpu_training.ways import Way
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.parts import steps as steps_part
from lessons_lib.machine_record.parts import training as training_part
from lessons_lib.tf32 import tf32

pytestmark = pytest.mark.gpu

NARROW = (16, 32, 32)
DATA = dataset(train=512, test=64, size=32)
RECIPE = FastRecipe(batch_size=128, rate=1.0, bias_rate=1.0, changes=Changes(mirror=True, shift=2, cutout=4))


def gpu() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())


def steps_of(way: Way, count: int = 6) -> tuple[list[float], torch.Tensor]:
    """Losses and weights of a few steps, after a preparation that must not matter."""
    device = gpu()
    net = network.build(3, 4, NARROW).to(device).to(memory_format=way.layout)
    network.whiten(net, DATA.train.images.to(device))
    planned = orders.drawn(512, 2, RECIPE.changes, 32, seed=0).to(device)
    step = Step(net.train(), DATA.train.images.to(device), DATA.train.labels.to(device), RECIPE, way)
    with tf32(way.tf32):
        step.prepare(planned[:, :128])
        losses = [step(planned[:, 128 * i : 128 * (i + 1)], 0.3).clone() for i in range(count)]
    return torch.stack(losses).tolist(), torch.cat([p.detach().float().cpu().flatten() for p in net.parameters()])


def same(way: Way, other: Way, tolerance: float) -> None:
    losses, weights = steps_of(way)
    other_losses, other_weights = steps_of(other)
    assert other_losses == pytest.approx(losses, rel=tolerance)
    start = torch.cat([p.detach().flatten() for p in network.build(3, 4, NARROW).parameters()])
    free = len(network.build(3, 4, NARROW).whiten.weight.flatten())
    moved = (weights - start)[free:].norm()
    assert (weights - other_weights).norm() < 20 * tolerance * moved


def test_a_batch_on_the_gpu_is_that_on_the_cpu():
    planned = orders.drawn(512, 1, RECIPE.changes, 32, seed=0)
    on_cpu = orders.batch(DATA.train.images, planned, 4)
    on_gpu = orders.batch(DATA.train.images.cuda(), planned.cuda(), 4)
    assert torch.allclose(on_gpu.cpu(), on_cpu, atol=1e-6)


def test_a_captured_step_is_the_eager_step():
    same(Way(channels_last=True), Way(channels_last=True, graph=True), 2e-3)


def test_a_captured_step_in_sixteen_bits_is_the_eager_one():
    half = Way(ways.best(gpu()).precision, tf32=True, channels_last=True)
    same(half, replace(half, graph=True), 2e-2)


def test_a_compiled_step_is_the_eager_step():
    compiled = Way(channels_last=True, compiled=True)
    if problem := ways.why_not(compiled, gpu()):
        pytest.skip(problem)
    same(Way(channels_last=True), compiled, 5e-3)


def test_the_gpu_makes_the_steps_of_the_cpu():
    losses, _ = steps_of(Way())
    net = network.build(3, 4, NARROW)
    network.whiten(net, DATA.train.images)
    planned = orders.drawn(512, 2, RECIPE.changes, 32, seed=0)
    step = Step(net.train(), DATA.train.images, DATA.train.labels, RECIPE, Way())
    assert [step(planned[:, 128 * i : 128 * (i + 1)], 0.3).item() for i in range(6)] == pytest.approx(losses, rel=5e-3)


@pytest.mark.parametrize("graph", [False, True])
def test_float16_with_its_scaler_learns_too(graph):
    losses, weights = steps_of(Way(torch.float16, channels_last=True, graph=graph), count=8)
    assert weights.isfinite().all()
    assert losses[-1] < losses[0]


def test_muon_learns_from_a_captured_step():
    given = replace(recipe.CIFAR10_MUON, batch_size=128, epochs=3, rate=4.0, smoothing=0.0)
    result = fit(network.build(3, 4, NARROW), DATA, given, device="cuda")
    assert result.history.finished
    assert result.history.loss[-1] < result.history.loss[0]


def test_road_signs_are_learnt_in_seconds():
    data = datasets.load("road_signs", train=8_000, validation=200, test=1_000)
    result = fit(network.build(3, 12), data, recipe.ROAD_SIGNS, device="cuda")
    assert result.accuracy > 0.95
    assert result.seconds < 120
    assert 0 < result.memory_bytes < torch.cuda.get_device_properties(gpu()).total_memory
    assert result.history.finished


def test_a_training_leaves_nothing_of_its_graph_in_the_memory():
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    fit(network.build(3, 4, NARROW), DATA, replace(RECIPE, epochs=1), device="cuda")
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() - before < 16 * 2**20


def test_it_is_faster_than_the_plain_loop_on_the_same_gpu():
    data = dataset(train=6_400, test=64, size=32)
    plain = training.Recipe(steps=100, batch_size=64)
    for _ in range(2):  # the first has to start everything up
        slow = training.train(network.build(3, 4, NARROW), data, plain, device="cuda", evaluate_every=100, quiet=True)
    quick = fit(network.build(3, 4, NARROW), data, replace(RECIPE, batch_size=64, epochs=1), device="cuda")
    assert quick.history.images_per_second > slow.images_per_second


def test_too_little_memory_is_told_and_less_is_still_possible():
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(gpu()).total_memory
    large = dataset(train=2048, test=64, size=64)
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 600 * 2**20) / total))
    try:
        with pytest.raises(NotHere, match="a batch of 2048 does not fit into the memory"):
            fit(network.build(3, 4), large, replace(RECIPE, batch_size=2048, epochs=1), device="cuda")
        gc.collect()  # the error's frames hold what was being calculated
        torch.cuda.empty_cache()
        assert fit(
            network.build(3, 4, NARROW), large, replace(RECIPE, batch_size=64, epochs=0.1), device="cuda"
        ).history.finished
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def test_a_sweep_measures_every_way_that_this_gpu_has():
    candidates = ways.ladder(gpu())
    found = sweeping.sweep(network.build(3, 4, NARROW), DATA.train, candidates, (32, 128), device=gpu(), seconds=2.0)
    possible = {name for name, way in candidates.items() if ways.why_not(way, gpu()) is None}
    assert {frozenset(by_name) for by_name in found.measured.values()} == {frozenset(possible)}
    assert all(size > 0 for by_name in found.memory_bytes.values() for size in by_name.values())
    assert found.images == {32: 128, 128: 512}


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_matrix_products_stay_below_the_data_sheet(precision):
    device = gpu()
    with tf32(False):
        rate = peak_arithmetic.measured(device, precision, seconds=0.5)
    sheet = peak_arithmetic.published(torch.cuda.get_device_name(device), precision)
    assert rate > 1e11
    assert sheet is None or 0.1 < rate / sheet < 1.2


def test_both_parts_of_a_record_are_measured_on_a_gpu():
    context = Context(gpu(), "smoke", say=lambda line: None)
    found = steps_part.measure(context)
    assert {row["batch"] for row in found.facts["rows"]} == {16, 64, 1024}
    assert all(row["memory_bytes"] > 0 for row in found.facts["rows"])
    assert steps_part.tables(found)
    trained = training_part.measure(context)
    assert [task["name"] for task in trained.facts["tasks"]] == ["road signs, 32 pixels", "road signs, 64 pixels"]
    assert training_part.tables(trained)
