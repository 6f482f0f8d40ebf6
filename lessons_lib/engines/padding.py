"""Images of three channels get a fourth, of zeros: 8-bit kernels like multiples of four.

ONNX Runtime copies the patches under a filter into a matrix before it multiplies; copies of four bytes are cheaper than copies
of three. The function stays the same, since the weights of the new channel are zeros as well. How much it brings stands in
docs/benchmarks/engines.md.
"""

MULTIPLE = 4


def pad_colours(graph: bytes) -> bytes:
    """A copy of a float32 graph whose first convolution takes colour images with a channel of zeros more.

    Args:
        graph: from `onnx_graph.export`, input "x".

    Returns:
        The graph; as it is where the input does not go into one convolution of three channels.
    """
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(graph)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    users = [node for node in model.graph.node if "x" in node.input]
    if len(users) != 1 or users[0].op_type != "Conv" or users[0].input[1] not in weights:
        return graph
    conv, weight = users[0], weights[users[0].input[1]]
    narrow = numpy_helper.to_array(weight)
    if narrow.shape[1] != MULTIPLE - 1 or any(weight.name in node.input for node in model.graph.node if node != conv):
        return graph
    wide = np.pad(narrow, ((0, 0), (0, 1), (0, 0), (0, 0)))
    weight.CopyFrom(numpy_helper.from_array(wide, weight.name))
    edges = numpy_helper.from_array(np.array([0, 0, 0, 0, 0, 1, 0, 0], np.int64), "one_channel_more")
    model.graph.initializer.append(edges)
    model.graph.node.insert(0, helper.make_node("Pad", ["x", edges.name], ["x_padded"], "pad_colours"))
    conv.input[0] = "x_padded"
    del model.graph.value_info[:]  # the shapes are inferred anew
    return model.SerializeToString()
