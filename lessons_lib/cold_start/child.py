"""Runs in a process of its own: from nothing to the first answer, then prints how long each part took, as JSON.

    python -m lessons_lib.cold_start.child ENGINE FOLDER THREADS C H W

It imports what a server with this engine would import, and no more: ONNX Runtime and OpenVINO need no PyTorch.
"""

import time

STARTED = time.monotonic()  # the same clock in every process of a machine

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

NEXT_CALLS = 5


def onnx_runtime(folder: Path, threads: int) -> tuple[Callable[[], Any], Callable[[Any, Any], Any]]:
    """How to load, and how to predict with what was loaded."""
    import onnxruntime

    def load() -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        return onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    return load, lambda session, x: session.run(None, {"x": x})


def openvino(folder: Path, threads: int) -> tuple[Callable[[], Any], Callable[[Any, Any], Any]]:
    """How to load, and how to predict with what was loaded."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # no report of usage to its makers
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    return lambda: ov.Core().compile_model(str(folder / "model.xml"), "CPU", settings), lambda model, x: model([x])


def pytorch(folder: Path, threads: int, device: str) -> tuple[Callable[[], Any], Callable[[Any, Any], Any]]:
    """How to load, and how to predict with what was loaded."""
    import torch

    from lessons_lib import checkpoints

    torch.set_num_threads(threads)

    def predict(model: Any, x: Any) -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(x).to(device)).cpu()

    def load() -> Any:
        if (folder / "model.pt").is_file():
            return checkpoints.load_program(folder / "model.pt").to(device)
        return checkpoints.load(folder / "model.safetensors")[0].to(device)

    return load, predict


def main(engine: str, folder: str, threads: str, *shape: str) -> dict[str, float]:
    """Start, load and predict, each timed, in seconds."""
    import numpy as np

    where, count = Path(folder), int(threads)
    if engine.startswith("ONNX"):
        load, predict = onnx_runtime(where, count)
    elif engine.startswith("OpenVINO"):
        load, predict = openvino(where, count)
    else:
        load, predict = pytorch(where, count, "cuda" if engine.startswith("GPU") else "cpu")
    imported = time.monotonic()
    model = load()
    loaded = time.monotonic()
    x = np.zeros((1, *map(int, shape)), np.float32)
    predict(model, x)
    answered = time.monotonic()
    for _ in range(NEXT_CALLS):
        predict(model, x)
    later = (time.monotonic() - answered) / NEXT_CALLS
    return {
        "started": STARTED, "import_s": imported - STARTED, "load_s": loaded - imported,
        "first_s": answered - loaded, "next_s": later,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
