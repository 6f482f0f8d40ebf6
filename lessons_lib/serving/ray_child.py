"""Ray Serve in a process of its own: `python -m lessons_lib.serving.ray_child`; ends, with all that Ray started, when stdin does."""

import contextlib
import json
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
from pathlib import Path

from lessons_lib.serving.child import read_job

OBJECT_STORE_BYTES = 80 * 2**20  # the least that Ray takes is 75 MiB; images pass by it


def main() -> None:
    """Read a job, start Ray on this machine alone, serve until stdin ends."""
    job, payload = read_job(sys.stdin.buffer)
    folder = Path(tempfile.mkdtemp(prefix="lessons-ray-"))
    over = threading.Event()
    threading.Thread(target=wait_for_the_end, args=(over,), daemon=True).start()
    try:
        file = folder / "payload"
        file.write_bytes(payload)
        del payload
        port = start(job, str(file))
        print(json.dumps({"port": port}), flush=True)
        over.wait()
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_the_end(over: threading.Event) -> None:
    """Tell when stdin has ended."""
    with contextlib.suppress(OSError):
        while sys.stdin.buffer.read(1):
            pass
    over.set()


def start(job: dict, file: str) -> int:
    """Start Ray and the application; returns the port of its HTTP proxy."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DEDUP_LOGS="1", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")
    import ray
    from ray import serve

    from lessons_lib.serving.ray_app import deployment

    replicas = job["arguments"].pop("replicas")
    ray.init(
        address="local", num_cpus=replicas, num_gpus=0, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES,
        log_to_driver=False, logging_level=logging.ERROR, _node_ip_address="127.0.0.1",
    )  # fmt: skip
    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    policy = job["policy"]
    app = deployment(
        job["maker"], job["arguments"], file, tuple(job["image_shape"]), job["token"], policy["max_batch"],
        policy["max_wait_ms"], replicas,
    )  # fmt: skip
    quiet = {"log_level": "ERROR", "enable_access_log": False}
    serve.run(app, name="lesson", route_prefix="/predict", logging_config=quiet)
    return port


def stop() -> None:
    """End everything that Ray started."""
    with contextlib.suppress(Exception):
        from ray import serve

        serve.shutdown()
    with contextlib.suppress(Exception):
        import ray

        ray.shutdown()


def free_port() -> int:
    """A port of this machine that nothing listens on at the moment: Ray Serve cannot choose one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
