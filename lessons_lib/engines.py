"""One way to run a trained model, however it is executed.

An engine is called with float32 (n, c, h, w) on the CPU and returns logits float32 (n, classes) on the CPU: whatever
has to be moved to a device and back is part of the call, as it is for whoever sends the request.
"""

import copy
import importlib.util
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lessons_lib import onnx_graph
from lessons_lib.device import threads as cpu_threads
from lessons_lib.models import size_bytes


@dataclass(frozen=True)
class Engine:
    """A model made ready to predict.

    name: one of `NAMES`. size_bytes: what has to be stored or sent. device: "cpu" or "cuda". threads: CPU threads it
    may use (None on a GPU). precision: of the weights. tolerance: the largest difference of a logit from eager float32,
    as a share of the largest logit, that its arithmetic allows.
    """

    name: str
    run: Callable[[Tensor], Tensor]
    size_bytes: int
    device: str
    threads: int | None
    precision: str
    tolerance: float

    def __call__(self, x: Tensor) -> Tensor:
        return self.run(x)

    def on(self, x: Tensor) -> Callable[[], Tensor]:
        """A call without arguments that predicts `x`: what `timing.compare` takes."""
        return lambda: self.run(x)


@dataclass(frozen=True)
class Source:
    """What engines are made from; the ONNX graphs are made once, when an engine first needs them."""

    model: nn.Module
    image_shape: tuple[int, int, int]
    calibration: Tensor
    threads: int

    def graph(self) -> bytes:
        return self._once("float32", lambda: onnx_graph.export(self.model, self.image_shape))

    def int8_graph(self) -> bytes:
        return self._once("int8", lambda: onnx_graph.quantize(self.graph(), self.calibration))

    def _once(self, key: str, make: Callable[[], bytes]) -> bytes:
        made: dict[str, bytes] = self.__dict__.setdefault("made", {})
        if key not in made:
            made[key] = make()
        return made[key]


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy in eval mode whose batch norms are folded into the convolutions before them: the same function, less work.

    Source: torch.nn.utils.fusion.fuse_conv_bn_eval.
    """
    folded = copy.deepcopy(model).eval()
    for parent in list(folded.modules()):
        children = list(parent.named_children())
        for (name, layer), (norm_name, norm) in pairwise(children):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, fuse_conv_bn_eval(layer, norm))
                setattr(parent, norm_name, nn.Identity())
    return folded


def _torch_engine(
    name: str, model: nn.Module, threads: int | None, tolerance: float, layout: torch.memory_format, **cuda: Any
) -> Engine:
    device, dtype = cuda.get("device", "cpu"), cuda.get("dtype", torch.float32)
    ready = copy.deepcopy(model).eval().to(device=device, dtype=dtype).to(memory_format=layout)  # type: ignore[call-overload]
    size = size_bytes(ready)
    call = torch.compile(ready, dynamic=True) if cuda.get("compiled") else ready

    def run(x: Tensor) -> Tensor:
        with torch.inference_mode(), cpu_threads(threads) if threads else nullcontext():
            return call(x.to(device=device, dtype=dtype, memory_format=layout)).float().cpu()

    return Engine(name, run, size, device, threads, "float16" if dtype == torch.float16 else "float32", tolerance)


def _onnx_engine(name: str, graph: bytes, threads: int, precision: str, tolerance: float) -> Engine:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # a spinning thread disturbs its neighbours
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"x": x.contiguous().numpy()})[0])

    return Engine(name, run, len(graph), "cpu", threads, precision, tolerance)


def _eager(s: Source) -> Engine:
    return _torch_engine("eager", s.model, s.threads, 1e-5, torch.contiguous_format)


def _eager_folded(s: Source) -> Engine:
    return _torch_engine("eager, folded", fold_batch_norm(s.model), s.threads, 1e-4, torch.channels_last)


def _onnx(s: Source) -> Engine:
    return _onnx_engine("ONNX Runtime", s.graph(), s.threads, "float32", 1e-4)


def _onnx_int8(s: Source) -> Engine:
    return _onnx_engine("ONNX Runtime int8", s.int8_graph(), s.threads, "int8", 0.1)


def _cuda(s: Source) -> Engine:
    return _torch_engine("GPU eager", s.model, None, 1e-2, torch.channels_last, device="cuda")


def _cuda_half(s: Source) -> Engine:
    folded = fold_batch_norm(s.model)
    return _torch_engine("GPU half", folded, None, 3e-2, torch.channels_last, device="cuda", dtype=torch.float16)


def _cuda_compiled(s: Source) -> Engine:
    folded = fold_batch_norm(s.model)
    layout = torch.channels_last
    return _torch_engine("GPU compiled", folded, None, 3e-2, layout, device="cuda", dtype=torch.float16, compiled=True)


MAKERS: dict[str, Callable[[Source], Engine]] = {
    "eager": _eager,
    "eager, folded": _eager_folded,
    "ONNX Runtime": _onnx,
    "ONNX Runtime int8": _onnx_int8,
    "GPU eager": _cuda,
    "GPU half": _cuda_half,
    "GPU compiled": _cuda_compiled,
}
NAMES = tuple(MAKERS)
CPU_NAMES = tuple(name for name in NAMES if not name.startswith("GPU"))


def missing(name: str) -> str | None:
    """Why this machine cannot run an engine, in a sentence; None where it can.

    Raises:
        ValueError: unknown name.
    """
    if name not in MAKERS:
        raise ValueError(f"there is no engine {name!r}; choose from {', '.join(NAMES)}.")
    if name.startswith("GPU") and not torch.cuda.is_available():
        return f"{name}: PyTorch sees no NVIDIA GPU here."
    if name == "GPU compiled" and torch.cuda.get_device_capability() < (7, 0):
        return f"{name}: torch.compile needs a GPU of compute capability 7.0 or newer."
    if name == "GPU compiled" and not (
        importlib.util.find_spec("triton") and any(map(shutil.which, ("cc", "gcc", "clang")))
    ):
        return f"{name}: torch.compile needs Triton and a C compiler, and one of them is not installed."
    lacking = [m for m in ("onnx", "onnxscript", "onnxruntime") if not importlib.util.find_spec(m)]
    if name.startswith("ONNX") and lacking:
        return f"{name}: {' and '.join(lacking)} not installed; `pip install {' '.join(lacking)}` brings it."
    return None


def available(device: str = "auto") -> tuple[list[str], list[str]]:
    """The engines that this machine can run, and a sentence for each that it cannot.

    Args:
        device: "cpu" leaves the GPU engines out without a word; "cuda" or "auto" asks for all.
    """
    asked = CPU_NAMES if str(device) == "cpu" else NAMES
    reasons = {name: missing(name) for name in asked}
    return [n for n, reason in reasons.items() if reason is None], [r for r in reasons.values() if r]


def build(
    names: Sequence[str],
    model: nn.Module,
    image_shape: tuple[int, int, int],
    calibration: Tensor,
    threads: int | None = None,
) -> dict[str, Engine]:
    """Make a model ready to run in several ways.

    Args:
        names: from `NAMES`. model: trained; it stays as it is. image_shape: (c, h, w).
        calibration: float32 (n, c, h, w), from which int8 learns its ranges.
        threads: CPU threads that each engine uses, whatever PyTorch uses outside; None for as many as that.

    Raises:
        ValueError: unknown name. RuntimeError: an engine that this machine lacks, with the reason.
    """
    reasons = [reason for reason in map(missing, names) if reason]
    if reasons:
        raise RuntimeError(" ".join(reasons))
    source = Source(model, image_shape, calibration, threads or torch.get_num_threads())
    return {name: MAKERS[name](source) for name in names}
