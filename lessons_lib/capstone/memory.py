"""What is shipped, as files on disk, and the peak memory of a fresh process that loads and runs them."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lessons_lib.capstone.candidates import Candidate

if TYPE_CHECKING:
    from torch import nn

    from lessons_lib.datasets.split import Dataset
    from lessons_lib.engines import Engine

TIMEOUT_S = 120
_known: dict[tuple[str, ...], int] = {}


def store(folder: Path, engine: "Engine", model: "nn.Module", data: "Dataset") -> int:
    """Write what has to be shipped into a new folder: the engine's graph, or for PyTorch the weights; bytes on disk."""
    from lessons_lib import checkpoints

    folder.mkdir(parents=True)
    for file, content in engine.files.items():
        (folder / file).write_bytes(content)
    if not engine.files:
        checkpoints.save(folder / "model.safetensors", model, data)
    return sum(path.stat().st_size for path in folder.iterdir())


def peak_bytes(candidate: Candidate, folder: Path, shape: tuple[int, int, int]) -> int:
    """The most memory that a fresh process holds while it loads what lies in `folder` and predicts a few batches.

    The same bytes, run in the same way, are not started a second time in one session.

    Raises:
        ValueError: the process gave no answer; names its last words. subprocess.TimeoutExpired: it took too long.
    """
    how = [candidate.engine, str(candidate.threads), str(candidate.batch), *map(str, shape)]
    key = (*how, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())))
    if key not in _known:
        _known[key] = _run([how[0], str(folder), *how[1:]])
    return _known[key]


def _run(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "lessons_lib.capstone.child", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["without a word"])[-1])
    return int(done.stdout.strip().splitlines()[-1])
