"""Distillation: its loss against torch's own divergence, its gradient, and training on a teacher's answers."""

import copy

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch.nn import functional as F

from lessons_lib import distillation, models, training
from lessons_lib.distillation import Distillation, distillation_loss

RECIPE = training.Recipe(steps=10, batch_size=16, peak_rate=0.1)


def some_logits(seed, images=7, classes=5):
    return 2 * torch.randn(images, classes, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_loss_is_the_weighted_sum_of_divergence_and_cross_entropy(temperature, share):
    mine, taught, labels = some_logits(1), some_logits(2), torch.arange(7) % 5
    p, q = (torch.distributions.Categorical(logits=logits / temperature) for logits in (taught, mine))
    soft = torch.distributions.kl_divergence(p, q).mean() * temperature**2
    hard = -torch.stack([row.log_softmax(0)[label] for row, label in zip(mine, labels, strict=True)]).mean()
    got = distillation_loss(mine, taught, labels, temperature, share)
    assert torch.allclose(got, share * soft + (1 - share) * hard, atol=1e-5)


def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn():
    logits = some_logits(3).requires_grad_()
    loss = distillation_loss(logits, logits.detach() + 3.0, torch.zeros(7, dtype=torch.int64), soft_share=1.0)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert gradient.abs().max() < 1e-6


def test_the_square_keeps_gradients_at_their_size_whatever_the_temperature():
    sizes = []
    for temperature in (20.0, 200.0):
        logits = some_logits(4).requires_grad_()
        loss = distillation_loss(logits, some_logits(5), torch.zeros(7, dtype=torch.int64), temperature, 1.0)
        sizes.append(torch.autograd.grad(loss, logits)[0].norm().item())
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)


def test_each_image_meets_its_own_teaching_whatever_the_order():
    taught, labels = some_logits(6), torch.arange(7) % 5
    places = torch.tensor([6, 0, 3])
    mine = some_logits(7, images=3)
    got = Distillation(taught, labels, 3.0, 0.5)(mine, places)
    assert torch.equal(got, distillation_loss(mine, taught[places], labels[places], 3.0, 0.5))


def test_the_teacher_is_asked_about_every_training_image_once_and_stays_as_it_is():
    teacher, data = copy.deepcopy(learnt("vgg")), dataset()
    before = snapshot(teacher)
    taught = distillation.ask(teacher, data)
    assert torch.allclose(taught.teacher_logits, training.predict(teacher, data.train.images))
    assert taught.labels is data.train.labels
    distillation.distil(models.build("small", classes=4, seed=0), teacher, data, RECIPE, quiet=True)
    assert same_weights(snapshot(teacher), before)


def test_a_student_comes_closer_to_its_teacher():
    teacher, data = learnt("small"), dataset()
    taught, student = distillation.ask(teacher, data), models.build("small", classes=4, seed=3)

    def distance():
        said = training.predict(student, data.train.images)
        return F.kl_div(said.log_softmax(1), taught.teacher_logits.softmax(1), reduction="batchmean").item()

    start = distance()
    history = distillation.distil(student, taught, data, training.Recipe(steps=60, batch_size=16), quiet=True)
    assert history.finished
    assert distance() < 0.5 * start


def test_taught_by_the_labels_alone_it_is_plain_training():
    data, plain = dataset(), models.build("small", classes=4, seed=1)
    taught = copy.deepcopy(plain)
    recipe = training.Recipe(steps=6, batch_size=16, smoothing=0.0)
    training.train(plain, data, recipe, quiet=True)
    distillation.distil(taught, distillation.ask(plain, data, soft_share=0.0), data, recipe, quiet=True)
    for mine, theirs in zip(snapshot(plain).values(), snapshot(taught).values(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4)


class Stopped(Exception):
    pass


def stopping_at(taught, step):
    """The same loss, which fails once so many batches were seen."""

    class Failing:
        calls = 0

        def __call__(self, logits, places):
            self.calls += 1
            if self.calls > step:
                raise Stopped
            return taught(logits, places)

        def __repr__(self):
            return repr(taught)

    return Failing()


def test_a_distillation_that_was_stopped_goes_on_bit_for_bit_and_only_with_its_own_teacher(tmp_path):
    data, path = dataset(), tmp_path / "distil.safetensors"
    taught = distillation.ask(learnt("vgg"), data)

    def student():
        return models.build("small", classes=4, seed=2)

    through, stopped = student(), student()
    training.train(through, data, RECIPE, loss=taught, quiet=True)
    keep = {"checkpoint": path, "checkpoint_every": 1, "quiet": True}
    with pytest.raises(Stopped):
        training.train(stopped, data, RECIPE, loss=stopping_at(taught, 6), **keep)
    stolen = path.read_bytes()
    history = training.train(stopped, data, RECIPE, loss=taught, **keep)
    assert len(history.loss) == 10
    assert same_weights(snapshot(stopped), snapshot(through))
    path.write_bytes(stolen)
    other = distillation.ask(learnt("small"), data)
    other_student, from_the_start = student(), student()
    training.train(other_student, data, RECIPE, loss=other, **keep)
    training.train(from_the_start, data, RECIPE, loss=other, quiet=True)
    assert same_weights(snapshot(other_student), snapshot(from_the_start))


def test_after_step_is_called_before_the_first_step_and_after_each_before_the_accuracy_is_looked_at(monkeypatch):
    told = []
    monkeypatch.setattr(training, "accuracy", lambda model, split: told.append("look") or 0.5)
    training.train(
        models.build("small", classes=4, seed=0), dataset(), training.Recipe(steps=3, batch_size=16),
        after_step=told.append, evaluate_every=2, quiet=True,
    )  # fmt: skip
    assert told == [0, 1, 2, "look", 3, "look"]


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"temperature": float("nan")}, {"soft_share": 1.2}])
def test_settings_that_make_no_sense_are_named(wrong):
    with pytest.raises(ValueError, match="give one above 0 and one from 0 to 1"):
        distillation.ask(learnt("small"), dataset(), **wrong)
