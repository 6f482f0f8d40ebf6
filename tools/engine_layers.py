"""Where an int8 engine spends its time: microseconds an image for each convolution, from the engine's own profile."""

import json
import re
import tempfile
from collections import Counter
from pathlib import Path

from torch import Tensor

from lessons_lib.engines import openvino_engine
from lessons_lib.onnx_session import open_session

CALLS = 30
REST = "everything else"


def onnx_runtime(graph: bytes, x: Tensor, threads: int) -> dict[str, float]:
    """Microseconds an image by layer; the order of the graph.

    Source: SessionOptions.enable_profiling.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(graph, threads, profile_in=Path(folder))
        for _ in range(CALLS):
            session.run(None, {"x": x.numpy()})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[layer(event["name"])] += event["dur"]
    return {name: micros / CALLS / len(x) for name, micros in spent.items()}


def openvino(graph: bytes, calibration: Tensor, x: Tensor, threads: int) -> dict[str, float]:
    """The same for OpenVINO with NNCF.

    Source: the property PERF_COUNT and InferRequest.get_profiling_info.
    """
    settings = openvino_engine.settings(threads) | {"PERF_COUNT": True}
    model = openvino_engine.quantize(graph, calibration)
    request = openvino_engine.core().compile_model(model, "CPU", settings).create_infer_request()
    spent: Counter[str] = Counter()
    for _ in range(CALLS):
        request.infer([x.numpy()])
        for info in request.get_profiling_info():
            spent[layer(info.node_name)] += info.real_time.total_seconds() * 1e6
    return {name: micros / CALLS / len(x) for name, micros in spent.items()}


def layer(node: str) -> str:
    """The convolution that a node of either engine belongs to, by the name it has in the exported graph."""
    found = re.search(r"Conv_\d+", node)
    return found.group() if found else REST


def together(ours: dict[str, float], theirs: dict[str, float]) -> list[tuple[str, float, float]]:
    """Both engines' microseconds an image, layer by layer, what is no convolution last."""
    names = sorted({*ours, *theirs} - {REST}, key=lambda name: int(name.partition("_")[2]))
    told = [f"convolution {number}" for number in range(1, len(names) + 1)]
    return [
        (title, ours.get(name, 0.0), theirs.get(name, 0.0))
        for title, name in zip([*told, REST], [*names, REST], strict=True)
    ]
