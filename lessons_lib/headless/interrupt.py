"""Ends a run in good order when somebody asks for it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def interrupts(first: Callable[[], None]) -> Iterator[None]:
    """Turn Ctrl-C and a request to end (SIGTERM) into KeyboardInterrupt within the block, after calling `first`."""

    def interrupt(*_: object) -> NoReturn:
        first()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
