"""Training that can stop at any moment and go on exactly: checkpoints as safetensors, written whole or not at all."""

import contextlib
import json
import os
import signal
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.history import History


def save(path: Path, job: dict, step: int, model: nn.Module, optimiser: torch.optim.SGD, history: History) -> None:
    """Write everything that the next step depends on; a crash in the middle leaves the previous checkpoint in place.

    A folder that cannot be written must not end a training: it goes on, with a warning.
    """
    from safetensors.torch import save as to_bytes

    tensors = {f"model.{name}": value.contiguous() for name, value in model.state_dict().items()}
    for number, parameter in enumerate(_trained(optimiser)):
        momentum = optimiser.state[parameter].get("momentum_buffer")
        if momentum is not None:
            tensors[f"momentum.{number}"] = momentum.contiguous()
    told = {"step": step, "history": asdict(history), "job": job}
    try:
        replace_file(path, to_bytes(tensors, {"state": json.dumps(told)}))
    except OSError as error:
        warnings.warn(f"The checkpoint {path} cannot be written ({error}); training goes on without it.", stacklevel=2)


def load(path: Path, job: dict, model: nn.Module, optimiser: torch.optim.SGD, history: History) -> int:
    """Fill model, optimiser and history from a checkpoint of the same job.

    Args:
        path: the checkpoint. job: what tells one training from another: recipe, seed and data.

    Returns:
        The step to go on with: 0 where there is no checkpoint, or where it belongs to another job or network (it is
        then overwritten in due course), or where it cannot be read, which a warning says.
    """
    if not path.exists():
        return 0
    try:
        told, tensors = _read(path)
        before = History(**told["history"])
        before.accuracy = [(step, share) for step, share in before.accuracy]
    except (OSError, KeyError, TypeError, ValueError) as error:
        warnings.warn(f"The checkpoint {path} cannot be read ({error}); training starts anew.", stacklevel=3)
        return 0
    weights = {key.removeprefix("model."): value for key, value in tensors.items() if key.startswith("model.")}
    expected = {name: value.shape for name, value in model.state_dict().items()}
    if told["job"] != job or expected != {name: value.shape for name, value in weights.items()}:
        return 0
    model.load_state_dict(weights)
    for number, parameter in enumerate(_trained(optimiser)):
        if f"momentum.{number}" in tensors:
            momentum = torch.empty_like(parameter).copy_(tensors[f"momentum.{number}"])
            optimiser.state[parameter]["momentum_buffer"] = momentum
    for name, value in vars(before).items():
        setattr(history, name, value)
    return int(told["step"])


def step_of(path: Path) -> int:
    """The steps that a checkpoint holds; 0 where there is none that can be read."""
    try:
        return int(_read(path)[0]["step"])
    except (OSError, KeyError, TypeError, ValueError):
        return 0


def _trained(optimiser: torch.optim.SGD) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["state"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (it is no dict)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return {key: told[key] for key in ("job", "step", "history")}, tensors


def fingerprint(*tensors: Tensor) -> int:
    """A checksum of tensors on the CPU, to tell data sets of the same name and size apart."""
    checksum = 0
    for tensor in tensors:
        checksum = zlib.crc32(tensor.contiguous().numpy().data, checksum)
    return checksum


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` beside `path` and move it there in one step, so that readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a checkpoint, and what a process that was killed left of one that it was writing."""
    with contextlib.suppress(OSError):
        for leftover in (path, *path.parent.glob(f"{path.name}.*.part")):
            leftover.unlink(missing_ok=True)


@contextlib.contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """Turn the first interrupt into a request that the loop honours between two steps; the second one is immediate."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread receives signals
        return

    def on_interrupt(signal_number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, previous)
