"""Notices Ctrl-C even where a part takes it for a request to train less: half a measurement must not count as a whole one."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """Within the block: a function that says whether Ctrl-C was pressed since it was last asked.

    Source: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd (a byte arrives for every signal, whoever handles it).
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread receives signals
        return
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)

    def pressed() -> bool:
        try:
            return signal.SIGINT in reader.recv(4096)
        except BlockingIOError:
            return False

    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield pressed
    finally:
        signal.set_wakeup_fd(before)
        reader.close()
        writer.close()
