"""Engines that are PyTorch itself: eager, with batch norms folded, and on a GPU in several forms.

"GPU eager" calculates in float32 and nothing less; TF32 is an engine of its own. Which switches that takes is in `tf32`.
"""

from contextlib import nullcontext

import torch
from torch import Tensor

from lessons_lib.device import threads as cpu_threads
from lessons_lib.engines.engine import Engine, Source
from lessons_lib.engines.resident import Form, Resident

PLAIN = Form(folded=False, channels_last=False)
GPU_FORMS = {
    "GPU eager": PLAIN,
    "GPU TF32": Form(tf32=True),
    "GPU half": Form(torch.float16),
    "GPU bfloat16": Form(torch.bfloat16),
    "GPU compiled": Form(torch.float16, compiled=True),
    "GPU graph": Form(torch.float16, graph=True),
}
TOLERANCES = {"float32": 1e-3, "TF32": 1e-2, "float16": 3e-2, "bfloat16": 0.1}


def _on_cpu(name: str, s: Source, form: Form, tolerance: float) -> Engine:
    ready = Resident(s.model, form)

    def run(x: Tensor) -> Tensor:
        with cpu_threads(s.threads) if s.threads else nullcontext():
            return ready(x)

    return Engine(name, run, ready.size_bytes, "cpu", s.threads, form.precision, tolerance)


def eager(s: Source) -> Engine:
    """PyTorch as it was trained."""
    return _on_cpu("eager", s, PLAIN, 1e-5)


def eager_folded(s: Source) -> Engine:
    """Batch norms folded into the convolutions, channels last in memory."""
    return _on_cpu("eager, folded", s, Form(), 1e-4)


def on_gpu(name: str, s: Source) -> Engine:
    """One of `GPU_FORMS`; a model that cannot become a CUDA graph runs without, and the engine's note says so."""
    form = GPU_FORMS[name]
    ready = Resident(s.model, form, s.gpu)
    if form.graph:
        ready(torch.zeros(1, *s.image_shape))
    tolerance = TOLERANCES[form.precision]
    return Engine(
        name, lambda x: ready(x).cpu(), ready.size_bytes, "cuda", None, form.precision, tolerance,
        where=str(s.gpu), note=f"{name}: {ready.note}" if ready.note else "", within=ready.arithmetic,
    )  # fmt: skip
