"""Keeps a talkative library quiet: progress bars and advice that a learner cannot act on. Errors still surface."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within the block nothing is printed, logged below the level of an error, or drawn as a progress bar."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logging.getLogger("nncf").setLevel(logging.ERROR)
        with _no_progress_bars():
            yield


@contextlib.contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Rich draws its bars as widgets in a notebook, past the standard output."""
    try:
        import rich
    except ImportError:
        yield
        return
    console = rich.get_console()
    before = console.quiet, console.is_jupyter
    console.quiet, console.is_jupyter = True, False
    try:
        yield
    finally:
        console.quiet, console.is_jupyter = before
