"""How far each process has come: one small file a rank, written by the process and read by the notebook."""

import os
from dataclasses import dataclass
from pathlib import Path

WIDTH = 60  # every line has the same length, so that a reader never finds half of an old one


@dataclass(frozen=True)
class Standing:
    """Where a process stands: its number among all, its process id, the steps it has done and its last loss."""

    rank: int
    pid: int
    step: int
    loss: float


class Progress:
    """The writing end. A step costs a few microseconds."""

    def __init__(self, folder: Path, rank: int):
        self._file = open(folder / f"rank-{rank}.txt", "w", encoding="ascii")  # noqa: SIM115 (open while the process lives)
        self.tell(0, 0.0)

    def tell(self, step: int, loss: float) -> None:
        """Say how many steps are done."""
        self._file.seek(0)
        self._file.write(f"{os.getpid()} {step} {loss:.6g}".ljust(WIDTH))
        self._file.flush()


def standings(folder: Path) -> list[Standing]:
    """Where every process that has started stands, by rank."""
    found = []
    for path in folder.glob("rank-*.txt"):
        try:
            pid, step, loss = path.read_text(encoding="ascii").split()
        except (OSError, ValueError):  # just being made
            continue
        found.append(Standing(int(path.stem.removeprefix("rank-")), int(pid), int(step), float(loss)))
    return sorted(found, key=lambda standing: standing.rank)
