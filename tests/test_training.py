import copy
import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import dataset, learnt, same_weights, snapshot, split
from torch import nn

from lessons_lib import models, training
from lessons_lib.training import Recipe

SHORT = Recipe(steps=5, batch_size=16)


def smoothed_cross_entropy(logits, labels, smoothing):
    """Written out: the truth gets 1 - smoothing, and smoothing is spread over all classes."""
    logs = logits - logits.exp().sum(1, keepdim=True).log()
    truth = logs[torch.arange(len(labels)), labels]
    return -((1 - smoothing) * truth + smoothing * logs.mean(1)).mean()


def scaled(images):
    return (images.float() / 255 - 0.5) * 4


def plain_step(model, optimiser, images, labels, smoothing=0.1):
    optimiser.zero_grad()
    loss = smoothed_cross_entropy(model(scaled(images)), labels, smoothing)
    loss.backward()
    optimiser.step()
    return loss.item()


def test_an_update_is_one_step_of_plain_gradient_descent():
    model = copy.deepcopy(learnt("small")).train()
    twin = copy.deepcopy(model)
    settings = dict(lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    ours, theirs = (torch.optim.SGD(m.parameters(), **settings) for m in (model, twin))
    batch = split(16, (3, 16, 16), 4, seed=7)
    for _ in range(3):  # momentum acts from the second step on
        loss = training.update(
            model, ours, batch.images, batch.labels, 0.1, training.mixed_precision(torch.device("cpu"))
        )
        assert loss == pytest.approx(plain_step(twin, theirs, batch.images, batch.labels), rel=1e-4)
    for name, value in twin.state_dict().items():
        assert torch.allclose(model.state_dict()[name], value, rtol=1e-3, atol=1e-5), name


def test_training_is_a_plain_loop_over_shuffled_batches():
    data, recipe = dataset(), Recipe(steps=6, batch_size=16, peak_rate=0.08, warmup=0.5)
    model = models.build("small", classes=4, seed=2)
    twin = copy.deepcopy(model).train()
    history = training.train(model, data, recipe, seed=3, quiet=True)
    rates = [0.08 / 3, 0.16 / 3, 0.08, 0.08, 0.16 / 3, 0.08 / 3]
    optimiser = torch.optim.SGD(twin.parameters(), 1.0, 0.9, weight_decay=5e-4, nesterov=True)
    for step, rate in enumerate(rates):
        optimiser.param_groups[0]["lr"] = rate
        order = training.epoch_order(0, 96, 3)[16 * step : 16 * (step + 1)]
        loss = plain_step(twin, optimiser, data.train.images[order], data.train.labels[order])
        assert history.loss[step] == pytest.approx(loss, rel=1e-2)
    assert history.rate == pytest.approx(rates)
    for name, value in twin.named_parameters():
        assert torch.allclose(dict(model.named_parameters())[name], value, rtol=1e-2, atol=1e-3), name


def test_the_same_seed_gives_the_same_weights_bit_for_bit():
    runs = []
    for seed in (0, 0, 1):
        model = nn.Sequential(models.build("small", classes=4, seed=0), nn.Dropout(0.3))
        history = training.train(model, dataset(), SHORT, seed=seed, quiet=True)
        runs.append((snapshot(model), history.loss))
    assert same_weights(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]
    assert runs[0][1] != runs[2][1]


class Drawing(nn.Module):
    """Keeps the random numbers that its training draws."""

    def __init__(self):
        super().__init__()
        self.head, self.drawn = nn.Linear(3, 4), []

    def forward(self, x):
        if self.training:
            self.drawn.append(torch.rand(1).item())
        return self.head(x.mean((2, 3)))


def test_each_step_draws_random_numbers_of_its_own():
    first, again = Drawing(), Drawing()
    for model in (first, again):
        training.train(model, dataset(), SHORT, quiet=True)
    assert len(set(first.drawn)) == 5
    assert first.drawn == again.drawn


def test_the_curve_is_measured_on_validation_images_and_never_on_the_test():
    data = dataset()
    data = replace(data, test=replace(data.test, labels=(data.test.labels + 1) % 4))
    model = models.build("small", classes=4, seed=0)
    history = training.train(model, data, Recipe(steps=15, batch_size=16), quiet=True)
    assert history.accuracy[-1] == (15, training.accuracy(model, data.validation))
    assert history.accuracy[-1][1] != training.accuracy(model, data.test)


def test_training_leaves_the_random_numbers_of_the_caller_alone():
    torch.manual_seed(11)
    state = torch.get_rng_state()
    training.train(models.build("small", classes=4, seed=0), dataset(), SHORT, quiet=True)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_learns_and_the_history_tells_how():
    data = dataset(channels=1, train=160)
    model = models.build("small", channels=1, classes=4, seed=0)
    history = training.train(model, data, Recipe(epochs=3, batch_size=16), quiet=True)
    assert history.finished
    assert len(history.loss) == len(history.rate) == 30
    assert [step for step, _ in history.accuracy] == [10, 20, 30]
    assert history.loss[-1] < history.loss[0]
    assert history.images == 480
    assert history.images_per_second == pytest.approx(480 / history.seconds)
    assert training.accuracy(model, data.test) > 0.9


@given(st.integers(1, 150), st.integers(1, 70), st.integers(0, 5))
def test_every_image_is_visited_once_an_epoch(images, batch_size, seed):
    steps = -(-3 * images // batch_size)
    visits = torch.cat([training.batch_of_step(step, images, batch_size, seed) for step in range(steps)])
    assert len(visits) == steps * batch_size
    for epoch in visits[: 3 * images].split(images):
        assert epoch.sort().values.tolist() == list(range(images))


def test_each_epoch_has_an_order_of_its_own():
    orders = [tuple(training.epoch_order(epoch, 50, seed).tolist()) for epoch in range(3) for seed in range(3)]
    assert len(set(orders)) == 9


@given(st.integers(1, 400), st.floats(0, 1), st.floats(1e-4, 1))
def test_the_rate_rises_then_falls_and_stays_within_its_peak(total, warmup, peak):
    recipe = Recipe(warmup=warmup, peak_rate=peak)
    rates = [recipe.rate_at(step, total) for step in range(total)]
    top = rates.index(max(rates))
    assert all(0 < rate <= peak for rate in rates)
    assert all(a <= b for a, b in pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in pairwise(rates[top:]))


def test_epochs_may_be_fractions_and_steps_may_be_given():
    assert Recipe(epochs=1.5, batch_size=10).total_steps(100) == 15
    assert Recipe(epochs=0.001).total_steps(100) == 1
    assert Recipe(steps=7, epochs=99).total_steps(100) == 7


def test_a_loss_that_is_not_finite_is_explained_and_changes_nothing():
    model = copy.deepcopy(learnt("small")).train()
    with torch.no_grad():
        model.head.weight[0, 0] = math.inf
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimiser = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    batch = split(8, (3, 16, 16), 4, seed=1)
    with pytest.raises(ValueError, match=r"the loss became .*learning rate is too large.*a third"):
        training.update(
            model, optimiser, batch.images, batch.labels, 0.1, training.mixed_precision(torch.device("cpu"))
        )
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert not optimiser.state


def test_a_rate_that_is_far_too_large_ends_training_with_that_sentence():
    with pytest.raises(ValueError, match="learning rate is too large"):
        training.train(models.build("small", classes=4), dataset(), Recipe(steps=20, peak_rate=1e30), quiet=True)


def test_without_images_there_is_nothing_to_train_on():
    with pytest.raises(ValueError, match=r"data\.train holds no images"):
        training.train(models.build("small", classes=4), dataset(train=0), quiet=True)


def test_fewer_images_than_a_batch_are_enough():
    history = training.train(models.build("small", classes=4), dataset(train=5), Recipe(steps=2), quiet=True)
    assert history.images == 128


@pytest.mark.parametrize("was_training", [True, False])
def test_predicting_restores_the_mode_also_after_an_error(was_training):
    model = copy.deepcopy(learnt("small")).train(was_training)
    before = snapshot(model)
    test = dataset().test
    assert 0 <= training.accuracy(model, test) <= 1
    assert model.training is was_training
    with pytest.raises(RuntimeError):
        training.predict(model, test.images[:, :1])
    assert model.training is was_training
    assert same_weights(snapshot(model), before)


def test_predictions_do_not_depend_on_the_batch():
    images = dataset().test.images
    model = learnt("resnet")
    assert torch.allclose(training.predict(model, images, batch_size=7), model(scaled(images)), atol=1e-4)
    assert training.predict(model, images[:0]).shape == (0, 4)


def test_accuracy_is_the_share_of_right_answers():
    part = split(12, (1, 16, 16), 4, seed=0)
    always_two = models.build("small", channels=1, classes=4)
    with torch.no_grad():
        always_two.head.weight.zero_()
        always_two.head.bias.copy_(torch.tensor([0.0, 0.0, 1.0, 0.0]))
    assert training.accuracy(always_two, part) == pytest.approx(3 / 12)


def test_plain_steps_are_gradient_descent_without_momentum():
    part = split(32, (3, 16, 16), 4, seed=0)
    model = models.build("small", classes=4, seed=0).train()
    twin = copy.deepcopy(model)
    losses = training.plain_steps(model, part, rate=0.05, steps=3, batch_size=8)
    optimiser = torch.optim.SGD(twin.parameters(), 0.05)
    order = training.epoch_order(0, 32, 0)
    expected = [
        plain_step(twin, optimiser, part.images[chosen], part.labels[chosen], 0.0) for chosen in order[:24].split(8)
    ]
    assert losses == pytest.approx(expected, rel=1e-3)


def test_plain_steps_end_where_the_loss_is_no_longer_finite():
    part = split(32, (3, 16, 16), 4, seed=0)
    losses = training.plain_steps(models.build("small", classes=4, seed=0).train(), part, rate=1e30, steps=50)
    assert len(losses) < 50
    assert not math.isfinite(losses[-1])
    assert all(math.isfinite(loss) for loss in losses[:-1])


def test_the_closing_note_says_what_was_reached_and_what_to_do():
    whole = training.History([1.0] * 4, [0.1] * 4, [(4, 0.875)], [0.5] * 4, images=200, finished=True)
    part = training.History([1.0] * 3, [0.1] * 3)
    assert training.closing_note(whole, 4, False) == "4 steps in 2 s (100 images/s), validation accuracy 87.5%"
    assert training.closing_note(part, 4, True) == "stopped after 3 of 4 steps; run the cell again to go on from here"
    assert training.closing_note(part, 4, False) == "stopped after 3 of 4 steps; run the cell again to start anew"


def test_progress_is_shown_unless_quiet(capsys):
    model = models.build("small", classes=4, seed=0)
    training.train(model, dataset(), SHORT, quiet=True)
    assert capsys.readouterr().out == ""
    training.train(model, dataset(), SHORT)
    assert "Training: 5 steps in" in capsys.readouterr().out


@pytest.mark.gpu
def test_a_gpu_trains_as_well():
    data = dataset(train=160)
    model = models.build("small", classes=4, seed=0)
    history = training.train(model, data, Recipe(epochs=3, batch_size=16), device="cuda", quiet=True)
    assert history.finished
    assert training.accuracy(model, data.test) > 0.9
    assert next(model.parameters()).device.type == "cuda"


def test_a_frozen_part_keeps_its_weights_and_its_statistics():
    data = dataset()
    model = models.build("small", classes=4, seed=0)
    before = snapshot(model)
    training.train(model, data, Recipe(steps=6, batch_size=16), rates={"blocks": 0}, quiet=True)
    after = snapshot(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_frozen_body_and_a_trained_head_are_a_linear_model_on_fixed_features():
    data = dataset(train=16)
    model = models.build("small", classes=4, seed=0).eval()
    with torch.no_grad():
        features = model.features(scaled(data.train.images))
    head = copy.deepcopy(model.head)
    optimiser = torch.optim.SGD(head.parameters(), 0.1)
    recipe = Recipe(steps=4, batch_size=16, peak_rate=0.1, warmup=0.0, momentum=0.0, weight_decay=0.0, smoothing=0.0)
    history = training.train(model, data, recipe, rates={"blocks": 0}, quiet=True)
    for step in range(4):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(step, 4)
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(head(features), data.train.labels)
        loss.backward()
        optimiser.step()
        assert history.loss[step] == pytest.approx(loss.item(), rel=1e-4)
    torch.testing.assert_close(model.head.weight, head.weight, rtol=1e-4, atol=1e-6)


def test_a_share_of_the_rate_makes_that_share_of_the_step():
    data, steps = dataset(train=16), {}
    for share in (1.0, 0.25):
        model = models.build("small", classes=4, seed=0)
        start = snapshot(model)
        training.train(model, data, Recipe(steps=1, batch_size=16), rates={"blocks.0": share}, quiet=True)
        steps[share] = {name: value - start[name] for name, value in snapshot(model).items()}
    first, last = "blocks.0.0.weight", "blocks.2.0.weight"
    torch.testing.assert_close(steps[0.25][first], 0.25 * steps[1.0][first], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(steps[0.25][last], steps[1.0][last])


def test_the_longest_beginning_decides_the_share():
    rates = {"blocks": 0.1, "blocks.2": 0.5}
    assert training.share_of("blocks.1.0.weight", rates) == 0.1
    assert training.share_of("blocks.2.0.weight", rates) == 0.5
    assert training.share_of("head.bias", rates) == 1.0


@pytest.mark.parametrize("rates", [{"body": 0.1}, {"blocks": -1.0}, {"blocks": 0, "head": 0}])
def test_rates_that_make_no_sense_are_refused(rates):
    with pytest.raises(ValueError, match="rates"):
        training.train(models.build("small", classes=4), dataset(), rates=rates, quiet=True)


def test_an_augmentation_changes_what_is_trained_on_and_not_what_is_judged():
    seen = []

    def darken(x):
        seen.append(x.shape)
        return torch.full_like(x, -2.0)

    data = dataset()
    recipe = Recipe(steps=3, batch_size=16)
    history = training.train(models.build("small", classes=4, seed=0), data, recipe, augment=darken, quiet=True)
    plain = training.train(models.build("small", classes=4, seed=0), data, recipe, quiet=True)
    assert seen == [(16, 3, 16, 16)] * 3
    assert history.loss != plain.loss
    assert len(history.accuracy) == 1


def test_accuracy_is_looked_at_as_often_as_asked_for_and_told_in_seconds_of_training():
    recipe = Recipe(steps=7, batch_size=16)
    model = models.build("small", classes=4, seed=0)
    history = training.train(model, dataset(), recipe, evaluate_every=3, quiet=True)
    assert [step for step, _ in history.accuracy] == [3, 6, 7]
    assert len(history.step_seconds) == 7
    told = training.History([1.0] * 4, [0.1] * 4, [(2, 0.5), (4, 0.9)], [1.0, 2.0, 3.0, 4.0])
    assert told.seconds_to(0.5) == 3.0
    assert told.seconds_to(0.6) == 10.0
    assert told.seconds_to(0.95) is None
