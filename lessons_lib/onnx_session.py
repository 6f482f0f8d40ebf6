"""Opening an ONNX graph to run it, with what it computes on the way made visible."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a server that runs a graph needs no PyTorch
    from torch import Tensor


def open_session(graph: bytes, threads: int = 1, profile_in: Path | None = None, write_to: Path | None = None) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU.

    Args:
        graph: an ONNX graph. threads: how many it may use. profile_in: a folder for a profile of every call.
        write_to: where to write the graph as the engine has rearranged it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it would disturb its neighbours
    options.log_severity_level = 3
    if profile_in is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_in / "profile")
    if write_to is not None:
        options.optimized_model_filepath = str(write_to)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def runner(graph: bytes, threads: int = 1) -> "Callable[[Tensor], Tensor]":
    """A function from float32 (n, c, h, w) to the first output of the graph."""
    import torch

    session = open_session(graph, threads)
    return lambda x: torch.from_numpy(session.run(None, {"x": x.contiguous().numpy()})[0])


def values_of(graph: bytes, names: Sequence[str], x: "Tensor") -> "list[Tensor]":
    """What a quantized graph holds on the way in tensors of these names, uint8, for an input float32 (n, c, h, w)."""
    import onnx
    import torch

    model = onnx.load_from_string(graph)
    known = {output.name for output in model.graph.output}
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, None) for name in names if name not in known
    )
    session = open_session(model.SerializeToString())
    return [torch.from_numpy(value) for value in session.run(list(names), {"x": x.contiguous().numpy()})]
