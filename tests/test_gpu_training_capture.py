"""Capturing and replaying a step without a GPU: stand-ins for CUDA's streams and graphs note what is asked of them."""

from contextlib import contextmanager, nullcontext

import pytest
import torch
from samples import dataset, same_weights, snapshot

from lessons_lib.gpu_training import network, orders, recipe, step, ways
from lessons_lib.gpu_training.orders import Changes
from lessons_lib.gpu_training.recipe import FastRecipe
from lessons_lib.gpu_training.step import Captured, Step
from lessons_lib.gpu_training.ways import Way

DATA = dataset(train=64).train
RECIPE = FastRecipe(batch_size=16, rate=5.0, bias_rate=2.0, changes=Changes(mirror=True, shift=1, cutout=2))


@pytest.fixture
def cuda(monkeypatch):
    """CUDA as far as `Captured` knows it; returns what happened, in order."""
    happened = []

    class Stream:
        def __init__(self, name):
            self.name = name if isinstance(name, str) else "side"

        def wait_stream(self, other):
            happened.append(f"{self.name} waits for {other.name}")

    class Graph:
        def replay(self):
            happened.append("replay")

    @contextmanager
    def within(what):
        happened.append(f"begin {what}")
        yield
        happened.append(f"end {what}")

    def set_stream(stream):
        happened.append(f"back to {stream.name}")

    main = Stream("main")
    monkeypatch.setattr(torch.cuda, "set_stream", set_stream)
    monkeypatch.setattr(step, "mend_random_numbers", lambda device: happened.append("random numbers mended"))
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: within(f"stream {stream.name}"))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, stream: within(f"capture on {stream.name}"))
    return happened


def test_the_work_runs_on_the_side_stream_before_it_is_captured_there(cuda):
    seen = []

    def work(given):
        cuda.append("work")
        seen.append(given)
        return given.sum()

    sample = torch.ones(3)
    captured = Captured(work, sample)
    assert cuda == [
        "side waits for main",
        "begin stream side",
        *["work"] * step.WARM_UPS,
        "end stream side",
        "main waits for side",
        "begin capture on side",
        "work",
        "end capture on side",
    ]
    assert all(given is captured.given for given in seen), "a graph reads its inputs where they were captured"
    assert captured.given is not sample


def test_a_capture_that_fails_leaves_neither_its_stream_nor_waiting_random_numbers_behind(cuda):
    def hungry(given):
        if cuda[-1].startswith("begin capture"):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return given.sum()

    with pytest.raises(torch.OutOfMemoryError):
        Captured(hungry, torch.ones(3))
    assert cuda[-2:] == ["back to main", "random numbers mended"]


def test_a_call_copies_the_inputs_to_where_the_graph_reads_them_and_replays(cuda):
    captured = Captured(lambda given: given.sum(), torch.zeros(3))
    place = captured.given.data_ptr()
    cuda.clear()
    result = captured(torch.tensor([1.0, 2.0, 3.0]))
    assert cuda == ["replay"], "the work itself is not called again"
    assert captured.given.tolist() == [1.0, 2.0, 3.0]
    assert captured.given.data_ptr() == place
    assert result is captured.result


class Replayed:
    """What a graph does, in Python: the same work into the same memory, gradients overwritten where they lie."""

    def __init__(self, work, sample):
        self.work, self.given = work, sample.clone()
        for _ in range(step.WARM_UPS + 1):
            self.result = work(self.given)
        self.parameters = [p for p in work.__self__.net.parameters() if p.grad is not None]
        self.gradients = [p.grad for p in self.parameters]

    def __call__(self, given):
        assert all(p.grad is g for p, g in zip(self.parameters, self.gradients, strict=True)), "gradients were moved"
        self.given.copy_(given)
        self.result.copy_(self.work(self.given))
        for p, gradient in zip(self.parameters, self.gradients, strict=True):
            gradient.copy_(p.grad)
            p.grad = gradient
        return self.result


@pytest.mark.parametrize("precision", [None, torch.bfloat16, torch.float16])
def test_replaying_trains_exactly_as_running_does(monkeypatch, precision):
    monkeypatch.setattr(step, "Captured", Replayed)
    planned = orders.drawn(64, 2, RECIPE.changes, 16, seed=0)
    trained = []
    for graph in (False, True):
        net = network.build(3, 4, (8, 12, 16)).to(memory_format=torch.channels_last)
        one = Step(net, DATA.images, DATA.labels, RECIPE, Way(precision, channels_last=True, graph=graph))
        one.prepare(planned[:, :16])
        losses = [one(planned[:, 16 * i : 16 * (i + 1)], RECIPE.rate_at(i, 8)).item() for i in range(8)]
        trained.append((losses, snapshot(net)))
    assert trained[0][0] == trained[1][0]
    assert same_weights(trained[0][1], trained[1][1])


def test_the_best_way_of_a_gpu_is_used_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (9, 0))
    best = ways.best(torch.device("cuda"))
    assert str(best) == "bfloat16, channels_last, CUDA graph"
    assert str(Way()) == "float32"
    assert str(Way(tf32=True, compiled=True)) == "tf32, compiled"


def test_no_tensor_of_a_step_is_left_on_another_device(monkeypatch):
    """The meta device refuses what lies elsewhere, as a GPU does."""
    monkeypatch.setattr(Way, "autocast", lambda self, device: nullcontext())
    net = network.build(3, 4, (8, 12, 16)).to("meta").to(memory_format=torch.channels_last)
    planned = orders.drawn(64, 1, RECIPE.changes, 16, seed=0).to("meta")
    one = Step(net, DATA.images.to("meta"), DATA.labels.to("meta"), RECIPE, Way(channels_last=True))
    one.prepare(planned[:, :16])
    averager = recipe.Averager(net, every=1, total=2)
    for number in (1, 2):
        assert one(planned[:, :16], 0.5).device.type == "meta"
        averager.after(number)
    assert {p.grad.device.type for p in net.parameters() if p.requires_grad} == {"meta"}
    assert {t.device.type for t in [*net.state_dict().values(), *averager.slow]} == {"meta"}
    with pytest.raises(RuntimeError, match=r"device|meta"):
        Step(net, DATA.images.to("meta"), DATA.labels, RECIPE, Way())(planned[:, :16])
