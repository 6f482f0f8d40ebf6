"""Tells the learner's code from that of the checker, of Python and of installed packages."""

import os
import sysconfig
from pathlib import Path

CHECKER = os.path.normcase(Path(__file__).parent)
LIBRARIES = tuple(os.path.normcase(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib", "platlib"))


def is_checkers(file: str) -> bool:
    """Whether the code of this file belongs to the checker; `file` is a code object's co_filename."""
    return os.path.normcase(file).startswith(CHECKER)


def is_learners(file: str) -> bool:
    """Whether somebody wrote the code of this file in a cell or a file of their own."""
    return not is_checkers(file) and not os.path.normcase(file).startswith((*LIBRARIES, "<frozen"))
