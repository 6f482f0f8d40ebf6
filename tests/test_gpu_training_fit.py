"""The whole fast training on a CPU: it learns, repeats itself, stops when asked, and says what this machine cannot do."""

import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from samples import dataset, same_weights, snapshot

from lessons_lib import gpu_training, training
from lessons_lib.explained import Mistake, NotHere
from lessons_lib.gpu_training import fit, network, published, sweeping, ways
from lessons_lib.gpu_training.looking import Views
from lessons_lib.gpu_training.orders import Changes
from lessons_lib.gpu_training.recipe import CIFAR10_MUON, FastRecipe
from lessons_lib.gpu_training.step import Step
from lessons_lib.gpu_training.ways import Way

TINY = (8, 12, 16)
DATA = dataset(train=128, test=40)
RECIPE = FastRecipe(epochs=6, batch_size=32, rate=12.0, bias_rate=4.0, smoothing=0.0, changes=Changes(shift=1))
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


def trained(recipe=RECIPE, seed=0, **how):
    net = network.build(3, 4, TINY)
    return net, fit(net, DATA, recipe, device="cpu", seed=seed, **how)


def test_the_loss_falls_and_the_test_images_are_known():
    net, result = trained()
    assert result.history.finished
    assert len(result.history.loss) == 24
    assert sum(result.history.loss[-4:]) < 0.7 * sum(result.history.loss[:4])
    assert 0.8 <= result.accuracy <= 1
    assert [step for step, _ in result.history.accuracy] == [4, 8, 12, 16, 20, 24]
    assert all(0 <= share <= 1 for _, share in result.history.accuracy)
    assert result.history.images == 24 * 32
    assert result.history.images_per_second > 0
    assert 0 < result.history.seconds < result.seconds < result.seconds_with_preparation
    assert result.memory_bytes is None, "a CPU keeps no such count"
    assert all(p.grad is None for p in net.parameters()), "a gradient would keep the memory of a graph"
    assert training.accuracy(net, DATA.test) == pytest.approx(result.accuracy)
    assert "of the test images, 1 view" in str(result)


def test_the_loop_of_the_course_trains_the_same_network():
    history = training.train(network.build(3, 4, TINY), DATA, training.Recipe(steps=20, batch_size=32), quiet=True)
    assert history.loss[-1] < history.loss[0]


def test_the_same_seed_gives_the_same_weights():
    (a, first), (b, second), (c, _) = trained(), trained(), trained(seed=1)
    assert same_weights(snapshot(a), snapshot(b))
    assert first.history.loss == second.history.loss
    assert not same_weights(snapshot(a), snapshot(c))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_sixteen_bits_come_near(precision):
    net, rough = trained(way=Way(precision, channels_last=True))
    _, exact = trained()
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert torch.tensor(rough.history.loss) == pytest.approx(torch.tensor(exact.history.loss), abs=0.15)
    assert rough.accuracy > 0.7


def test_muon_trains_the_filters():
    recipe = replace(CIFAR10_MUON, batch_size=32, epochs=6, rate=10.0, smoothing=0.0, changes=Changes(shift=1))
    _, result = trained(recipe)
    assert sum(result.history.loss[-4:]) < 0.7 * sum(result.history.loss[:4])
    assert result.accuracy > 0.8


def test_a_step_is_what_a_tutorial_would_write():
    net, twin = (network.build(3, 4, TINY) for _ in range(2))
    recipe = FastRecipe(batch_size=32, changes=Changes(shift=0), smoothing=0.0, bias_rate=1.0, decay=0.0)
    step = Step(net.train(), DATA.train.images, DATA.train.labels, recipe, Way())
    orders = torch.zeros(6, 32, dtype=torch.int64)
    orders[0] = torch.arange(32)
    loss = step(orders)
    twin.train()
    optimiser = torch.optim.SGD([p for p in twin.parameters() if p.requires_grad], 1.5 * 32 / 1024, 0.85, nesterov=True)
    wanted = torch.nn.CrossEntropyLoss()(twin(DATA.train.images[:32] / 63.75 - 2), DATA.train.labels[:32])
    wanted.backward()
    optimiser.step()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert not loss.requires_grad
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_the_rehearsal_leaves_the_network_as_it_was():
    net = network.build(3, 4, TINY)
    before = snapshot(net)
    step = Step(net, DATA.train.images, DATA.train.labels, RECIPE, Way())
    step.prepare(torch.zeros(6, 32, dtype=torch.int64))
    assert same_weights(before, snapshot(net))


def test_a_loss_that_is_not_finite_ends_the_training_with_a_sentence():
    with pytest.raises(Mistake, match=r"the loss became .*: the learning rate is too large"):
        trained(replace(RECIPE, rate=1e9, average_every=100))


def test_nothing_waits_for_the_loss_within_an_epoch(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.Tensor, "item", lambda self: asked.append(1) or float(self.tolist()))
    _, result = trained(replace(RECIPE, epochs=2))
    # item() is only called by the looks at accuracy: two in the rehearsal, one an epoch, one at the end
    assert len(asked) == 5
    assert result.accuracy is not None


def test_no_images_and_too_little_memory_become_sentences(monkeypatch):
    empty = replace(DATA, train=type(DATA.train)(DATA.train.images[:0], DATA.train.labels[:0]))
    with pytest.raises(Mistake, match="nothing to train on"):
        fit(network.build(3, 4, TINY), empty, RECIPE, device="cpu")

    def full(*args):
        try:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        except RuntimeError as error:  # what the end of a capture makes of it
            raise RuntimeError("capture failed") from error

    monkeypatch.setattr(Step, "__call__", full)
    with pytest.raises(NotHere, match="a batch of 32 does not fit into the memory"):
        trained()
    monkeypatch.setattr(Step, "__call__", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained()


def test_an_interrupt_ends_after_the_step_in_hand_and_says_so(monkeypatch):
    whole, calls = Step.__call__, []

    def interrupted(self, *args):
        calls.append(1)
        if len(calls) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return whole(self, *args)

    monkeypatch.setattr(Step, "__call__", interrupted)
    benchmark, handler = torch.backends.cudnn.benchmark, signal.getsignal(signal.SIGINT)
    net, result = trained()
    assert not result.history.finished
    assert len(result.history.loss) == len(result.history.rate) == len(result.history.step_seconds) == 6
    assert result.accuracy is None
    assert not result.reached(0.0)
    assert "stopped after 6 steps" in str(result)
    assert torch.backends.cudnn.benchmark == benchmark
    assert signal.getsignal(signal.SIGINT) == handler
    assert all(p.is_contiguous() for p in net.parameters())
    assert result.facts(0.5)["finished"] is False


def test_the_facts_can_be_written_and_say_what_was_reached():
    import json

    _, result = trained(replace(RECIPE, epochs=2), views=Views(shift=1))
    facts = json.loads(json.dumps(result.facts(0.01)))
    assert facts["reached"] is True
    assert facts["views"] == 3
    assert facts["seconds_to_target_on_validation"] <= facts["seconds"]
    assert result.facts(1.1)["seconds_to_target_on_validation"] is None
    assert facts["way"] == "float32, channels_last"


def fake_gpu(monkeypatch, capability):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((6, 1), torch.float16), ((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
)
def test_an_old_gpu_computes_in_float16(monkeypatch, capability, precision):
    fake_gpu(monkeypatch, capability)
    assert ways.best(GPU).precision is precision
    assert ways.best(GPU).graph
    assert ways.why_not(ways.best(GPU), GPU) is None


def test_a_gpu_that_is_too_old_is_told_apart_from_one_that_is_not_there(monkeypatch):
    assert "these are for NVIDIA GPUs, and this is the CPU" in ways.why_not(Way(tf32=True, graph=True), CPU)
    assert ways.why_not(Way(torch.bfloat16, compiled=True), CPU) is None
    fake_gpu(monkeypatch, (7, 5))
    assert "GPU bfloat16: this machine's GPU is too old" in ways.why_not(Way(torch.bfloat16), GPU)
    assert "GPU TF32: this machine's GPU is too old" in ways.why_not(Way(tf32=True), GPU)
    fake_gpu(monkeypatch, (6, 1))
    assert "needs compute capability 7.0 or newer" in ways.why_not(Way(compiled=True), GPU)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "sees no NVIDIA GPU" in ways.why_not(Way(), GPU)


def test_the_ladder_turns_one_more_knob_each_time(monkeypatch):
    assert list(ways.ladder(CPU).values()) == [Way(), Way(channels_last=True), Way(torch.bfloat16, channels_last=True)]
    assert "bfloat16, compiled" in ways.ladder(CPU, compiled=True)
    fake_gpu(monkeypatch, (8, 0))
    assert list(ways.ladder(GPU, compiled=True).values()) == [
        Way(),
        Way(tf32=True),
        Way(tf32=True, channels_last=True),
        Way(torch.bfloat16, True, True),
        Way(torch.bfloat16, True, True, compiled=True),
        Way(torch.bfloat16, True, True, graph=True),
    ]
    fake_gpu(monkeypatch, (7, 5))
    possible = [name for name, way in ways.ladder(GPU).items() if ways.why_not(way, GPU) is None]
    assert possible == ["float32", "and channels_last", "and float16", "float16, CUDA graph"]


def test_ways_that_a_cpu_lacks_are_refused_with_the_reason():
    with pytest.raises(NotHere, match="CUDA graphs: these are for NVIDIA GPUs"):
        trained(way=Way(graph=True))


def test_tf32_is_allowed_for_a_way_that_has_it_only_while_it_trains(monkeypatch):
    asked = []

    @contextmanager
    def noted(allowed):
        asked.append(allowed)
        yield

    monkeypatch.setattr(gpu_training, "tf32", noted)
    monkeypatch.setattr(sweeping, "tf32", noted)
    trained(replace(RECIPE, epochs=1))
    assert asked == [False]
    sweeping.Turn(network.build(3, 4, TINY), DATA.train, Way(), 16, CPU)()
    assert asked == [False] * 4


def swept(batches, **given):
    net = network.build(3, 4, TINY)
    return sweeping.sweep(net, DATA.train, ways.ladder(CPU), batches, device=CPU, seconds=0.2, **given)


def test_a_sweep_measures_every_way_at_every_batch():
    found = swept((8, 16))
    assert set(found.measured) == {8, 16}
    assert all(list(by_name) == list(ways.ladder(CPU)) for by_name in found.measured.values())
    assert found.images == {8: 8, 16: 16}
    assert found.problems == []
    assert set(found.memory_bytes[8].values()) == {None}


def test_ways_that_do_not_fit_together_are_told_and_smaller_batches_follow(monkeypatch):
    timed = sweeping._timed

    def small_memory(turns, *given):
        if any(turn.batch > 8 for turn in turns.values()):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return timed(turns, *given)

    monkeypatch.setattr(sweeping, "_timed", small_memory)
    found = swept((8, 16))
    assert (list(found.measured), list(found.images), list(found.memory_bytes)) == ([8], [8], [8])
    assert found.problems == ["With a batch of 16 not all ways fit into the memory together."]


def test_a_batch_that_does_not_fit_is_told_and_smaller_ones_follow(monkeypatch):
    whole = Step.prepare

    def small_memory(self, orders):
        if orders.shape[1] > 16 and self.way.precision is None:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        whole(self, orders)

    monkeypatch.setattr(Step, "prepare", small_memory)
    found = swept((8, 64))
    assert list(found.measured[64]) == ["and bfloat16"]
    assert len(found.measured[8]) == 3
    assert found.problems[0] == "float32: a batch of 64 does not fit into the memory; smaller ones are tried."
    assert len(found.problems) == 2


def test_what_cannot_be_done_is_told_once_and_mistakes_in_the_code_are_not_hidden(monkeypatch):
    monkeypatch.setattr(Step, "prepare", lambda *args: (_ for _ in ()).throw(RuntimeError("\n no compiler\nmore")))
    found = swept((8, 16))
    assert found.measured == {}
    assert found.problems[0] == "float32 cannot be measured here. PyTorch says: no compiler"
    assert len(found.problems) == 3
    monkeypatch.setattr(Step, "prepare", lambda *args: undefined)  # noqa: F821
    with pytest.raises(NameError):
        swept((8,))


def test_more_images_than_there_are_repeat():
    net = network.build(3, 4, TINY)
    turn = sweeping.Turn(net, DATA.train, Way(), 300, CPU)
    assert len(turn.step.images) >= 300
    assert (turn.images, turn.steps) == (300, 1)
    before = snapshot(net)
    turn()
    assert same_weights(before, snapshot(net))


@pytest.mark.parametrize(
    ("gpu", "told"),
    [
        ("NVIDIA A100-SXM4-40GB", "2.00 times the record"),
        ("NVIDIA H100 80GB HBM3", "2.00 times the record"),
        ("Tesla T4", "no ratio is given"),
        ("AMD EPYC", "no ratio is given"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "no ratio is given"),
    ],
)
def test_the_record_is_only_compared_with_on_a_gpu_of_its_class(gpu, told):
    sentence = published.against(2 * published.RECORD.seconds, gpu)
    assert told in sentence
    assert gpu in sentence
    assert "2.59 s on one NVIDIA A100" in sentence
    assert "airbench94.py" in sentence


def test_an_error_that_another_one_hides_is_still_found():
    outer, inner = RuntimeError("operation not permitted when stream is capturing"), torch.OutOfMemoryError("x")
    assert not gpu_training.ran_out(outer)
    outer.__context__ = inner
    assert gpu_training.ran_out(outer)
    assert not gpu_training.ran_out(None)
