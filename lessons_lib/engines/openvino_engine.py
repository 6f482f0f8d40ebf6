"""Engines that are OpenVINO, in float32 and in int8 through NNCF: optional, used where both are installed."""

import functools
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lessons_lib.engines.engine import Engine, Source
from lessons_lib.engines.quiet import quiet


def settings(threads: int) -> dict[str, Any]:
    """How OpenVINO compiles a graph: float32 means float32, also where the CPU has a faster bfloat16.

    Source: https://docs.openvino.ai/2024/openvino-workflow/running-inference/inference-devices-and-modes/cpu-device.html
    """
    return {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # a pinned thread cannot give way to its neighbours
    }


def load() -> Any:
    """The package `openvino`, its report of usage to its makers switched off.

    Without `openvino_telemetry` both OpenVINO and NNCF go on without reporting.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # makes its import fail
    import openvino

    return openvino


@functools.cache
def core() -> Any:
    """OpenVINO's runtime, one for as long as the process lives.

    Each loads the CPU plugin anew, which gives the main thread a stack for signals. Where two of them go in the wrong
    order that stack is gone while it is still in use, and the next signal, such as an interrupt, ends the process.
    """
    return load().Core()


def read(graph: bytes) -> Any:
    """An ONNX graph as OpenVINO's own model."""
    return core().read_model(io.BytesIO(graph))


def quantize(graph: bytes, calibration: Tensor) -> Any:
    """An ONNX graph as OpenVINO's own model in int8.

    Args:
        graph: from `onnx_graph.export`. calibration: float32 (n, c, h, w); all of them are used.

    Raises:
        ValueError: no calibration images.

    Source: nncf.quantize, its defaults for a CPU: symmetric weights per channel, fast bias correction.
    """
    if not len(calibration):
        raise ValueError("quantize needs calibration images, a hundred or more; none were given.")
    model = read(graph)
    with quiet():
        import nncf

        images = nncf.Dataset([part.numpy() for part in calibration.split(1)])
        return nncf.quantize(model, images, target_device=nncf.TargetDevice.CPU, subset_size=len(calibration))


def stored(model: Any) -> dict[str, bytes]:
    """The two files of a model, by name, as `save_model` writes them in full precision."""
    with tempfile.TemporaryDirectory() as folder:
        load().save_model(model, str(Path(folder) / "model.xml"), compress_to_fp16=False)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def _engine(name: str, model: Any, threads: int, precision: str, tolerance: float) -> Engine:
    files = stored(model)
    request = core().compile_model(model, "CPU", settings(threads)).create_infer_request()

    def run(x: Tensor) -> Tensor:
        request.infer([x.contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(request.get_output_tensor().data.copy())

    size = sum(map(len, files.values()))
    return Engine(name, run, size, "cpu", threads, precision, tolerance, files)


def openvino_float32(s: Source) -> Engine:
    """The graph as it was exported."""
    return _engine("OpenVINO", read(s.graph()), s.threads, "float32", 1e-4)


def openvino_int8(s: Source) -> Engine:
    """The graph in int8, calibrated by NNCF on the images that calibrate ONNX Runtime's."""
    return _engine("OpenVINO int8", quantize(s.graph(), s.calibration), s.threads, "int8", 0.1)
