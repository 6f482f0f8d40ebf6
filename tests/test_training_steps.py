"""Every way of doing a training step does the same training; what cannot be done here says so."""

import copy

import pytest
import torch
from samples import dataset, same_weights, snapshot
from torch import nn

from lessons_lib import models, training_steps
from lessons_lib.timing import Verdict
from lessons_lib.timing.measurement import Comparison, Measurement
from lessons_lib.training_steps import Knobs, TrainingStep, against, ladder, more, most_helpful, usable

DATA = dataset(train=96).train
PLAIN, INDEXED = Knobs(), Knobs(indexed=True)
LAST = Knobs(indexed=True, channels_last=True)


@pytest.fixture
def model() -> nn.Module:
    return models.build("small", channels=3, classes=4, seed=0)


def weights(step: TrainingStep) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in step.model.parameters()])


def test_a_step_leaves_the_given_model_alone_and_moves_its_own_copy(model):
    before, step = snapshot(model), TrainingStep(model, DATA, 16)
    step()
    assert same_weights(snapshot(model), before)
    assert not same_weights(snapshot(step.model), before)


def test_a_step_is_what_a_tutorial_would_write(model):
    mine = TrainingStep(model, DATA, 16, INDEXED, rate=0.05)
    images, labels = next(training_steps.indexed(DATA, 16, torch.device("cpu"), seed=0))
    by_hand = copy.deepcopy(model).train()
    optimiser = torch.optim.SGD(by_hand.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    nn.CrossEntropyLoss()(by_hand(images / 63.75 - 2), labels).backward()
    optimiser.step()
    mine()
    assert torch.allclose(weights(mine), torch.cat([p.detach().flatten() for p in by_hand.parameters()]), atol=1e-6)


def test_the_layout_changes_the_memory_and_not_the_training(model):
    one, other = TrainingStep(model, DATA, 16, INDEXED), TrainingStep(model, DATA, 16, LAST)
    for _ in range(3):
        one()
        other()
    assert other.model.blocks[1][0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(weights(one), weights(other), atol=1e-4)


def test_sixteen_bits_come_near_and_keep_the_weights_in_thirty_two(model):
    exact, rough = (TrainingStep(model, DATA, 32, knobs) for knobs in more(LAST, "cpu", compiled=False).values())
    exact()
    rough()
    assert {p.dtype for p in rough.model.parameters()} == {torch.float32}
    moved, difference = (
        weights(exact) - weights(rough),
        weights(exact) - torch.cat([p.detach().flatten() for p in model.parameters()]),
    )
    assert 0 < moved.norm() < 0.2 * difference.norm()


@pytest.mark.parametrize("fetch", [training_steps.loaded, training_steps.indexed])
@pytest.mark.parametrize("batch_size", [7, 32, 96, 200])
def test_batches_never_end_and_hold_images_with_their_labels(fetch, batch_size):
    known = {(image.numpy().tobytes(), int(label)) for image, label in zip(DATA.images, DATA.labels, strict=True)}
    batches = fetch(DATA, batch_size, torch.device("cpu"), 0)
    for _ in range(20):
        images, labels = next(batches)
        assert images.shape == (batch_size, 3, 16, 16)
        assert images.dtype == torch.uint8
        found = {(image.numpy().tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}
        assert found <= known


@pytest.mark.parametrize("fetch", [training_steps.loaded, training_steps.indexed])
def test_an_epoch_visits_every_image_once(fetch):
    batches = fetch(DATA, 32, torch.device("cpu"), 0)
    seen = torch.cat([next(batches)[0] for _ in range(3)])
    assert sorted(map(bytes, seen.numpy())) == sorted(map(bytes, DATA.images.numpy()))


def test_each_rung_of_the_ladder_turns_one_more_knob():
    rungs = list(ladder("cpu").values())
    assert rungs == [PLAIN, INDEXED, LAST]
    assert list(more(LAST, "cpu", compiled=True).values()) == [
        LAST,
        Knobs(indexed=True, channels_last=True, precision=torch.bfloat16),
        Knobs(indexed=True, channels_last=True, compiled=True),
    ]


@pytest.mark.parametrize(
    ("capability", "kind"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_an_old_gpu_gets_float16(monkeypatch, capability, kind):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
    assert training_steps.half_precision("cuda") is kind
    assert training_steps.half_precision("cpu") is torch.bfloat16


def test_what_cannot_be_done_here_becomes_a_sentence(model, monkeypatch):
    good, bad = TrainingStep(model, DATA, 8), TrainingStep(model, DATA, 8)

    def no_compiler(x):
        raise RuntimeError("\n  No working C++ compiler found in cxx: (None, 'g++')\nmany more lines")

    monkeypatch.setattr(bad, "forward", no_compiler)
    steps, told = usable({"plain": good, "torch.compile": bad})
    assert steps == {"plain": good}
    assert told == [
        "torch.compile cannot be measured here. PyTorch says: No working C++ compiler found in cxx: (None, 'g++')"
    ]


def test_a_mistake_in_the_code_is_not_hidden(model, monkeypatch):
    step = TrainingStep(model, DATA, 8)
    monkeypatch.setattr(step, "forward", lambda x: undefined)  # noqa: F821
    with pytest.raises(NameError):
        step.problem()


def test_any_two_of_a_comparison_can_be_judged():
    measured = {name: Measurement(name, (ms,) * 8) for name, ms in (("a", 4.0), ("b", 2.0), ("c", 1.0))}
    comparison = Comparison("a", measured, 0.995)
    assert against(comparison, "b", "c").ratio == pytest.approx(2)
    assert against(comparison, "c", "a").word == "slower"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_every_way_works_on_a_gpu(model):
    for knobs in [*ladder("cuda").values(), *more(LAST, "cuda", compiled=False).values()]:
        step = TrainingStep(model, DATA, 16, knobs, device="cuda")
        step()
        assert weights(step).isfinite().all()


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ({"a": Verdict(1.02, 0.9, 1.2), "b": Verdict(1.5, 1.4, 1.6)}, "The most is gained by b."),
        ({"a": Verdict(1.02, 1.01, 1.03), "b": Verdict(0.5, 0.4, 0.6)}, "None of them does much here."),
        ({"a": Verdict(1.5, 0.9, 2.4), "b": Verdict(1.3, 1.25, 1.35)}, "The most is gained by b."),
        ({"a": Verdict(1.0, 0.95, 1.05), "b": Verdict(0.5, 0.4, 0.6)}, "None of them does much here."),
        (
            {"a": Verdict(3.0, 0.9, 9.0), "b": Verdict(0.5, 0.4, 0.6)},
            "Whether a does much here cannot be told; nothing else does.",
        ),
        ({"a": Verdict(1.05, 1.01, 1.2)}, "Whether any of them does much here cannot be told."),
        (
            {"a": Verdict(1.2, 0.8, 1.8), "b": Verdict(1.0, 0.7, 1.4)},
            "Whether any of them does much here cannot be told.",
        ),
        (
            {"a": Verdict(1.4, 1.3, 1.5), "b": Verdict(1.5, 1.4, 1.6)},
            "The most is gained by a and by b; which of them gains more cannot be told.",
        ),
    ],
)
def test_the_most_helpful_change_is_named_where_one_can_be_told(gains, told):
    assert most_helpful(gains) == told
