"""Keep-alive connections to one server, and a thread that listens on all of them."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable

LOOK_EVERY_S = 0.05
OnReply = Callable[[int, int, bytes, float], None]  # request, status (0: the connection was lost), body, when


class Connection:
    """One socket; `request` is the number of the request whose answer is awaited on it."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.request: int | None = None
        self.buffer = bytearray()


class Connections:
    """A fixed number of connections; whoever sends takes a free one, and the listener frees it when the answer is there.

    Args:
        address: host and port. count: connections, opened at once. on_reply: called in the listener's thread.

    Raises:
        OSError: the server cannot be reached.
    """

    def __init__(self, address: tuple[str, int], count: int, on_reply: OnReply):
        self._address, self._on_reply = address, on_reply
        self._selector = selectors.DefaultSelector()
        self._free: list[Connection] = []
        self._available = threading.Semaphore(0)
        self._lock = threading.Lock()  # sender and listener both change a connection
        self._stopping = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        try:
            for _ in range(count):
                connection = Connection()
                self._open(connection)
                self._release(connection)
        except OSError:
            self._close_sockets()
            raise
        self._listener.start()

    def send(self, request: int, message: bytes, patience_s: float) -> float | None:
        """Send a message on a free connection; returns when it was sent, None where it could not be."""
        if not self._available.acquire(timeout=max(0.0, patience_s)):
            return None
        connection = self._free.pop()
        with self._lock:
            connection.request = request
            sent = time.perf_counter()
            try:
                if connection.socket is None:
                    self._open(connection)
                assert connection.socket
                connection.socket.sendall(message)
            except OSError:
                if connection.socket is None:  # the server is gone
                    connection.request = None
                    self._release(connection)
                    return None
        return sent  # where the server hung up, the listener sees it

    def close(self) -> None:
        """Stop listening and hang up."""
        self._stopping.set()
        self._listener.join()
        self._close_sockets()

    def _open(self, connection: Connection) -> None:
        connection.socket = socket.create_connection(self._address, timeout=10)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.buffer.clear()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def _release(self, connection: Connection) -> None:
        self._free.append(connection)
        self._available.release()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(LOOK_EVERY_S):
                with self._lock:
                    self._read(key.data)

    def _read(self, connection: Connection) -> None:
        if connection.socket is None:  # hung up a moment ago
            return
        received = b""
        with contextlib.suppress(OSError):
            received = connection.socket.recv(65536)
        now = time.perf_counter()
        if not received:
            self._hang_up(connection)
            self._finish(connection, 0, b"", now)
            return
        connection.buffer += received
        if reply := parse(connection.buffer):
            if b"\r\nconnection: close\r\n" in connection.buffer.lower():
                self._hang_up(connection)
            connection.buffer.clear()
            self._finish(connection, *reply, now)

    def _finish(self, connection: Connection, status: int, body: bytes, now: float) -> None:
        request, connection.request = connection.request, None
        if request is not None:
            self._on_reply(request, status, body, now)
            self._release(connection)

    def _hang_up(self, connection: Connection) -> None:
        if connection.socket:
            self._selector.unregister(connection.socket)
            connection.socket.close()
            connection.socket = None

    def _close_sockets(self) -> None:
        for key in list((self._selector.get_map() or {}).values()):
            self._hang_up(key.data)
        self._selector.close()


def parse(buffer: bytes | bytearray) -> tuple[int, bytes] | None:
    """Status and body of a whole HTTP response; None while some of it is missing. It has to tell its length."""
    head, separator, body = bytes(buffer).partition(b"\r\n\r\n")
    if not separator:
        return None
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    return (int(lines[0].split()[1]), body[:length]) if len(body) >= length else None
