"""One network in every precision that a device has, in turns, at rising batch sizes."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from lessons_lib import engines
from lessons_lib.batching import free_memory, is_out_of_memory, take_batch
from lessons_lib.device import synchronise
from lessons_lib.engines.resident import Form, Resident
from lessons_lib.explained import NotHere
from lessons_lib.timing import Comparison, Within, compare

# Batch norms are folded in all of them, so that nothing but the precision changes, and what is built on top of it.
ON_GPU = {
    "float32": Form(channels_last=False),
    "TF32": Form(tf32=True),
    "float16": Form(torch.float16),
    "bfloat16": Form(torch.bfloat16),
    "float16, compiled": Form(torch.float16, compiled=True),
    "float16, CUDA graph": Form(torch.float16, graph=True),
}
ON_CPU = {"float32": Form(), "bfloat16": Form(torch.bfloat16), "float16": Form(torch.float16)}
NEEDS_WHAT = {
    "TF32": "GPU TF32",
    "bfloat16": "GPU bfloat16",
    "float16, compiled": "GPU compiled",
}


def ready(
    model: nn.Module, x: Tensor, device: torch.device, without: Collection[str] = ()
) -> tuple[dict[str, Resident], list[str]]:
    """The network in each form that the device can run, float32 first, and a sentence for each that it cannot.

    Args:
        model: trained; it stays as it is. x: float32 (n, c, h, w) to try it on, on the CPU. device: where.
        without: names of forms that are left out.

    Raises:
        NotHere: not even float32 runs, with the reason.
    """
    forms, runs, notes = (ON_CPU if device.type == "cpu" else ON_GPU), {}, []
    for name, form in [(name, form) for name, form in forms.items() if name not in without]:
        reason = engines.missing(NEEDS_WHAT[name], device) if device.type == "cuda" and name in NEEDS_WHAT else None
        found, problem = (None, reason) if reason else _try(model, form, x, device)
        if found:
            runs[name] = found
        notes += [f"{name} was not measured. {problem}"] if problem and not found else [problem] if problem else []
    if "float32" not in runs:
        raise NotHere(" ".join(notes))
    return runs, notes


def _try(model: nn.Module, form: Form, x: Tensor, device: torch.device) -> tuple[Resident | None, str]:
    try:
        run = Resident(model, form, device)
        run(x)
        return run, run.note
    except (
        RuntimeError,
        ImportError,
        OSError,
    ) as error:  # memory that ended and the compiler's errors are RuntimeErrors
        return None, f"PyTorch says: {str(error).strip().partition(chr(10))[0][:200]}"


def calls(
    runs: Mapping[str, Resident], x: Tensor, device: torch.device, *, copies: bool
) -> dict[str, Callable[[], Tensor]]:
    """What to time, each within its arithmetic; each waits for its answers. copies: False: images and answers lie on the device; True: both on the CPU, in
    ordinary memory."""
    if copies:
        made = {name: partial(_there_and_back, run, x) for name, run in runs.items()}
    else:
        there = x.to(device)
        made = {name: partial(waited, run, device, there) for name, run in runs.items()}
    return {name: Within(call, getattr(runs[name], "arithmetic", nullcontext)) for name, call in made.items()}


def waited(run: Callable[[Tensor], Tensor], device: torch.device, x: Tensor) -> Tensor:
    """Predict, and wait until the answers are there: a GPU would go on with the next call while this one still runs."""
    answers = run(x)
    synchronise(device)
    return answers


def _there_and_back(run: Resident, x: Tensor) -> Tensor:
    return run(x).cpu()


def measure(
    runs: Mapping[str, Resident],
    images: Tensor,
    batches: Sequence[int],
    device: torch.device,
    *,
    seconds: float,
    copies: bool = False,
) -> tuple[dict[int, Comparison], list[str]]:
    """Time all of them in turns at each batch size.

    Args:
        runs: from `ready`; the first is the baseline. images: float32 (n, c, h, w) on the CPU, repeated where they are too few.
        seconds: for each batch size. copies: see `calls`.

    Returns:
        A comparison for each batch size, and a sentence for whatever did not fit into the memory.
    """
    found: dict[int, Comparison] = {}
    notes: list[str] = []
    for batch in sorted(set(batches)):
        comparison, problems = _at(runs, images, batch, device, seconds, copies)
        if comparison:
            found[batch] = comparison
        notes += problems
        if problems:
            free_memory()
    return found, notes


def _at(
    runs: Mapping[str, Resident], images: Tensor, batch: int, device: torch.device, seconds: float, copies: bool
) -> tuple[Comparison | None, list[str]]:
    x = take_batch(images, batch)
    try:
        all_calls = calls(runs, x, device, copies=copies)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None, [_too_large(name, batch) for name in runs]
    fitting = {name: call for name, call in all_calls.items() if _fits(call)}
    problems = [_too_large(name, batch) for name in runs if name not in fitting]
    if next(iter(runs)) not in fitting or len(fitting) < 2:
        return None, problems
    try:
        return compare(fitting, seconds=seconds, device=device), problems
    except Exception as error:  # each has run alone, but a graph keeps its memory from the others
        if not is_out_of_memory(error):
            raise
    return None, [
        *problems,
        f"{', '.join(fitting)}: a batch of {batch:,} does not fit into the memory for all of them.",
    ]


def _too_large(name: str, batch: int) -> str:
    return f"{name}: a batch of {batch:,} does not fit into the memory."


def _fits(call: Callable[[], Tensor]) -> bool:
    try:
        call()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True
