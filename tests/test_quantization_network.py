"""Whole networks in few bits: calibration, fake quantization, the straight-through gradient, and what studies report."""

import copy

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import few_bits_training, models, quantization, training
from lessons_lib.engines import fold_batch_norm
from lessons_lib.explained import Mistake
from lessons_lib.paired_answers import Change, change
from lessons_lib.quantization import QType, activation_type, calibration, weight_type
from lessons_lib.quantization.calibration import find_range
from lessons_lib.quantization.saturation import engine_weights

DATA = dataset()


@pytest.fixture(scope="module")
def model():
    return fold_batch_norm(learnt("small"))


def judge(network):
    return quantization.score(training.predict(network, DATA.test.images), DATA.test.labels)


X = models.to_input(DATA.train.images)


def test_quantized_weights_take_only_the_values_there_are(model):
    before = snapshot(model)
    for bits in (2, 4, 8):
        changed = quantization.quantize_weights(model, weight_type(bits))
        for layer in quantization.layers(changed).values():
            assert all(len(channel.unique()) <= 2**bits for channel in layer.weight)
    assert same_weights(snapshot(model), before)


def test_only_the_named_layers_change(model):
    name = next(iter(quantization.layers(model)))
    changed = quantization.quantize_weights(model, {name: weight_type(2)})
    differ = [
        key
        for key, layer in quantization.layers(changed).items()
        if not torch.equal(layer.weight, quantization.layers(model)[key].weight)
    ]
    assert differ == [name]
    with pytest.raises(Mistake, match="has no layer 'conv9'; its layers are blocks"):
        quantization.quantize_weights(model, {"conv9": weight_type(2)})


def test_a_network_in_8_bits_is_near_float32_and_in_2_bits_is_not(model):
    values = quantization.inputs_of(model, X.split(32))
    exact = training.predict(model, DATA.test.images)

    def moved(bits):
        network = quantization.fake_quantized(model, weight_type(bits), quantization.calibrate(values, bits))
        return float((training.predict(network, DATA.test.images) - exact).norm() / exact.norm())

    assert moved(8) < 0.05 < moved(2)


def test_layers_that_are_given_nothing_stay_float32(model):
    same = quantization.fake_quantized(model, None)
    assert torch.equal(training.predict(same, DATA.test.images), training.predict(model, DATA.test.images))


def test_the_layers_of_a_fake_quantized_network_keep_their_names_and_weights(model):
    network = quantization.fake_quantized(model, weight_type(4))
    found, given = quantization.layers(network), quantization.layers(model)
    assert list(found) == list(given)
    assert all(torch.equal(found[name].weight, given[name].weight) for name in given)
    assert quantization.short_names(network) == quantization.short_names(model)


def test_residual_networks_can_be_quantized_too():
    resnet = fold_batch_norm(learnt("resnet"))
    values = quantization.inputs_of(resnet, X.split(32))
    network = quantization.fake_quantized(resnet, weight_type(8), quantization.calibrate(values, 8))
    assert training.predict(network, DATA.test.images).isfinite().all()


def test_size_counts_bits_scales_and_biases():
    layer = nn.Sequential(nn.Linear(10, 4))
    assert quantization.size_bytes(layer) == 4 * 44
    assert quantization.size_bytes(layer, weight_type(8, "symmetric, per tensor")) == 40 + 16 + 4
    assert quantization.size_bytes(layer, weight_type(4)) == 20 + 16 + 16
    assert quantization.size_bytes(layer, weight_type(8, "asymmetric, per tensor")) == 40 + 16 + 4 + 1
    assert quantization.size_bytes(layer, {"0": weight_type(2)}) == 10 + 16 + 16


def test_min_max_takes_everything_and_percentile_nearly_everything():
    x = torch.cat([torch.rand(9990, generator=torch.Generator().manual_seed(0)), torch.full((10,), 50.0)])
    assert find_range("min-max", x, 256)[1] == 50
    assert find_range("percentile", x, 256)[1] <= 1


def test_entropy_clips_outliers_when_steps_are_few_but_keeps_a_flat_histogram():
    random = torch.Generator().manual_seed(0)
    flat = torch.rand(50_000, generator=random)
    assert find_range("entropy", flat, 16)[1] > 0.97
    heavy = torch.cat([torch.randn(50_000, generator=random).abs(), torch.full((3,), 40.0)])
    assert find_range("entropy", heavy, 16)[1] < 12


def test_entropy_of_a_histogram_with_itself_is_nothing():
    counts = torch.rand(256, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1
    assert calibration.divergence(counts, 256, 256) == pytest.approx(0, abs=1e-9)
    assert calibration.divergence(counts, 256, 16) > 0
    assert calibration.divergence(counts, 64, 64) > 0.1, "what is clipped has to cost something"


def test_ranges_of_nothing_and_of_zeros():
    for method in quantization.METHODS:
        assert find_range(method, torch.zeros(100), 256) == (0, 0)
        with pytest.raises(Mistake, match="Calibration needs values"):
            find_range(method, torch.zeros(0), 256)
    with pytest.raises(Mistake, match="There is no calibration 'best'; choose one of min-max, percentile, entropy"):
        find_range("best", torch.ones(3), 256)


def test_calibration_without_images_is_refused_in_a_sentence(model):
    with pytest.raises(Mistake, match="needs images to look at"):
        quantization.inputs_of(model, [])


def test_the_input_of_each_layer_is_seen_and_the_mode_stays(model):
    network = copy.deepcopy(model).train()
    values = quantization.inputs_of(network, X[:8].split(4))
    assert list(values) == list(quantization.layers(model))
    first = values[next(iter(values))]
    assert torch.equal(first.sort().values, X[:8].flatten().sort().values)
    assert network.training


def test_straight_through_gives_the_values_of_fake_quantization_and_a_gradient_of_one_inside():
    affine = quantization.between(torch.tensor(-1.0), torch.tensor(1.0), QType(4, symmetric=False))
    x = torch.linspace(-2, 2, 101, requires_grad=True)
    result = quantization.straight_through(x, affine)
    assert torch.equal(result, quantization.fake_quantize(x.detach(), affine))
    (gradient,) = torch.autograd.grad(result.sum(), x)
    assert set(gradient.tolist()) == {0.0, 1.0}
    assert (gradient[x.abs() < 0.9] == 1).all()
    assert (gradient[x.abs() > 1.2] == 0).all()


def test_the_true_gradient_of_rounding_is_zero():
    x = torch.linspace(-1, 1, 11, requires_grad=True)
    (gradient,) = torch.autograd.grad((x / 0.3).round().sum(), x)
    assert (gradient == 0).all()


def test_training_with_few_bits_lowers_the_loss_with_few_bits(model):
    bits = few_bits_training.FewBits(weight_type(2), 3)
    plan = few_bits_training.recipe(12, rate=0.02)
    found = few_bits_training.compare_ways(model, DATA, bits, X, judge, plan, seeds=(0, 1, 2))
    assert list(found) == [0, 1, 2]
    for ways in found.values():
        assert tuple(ways) == few_bits_training.WAYS
        assert ways[few_bits_training.AWARE].loss < ways[few_bits_training.AFTERWARDS].loss
    float32 = judge(model)
    table = few_bits_training.table(found, float32, "few bits")
    assert [row["network"] for row in table.rows][1:] == list(few_bits_training.WAYS)
    assert [row["accuracy"].count("%") for row in table.rows] == [1, 1, 3, 3], "afterwards there is nothing to seed"
    assert few_bits_training.told(found, float32)
    assert few_bits_training.aware_against_control(found, 40).margin < 1


def test_nothing_trained_and_nothing_lost_have_sentences(model):
    float32 = judge(model)
    assert "No training was finished" in few_bits_training.told({}, float32)
    same = {0: dict.fromkeys(few_bits_training.WAYS, float32)}
    assert "nothing to win back" in few_bits_training.told(same, float32)


def test_what_was_won_back_is_told_in_points():
    def answers(right: int) -> quantization.Score:
        return quantization.Score(torch.arange(400) < right, 0.1)

    found = {0: dict(zip(few_bits_training.WAYS, map(answers, (360, 380, 396)), strict=True))}
    sentence = few_bits_training.told(found, answers(392))
    assert "cost 8.0 points. Training with few bits won back all 8.0 points and 1.0 more;" in sentence
    assert "then quantizing, won back 5.0 of them." in sentence
    found[0][few_bits_training.CONTROL] = answers(350)
    found[0][few_bits_training.AWARE] = answers(392)
    sentence = few_bits_training.told(found, answers(392))
    assert "won back all 8.0 points;" in sentence
    assert "won nothing back (-2.5 points)" in sentence


def test_a_sweep_reports_every_trial_and_keeps_what_is_finished(model, capsys):
    trials = quantization.sweep(model, judge, bits=(8, 2), schemes=("symmetric, per tensor", "symmetric, per channel"))
    assert list(trials) == [(b, s) for b in (8, 2) for s in ("symmetric, per tensor", "symmetric, per channel")]
    assert trials[8, "symmetric, per tensor"].size_bytes > trials[2, "symmetric, per tensor"].size_bytes
    calls = iter([None, None])

    def stops(network):
        if next(calls, "stop") == "stop":
            raise KeyboardInterrupt
        return judge(network)

    assert len(quantization.sweep(model, stops)) == 2
    assert "Stopped after 2 trials; they are kept." in capsys.readouterr().out


def test_sensitivity_puts_the_layer_that_hurts_most_first(model):
    found = quantization.sensitivity(model, judge, weight_type(2))
    losses = [score.loss for score in found.values()]
    assert losses == sorted(losses, reverse=True)
    assert set(found) == set(quantization.layers(model))


def test_mixtures_grow_from_few_bits_everywhere_to_many(model):
    order = list(quantization.layers(model))
    mixed = quantization.mixtures(model, judge, order, weight_type(8), weight_type(2))
    assert [len(one.kept) for one in mixed] == list(range(len(order) + 1))
    assert [one.size_bytes for one in mixed] == sorted(one.size_bytes for one in mixed)
    assert mixed[-1].size_bytes == quantization.size_bytes(model, weight_type(8))


def test_calibration_sets_hold_what_they_say():
    sets = quantization.calibration_sets(DATA.train.images, DATA.train.labels, count=40)
    assert next(iter(sets)) == "40 images of all kinds"
    assert len(sets["4 images"]) == 4
    assert sets["black images"].sum() == 0
    dark = sets["the 10 darkest images"].float().mean((1, 2, 3))
    assert float(dark.max()) <= float(DATA.train.images.float().mean((1, 2, 3)).sort().values[9])


def test_seven_bits_never_overflow_pairs_and_eight_bits_do():
    x, w = torch.full((1, 4), 255, dtype=torch.uint8), torch.full((1, 4), 127, dtype=torch.int8)
    cut_off, pairs = quantization.saturating_dot(x, w)
    assert (int(cut_off), pairs) == (2 * 32767, 2)
    exact, none = quantization.saturating_dot(x, torch.full((1, 4), 64, dtype=torch.int8))
    assert (int(exact), none) == (4 * 255 * 64, 0)
    assert 255 * engine_weights(True).highest * 2 <= 32767 < 255 * engine_weights(False).highest * 2


def test_whole_number_layers_compute_what_fake_quantized_ones_do(model):
    inputs = quantization.calibrate(quantization.inputs_of(model, X.split(32)), 8)
    whole = quantization.as_without_vnni(model, inputs, reduce_range=True)
    fake = quantization.fake_quantized(model, engine_weights(True), inputs)
    with torch.no_grad():
        assert torch.allclose(whole(X[:4]), fake(X[:4]), atol=1e-3)
    assert set(quantization.cut_off(whole).values()) == {0.0}


@pytest.mark.parametrize(
    ("instructions", "answer", "words"),
    [
        (["avx2", "avx512_vnni"], False, "has VNNI"),
        (["avx", "avx2", "fma"], True, "no VNNI"),
        (["asimd", "asimddp"], False, "ARM CPU"),
        ([], None, "cannot be told"),
    ],
)
def test_what_a_cpu_does_with_pairs_is_told(instructions, answer, words):
    assert quantization.saturates(instructions) is answer
    assert words in quantization.told_of_cpu(instructions)


def test_activation_types_have_no_sign():
    assert (activation_type(4).lowest, activation_type(4).highest) == (0, 15)


def test_paired_answers_follow_mcnemar():
    assert Change(0, 0, 100).word == "cannot tell"
    assert Change(0, 0, 100).p_value == 1
    assert Change(5, 0, 100).p_value == pytest.approx(2 / 32)
    assert Change(20, 3, 1000).word == "worse"
    assert Change(3, 20, 1000).word == "better"
    assert Change(500, 490, 5000).word == "cannot tell"
    first, second = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])
    assert change(first, second) == Change(1, 1, 4)
    with pytest.raises(ValueError, match="same images"):
        change(first, second[:2])


def test_the_interval_of_a_change_covers_the_truth_about_as_often_as_it_says():
    random = torch.Generator().manual_seed(0)
    covered = 0
    for _ in range(400):
        draw = torch.rand(1000, generator=random)
        found = Change(int((draw < 0.03).sum()), int((draw > 0.98).sum()), 1000)
        low, high = found.interval
        covered += low <= -0.01 <= high
    assert 370 <= covered <= 395


def test_the_p_value_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed; it is only an oracle here")
    for lost, won in ((3, 9), (12, 30), (0, 1), (7, 7)):
        assert Change(lost, won, 500).p_value == pytest.approx(stats.binomtest(lost, lost + won).pvalue)
