"""Few bits through torchao, on the CPU wherever that works; the GPU tests at the end run where a GPU is."""

import copy
import importlib.util
import re

import pytest
import torch
from torch import nn

from lessons_lib import gpu_low_precision as gpu
from lessons_lib import models, tf32, vit
from lessons_lib.gpu_low_precision import calls, conversion, convolutions, sweep
from lessons_lib.gpu_low_precision import hardware as told
from lessons_lib.gpu_low_precision.hardware import Machine

SHAPE = (3, 16, 16)
needs_torchao = pytest.mark.skipif(
    importlib.util.find_spec("torchao") is None, reason="torchao (extra gpu) is not installed"
)


def transformer(name="tiny"):
    return vit.build(name, image_shape=SHAPE, classes=4, seed=1).eval()


# what is there


H100, A100, T4, CPU = (Machine(capability, True, True) for capability in ((9, 0), (8, 0), (7, 5), None))


@pytest.mark.parametrize(
    ("machine", "has", "sentences"),
    [
        (H100, ("float32", "TF32", "float16", "bfloat16", "int8", "fp8"), []),
        (A100, ("float32", "TF32", "float16", "bfloat16", "int8"), ["fp8: needs a GPU of compute capability 8.9"]),
        (T4, ("float32", "float16"), ["TF32: needs a GPU of compute capability 8.0 or newer; this one has 7.5."]),
        (CPU, ("float32", "bfloat16", "int8"), ["TF32, float16, fp8: these are measured on an NVIDIA GPU"]),
        (Machine(None, False, True), ("float32", "bfloat16"), ["int8: torchao is not installed"]),
    ],
)
def test_a_sweep_has_what_the_machine_has_and_tells_the_rest(machine, has, sentences):
    found, reasons = told.for_sweep(machine)
    assert found == has
    assert all(any(reason.startswith(sentence) for reason in reasons) for sentence in sentences)


def test_too_old_not_there_and_nothing_to_compile_with_are_told_apart():
    assert told.uncompiled(H100) is None
    assert "this is a CPU" in str(told.uncompiled(CPU))
    assert "C compiler" in str(told.uncompiled(Machine((9, 0), True, False)))
    assert "this one has 6.1" in str(told.uncompiled(Machine((6, 1), True, True)))


def test_the_capability_is_that_of_the_gpu_that_was_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    has = {None: (7, 5), "cuda:1": (9, 0), torch.device("cuda:1"): (9, 0)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", has.__getitem__)
    assert gpu.machine("auto").capability == (7, 5)
    assert gpu.machine("cuda:1").capability == gpu.machine(torch.device("cuda:1")).capability == (9, 0)
    assert gpu.machine("cpu").capability is None


# conversion


def test_which_layers_are_quantized():
    assert conversion.quantizable(nn.Linear(64, 32), "blocks.0.mlp.0")
    assert not conversion.quantizable(nn.Linear(64, 32), "head")
    assert not conversion.quantizable(nn.Linear(64, 12), "last")
    assert not conversion.quantizable(nn.Conv2d(16, 16, 3), "conv")


@needs_torchao
def test_int8_changes_all_linear_layers_of_a_transformer_but_the_last_and_none_of_a_convolutional_network():
    model = transformer()
    found = convolutions.reach(model, SHAPE, vit.macs(model))
    assert (found.layers, found.changed) == (
        2 * 4 + 2,
        2 * 4,
    )  # four layers in each of two blocks, patches (12 wide), head
    assert 0.8 < found.share_of_macs < 1
    assert found.bytes_after < 0.62 * found.bytes_before
    vgg = convolutions.reach(models.build("vgg", classes=4, seed=0).eval(), SHAPE)
    assert (vgg.layers, vgg.changed, vgg.share_of_macs) == (7, 0, 0.0)
    assert vgg.bytes_after == vgg.bytes_before
    assert [row["of these in int8"] for row in convolutions.rows_of_reach([("vgg", vgg.as_dict())])] == ["0"]


@needs_torchao
def test_quantizing_leaves_the_settings_of_the_process_alone():
    from torch._inductor import config

    before = (torch.get_float32_matmul_precision(), config.coordinate_descent_tuning)
    model = transformer()
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    assert conversion.is_quantized(gpu.converted(model, "int8").blocks[0].mlp[0])
    assert (torch.get_float32_matmul_precision(), config.coordinate_descent_tuning) == before
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())


@needs_torchao
def test_the_bytes_of_an_int8_layer_are_one_a_weight_and_its_scales():
    layer = nn.Sequential(nn.Linear(64, 32, bias=False))
    assert conversion.weight_bytes(gpu.converted(layer, "bfloat16")) == 2 * 64 * 32
    found = conversion.weight_bytes(gpu.converted(layer, "int8"))
    assert 64 * 32 < found <= 64 * 32 + 32 * (4 + 8)  # a scale for each row, and in some versions a zero point


def test_layers_are_counted_as_the_course_counts():
    for name in models.NAMES:
        model = models.build(name, seed=0).eval()
        assert sum(convolutions.layer_macs(model, (3, 32, 32)).values()) == models.macs(model, (3, 32, 32))


# calls


def test_tf32_is_on_in_its_own_call_and_nowhere_else():
    seen, before = [], tf32.switches()

    def model(x):
        seen.append(torch.backends.cuda.matmul.allow_tf32)
        return x

    def broken(x):
        raise KeyError

    with tf32.tf32(False):
        calls.call_of(model, torch.zeros(1))()
        calls.call_of(model, torch.zeros(1), "TF32")()
        with pytest.raises(KeyError):
            calls.call_of(broken, torch.zeros(1), "TF32")()
        calls.call_of(model, torch.zeros(1), "float16")()
    assert seen == [False, True, False]
    assert tf32.switches() == before


def test_compiling_the_blocks_compiles_one_function_once_for_all_blocks_of_a_precision():
    from torch._dynamo.testing import CompileCounter

    counter = CompileCounter()
    model = vit.VisionTransformer(16, 2, 32, 4, 2, classes=4).eval()
    x = torch.randn(2, *SHAPE)
    real = torch.compile
    with pytest.MonkeyPatch.context() as patch, calls.fresh_compiler():
        patch.setattr(torch, "compile", lambda block, **options: real(block, backend=counter, **options))
        got = calls.call_of(calls.compiled_blocks(model), x)()
        assert counter.frame_count == 1
        calls.call_of(calls.compiled_blocks(copy.deepcopy(model).bfloat16()), x.bfloat16())()
        assert counter.frame_count == 2
    assert all(type(block) is vit.Block for block in model.blocks), "the given one is not compiled"
    with torch.no_grad():
        assert torch.allclose(got, model(x), atol=1e-6)


def test_more_versions_than_the_compiler_keeps_are_an_error_and_not_a_silent_fallback():
    from torch._dynamo import config

    with calls.fresh_compiler():
        assert config.recompile_limit == 64
        assert config.fail_on_recompile_limit_hit


# the sweep


def test_every_precision_takes_turns_at_every_batch_and_is_judged_against_float32():
    notes = sweep.Notes()
    made = sweep.in_precisions(transformer(), ("float32", "bfloat16"), notes)
    found = sweep.times(made, (1, 4), SHAPE, notes, seconds=0.1)
    assert [(one.precision, one.batch) for one in found] == [
        ("float32", 1), ("bfloat16", 1), ("float32", 4), ("bfloat16", 4),
    ]  # fmt: skip
    assert [one.against == "" for one in found] == [True, False, True, False]
    assert all(one.measurement.median_ms > 0 and not one.compiled for one in found)
    assert notes.told == []


class Heavy(nn.Module):
    """Works up to a batch, then runs out of memory as a GPU does."""

    def __init__(self, most, problem=None):
        super().__init__()
        self.weight, self.most = nn.Parameter(torch.ones(1)), most
        self.problem = problem or torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    def forward(self, x):
        if len(x) > self.most:
            raise self.problem
        return x.mean((1, 2, 3)) * self.weight


def test_out_of_memory_is_told_and_the_sweep_goes_on():
    notes = sweep.Notes()
    made = {"float32": Heavy(2), "bfloat16": Heavy(8).bfloat16()}
    found = sweep.times(made, (2, 4, 16, 1), SHAPE, notes, seconds=0.02)
    assert [(one.precision, one.batch) for one in found] == [
        ("float32", 2), ("bfloat16", 2), ("bfloat16", 4), ("float32", 1), ("bfloat16", 1),
    ]  # fmt: skip
    assert found[2].against == ""
    assert notes.told == [
        "float32, batch 4: the memory of the device did not suffice.",
        "float32, batch 16: the memory of the device did not suffice.",
        "bfloat16, batch 16: the memory of the device did not suffice.",
    ]


def test_what_fails_otherwise_is_a_sentence_with_its_reason_and_a_stop_by_hand_is_not_caught():
    notes = sweep.Notes()
    broken = {"float32": Heavy(9), "int8": Heavy(0, RuntimeError("self.size(0) needs to be greater than 16\nmore"))}
    assert len(sweep.times(broken, (1,), SHAPE, notes, seconds=0.02)) == 1
    (sentence,) = notes.told
    assert sentence == "int8, batch 1: this failed here (RuntimeError: self.size(0) needs to be greater than 16)."
    with pytest.raises(KeyboardInterrupt), notes.instead_of_errors("x"):
        raise KeyboardInterrupt


def test_a_sweep_ends_when_its_time_is_used_up():
    notes, asked = sweep.Notes(), iter([False, False, True])
    found = sweep.times({"float32": Heavy(9)}, (1, 2, 4), SHAPE, notes, seconds=0.02, over=lambda: next(asked))
    assert [one.batch for one in found] == [1]
    assert re.fullmatch(r"uncompiled, from batch 2 on: left out, .*", notes.told[0])


def test_the_error_is_that_against_float64_on_fresh_inputs():
    notes, model = sweep.Notes(), transformer()
    made = sweep.in_precisions(model, ("float32", "bfloat16"), notes)
    found = sweep.errors(model, made, SHAPE, notes, images=8)
    assert 0 < found["float32"] < 1e-5 < 1e-4 < found["bfloat16"] < 0.05
    assert next(model.parameters()).dtype == torch.float32


def test_answers_are_those_of_each_precision():
    notes, model = sweep.Notes(), transformer()
    images = torch.randint(0, 256, (300, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    chosen = sweep.answers(sweep.in_precisions(model, ("float32", "bfloat16"), notes), images, notes)
    with torch.no_grad():
        assert torch.equal(chosen["float32"], model(models.to_input(images)).argmax(1))
    assert (chosen["bfloat16"] == chosen["float32"]).float().mean() > 0.8


@needs_torchao
def test_int8_on_this_cpu_stays_near_float64():
    notes, model = sweep.Notes(), transformer()
    found = sweep.errors(model, sweep.in_precisions(model, ("float32", "int8"), notes), SHAPE, notes, images=8)
    assert notes.told == []
    assert found["int8"] < 0.1


def test_a_precision_that_cannot_be_made_is_told():
    notes = sweep.Notes()
    assert list(sweep.in_precisions(transformer(), ("float32", "fp8"), notes)) == ["float32"]
    assert notes.told[0].startswith("fp8: this failed here (")


def test_the_stack_of_lesson_06_takes_any_device():
    compared, moved = gpu.measure(("bfloat16",), width=64, depth=2, batch=32, seconds=0.1, device="cpu")
    assert list(compared.measurements) == ["float32", "bfloat16"]
    assert 0 < moved["bfloat16"] < 0.05
    assert [row["precision"] for row in gpu.table(compared, moved, "Stack").rows] == ["float32", "bfloat16"]


# convolutions


@pytest.mark.parametrize(("kernel", "padding", "stride"), [(3, 1, 1), (3, 1, 2), (1, 0, 1), (5, 2, 1)])
def test_unfolded_it_is_the_same_convolution(kernel, padding, stride):
    conv = nn.Conv2d(4, 6, kernel, stride, padding)
    x = torch.randn(2, 4, 8, 8)
    assert torch.allclose(convolutions.Unfolded(conv)(x), conv(x), atol=1e-5)


def test_a_convolution_is_timed_in_each_way_and_stays_as_it_is():
    conv, notes = nn.Conv2d(16, 16, 3, padding=1, bias=False), sweep.Notes()
    int8 = importlib.util.find_spec("torchao") is not None
    found = convolutions.as_linear(conv, 4, 8, device=torch.device("cpu"), notes=notes, int8=int8, seconds=0.1)
    ways = [convolutions.AS_IT_IS, convolutions.UNFOLDED] + [convolutions.UNFOLDED_INT8] * int8
    assert list(found.comparison.measurements) == ways
    assert all(0 < error < 0.05 for error in found.errors.values())
    assert found.columns_bytes == 9 * found.input_bytes
    assert conv.weight.dtype == torch.float32
    assert notes.told == []


# on a GPU


def on_gpu(precision):
    """A transformer on the GPU as float32 and in this precision, or a loud skip."""
    found, reasons = told.for_sweep(gpu.machine("cuda"))
    if precision not in found:
        pytest.skip(" ".join(reasons))
    model = vit.build("small", image_shape=(3, 32, 32), classes=16, seed=0).eval().cuda()
    return model, gpu.converted(model, precision)


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "most"), [("float16", 0.01), ("bfloat16", 0.03), ("int8", 0.1), ("fp8", 0.15)])
def test_on_a_gpu_every_precision_stays_near_float64(precision, most):
    model, made = on_gpu(precision)
    notes = sweep.Notes()
    found = sweep.errors(model, {"float32": model, precision: made}, (3, 32, 32), notes)
    assert notes.told == []
    assert found["float32"] < 1e-4
    assert found[precision] < most


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "most"), [("int8", 0.1), ("fp8", 0.15)])
def test_on_a_gpu_a_quantized_transformer_answers_as_in_bfloat16(precision, most):
    model, made = on_gpu(precision)
    plain = gpu.converted(model, "bfloat16")
    for batch in (1, 64):
        x = sweep.random_images(batch, (3, 32, 32), seed=batch).to("cuda", torch.bfloat16)
        with torch.no_grad():
            assert gpu.relative_difference(made(x), plain(x)) < most
    assert conversion.weight_bytes(made) < 0.6 * conversion.weight_bytes(plain)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "TF32", "float16", "bfloat16", "int8", "fp8"])
def test_on_a_gpu_compiled_blocks_answer_as_uncompiled_ones(precision):
    if reason := told.uncompiled(gpu.machine("cuda")):
        pytest.skip(reason)
    _, made = on_gpu(precision)
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to("cuda", conversion.dtype_of(precision))
    with tf32.tf32(False), calls.fresh_compiler():
        plain = calls.call_of(made, x, precision)()
        fast = calls.call_of(calls.compiled_blocks(made), x, precision)()
    assert gpu.relative_difference(fast, plain) < 0.1


@pytest.mark.gpu
def test_on_a_gpu_a_convolution_in_each_way_is_the_same_convolution():
    conv, notes = nn.Conv2d(64, 64, 3, padding=1, bias=False), sweep.Notes()
    int8 = "int8" in told.for_sweep(gpu.machine("cuda"))[0]
    found = convolutions.as_linear(conv, 64, 16, device=torch.device("cuda"), notes=notes, int8=int8, seconds=0.3)
    assert notes.told == []
    assert all(error < 0.05 for error in found.errors.values())
    assert found.peak_bytes[convolutions.UNFOLDED] >= found.columns_bytes


@pytest.mark.gpu
def test_on_a_gpu_the_stack_of_lesson_06_is_timed_in_every_precision_there_is():
    precisions, _ = gpu.available(gpu.machine("cuda"))
    compared, moved = gpu.measure(precisions, width=512, batch=256, seconds=0.5)
    assert list(compared.measurements) == ["float32", *precisions]
    assert all(0 < moved[precision] < 0.15 for precision in precisions)
