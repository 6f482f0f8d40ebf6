"""The first convolution of an int8 graph, taken out, so that it can be worked out by hand beside the engine."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lessons_lib.quantization import IntegerConv


@dataclass(frozen=True)
class EngineConv:
    """A convolution of an engine. conv: its numbers. input, output: the names of its 8-bit tensors in the graph."""

    conv: IntegerConv
    input: str
    output: str


def first_conv(graph: bytes) -> EngineConv:
    """Read the first convolution of a graph that `onnx_graph.quantize` made.

    Raises:
        ValueError: it has none in 8 bits.
    """
    import onnx

    nodes = onnx.load_from_string(graph).graph
    values = {entry.name: onnx.numpy_helper.to_array(entry) for entry in nodes.initializer}
    maker = {name: node for node in nodes.node for name in node.output}
    conv = next((node for node in nodes.node if node.op_type == "Conv" and node.input[0] in maker), None)
    if conv is None or maker[conv.input[0]].op_type != "DequantizeLinear":
        raise ValueError("The first convolution of this graph is not in 8 bits: quantize the graph first.")
    x, weight, bias = (maker[name] for name in conv.input)
    y = _next_quantize(nodes, conv)
    attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in conv.attribute}

    def value(node: Any, place: int) -> np.ndarray:
        return values[node.input[place]]

    read = IntegerConv(
        weight=torch.tensor(value(weight, 0)),
        bias=torch.tensor(value(bias, 0)),
        scale_x=torch.tensor(value(x, 1)),
        zero_x=int(value(x, 2)),
        scale_w=torch.tensor(value(weight, 1)),
        scale_y=torch.tensor(value(y, 1)),
        zero_y=int(value(y, 2)),
        stride=attributes.get("strides", [1])[0],
        padding=attributes.get("pads", [0])[0],
    )
    return EngineConv(read, x.input[0], y.output[0])


def _next_quantize(nodes: Any, node: Any) -> Any:
    """The QuantizeLinear behind a node; a ReLU may stand between them."""
    while node.op_type != "QuantizeLinear":
        node = next(other for other in nodes.node if node.output[0] in other.input)
    return node
