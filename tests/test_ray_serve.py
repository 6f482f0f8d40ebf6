"""The same model behind Ray Serve: same answers, same refusals, nothing left behind. Slow: Ray takes seconds to start."""

import importlib.util
import json
import os
import socket
from pathlib import Path

import psutil
import pytest

from lessons_lib.explained import Mistake, NotHere
from lessons_lib.queueing import Policy
from lessons_lib.serving import Spec, ray_local, send_open_loop
from lessons_lib.serving.connections import parse
from lessons_lib.serving.ray_local import RayServer

SHAPE = (1, 2, 2)
BODIES = [bytes([label] * 4) for label in range(100)]


def test_without_ray_a_sentence_says_how_to_get_it(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else real(name))
    assert 'pip install "ray[serve]"' in ray_local.missing()
    with pytest.raises(NotHere, match="Ray Serve is not installed here"):
        RayServer(Spec("x:y", SHAPE), Policy())
    points, said = ray_local.measure(Spec("x:y", SHAPE), Policy(), [10], BODIES, 1.0)
    assert points == []
    assert said == ray_local.missing()


def test_the_command_for_a_cluster_names_everything_that_is_needed():
    said = ray_local.command((3, 32, 32), Policy(16, 2.5), replicas=8)
    for part in ("ray start --head", "--address=HEAD:6379", "serve run lessons_lib.serving.ray_app:build"):
        assert part in said
    assert "image_shape=3x32x32 token=SECRET max_batch=16 max_wait_ms=2.5 replicas=8" in said


def test_ray_serve_answers_as_the_engine_does_and_leaves_nothing_behind(monkeypatch):
    pytest.importorskip("ray.serve", reason='Ray Serve is not installed: pip install "ray[serve]"')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    spec = Spec("fake_engines:picky", SHAPE)
    with RayServer(spec, Policy(8, 2.0)) as cluster:
        family = psutil.Process(cluster.pid).children(recursive=True)
        load = send_open_loop(cluster.target, BODIES, [number / 50 for number in range(200)], patience_s=30)
        assert load.statuses == {200: 200}
        assert [json.loads(reply.body)["label"] for reply in load.replies] == [number % 100 for number in range(200)]
        listening = {
            c.laddr.ip
            for process in (psutil.Process(cluster.pid), *psutil.Process(cluster.pid).children(recursive=True))
            for c in process.net_connections("tcp")
            if c.status == psutil.CONN_LISTEN and c.laddr.port == cluster.port
        }
        assert listening == {"127.0.0.1"}
        whole = cluster.target.message(BODIES[5])
        for message, status in (
            (whole.replace(cluster.token.encode(), b"wrong"), 401),
            (whole.replace(b": 4\r\n", b": 3\r\n")[:-1], 400),
            (cluster.target.message(bytes([255] * 4)), 500),
            (whole, 200),
        ):
            with socket.create_connection((cluster.host, cluster.port), timeout=30) as raw:
                raw.sendall(message)
                received = b""
                while not parse(received) and (part := raw.recv(65536)):
                    received += part
            assert received.split()[1] == str(status).encode()
        assert cluster.stats() == {}
        with pytest.raises(Mistake, match="start another one"):
            cluster.configure(Policy(16, 2.0))
        assert cluster.memory_bytes() > 100 * 2**20
    assert family
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not [process.name() for process in alive]
