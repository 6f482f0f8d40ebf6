"""From a PyTorch model to an ONNX graph, and from float32 to int8: what an inference engine is given to run."""

import contextlib
import io
import logging
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons_lib.explained import Mistake, in_short


def export(model: nn.Module, image_shape: tuple[int, int, int]) -> bytes:
    """Write a model as an ONNX graph with a free batch size.

    Args:
        model: takes float32 (n, c, h, w), whatever its `forward` calls it; it is exported in eval mode and stays as it is.
        image_shape: (c, h, w).

    Returns:
        The graph with its weights, as the bytes of an .onnx file. The input is named "x".

    Raises:
        Mistake: a model that PyTorch cannot export, with the cause.

    Source: torch.onnx.export with dynamo=True.
    """
    import copy

    on_cpu = copy.deepcopy(model).cpu().eval()
    example = torch.zeros(2, *image_shape)  # a batch of 1 would be taken for a constant
    batch = torch.export.Dim("batch")
    with _silence(), tempfile.TemporaryDirectory() as folder:
        try:
            program = torch.onnx.export(
                on_cpu, (example,), dynamo=True, input_names=["x"], dynamic_shapes=({0: batch},)
            )
        except Exception as error:
            raise Mistake(
                f"This {type(model).__name__} cannot be written as an ONNX graph ({in_short(error)})."
            ) from None
        assert program is not None
        path = Path(folder) / "model.onnx"
        program.save(str(path), external_data=False)
        return path.read_bytes()


CALIBRATIONS = {"min-max": "MinMax", "percentile": "Percentile", "entropy": "Entropy"}  # here: in ONNX Runtime


@dataclass(frozen=True)
class Int8Options:
    """How `quantize` goes about it; the defaults are right on every machine.

    calibration: which range of an activation is kept, one of `CALIBRATIONS`. per_channel: each output channel of a weight has a
    scale of its own. reduce_range: weights use 7 bits of the 8, because the sums of 8-bit products overflow on CPUs without VNNI.
    keep_float32: the layers that stay as they are, by their place among convolutions and linear layers, from 0.
    percentile: what the calibration of that name keeps.

    Raises:
        Mistake: unknown calibration.
    """

    calibration: str = "min-max"
    per_channel: bool = True
    reduce_range: bool = True
    keep_float32: tuple[int, ...] = ()
    percentile: float = 99.99

    def __post_init__(self) -> None:
        if self.calibration not in CALIBRATIONS:
            raise Mistake(f"There is no calibration {self.calibration!r}; choose one of {', '.join(CALIBRATIONS)}.")


def layer_nodes(graph: bytes) -> list[str]:
    """The names of the nodes that are convolutions or linear layers, in order."""
    import onnx

    return [node.name for node in onnx.load_from_string(graph).graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]


def quantize(graph: bytes, calibration: Tensor, batch_size: int = 64, options: Int8Options | None = None) -> bytes:
    """Turn a float32 graph into int8: static, that is, with ranges of the activations found beforehand.

    Args:
        graph: from `export`. calibration: float32 (n, c, h, w), inputs as the model meets them in use.
        options: how; by default calibrated by the smallest and largest values, weights per channel in 7 bits.

    Returns:
        The int8 graph as bytes.

    Raises:
        ValueError: no calibration images, or a layer to keep that is not there.

    Source: onnxruntime.quantization.quantize_static, format QDQ.
    """
    if not len(calibration):
        raise ValueError("quantize needs calibration images, a hundred or more; none were given.")
    from onnxruntime import quantization as ort
    from onnxruntime.quantization.shape_inference import quant_pre_process

    chosen = options or Int8Options()
    size = batch_size
    if chosen.calibration != "min-max":  # ONNX Runtime's histograms want batches of one size
        size = max(s for s in range(1, batch_size + 1) if len(calibration) % s == 0)

    class Reader(ort.CalibrationDataReader):
        def __init__(self) -> None:
            self.parts = iter(calibration.split(size))

        def get_next(self) -> dict | None:
            part = next(self.parts, None)
            return None if part is None else {"x": part.numpy()}

    with _silence(), tempfile.TemporaryDirectory() as folder:
        raw, ready, result = (str(Path(folder) / name) for name in ("raw.onnx", "ready.onnx", "int8.onnx"))
        Path(raw).write_bytes(graph)
        quant_pre_process(raw, ready, skip_symbolic_shape=True)
        ort.quantize_static(
            ready,
            result,
            Reader(),
            quant_format=ort.QuantFormat.QDQ,
            per_channel=chosen.per_channel,
            reduce_range=chosen.reduce_range,
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
            calibrate_method=ort.CalibrationMethod[CALIBRATIONS[chosen.calibration]],
            nodes_to_exclude=_kept(Path(ready).read_bytes(), chosen.keep_float32),
            extra_options={"CalibPercentile": chosen.percentile} if chosen.calibration == "percentile" else {},
        )
        return Path(result).read_bytes()


def _kept(graph: bytes, places: tuple[int, ...]) -> list[str]:
    nodes = layer_nodes(graph) if places else []
    for place in places:
        if place not in range(len(nodes)):
            raise ValueError(f"keep_float32 names layer {place}; the graph has layers 0 to {len(nodes) - 1}.")
    return [nodes[place] for place in places]


@contextlib.contextmanager
def _silence():
    """Exporting and quantizing tell a lot that a learner cannot act on; errors still surface."""
    names = ["torch.onnx", "torch.fx.experimental.symbolic_shapes", "onnxscript", "root"]
    levels = {name: logging.getLogger(name if name != "root" else None).level for name in names}
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        for name in names:
            logging.getLogger(name if name != "root" else None).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name if name != "root" else None).setLevel(level)
