"""The peak memory of a fresh process that loads and runs what is shipped."""

import hashlib
from pathlib import Path

from lessons_lib.capstone.candidates import Candidate
from lessons_lib.cold_start import last_line

_known: dict[tuple[str, ...], int] = {}


def peak_bytes(candidate: Candidate, folder: Path, shape: tuple[int, int, int]) -> int:
    """The most memory that a fresh process holds while it loads what lies in `folder` and predicts a few batches.

    The same bytes, run in the same way, are not started a second time in one process.

    Raises:
        ValueError: the process gave no answer; names its last words. subprocess.TimeoutExpired: it took too long.
    """
    how = [candidate.engine, str(candidate.threads), str(candidate.batch), *map(str, shape)]
    key = (*how, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())))
    if key not in _known:
        _known[key] = int(last_line("lessons_lib.capstone.child", how[0], str(folder), *how[1:]))
    return _known[key]
