"""A server on this machine that hands out files, well or badly, for the tests of downloading."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lessons_lib.datasets.cache import RemoteFile


class FileServer(ThreadingHTTPServer):
    """Serves `content` at any path; the faults below are switched on by the tests.

    Args:
        content: what it hands out.
    """

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.ranges: list[str | None] = []  # the Range of each request, in order
        self.drop_after: list[int] = []  # for each of the next requests: bytes after which the connection breaks
        self.ignore_range = False
        self.shifted_range = False
        self.hang_s = 0.0
        self.pause_s = 0.0  # after each piece
        self.statuses: list[int] = []  # answers of the next requests; an empty list means 200 or 206
        self.hide_length = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address) -> None:
        """Clients that break off are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        time.sleep(server.hang_s)
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        start = 0 if asked is None or server.ignore_range else int(asked.removeprefix("bytes=").split("-")[0])
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            first = start + server.shifted_range
            self.send_header("Content-Range", f"bytes {first}-{len(server.content) - 1}/{len(server.content)}")
        if not server.hide_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        limit = server.drop_after.pop(0) if server.drop_after else len(body)
        for offset in range(0, min(limit, len(body)), 1000):
            self.wfile.write(body[offset : min(offset + 1000, limit)])
            time.sleep(server.pause_s)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    """A server for the length of a block."""
    server = FileServer(content)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def published(name: str, content: bytes, *addresses: str) -> RemoteFile:
    """A file as its authors would describe it, to be had at these addresses."""
    md5, sha256 = hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest()
    return RemoteFile(name, len(content), md5, sha256, tuple(f"{address}/{name}" for address in addresses))
