"""Which engines this machine can run, and what the others lack."""

import importlib.util
import shutil

import torch

OPENVINO = 'pip install "openvino>=2026.0" "nncf>=3.0"'


def lacking(*packages: str) -> list[str]:
    """The packages that are not installed."""
    return [name for name in packages if not importlib.util.find_spec(name)]


def why_not(name: str) -> str | None:
    """Why this machine cannot run an engine, in a sentence; None where it can."""
    if name.startswith("GPU"):
        return _why_no_gpu(name)
    absent = lacking("onnx", "onnxscript", "onnxruntime") if name.startswith("ONNX") else []
    if absent:
        return f"{name}: {' and '.join(absent)} not installed; `pip install {' '.join(absent)}` brings it."
    if name.startswith("OpenVINO"):
        absent = lacking("onnx", "onnxscript", "openvino", *(["nncf"] if name.endswith("int8") else []))
        return f"{name}: {' and '.join(absent)} not installed; `{OPENVINO}` brings it." if absent else None
    return None


def _why_no_gpu(name: str) -> str | None:
    if not torch.cuda.is_available():
        return f"{name}: PyTorch sees no NVIDIA GPU here."
    if name != "GPU compiled":
        return None
    if torch.cuda.get_device_capability() < (7, 0):
        return f"{name}: torch.compile needs a GPU of compute capability 7.0 or newer."
    if lacking("triton") or not any(map(shutil.which, ("cc", "gcc", "clang"))):
        return f"{name}: torch.compile needs Triton and a C compiler, and one of them is not installed."
    return None
