"""The real int8 engine: its options, its first convolution worked out by hand, and the proof from its own profile."""

from functools import lru_cache

import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from samples import dataset, learnt

from lessons_lib import engine_conv, engine_profile, models, onnx_graph, quantization
from lessons_lib.engine_profile import Kernel
from lessons_lib.explained import Mistake
from lessons_lib.onnx_graph import Int8Options
from lessons_lib.onnx_session import open_session, runner, values_of
from lessons_lib.quantization import IntegerConv, QType, integer_conv

DATA = dataset()
X = models.to_input(DATA.train.images)


@lru_cache
def graph32() -> bytes:
    return onnx_graph.export(learnt("small"), DATA.image_shape)


@lru_cache
def graph8(options: Int8Options | None = None) -> bytes:
    return onnx_graph.quantize(graph32(), X, options=options)


def random_conv(seed: int, padding: int, stride: int) -> tuple[torch.Tensor, IntegerConv]:
    random = torch.Generator().manual_seed(seed)

    def whole(low, high, shape, dtype):
        return torch.randint(low, high, shape, generator=random).to(dtype)

    conv = IntegerConv(
        weight=whole(-64, 65, (6, 3, 3, 3), torch.int8),  # 7 bits: right on CPUs without VNNI too
        bias=whole(-2000, 2000, (6,), torch.int32),
        scale_x=torch.tensor(0.021),
        zero_x=int(whole(0, 256, (), torch.int64)),
        scale_w=torch.rand(6, generator=random) * 0.01 + 0.001,
        scale_y=torch.tensor(0.05),
        zero_y=int(whole(0, 256, (), torch.int64)),
        stride=stride,
        padding=padding,
    )
    return whole(0, 256, (2, 3, 9, 9), torch.uint8), conv


def one_node(conv: IntegerConv) -> bytes:
    """QLinearConv alone in a graph."""
    given = {
        "sx": conv.scale_x.numpy(), "zx": torch.tensor(conv.zero_x, dtype=torch.uint8).numpy(), "w": conv.weight.numpy(),
        "sw": conv.scale_w.numpy(), "zw": torch.zeros(6, dtype=torch.int8).numpy(), "sy": conv.scale_y.numpy(),
        "zy": torch.tensor(conv.zero_y, dtype=torch.uint8).numpy(), "b": conv.bias.numpy(),
    }  # fmt: skip
    node = helper.make_node(
        "QLinearConv",
        ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy", "b"],
        ["y"],
        strides=[conv.stride] * 2,
        pads=[conv.padding] * 4,
    )
    ends = [helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in "xy"]
    constants = [numpy_helper.from_array(value, name) for name, value in given.items()]
    graph = helper.make_graph([node], "one", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


@pytest.mark.parametrize(("padding", "stride"), [(1, 1), (0, 1), (1, 2)])
@pytest.mark.parametrize("seed", range(5))
def test_a_convolution_in_whole_numbers_is_the_engines_own(seed, padding, stride):
    x, conv = random_conv(seed, padding, stride)
    engine = open_session(one_node(conv)).run(None, {"x": x.numpy()})[0]
    assert torch.equal(integer_conv(x, conv), torch.from_numpy(engine))


def test_the_first_convolution_of_the_engine_can_be_worked_out_by_hand():
    found = engine_conv.first_conv(graph8())
    x, y = values_of(graph8(), [found.input, found.output], X[:8])
    assert torch.equal(integer_conv(x, found.conv), y)
    affine = quantization.Affine(found.conv.scale_x, torch.tensor(found.conv.zero_x), QType(8, False, False))
    assert torch.equal(quantization.quantize(X[:8], affine), x)


def test_a_float32_graph_has_no_such_convolution():
    with pytest.raises(ValueError, match="quantize the graph first"):
        engine_conv.first_conv(graph32())


def test_the_profile_proves_that_8_bit_kernels_ran_and_that_float32_kernels_ran_before():
    ran8, ran32 = engine_profile.kernels(graph8(), X[:4]), engine_profile.kernels(graph32(), X[:4])
    every, eight = engine_profile.products(ran8)
    assert every == eight == 4, "three convolutions and the last layer"
    assert engine_profile.proof(ran8).startswith("All 4 convolutions and matrix products ran in 8 bits")
    assert engine_profile.products(ran32) == (4, 0)
    assert "computed in float32" in engine_profile.proof(ran32)
    assert engine_profile.eight_bit_share(ran32) == 0 < engine_profile.eight_bit_share(ran8)


def test_pairs_of_quantize_and_dequantize_become_integer_kernels():
    before, after = (engine_profile.operations(graph8(), rearranged=ready) for ready in (False, True))
    assert before["Conv"] == 3
    assert "QLinearConv" not in before
    assert after.get("QLinearConv") == 3
    assert "Conv" not in after


def test_a_profile_is_summed_up_by_operation_and_type():
    def event(name, op, kind, micros):
        return {
            "cat": "Node", "name": f"{name}_kernel_time", "dur": micros,
            "args": {"op_name": op, "input_type_shape": [{kind: [1, 3]}, {"int8": [3]}]},
        }  # fmt: skip

    events = [event("a", "QLinearConv", "uint8", 300), event("b", "QLinearConv", "uint8", 100), event("a", "QLinearConv", "uint8", 300),
              event("b", "QLinearConv", "uint8", 100), event("c", "QuantizeLinear", "float", 50), {"cat": "Session", "name": "run", "dur": 9}]  # fmt: skip
    found = engine_profile.read(events, calls=2)
    assert found[0] == Kernel("QLinearConv", ("uint8", "int8"), 2, 0.4)
    assert engine_profile.products(found) == (2, 2)
    assert engine_profile.eight_bit_share(found) == pytest.approx(0.4 / 0.425)
    assert engine_profile.table(found).rows[0]["works on 8 bits"] == "yes"
    assert "nothing can be said" in engine_profile.proof([])
    mixed = [*found, Kernel("Conv", ("float",), 1, 1.0)]
    assert engine_profile.proof(mixed).startswith("2 of 3 convolutions")


def test_the_defaults_are_what_they_were():
    assert graph8() == onnx_graph.quantize(graph32(), X, options=Int8Options())
    assert Int8Options() == Int8Options("min-max", True, True, ())


@pytest.mark.parametrize(
    "options",
    [
        Int8Options("percentile"),
        Int8Options("entropy"),
        Int8Options(per_channel=False),
        Int8Options(reduce_range=False),
    ],
    ids=str,
)
def test_every_option_gives_an_engine_that_is_near_float32(options):
    exact, result = runner(graph32())(X[:16]), runner(graph8(options))(X[:16])
    assert float((result - exact).norm() / exact.norm()) < 0.3


def test_reduce_range_keeps_weights_to_7_bits():
    widest = {
        reduce: int(engine_conv.first_conv(graph8(Int8Options(reduce_range=reduce))).conv.weight.int().abs().max())
        for reduce in (True, False)
    }
    assert widest[True] <= 64 < 120 < widest[False]


def test_one_scale_or_one_for_each_channel():
    scales = {
        each: engine_conv.first_conv(graph8(Int8Options(per_channel=each))).conv.scale_w.numel()
        for each in (True, False)
    }
    assert scales == {True: 32, False: 1}


def test_layers_that_are_kept_in_float32_run_in_float32():
    ran = engine_profile.kernels(graph8(Int8Options(keep_float32=(0, 3))), X[:4])
    assert engine_profile.products(ran) == (4, 2)
    with pytest.raises(ValueError, match="names layer 9; the graph has layers 0 to 3"):
        graph8(Int8Options(keep_float32=(9,)))


def test_an_unknown_calibration_is_named():
    with pytest.raises(Mistake, match="There is no calibration 'mean'; choose one of min-max"):
        Int8Options("mean")
