"""Starting the server in a process of its own, talking to it, and leaving nothing behind."""

import contextlib
import http.client
import json
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from lessons_lib import allocator
from lessons_lib.explained import Explained
from lessons_lib.queueing import Policy
from lessons_lib.serving.load import Target
from lessons_lib.serving.tally import TOKEN_HEADER

START_S = 120.0  # a slow disk takes long to load an engine
LINES_SHOWN = 6


@dataclass(frozen=True)
class Spec:
    """What the server runs.

    maker: "module:function" that makes the engine, see `serving.engines`. image_shape: (c, h, w), uint8.
    payload: bytes for the maker, such as a graph. arguments: more for it, such as threads. warm_up: call it before serving.
    """

    maker: str
    image_shape: tuple[int, int, int]
    payload: bytes = b""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    warm_up: bool = True


def onnx(graph: bytes, image_shape: tuple[int, int, int], threads: int = 1) -> Spec:
    """A server that runs an ONNX graph, as `onnx_graph.export` makes it, in ONNX Runtime."""
    return Spec("lessons_lib.serving.engines:onnx", tuple(image_shape), graph, {"threads": threads})  # type: ignore[arg-type]


class Server:
    """A running server; use it in a `with` block, or close it. Its process ends with this one, whatever happens.

    Args:
        spec: what it runs. policy: how it puts requests together; `configure` changes it.

    Raises:
        Explained: it did not start; says why.
    """

    host = "127.0.0.1"
    module = "lessons_lib.serving.child"
    closing_s = 2.0

    def __init__(self, spec: Spec, policy: Policy | None = None):
        policy = policy or Policy()
        allocator.return_freed_memory()  # the server needs it
        self.token = secrets.token_urlsafe(24)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (open while the process lives)
        own_group: dict[str, Any] = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [sys.executable, "-m", self.module], env=_environment(spec), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors, **own_group,  # an interrupt is the notebook's business
        )  # fmt: skip
        try:
            self._hand_over(spec, policy)
            self.port = self._port()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def target(self) -> Target:
        """Where to send images to."""
        return Target(self.host, self.port, "/predict", ((TOKEN_HEADER, self.token),))

    def configure(self, policy: Policy) -> None:
        """Change how requests are put together, and begin a new count."""
        self._talk("POST", "/policy", json.dumps(asdict(policy)))

    def stats(self) -> dict[str, Any]:
        """What became of the requests since the last `configure`; see `Tally.to_dict`."""
        return self._talk("GET", "/stats")

    def close(self) -> None:
        """End the process and wait until it is gone; doing it twice does no harm."""
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(self.closing_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # not earlier: while a thread waits for the port this would wait too
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hand_over(self, spec: Spec, policy: Policy) -> None:
        job = {
            "maker": spec.maker, "arguments": dict(spec.arguments), "image_shape": spec.image_shape, "token": self.token,
            "policy": asdict(policy), "payload_bytes": len(spec.payload), "warm_up": spec.warm_up,
        }  # fmt: skip
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n" + spec.payload)
            self._process.stdin.flush()
        except OSError:
            raise self._failure() from None

    def _port(self) -> int:
        lines: queue.Queue[bytes] = queue.Queue()
        out = self._process.stdout
        assert out
        threading.Thread(target=lambda: lines.put(out.readline()), daemon=True).start()
        with contextlib.suppress(queue.Empty, ValueError):
            return json.loads(lines.get(timeout=START_S))["port"]
        raise self._failure()

    def _failure(self) -> Explained:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()[-LINES_SHOWN:]
        return Explained("\n".join(["The server did not start. The last that it said:", *(lines or ["nothing"])]))

    def _talk(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request(method, path, body, {TOKEN_HEADER: self.token})
            reply = connection.getresponse()
            told = json.loads(reply.read())
        except OSError as error:
            raise Explained(f"The server does not answer ({error}); start it again.") from None
        finally:
            connection.close()
        if reply.status != 200:
            raise Explained(told["problem"])
        return told


def _environment(spec: Spec) -> dict[str, str]:
    library = str(Path(__file__).resolve().parents[2])
    kept = os.environ | {"OMP_NUM_THREADS": str(spec.arguments.get("threads", 1))}
    kept["LESSONS_ALLOCATOR"] = "default"  # what loading the engine needed for a moment goes back to the system
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [library, kept.get("PYTHONPATH")]))
    return dict(kept)
