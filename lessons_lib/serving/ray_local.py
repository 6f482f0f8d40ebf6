"""Ray Serve on this machine, under the same load as the course's own server; and what to type on a cluster."""

import contextlib
import importlib.util
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psutil

from lessons_lib.explained import Explained, Mistake, NotHere
from lessons_lib.queueing import Policy
from lessons_lib.serving.load import send_open_loop
from lessons_lib.serving.points import Point, in_words, measure_point
from lessons_lib.serving.server import Server, Spec

INSTALL = 'pip install "ray[serve]"'


def missing() -> str:
    """Why Ray Serve cannot be used here, in a sentence; empty where it can."""
    if importlib.util.find_spec("ray") and importlib.util.find_spec("starlette"):
        return ""
    return f"Ray Serve is not installed here; `{INSTALL}` brings it, then run this cell again."


def command(image_shape: tuple[int, int, int], policy: Policy, replicas: int = 4, host: str = "HEAD") -> str:
    """What to type to serve a model on a cluster of several machines, each with the course and Ray installed."""
    shape = "x".join(str(side) for side in image_shape)
    return "\n".join(
        [
            "ray start --head --port=6379                     # on one machine",
            f"ray start --address={host}:6379                     # on each of the others",
            "serve run lessons_lib.serving.ray_app:build graph=/where/all/can/read/model.onnx \\",
            f"    image_shape={shape} token=SECRET max_batch={policy.max_batch} max_wait_ms={policy.max_wait_ms:g} replicas={replicas}",
        ]
    )


class RayServer(Server):
    """Ray Serve with several replicas of an engine; closes like a `Server`, and nothing that Ray started stays.

    Args:
        spec: what each replica runs. policy: its largest batch and waiting time; the deadline is not Ray's business.
        replicas: copies of the engine, each with a core of its own.

    Raises:
        NotHere: Ray is not installed; says how to get it. Explained: it did not start; says why.
    """

    module = "lessons_lib.serving.ray_child"
    closing_s = 30.0

    def __init__(self, spec: Spec, policy: Policy, replicas: int = 2):
        if reason := missing():
            raise NotHere(reason)
        if replicas < 1:
            raise Mistake(f"replicas is {replicas}; at least one is needed.")
        self.policy = policy
        super().__init__(replace(spec, arguments={**spec.arguments, "replicas": replicas}), policy)

    def configure(self, policy: Policy) -> None:
        """Ray's batching is fixed when it starts.

        Raises:
            Mistake: another policy than that.
        """
        if (policy.max_batch, policy.max_wait_ms) != (self.policy.max_batch, self.policy.max_wait_ms):
            raise Mistake(f"This Ray Serve was started with {self.policy}; start another one for {policy}.")

    def stats(self) -> dict[str, Any]:
        """Nothing: the client's figures are what both servers have in common."""
        return {}

    def memory_bytes(self) -> int:
        """What all processes of Ray hold in memory now; shared pages count in each."""
        return sum(_resident(process) for process in _family(self.pid))

    def close(self) -> None:
        """End Ray and wait until all its processes are gone."""
        family = _family(self.pid)
        super().close()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(family, timeout=10)


def _family(pid: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def measure(
    spec: Spec,
    policy: Policy,
    rates: Sequence[float],
    bodies: Sequence[bytes],
    seconds: float,
    *,
    replicas: int = 2,
    seed: int = 0,
    wanted: bool = True,
) -> tuple[list[Point], str]:
    """Start Ray Serve, put loads on it, end it.

    Args:
        rates: requests a second. bodies: images. seconds: of each load. wanted: False measures nothing and says how to.

    Returns:
        A point for each load that was finished, and a sentence: what was started, or why nothing was.
    """
    if reason := missing():
        return [], reason
    if not wanted:
        return (
            [],
            "Ray Serve is installed. Set RAY = True in the parameters above to measure it (about a minute, and 2.4 GB of memory in all).",
        )
    began = time.perf_counter()
    points: list[Point] = []
    try:
        with RayServer(spec, policy, replicas) as cluster:
            started_s = time.perf_counter() - began
            send_open_loop(cluster.target, bodies, [0.02 * i for i in range(64)])  # the first requests take longer
            for rate in rates:
                name = f"Ray Serve, {replicas} replicas"
                points.append(measure_point(cluster, bodies, policy, rate, seconds, name=name, seed=seed))
            memory = cluster.memory_bytes() / 2**20
    except KeyboardInterrupt:
        return points, f"Stopped after {len(points)} of {len(rates)} loads; Ray has been ended."
    except Explained as problem:
        return points, str(problem)
    return (
        points,
        f"Ray Serve started in {started_s:.0f} s with {replicas} replicas; all its processes held {memory:,.0f} MiB. It has been ended.",
    )


def told(own: Sequence[Point], scaled: Sequence[Point], cores: float) -> str:
    """The course's own server in batches beside Ray Serve at the same loads, in sentences."""
    if not scaled:
        return (
            "Replicas pay where each has cores of its own: twice the replicas on twice the cores bear twice the load, and the queue in "
            "front of them breaks later. On one machine they share what it has."
        )
    batched = {point.per_second: point for point in own if point.policy.max_batch > 1}
    pairs = [(batched[point.per_second], point) for point in scaled if point.per_second in batched]
    if not pairs:
        return (
            "No load was put on both servers in batches, so nothing can be compared: run the cell with the loads again."
        )
    sides = [f"at {ray.per_second:.0f}/s {_p99(ours)} and {_p99(ray)}" for ours, ray in pairs]
    faster = sum(ray.load.percentile(99) < ours.load.percentile(99) for ours, ray in pairs)
    slower = sum(ray.load.percentile(99) > ours.load.percentile(99) for ours, ray in pairs)
    word = (
        "is the faster one at most loads"
        if faster > len(pairs) / 2
        else "is the slower one at most loads"
        if slower > len(pairs) / 2
        else "is neither the faster nor the slower one at most loads"
    )
    return (
        f"The slowest of a hundred takes, own server and Ray Serve: {'; '.join(sides)}. Ray Serve {word}. On {cores:.0f} cores its "
        "replicas share the processor with its proxy, its controller and the client; each request passes several processes. What it "
        "brings, more machines and the restart of dead replicas, cannot show on one machine."
    )


def _p99(point: Point) -> str:
    return in_words(point.load.percentile(99))
