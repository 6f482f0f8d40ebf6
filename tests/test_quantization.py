"""From-scratch quantization against ONNX's own reference, bit for bit, and the relations that any quantization has to keep."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from lessons_lib.explained import Mistake
from lessons_lib.quantization import (
    SCHEMES,
    QType,
    between,
    choose,
    dequantize,
    error,
    fake_quantize,
    quantize,
    weight_type,
)

KINDS = {
    (8, True): TensorProto.INT8,
    (8, False): TensorProto.UINT8,
    (4, True): TensorProto.INT4,
    (4, False): TensorProto.UINT4,
}
SHAPES = [(), (1,), (7,), (3, 5), (4, 3, 3, 3), (2, 0, 3), (0,), (1, 1, 1, 1), (5, 2)]


def oracle(kind: int, axis: int) -> ReferenceEvaluator:
    """QuantizeLinear and DequantizeLinear of ONNX 21, the first with 4 bits, in the reference that comes with it."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "scale")]
    inputs.append(helper.make_tensor_value_info("zero", kind, None))
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], axis=axis),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"], axis=axis),
    ]
    outputs = [
        helper.make_tensor_value_info("q", kind, None),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(nodes, "there and back", inputs, outputs)
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]))


def values(kind: int, shape: tuple[int, ...], random: torch.Generator) -> torch.Tensor:
    """Tensors of every sort that could go wrong."""
    normal = torch.randn(shape, generator=random)
    return [
        lambda: normal,
        lambda: normal * 10.0 ** float(torch.randint(-30, 30, (), generator=random)),
        lambda: torch.zeros(shape),
        lambda: torch.full(shape, float(torch.randn((), generator=random))),
        lambda: normal.abs() + 3,
        lambda: -normal.abs() - 3,
        lambda: normal * 1e-41,  # numbers so small that they lose digits
        lambda: normal.clamp(-1, 1) * 3.4e38,  # nearly the largest there are
        lambda: torch.randint(-40, 40, shape, generator=random) / 2,  # many that lie half-way
        lambda: torch.where(normal > 1.5, normal * 1e6, normal),  # outliers
    ][kind]()


CASES = [
    (bits, symmetric, signed, axis)
    for (bits, signed), symmetric, axis in itertools.product(KINDS, (True, False), (None, 0, -1))
    if signed or not symmetric
]


@pytest.mark.parametrize(("bits", "symmetric", "signed", "axis"), CASES)
def test_quantize_and_dequantize_agree_with_onnx_bit_for_bit(bits, symmetric, signed, axis):
    random = torch.Generator().manual_seed(bits + 10 * symmetric + 100 * signed)
    reference, compared = oracle(KINDS[bits, signed], axis or 0), 0
    storage = helper.tensor_dtype_to_np_dtype(KINDS[bits, signed])
    qtype = QType(bits, signed, symmetric, axis)
    for shape, kind in itertools.product(SHAPES, range(10)):
        if axis is not None and not shape:
            continue  # a single number has no axes
        x = values(kind, shape, random)
        affine = choose(x, qtype)
        zero = affine.zero_point.numpy().astype(storage)
        with np.errstate(all="ignore"):
            q, y = reference.run(None, {"x": x.numpy(), "scale": affine.scale.numpy(), "zero": zero})
        mine = quantize(x, affine)
        assert mine.dtype == qtype.storage
        assert np.array_equal(mine.numpy(), q.astype(np.int64)), (shape, kind)
        assert dequantize(mine, affine).numpy().tobytes() == np.asarray(y, np.float32).tobytes(), (shape, kind)
        compared += 1
    assert compared >= 80  # of 18 cases together: more than 1,000


def test_more_than_a_thousand_tensors_are_compared_with_onnx():
    assert len(CASES) * 80 >= 1000


def test_values_beyond_the_range_are_clipped_as_onnx_does():
    random = torch.Generator().manual_seed(5)
    reference = oracle(TensorProto.INT8, 0)
    for _ in range(100):
        low, high, size = (float(v) for v in torch.rand(3, generator=random) * torch.tensor([-3.0, 3.0, 1e5]))
        affine = between(torch.tensor(low), torch.tensor(high), QType(8, symmetric=False))
        x = torch.randn(50, generator=random) * size
        zero = affine.zero_point.numpy().astype(np.int8)
        q, _ = reference.run(None, {"x": x.numpy(), "scale": affine.scale.numpy(), "zero": zero})
        assert np.array_equal(quantize(x, affine).numpy(), q)


def test_scale_and_zero_point_agree_with_onnx_dynamic_quantization():
    names = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xysz"]
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])
    model = helper.make_model(helper.make_graph([node], "dynamic", names[:1], names[1:]))
    reference, random = ReferenceEvaluator(model), torch.Generator().manual_seed(6)
    for shape, kind in itertools.product([(1,), (7,), (3, 5), (4, 3, 3, 3)] * 4, (0, 1, 2, 3, 4, 5, 8, 9)):
        x = values(kind, shape, random)
        affine = choose(x, QType(8, signed=False, symmetric=False))
        y, scale, zero = reference.run(None, {"x": x.numpy()})
        assert affine.scale.numpy().tobytes() == np.asarray(scale, np.float32).tobytes(), (shape, kind)
        assert int(affine.zero_point) == int(zero)
        assert np.array_equal(quantize(x, affine).numpy(), y)


FLOATS = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=True)
TYPES = st.builds(
    lambda bits, scheme: weight_type(bits, scheme),
    st.integers(2, 8),
    st.sampled_from(["symmetric, per tensor", "asymmetric, per tensor"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(FLOATS, min_size=1, max_size=20), TYPES)
def test_rounding_moves_a_value_by_half_a_step_at_most_and_keeps_zero(numbers, qtype):
    x = torch.tensor([*numbers, 0.0])
    affine = choose(x, qtype)
    back = fake_quantize(x, affine)
    half = (
        affine.scale.double() * (0.5 + 1e-3) if qtype.symmetric else affine.scale.double() * 1.001
    )  # the zero point is rounded too
    assert ((back.double() - x.double()).abs() <= half).all()
    assert back[-1] == 0
    assert qtype.lowest <= int(quantize(x, affine).min()) <= int(quantize(x, affine).max()) <= qtype.highest


@settings(max_examples=50, deadline=None)
@given(st.lists(FLOATS, min_size=2, max_size=20), TYPES)
def test_a_quantized_tensor_keeps_its_order_and_is_quantized_only_once(numbers, qtype):
    x = torch.tensor(sorted(numbers))
    affine = choose(x, qtype)
    back = fake_quantize(x, affine)
    assert (back.diff() >= 0).all()
    assert torch.equal(fake_quantize(back, affine), back)


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("axis", [None, 0])
def test_infinities_and_nan_are_refused_in_a_sentence(bad, axis):
    x = torch.ones(3, 4)
    x[1, 2] = bad
    with pytest.raises(
        Mistake, match=r"needs finite numbers: this tensor of shape \(3, 4\) holds -?(inf|nan) at \[1, 2\]"
    ):
        choose(x, QType(axis=axis))
    with pytest.raises(Mistake, match="needs finite numbers"):
        quantize(x, choose(torch.ones(3, 4), QType(axis=axis)))


def test_whole_numbers_are_refused_in_a_sentence():
    with pytest.raises(Mistake, match=r"torch\.int8\. Is it quantized already"):
        quantize(torch.ones(3, dtype=torch.int8), choose(torch.ones(3), QType()))


@pytest.mark.parametrize("bits", [1, 9, 16, 4.0, True, "8"])
def test_a_number_of_bits_that_is_not_served_is_named(bits):
    with pytest.raises(Mistake, match="give a whole number from 2 to 8"):
        QType(bits)


def test_unknown_schemes_and_unsigned_symmetry_are_named():
    with pytest.raises(Mistake, match="There is no scheme 'per row'; choose one of: symmetric, per tensor"):
        weight_type(8, "per row")
    with pytest.raises(Mistake, match="needs signed numbers"):
        QType(signed=False)


def test_a_type_says_what_it_is():
    assert (QType(4).lowest, QType(4).highest) == (-8, 7)
    assert (QType(2, False, False).lowest, QType(2, False, False).highest) == (0, 3)
    assert str(QType(8, axis=0)) == "int8, symmetric, per channel"
    assert str(QType(3, False, False)) == "uint3, asymmetric, per tensor"
    assert [weight_type(4, scheme).scheme for scheme in SCHEMES] == list(SCHEMES)


def test_fewer_bits_lose_more_and_a_scale_for_each_channel_loses_less():
    weight = torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(1))
    weight *= torch.logspace(-2, 0, 16)[:, None, None, None]
    for scheme in SCHEMES:
        errors = [error(weight, choose(weight, weight_type(bits, scheme))) for bits in range(8, 1, -1)]
        assert errors == sorted(errors), scheme
    one, each = (
        error(weight, choose(weight, weight_type(8, f"symmetric, {shared}")))
        for shared in ("per tensor", "per channel")
    )
    assert each < one


def test_an_empty_tensor_comes_back_empty_and_has_no_error():
    for axis in (None, 0):
        x = torch.zeros(0, 3)
        affine = choose(x, QType(axis=axis))
        assert fake_quantize(x, affine).shape == x.shape
        assert error(x, affine) == 0


def test_the_reference_rounds_to_the_even_one_and_clips_as_the_text_of_onnx_says():
    given = {"x": np.float32([0.5, 1.5, 2.5, -0.5, 300]), "scale": np.float32(1), "zero": np.int8(0)}
    whole, back = oracle(TensorProto.INT8, 0).run(None, given)
    assert whole.tolist() == back.tolist() == [0, 2, 2, 0, 127]
