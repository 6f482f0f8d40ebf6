"""From a PyTorch model to an ONNX graph, and from float32 to int8: what an inference engine is given to run."""

import contextlib
import io
import logging
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn


def export(model: nn.Module, image_shape: tuple[int, int, int]) -> bytes:
    """Write a model as an ONNX graph with a free batch size.

    Args:
        model: takes float32 (n, c, h, w); it is exported in eval mode and stays as it is.
        image_shape: (c, h, w).

    Returns:
        The graph with its weights, as the bytes of an .onnx file. The input is named "x".

    Source: torch.onnx.export with dynamo=True.
    """
    import copy

    on_cpu = copy.deepcopy(model).cpu().eval()
    example = torch.zeros(2, *image_shape)  # a batch of 1 would be taken for a constant
    batch = torch.export.Dim("batch")
    with _silence(), tempfile.TemporaryDirectory() as folder:
        program = torch.onnx.export(
            on_cpu, (example,), dynamo=True, input_names=["x"], dynamic_shapes={"x": {0: batch}}
        )
        assert program is not None
        path = Path(folder) / "model.onnx"
        program.save(str(path), external_data=False)
        return path.read_bytes()


def quantize(graph: bytes, calibration: Tensor, batch_size: int = 64) -> bytes:
    """Turn a float32 graph into int8: static, calibrated by the largest and smallest values, weights per channel.

    Args:
        graph: from `export`. calibration: float32 (n, c, h, w), inputs as the model meets them in use.

    Returns:
        The int8 graph as bytes. Weights use 7 bits of the 8 (`reduce_range`), because the sums of 8-bit products
        overflow on CPUs without VNNI, and one file should be right on every machine.

    Raises:
        ValueError: no calibration images.

    Source: onnxruntime.quantization.quantize_static, format QDQ.
    """
    if not len(calibration):
        raise ValueError("quantize needs calibration images, a hundred or more; none were given.")
    from onnxruntime import quantization as ort
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(ort.CalibrationDataReader):
        def __init__(self) -> None:
            self.parts = iter(calibration.split(batch_size))

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
            per_channel=True,
            reduce_range=True,
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
        )
        return Path(result).read_bytes()


@contextlib.contextmanager
def _silence():
    """Exporting and quantizing tell a lot that a learner cannot act on; errors still surface."""
    names = ["torch.onnx", "onnxscript", "root"]
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
