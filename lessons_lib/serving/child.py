"""The server's own process: `python -m lessons_lib.serving.child`; a job comes in on stdin, the port goes out on stdout.

It ends when stdin does: also where the notebook that started it was killed, so that no orphan goes on listening.
"""

import asyncio
import json
import os
import sys
import threading
from typing import Any, BinaryIO

import numpy as np
import tornado.httpserver
import tornado.netutil

from lessons_lib.queueing import Policy
from lessons_lib.serving.engines import make
from lessons_lib.serving.handlers import LARGEST_BODY, Service, application

GIL_SWITCH_S = 0.0005  # a tenth of the usual: the engine's thread must not keep the event loop waiting


def main() -> None:
    """Read a job, make the engine, serve until stdin ends."""
    sys.setswitchinterval(GIL_SWITCH_S)
    job, payload = read_job(sys.stdin.buffer)
    threading.Thread(target=end_with, args=(sys.stdin.buffer,), daemon=True).start()
    engine = make(job["maker"], payload, job["arguments"])
    del payload
    shape = tuple(job["image_shape"])
    for size in {1, 2, Policy(**job["policy"]).max_batch} if job["warm_up"] else ():
        engine(np.zeros((size, *shape), np.uint8))  # first calls take longer
    asyncio.run(serve(Service(engine, Policy(**job["policy"]), shape, job["token"])))  # type: ignore[arg-type]


def read_job(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    """A line of JSON, then as many bytes as it says."""
    job = json.loads(stream.readline())
    return job, stream.read(job["payload_bytes"])


def end_with(stream: BinaryIO) -> None:
    """End this process as soon as the stream does."""
    while stream.read(1):
        pass
    os._exit(0)


async def serve(service: Service) -> None:
    """Listen on a free port of this machine, and on no other interface."""
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1", backlog=1024)
    server = tornado.httpserver.HTTPServer(application(service), max_body_size=LARGEST_BODY)
    server.add_sockets(sockets)
    print(json.dumps({"port": sockets[0].getsockname()[1]}), flush=True)
    await service.queue.work()


if __name__ == "__main__":
    main()
