"""One part of a record, measured so that whatever goes wrong in it stays in it."""

import gc
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from lessons_lib.batching import is_out_of_memory
from lessons_lib.device import seed_everything
from lessons_lib.explained import NotHere
from lessons_lib.machine_record import plain
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.part import Part
from lessons_lib.machine_record.private import names, scrubbed


def measured(part: Part, context: Context) -> dict[str, Any]:
    """Measure one part: seconds, series, facts and notes, as the file holds them; an error becomes a note."""
    began = time.perf_counter()
    seed_everything(context.seed)
    with _settings_as_before(context.device):
        content = plain.content(_findings(part, context))
    return {"seconds": round(time.perf_counter() - began, 1), **content}


def _findings(part: Part, context: Context) -> Findings:
    try:
        return part.measure(context)
    except NotHere as reason:
        return Findings(notes=(str(reason),))
    except Exception as error:  # another part may still be measured; what is the matter is for whoever reads the record
        if is_out_of_memory(error):
            note = f"{part.title}: it needs more memory than is free on this device."
            return Findings(notes=(note,))
        first = (str(error).strip().splitlines() or [""])[0][:300]
        told = f"{part.title} could not be measured: {type(error).__name__}: {first} ({_place(error)})"
        return Findings(notes=(scrubbed(told, names()),))


def _place(error: Exception) -> str:
    """The last line of this library that an error came through: file and line, without the path."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "lessons_lib" in Path(frame.filename).parts]
    return f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else "elsewhere"


@contextmanager
def _settings_as_before(device: torch.device) -> Iterator[None]:
    """Whatever a part changes of PyTorch's settings, compiles or leaves in memory is gone when it ends."""
    threads, benchmark, matmul = torch.get_num_threads(), torch.backends.cudnn.benchmark, _matmul_precision()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_grad_enabled(True)
        torch.backends.cudnn.benchmark = benchmark
        if matmul and _matmul_precision() != matmul:
            torch.set_float32_matmul_precision(matmul)
        if "torch._dynamo" in sys.modules:
            sys.modules["torch._dynamo"].reset()
        gc.collect()
        if device.type == "cuda":
            with suppress(RuntimeError):  # a GPU that an error has stopped says so again in `answers`
                torch.cuda.empty_cache()


def _matmul_precision() -> str | None:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # torch 2.9 on: refused once the newer settings of the same were used
        return None


def answers(device: torch.device) -> bool:
    """Whether the device still works: after some errors of CUDA nothing does until the process ends."""
    try:
        return float(torch.ones(2, device=device).sum()) == 2
    except RuntimeError:
        return False
