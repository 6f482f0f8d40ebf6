"""What lesson 07 measures, and what it says about it: verdicts from rows made by hand, training on a toy data set."""

import copy
import json
import os
import signal
import types

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import models, pruning, training
from lessons_lib import pruning_study as study
from lessons_lib.explained import NotHere
from lessons_lib.paired import Effect
from lessons_lib.pruning_study import claim, gpu_sparsity, recovery, sparse_kernel, variants
from lessons_lib.pruning_study.sensitivity import Sensitivity
from lessons_lib.pruning_study.variants import Variant
from lessons_lib.timing import Comparison, Measurement, Verdict

RECIPE = training.Recipe(steps=8, batch_size=16, peak_rate=0.05, smoothing=0.0)
SHAPE = (3, 16, 16)
FASTER, SLOWER, SAME = (3.0, 2.9, 3.1), (0.8, 0.7, 0.9), (1.0, 0.98, 1.02)


def variant(
    name="dense", kind="dense", accuracy=0.98, speed=SAME, file=400_000, zipped=380_000, latency=0.3, zeros=0.0
):
    word = str(Verdict(*speed)) if kind != "dense" else "the baseline"
    return Variant(name, kind, accuracy, 1000, zeros, 10_000_000, latency, file, zipped, word, *speed)


DENSE = variant()
ZEROS = variant("90 % zeros", "zeros", 0.978, SAME, 400_000, 60_000, 0.3, 0.9)
SLIM = variant("channels -50 %", "channels", 0.975, FASTER, 110_000, 100_000, 0.1)
TINY = variant("channels -75 %", "channels", 0.95, (6.0, 5.8, 6.2), 40_000, 36_000, 0.05)


# the claim


def test_channels_hold_where_one_variant_is_leaner_faster_and_as_good():
    verdict = study.judge([DENSE, ZEROS, SLIM, TINY], "channels")
    assert verdict.word == "holds"
    assert verdict.reason == (
        "channels -50 %: faster, 3.0x, 2.9 to 3.1; model file 107 KiB of 391 KiB, zipped 98 KiB of 371 KiB; accuracy -0.5 points"
    )


def test_zeros_keep_the_accuracy_and_are_no_faster_and_no_smaller_once_loaded():
    verdict = study.judge([DENSE, ZEROS, SLIM], "zeros")
    assert verdict.word == "does not hold here"
    assert "keeps its accuracy, but is no faster" in verdict.reason
    assert "model file 391 KiB of 391 KiB, zipped 59 KiB of 371 KiB" in verdict.reason


@pytest.mark.parametrize(
    ("row", "word", "told"),
    [
        (
            variant("x", "channels", 0.95, FASTER, 100_000),
            "does not hold here",
            "every variant loses more than 1 point",
        ),
        (variant("x", "channels", 0.98, (1.1, 0.9, 1.3), 100_000), "cannot tell", "the speed is within the noise"),
        (
            variant("x", "channels", 0.98, (1.02, 1.01, 1.03), 100_000),
            "does not hold here",
            "below the 5 % that count as faster",
        ),
        (variant("x", "channels", 0.98, (1.2, 0.9, 1.5), 400_000), "does not hold here", "is not surely faster"),
        (variant("x", "channels", 0.98, SLOWER, 100_000), "does not hold here", "no faster"),
        (variant("x", "channels", 0.98, FASTER, 400_000), "does not hold here", "faster, but not leaner"),
        (variant("x", "channels", 0.99, FASTER, 100_000), "holds", "+1.0 points"),
        (variant("x", "zeros", 0.98, FASTER, 100_000), "cannot tell", "no such variant"),
    ],
)
def test_every_way_it_can_come_out_has_a_verdict(row, word, told):
    verdict = study.judge([DENSE, row], "channels")
    assert verdict.word == word
    assert told in verdict.reason


def test_a_speed_below_the_margin_is_not_called_faster():
    near = variant("80 % zeros", "zeros", 0.98, (1.008, 1.006, 1.01))
    assert study.judge([DENSE, near], "zeros").reason.startswith(
        "it keeps its accuracy, but 1.008x is below the 5 % that count as faster; 80 % zeros: 1.008x, 1.006 to 1.010; model file"
    )


@pytest.mark.parametrize(
    ("points", "told"), [(0.05, "So it paid"), (-0.05, "no good guide"), (0.0, "made no difference that these seeds")]
)
def test_guided_pruning_gets_a_conclusion(points, told):
    found = Effect({0: points, 1: points + 0.001, 2: points - 0.001})
    sentence = study.guided_in_words(found)
    assert told in sentence
    assert f"**{found}**" in sentence
    assert "run the cell above" in study.guided_in_words(Effect({}))


def test_a_faster_variant_that_is_worse_does_not_hide_one_that_keeps_its_accuracy():
    assert study.judge([DENSE, TINY, SLIM], "channels").word == "holds"


@pytest.mark.parametrize(
    ("speed", "told"), [(SAME, "no clock on this machine"), (SLOWER, "Zeros save nothing"), (FASTER, "tenfold")]
)
def test_the_sentence_about_zeros_is_true_whatever_the_clock_says(speed, told):
    sentence = study.mask_speed_in_words({"eager": Verdict(*SAME), "ONNX Runtime": Verdict(*speed)})
    assert told in sentence
    assert f"on ONNX Runtime **{Verdict(*speed)}**" in sentence


def test_how_many_zeros_are_bearable():
    after = {0.5: 0.98, 0.8: 0.975, 0.9: 0.9701, 0.95: 0.93}
    assert study.bearable_in_words(after, 0.98).startswith("**90%** of the weights can go: 97.0%, -1.0 points")
    assert "the most that was tried" in study.bearable_in_words({0.5: 0.98}, 0.98)
    assert study.bearable_in_words({0.5: 0.5}, 0.98) == "None of these shares costs less than 1 point here."
    assert study.bearable_in_words({}, 0.98) == "No run is finished."
    assert study.bearable_in_words({0.5: 0.97}, 0.98).startswith("**50%** of the weights can go"), "exactly one point"


@pytest.mark.parametrize(
    ("points", "told"), [(-0.05, "were of use"), (0.05, "of no use here"), (0.0, "cannot be told")]
)
def test_what_a_fresh_start_says_about_the_old_weights(points, told):
    fresh = Effect({0: points, 1: points + 0.001, 2: points - 0.001})
    told_all = study.recovery_in_words({"distilled": Effect({0: 0.0, 1: 0.01, 2: -0.01}), "from scratch": fresh})
    assert told in told_all
    assert "distilled: **cannot tell" in told_all
    assert "No two runs" in study.recovery_in_words({"from scratch": Effect({})})


# budgets


def test_the_front_holds_what_nothing_beats():
    worse = variant("worse", "zeros", 0.97, SAME, zipped=390_000, latency=0.31)
    assert study.front([DENSE, ZEROS, SLIM, TINY, worse]) == [DENSE, ZEROS, SLIM, TINY]
    assert study.front([DENSE, ZEROS, SLIM, TINY], ("latency_ms",)) == [DENSE, SLIM, TINY]
    assert study.front([DENSE, copy.copy(DENSE)]) == [DENSE, DENSE]


def test_the_most_accurate_variant_within_both_budgets():
    rows = [DENSE, ZEROS, SLIM, TINY]
    assert study.most_accurate(rows, 1.0, 1e9) is DENSE
    assert study.most_accurate(rows, 0.3, 60_000) is ZEROS
    assert study.most_accurate(rows, 0.2, 1e9) is SLIM
    assert study.most_accurate(rows, 0.05, 36_000) is TINY
    assert study.most_accurate(rows, 0.01, 1e9) is None


# recovery


def test_at_once_and_gradually_end_with_the_same_share_of_zeros_and_leave_the_model_alone():
    model, data = learnt("small"), dataset()
    before = snapshot(model)
    for way in (study.at_once, study.gradually):
        outcome = way(model, data, 0.9, RECIPE, 0)
        assert pruning.sparsity(outcome.model) == pytest.approx(0.9, abs=1e-3)
        assert outcome.accuracy == training.accuracy(outcome.model, data.test)
        assert not outcome.model.training
    assert same_weights(snapshot(model), before)


def test_a_fresh_start_has_the_same_shape_and_other_weights():
    slim = pruning.remove_channels(learnt("small"), 0.5)
    before = snapshot(slim)
    one, again, other = (study.restarted(slim, seed) for seed in (1, 1, 2))
    assert models.shapes(one) == models.shapes(slim)
    assert same_weights(snapshot(one), snapshot(again))
    assert not torch.equal(one.head.weight, other.head.weight)
    assert not torch.equal(one.head.weight, slim.head.weight)
    assert one.blocks[0][1].running_mean.abs().sum() == 0
    assert same_weights(snapshot(slim), before)


def test_every_way_goes_with_every_seed_and_pairs_are_compared():
    shares = {("a", 0): 0.5, ("b", 0): 0.6, ("a", 1): 0.7, ("b", 1): 0.82, ("a", 2): 0.6, ("b", 2): 0.71}
    ways = {n: lambda seed, n=n: recovery.Outcome(nn.ReLU(), shares[n, seed]) for n in "ab"}
    found = study.repeat(ways, range(3), quiet=True)
    one = study.compared(found, "a", images=1000)["b"]
    assert one.mean == pytest.approx(0.11)
    assert one.grain == 0.001
    assert one.word == "helped"
    assert study.first(found["a"]) is found["a"][0].model
    table = study.outcomes_table(found, "Outcomes")
    assert table.rows[0] == {"way": "a", "mean": "60.0%", "lowest to highest": "50.0% to 70.0%", "seeds": 3}


def test_without_a_finished_run_a_sentence_says_what_to_do():
    with pytest.raises(NotHere, match="run the cell above to its end"):
        study.first({})


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself an interrupt that Python sees at once")
def test_an_interrupt_keeps_what_is_finished(capsys):
    model, data, calls = learnt("small"), dataset(), []

    def way(seed):
        calls.append(seed)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return study.tuned(model, data, RECIPE, seed)

    found = study.repeat({"one": way}, range(5))
    assert sorted(found["one"]) in ([0, 1], [0, 1, 2])
    assert "of 5 runs; run the cell again" in capsys.readouterr().out


# sensitivity


def test_each_layer_is_pruned_alone():
    model, data = learnt("small"), dataset()
    found = study.sensitivity(model, data.validation)
    assert [one.channels for one in found] == [32, 64, 128]
    assert sum(one.weight_share for one in found) == pytest.approx(1, abs=0.01)
    slim = pruning.remove_channels(model, [0.0, 0.5, 0.0], round_to=1)
    assert found[1].without_channels == training.accuracy(slim, data.validation)
    thin = copy.deepcopy(model)
    with torch.no_grad():
        weight = thin.blocks[2][0].weight
        weight[weight.abs() <= weight.abs().flatten().kthvalue(round(0.8 * weight.numel())).values] = 0
    assert found[2].with_zeros == training.accuracy(thin, data.validation)


def test_a_residual_network_is_judged_block_by_block():
    assert len(study.sensitivity(learnt("resnet"), dataset().validation)) == 3


def told_sensitivity(*left):
    return [Sensitivity(f"convolution {i + 1}", 32, 0.3, share, 0.9) for i, share in enumerate(left)]


def test_guided_shares_take_less_where_it_hurts_for_the_same_work():
    model = learnt("vgg")
    found = told_sensitivity(0.3, 0.9, 0.8, 0.95, 0.9, 0.6)
    shares = study.guided_fractions(model, found, 0.75, SHAPE)
    assert shares[0] < shares[5] < shares[2] < shares[3]
    even = models.macs(pruning.remove_channels(model, 0.75), SHAPE)
    assert models.macs(pruning.remove_channels(model, shares), SHAPE) == pytest.approx(even, rel=0.2)


def test_where_all_layers_suffer_alike_the_shares_are_equal():
    assert len(set(study.guided_fractions(learnt("small"), told_sensitivity(0.5, 0.5, 0.5), 0.5, SHAPE))) == 1
    assert study.in_words(told_sensitivity(0.5, 0.5), 0.9) == "All layers suffer alike when half of their channels go."
    assert "costs most in convolution 1 (-60.0 points) and least in convolution 2 (+0.0)" in study.in_words(
        told_sensitivity(0.3, 0.9), 0.9
    )


# measuring


def test_variants_are_measured_with_their_own_bytes_and_accuracy():
    model, data = learnt("small"), dataset()
    thin = pruning.masked(model, pruning.magnitude_masks(model, 0.9))
    slim = pruning.remove_channels(model, 0.75)
    rows = study.measure(
        {"dense": ("dense", model), "zeros": ("zeros", thin), "slim": ("channels", slim)},
        data,
        engine="eager",
        seconds=0.2,
    )
    dense, zeros, narrow = rows
    assert dense.verdict == "the baseline"
    assert (dense.times_faster, dense.low, dense.high) == (1.0, 1.0, 1.0)
    assert zeros.file_bytes == dense.file_bytes == models.size_bytes(model)
    assert zeros.zipped_bytes < 0.4 * dense.zipped_bytes
    assert narrow.file_bytes < 0.2 * dense.file_bytes
    assert narrow.accuracy == training.accuracy(slim, data.test)
    assert zeros.zeros == pytest.approx(0.9, abs=1e-3)
    assert narrow.macs == models.macs(slim, data.image_shape)
    assert all(row.latency_ms > 0 for row in rows)
    assert set(study.rows_table(rows, "All").columns) >= {
        "accuracy",
        "latency",
        "against dense",
        "model file",
        "model file, zipped",
    }
    assert '"kind": "zeros"' in json.dumps(zeros.as_dict())


def test_all_latencies_of_a_table_have_one_unit():
    def told(*latencies):
        return [row["latency"] for row in study.rows_table([variant(latency=one) for one in latencies], "All").rows]

    assert told(0.105, 0.0242) == ["105 µs", "24.2 µs"]
    assert told(1.5, 0.0242) == ["1.5 ms", "0.0242 ms"]


def test_with_nothing_to_compare_a_sentence_says_what_to_do():
    with pytest.raises(NotHere, match="run the cells above to their end"):
        study.measure({"dense": ("dense", learnt("small"))}, dataset())


def test_the_file_of_an_engine_is_what_is_zipped():
    model = learnt("small")
    thin = pruning.masked(model, pruning.magnitude_masks(model, 0.9))
    dense, zeros = study.measure({"dense": ("dense", model), "zeros": ("zeros", thin)}, dataset(), seconds=0.2)
    assert dense.file_bytes > models.size_bytes(model) * 0.95
    assert zeros.zipped_bytes < 0.5 * dense.zipped_bytes


def test_bytes_are_told_in_kibibytes():
    assert [variants.kib(size) for size in (1024, 9_728, 376_000, 1_800_000)] == [
        "1.0 KiB", "9.5 KiB", "367 KiB", "1,758 KiB",
    ]  # fmt: skip


# what skips zeros


def test_the_sparse_layer_is_the_convolution_with_zeros():
    random = torch.Generator().manual_seed(1)
    weight, image = torch.randn(8, 4, 3, 3, generator=random), torch.rand(1, 4, 6, 6, generator=random)
    thin = weight * pruning.magnitude_mask(weight, 0.9)
    got = sparse_kernel.convolve(image, sparse_kernel._csr(thin.flatten(1)))
    assert torch.allclose(got, torch.conv2d(image, thin, padding=1), atol=1e-5)
    compared = sparse_kernel.compare_layer(weight, 6, (0.5, 0.9), seconds=0.1)
    assert list(compared.verdicts) == ["sparse, 50% zeros", "sparse, 90% zeros"]


@pytest.mark.parametrize(
    ("speeds", "told"),
    [
        ((SLOWER, SAME), "does not pay here"),
        ((SLOWER, FASTER), "only here: sparse 1."),
        ((FASTER, FASTER), "So it is faster than PyTorch's convolution. Fewer products are not all"),
    ],
)
def test_the_sentence_about_sparse_kernels_follows_the_clock(speeds, told):
    assert told in sparse_kernel.in_words(sparse_comparison(speeds), "ONNX Runtime", 0.1)


@pytest.mark.parametrize(
    ("speeds", "network_ms", "told"),
    [
        (
            (FASTER, FASTER),
            0.1,
            "But ONNX Runtime runs the whole dense network in 100 µs, this layer included: a faster",
        ),
        (
            (FASTER, FASTER),
            0.3,
            "For comparison: ONNX Runtime runs the whole dense network in 300 µs, this layer included.",
        ),
        ((SLOWER, SLOWER), 0.3, "And ONNX Runtime runs the whole dense network in 300 µs"),
        ((SLOWER, SLOWER), 0.6, "For comparison: ONNX Runtime"),
    ],
)
def test_a_sparse_kernel_is_set_against_the_whole_network_on_an_engine(speeds, network_ms, told):
    assert told in sparse_kernel.in_words(sparse_comparison(speeds), "ONNX Runtime", network_ms)


def sparse_comparison(speeds):
    """A dense convolution of 0.5 ms, and sparse ones of these speeds against it."""
    verdicts = {f"sparse {i}": Verdict(*speed) for i, speed in enumerate(speeds)}
    times = {sparse_kernel.DENSE: 0.5} | {name: 0.5 / verdict.ratio for name, verdict in verdicts.items()}
    measurements = {name: types.SimpleNamespace(median_ms=ms) for name, ms in times.items()}
    return types.SimpleNamespace(verdicts=verdicts, measurements=measurements)


def test_without_a_recent_gpu_a_sentence_says_what_is_needed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_sparsity.missing().startswith("2:4 sparsity needs an NVIDIA GPU of the Ampere generation")
    with pytest.raises(RuntimeError, match="Ampere"):
        gpu_sparsity.measure()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    capabilities = {"cuda": (7, 5), "cuda:1": (9, 0)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", capabilities.__getitem__)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: {"cuda": "Tesla T4"}[device])
    assert (
        gpu_sparsity.missing() == "2:4 sparsity needs compute capability 8.0 or newer (Ampere, 2020); Tesla T4 has 7.5."
    )
    assert gpu_sparsity.missing("cuda:1") is None
    assert "Ampere" in gpu_sparsity.missing("cpu")


@pytest.mark.parametrize(("width", "batch"), [(100, 64), (128, 3), (0, 32)])
def test_sizes_that_the_kernels_do_not_take_are_named(width, batch):
    with pytest.raises(ValueError, match="multiples of 128 and of 32"):
        gpu_sparsity.measure(width, batch)
    with pytest.raises(ValueError, match="kind is 'int4'"):
        gpu_sparsity.measure(128, 32, kind="int4")


def refusing(pruned):
    raise RuntimeError("sparse_semi_structured_mad_op : CUTLASS is only for 8.x\nmore")


@pytest.mark.parametrize("kind", list(gpu_sparsity.DTYPES))
def test_every_kernel_there_is_takes_turns_and_one_that_does_not_run_is_told(monkeypatch, kind):
    monkeypatch.setattr(gpu_sparsity, "missing", lambda device: None)
    monkeypatch.setattr(gpu_sparsity, "KERNELS", {"of the test": gpu_sparsity.dense, "absent": refusing})
    layer = gpu_sparsity.measure(128, 32, kind=kind, seconds=0.1, device="cpu")
    assert list(layer.errors) == [f"dense {kind}", f"2:4 {kind}, of the test"]
    assert all(error == 0 if kind == "int8" else 0 < error < 0.02 for error in layer.errors.values())
    assert layer.notes == (
        f"2:4 {kind}, absent: this kernel does not run here (sparse_semi_structured_mad_op : CUTLASS is only for 8.x).",
    )
    (row,) = gpu_sparsity.table([layer]).rows
    assert (row["kernel"], row["numbers"]) == ("of the test", kind)


def test_where_no_kernel_runs_the_reasons_are_the_error(monkeypatch):
    monkeypatch.setattr(gpu_sparsity, "missing", lambda device: None)
    monkeypatch.setattr(gpu_sparsity, "KERNELS", {"absent": refusing})
    with pytest.raises(RuntimeError, match="does not run here"):
        gpu_sparsity.measure(128, 32, device="cpu")


def test_the_error_of_a_sparse_product_is_that_of_half_the_weights():
    random = torch.Generator().manual_seed(0)
    x, weight = (gpu_sparsity.numbers(n, 128, "float16", random) for n in (32, 128))
    result = torch.nn.functional.linear(x.float(), weight.float())
    assert gpu_sparsity.error(result, x, weight) < 1e-6
    assert gpu_sparsity.error(result, x, weight * pruning.two_of_four(weight)) > 0.1


@pytest.mark.gpu
@pytest.mark.parametrize("kind", list(gpu_sparsity.DTYPES))
def test_on_a_gpu_the_sparse_product_is_that_of_the_masked_weights(kind):
    if gpu_sparsity.missing():
        pytest.skip(gpu_sparsity.missing())
    try:
        layer = gpu_sparsity.measure(1024, 512, kind=kind, seconds=0.3)
    except RuntimeError as reason:
        pytest.skip(str(reason))
    assert all(error == 0 if kind == "int8" else error < 1e-2 for error in layer.errors.values())
    assert all(verdict.word in {"faster", "slower", "cannot tell"} for verdict in layer.comparison.verdicts.values())


def test_what_was_measured_on_a_gpu_is_a_row_for_each_size_and_kernel():
    times = {"dense float16": 2.0, "2:4 float16, cuSPARSELt": 1.0, "2:4 float16, CUTLASS": 4.0}
    measured = {name: Measurement(name, (ms / 1000,) * 4) for name, ms in times.items()}
    comparison = Comparison("dense float16", measured, 0.995)
    layer = gpu_sparsity.SparseLayer(1024, 512, "float16", comparison, dict.fromkeys(times, 1e-3))
    rows = gpu_sparsity.table([layer]).rows
    assert [row["layer"] for row in rows] == ["1024 x 1024, batch 512"] * 2
    assert [(row["dense"], row["kernel"], row["2:4"]) for row in rows] == [
        ("2.00 ms", "cuSPARSELt", "1.00 ms"), ("2.00 ms", "CUTLASS", "4.00 ms"),
    ]  # fmt: skip
    assert [row["2:4 is"].split(",")[0] for row in rows] == ["faster", "slower"]


def test_points_are_told_in_the_singular_and_the_plural():
    assert [claim._points(share) for share in (0.01, 0.02, 0.005)] == ["1 point", "2 points", "0.5 points"]
