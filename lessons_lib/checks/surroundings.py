"""Keeps what the learner's code does to the rest of the notebook inside the check: seeds, modes, printing, leaving."""

import contextlib
import io
import random
import sys
import warnings
from collections.abc import Iterator
from typing import NoReturn, TextIO

import numpy as np
import torch

KEPT_CHARACTERS = 4_000


class Printed(io.TextIOBase):
    """A text stream that keeps the first 4,000 characters and only counts the others."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._kept = self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = KEPT_CHARACTERS - self._kept
        if room > 0 and text:
            self._parts.append(text[:room])
            self._kept += len(self._parts[-1])
        self._written += len(text)
        return len(text)

    def text(self) -> str:
        """What was printed, and where it was cut."""
        kept = "".join(self._parts).rstrip("\n")
        if self._written <= KEPT_CHARACTERS:
            return kept
        return f"{kept}\n... cut here: your code printed {self._written:,} characters."


@contextlib.contextmanager
def printing_to(stream: Printed) -> Iterator[None]:
    """Send what is printed, and warnings as one line each, to `stream`."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        stream.write(f"{category.__name__}: {message}\n")

    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream), warnings.catch_warnings():
        warnings.simplefilter("default")  # each line of code warns once
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def restored_state() -> Iterator[None]:
    """Start from float32 with gradients on; afterwards put back seeds, default dtype, gradient mode and threads."""
    seeds = torch.get_rng_state(), np.random.get_state(), random.getstate()
    dtype, gradients, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    try:
        yield
    finally:
        torch.set_rng_state(seeds[0])
        np.random.set_state(seeds[1])
        random.setstate(seeds[2])
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def seed_all() -> None:
    """Give every call of the learner's code the same random numbers."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


@contextlib.contextmanager
def kernel_kept_alive() -> Iterator[None]:
    """Let `exit()` and `quit()` raise SystemExit, as they do outside a notebook, instead of ending the kernel."""

    def leave() -> NoReturn:
        raise SystemExit

    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        yield
        return
    shell.ask_exit = leave
    try:
        yield
    finally:
        del shell.ask_exit
