"""Fewer bits for each number, from scratch: pure functions on tensors and networks, each of which returns a copy.

Reading order: `qtype` (what a number is stored in), `affine` (scale, zero point, rounding, clipping), `calibration` (which range
to keep) and `calibration_sets` (from which images), `straight_through` (a gradient for rounding), `network` (a whole network
in few bits), `study` (many ways, judged on the same images), `integer_conv` (a convolution in whole numbers) and `saturation`
(where its sums overflow).
"""

from lessons_lib.quantization.affine import Affine, between, choose, dequantize, error, fake_quantize, quantize
from lessons_lib.quantization.calibration import METHODS, find_range
from lessons_lib.quantization.calibration_sets import calibration_sets
from lessons_lib.quantization.integer_conv import IntegerConv, integer_conv
from lessons_lib.quantization.network import (
    FakeQuantized,
    calibrate,
    fake_quantized,
    inputs_of,
    layers,
    quantize_weights,
    short_names,
    size_bytes,
)
from lessons_lib.quantization.qtype import SCHEMES, QType, activation_type, weight_type
from lessons_lib.quantization.saturation import as_without_vnni, cut_off, saturates, saturating_dot, told_of_cpu
from lessons_lib.quantization.straight_through import straight_through
from lessons_lib.quantization.study import (
    Judge,
    Mixture,
    Score,
    Trial,
    mixtures,
    score,
    sensitivity,
    sweep,
    with_inputs,
)

__all__ = [
    "METHODS", "SCHEMES", "Affine", "FakeQuantized", "IntegerConv", "Judge", "Mixture", "QType", "Score", "Trial",
    "activation_type", "as_without_vnni", "between", "calibrate", "calibration_sets", "choose", "cut_off", "dequantize",
    "error", "fake_quantize", "fake_quantized", "find_range", "inputs_of", "integer_conv", "layers", "mixtures",
    "quantize", "quantize_weights", "saturates", "saturating_dot", "score", "sensitivity", "short_names", "size_bytes",
    "straight_through", "sweep", "told_of_cpu", "weight_type", "with_inputs",
]  # fmt: skip
