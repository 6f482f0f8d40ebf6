"""From nothing to the first answer: what a freshly started process takes, engine by engine.

A server that is started when the first request comes, or a tool on the command line, pays this each time.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessons_lib.tables import Table

if TYPE_CHECKING:
    from torch import nn

    from lessons_lib.datasets.split import Dataset
    from lessons_lib.engines import Engine

PARTS = ("start_s", "import_s", "load_s", "first_s")
TIMEOUT_S = 120


@dataclass(frozen=True)
class ColdStart:
    """The parts of one engine's start in seconds, medians of `runs` fresh processes; or why there are none.

    start_s: until Python runs. import_s: the packages. load_s: the model, made ready. first_s: the first answer.
    next_s: each answer after it.
    """

    engine: str
    runs: int = 0
    start_s: float = 0.0
    import_s: float = 0.0
    load_s: float = 0.0
    first_s: float = 0.0
    next_s: float = 0.0
    problem: str = ""

    @property
    def total_s(self) -> float:
        """Until the first answer is there."""
        return sum(getattr(self, part) for part in PARTS)

    @property
    def longest(self) -> str:
        """The part that takes longest, in words."""
        words = {"start_s": "starting Python", "import_s": "importing", "load_s": "loading the model",
                 "first_s": "the first answer"}  # fmt: skip
        return words[self._longest_part]

    @property
    def share(self) -> str:
        """How much of the whole the longest part is, in words."""
        return "most" if getattr(self, self._longest_part) > self.total_s / 2 else "the largest part"

    @property
    def _longest_part(self) -> str:
        return max(PARTS, key=lambda part: getattr(self, part))


def measure(
    lined_up: "Mapping[str, Engine]", model: "nn.Module", data: "Dataset", *, threads: int = 1, repeats: int = 2
) -> list[ColdStart]:
    """Start a process for each engine, in turns, and time it until the first answer.

    Args:
        lined_up: engines by name; those with `files` load these, others the model. model: what PyTorch's engines load.
        data: what it was trained on. threads: for each. repeats: processes an engine.

    Returns:
        One result an engine. The files come from the operating system's memory, not from the disk: right after
        switching a machine on it takes longer.
    """
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in lined_up}
    problems: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as top:
        folders = {name: Path(top) / str(number) for number, name in enumerate(lined_up)}
        for name, engine in lined_up.items():
            store(folders[name], engine, model, data)
        for _ in range(repeats):
            for name in [name for name in lined_up if name not in problems]:
                try:
                    runs[name].append(start(name, folders[name], threads, data.image_shape))
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    problems[name] = f"{name}: its process gave no answer ({error})."
    return [_summary(name, runs[name], problems.get(name, "")) for name in lined_up]


def store(folder: Path, engine: "Engine", model: "nn.Module", data: "Dataset") -> int:
    """Write what has to be shipped into a new folder: the engine's graph, or for PyTorch the weights; bytes on disk.

    Of a network that is not the course's, a fresh process has no class to load weights into: it gets a program of PyTorch's.
    """
    from lessons_lib import checkpoints

    folder.mkdir()
    for file, content in engine.files.items():
        (folder / file).write_bytes(content)
    if not engine.files and checkpoints.is_of_the_course(model):
        checkpoints.save(folder / "model.safetensors", model, data)
    elif not engine.files:
        checkpoints.save_program(folder / "model.pt", model, data.image_shape)
    return sum(path.stat().st_size for path in folder.iterdir())


def start(name: str, folder: Path, threads: int, shape: Sequence[int]) -> dict[str, float]:
    """One fresh process; the seconds of each part.

    Raises:
        ValueError: the process ended without an answer; names its last words. subprocess.TimeoutExpired: it took too long.
    """
    begin = time.monotonic()
    told: dict[str, Any] = json.loads(
        last_line("lessons_lib.cold_start.child", name, str(folder), str(threads), *map(str, shape))
    )
    return {"start_s": told.pop("started") - begin, **told}


def last_line(module: str, *arguments: str) -> str:
    """Run a module of the library in a fresh process; the last line that it prints.

    Raises:
        ValueError: the process ended without an answer; names its last words. subprocess.TimeoutExpired: it took too long.
    """
    library = str(Path(__file__).resolve().parents[2])  # also of a clone that is not installed
    found_in = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S,
        stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": found_in},
    )  # fmt: skip
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["without a word"])[-1])
    return done.stdout.strip().splitlines()[-1]


def _summary(name: str, runs: list[dict[str, float]], problem: str) -> ColdStart:
    if problem or not runs:
        return ColdStart(name, problem=problem or f"{name}: not started.")
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return replace(ColdStart(name, len(runs)), **medians)  # type: ignore[arg-type]


def table(found: Sequence[ColdStart]) -> Table:
    """The parts and their sum, the quickest first; engines without a result stand last with the reason."""
    lines = [
        {
            "engine": one.engine,
            "start Python": f"{one.start_s:.2f} s",
            "import": f"{one.import_s:.2f} s",
            "load the model": f"{one.load_s:.2f} s",
            "first answer": f"{1e3 * one.first_s:.3g} ms",
            "together": f"{one.total_s:.2f} s",
            "each later answer": f"{1e3 * one.next_s:.3g} ms",
        }
        for one in sorted(found, key=lambda one: one.total_s)
        if not one.problem
    ]
    failed = [{"engine": one.engine, "start Python": one.problem} for one in found if one.problem]
    return Table("From nothing to the first answer, in a fresh process", lines + failed)


def sentence(found: Sequence[ColdStart]) -> str:
    """Who starts quickest, what takes longest, and how many answers the start is worth, in words."""
    ready = sorted((one for one in found if not one.problem), key=lambda one: one.total_s)
    if not ready:
        return "No engine could be started in a fresh process."
    quickest, slowest = ready[0], ready[-1]
    words = (
        f"{quickest.engine} has its first answer after {quickest.total_s:.1f} s, {quickest.share} of which is {quickest.longest}: "
        f"as long as {quickest.total_s / quickest.next_s:,.0f} answers of a process that is already running"
    )
    if len(ready) == 1:
        return f"{words}."
    return f"{words}. {slowest.engine} takes {slowest.total_s:.1f} s, {slowest.share} of it {slowest.longest}."
