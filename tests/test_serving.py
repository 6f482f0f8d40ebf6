"""The real server in its own process, under real loads and real faults."""

import _thread
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from lessons_lib.explained import Explained, Mistake, NotHere
from lessons_lib.queueing import NEVER, Policy, poisson_arrivals
from lessons_lib.serving import Load, Server, Spec, Target, measure_loads, measure_point, points, send_open_loop
from lessons_lib.serving.connections import parse
from lessons_lib.serving.load import Reply
from lessons_lib.serving.server import TOKEN_HEADER

SHAPE = (1, 2, 2)
BODIES = [bytes([label] * 4) for label in range(100)]
BAD, HALF = bytes([255] * 4), bytes([254] * 4)


@pytest.fixture(autouse=True, scope="module")
def engines_can_be_found():
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), before]))
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def spec(maker="picky", **arguments):
    return Spec(f"fake_engines:{maker}", SHAPE, b"payload", arguments, warm_up=False)


@pytest.fixture(scope="module")
def server():
    with Server(spec()) as running:
        yield running


def exchange(server, message):
    """What the server sends back to these bytes until it says no more or hangs up."""
    with socket.create_connection((server.host, server.port), timeout=10) as raw:
        raw.sendall(message)
        raw.settimeout(10)
        received = b""
        while not parse(received) and (part := raw.recv(65536)):
            received += part
    return parse(received) or (0, received)


def settled(server):
    """The server's count once nothing is inside any more."""
    end = time.monotonic() + 10
    while (stats := server.stats())["open"] and time.monotonic() < end:
        time.sleep(0.02)
    return stats


def outcomes(stats):
    return {key: stats[key] for key in ("answered", "refused", "dropped", "failed", "disconnected")}


def test_every_answer_is_the_label_of_its_own_image(server):
    server.configure(Policy(16, 1))
    load = send_open_loop(server.target, BODIES, poisson_arrivals(400, 0.5))
    assert load.statuses == {200: len(load.replies)}
    assert [json.loads(reply.body)["label"] for reply in load.replies] == [
        number % 100 for number in range(len(load.replies))
    ]
    assert all(reply.due_s <= reply.sent_s < reply.finished_s for reply in load.replies)


def test_ten_thousand_requests_with_every_fault_are_all_accounted_for(server):
    server.configure(Policy(32, 1, queue_limit=10_000))
    bodies = [*BODIES[:15], BAD, b"few", HALF, b"", b"too long"]
    wanted = [{200}] * 15 + [{500}, {400}, {500}, {400}, {413}]
    before = server.pid

    def hang_up():
        """Clients that go: in the middle of the headers, of the body, and before their answer is there."""
        whole = server.target.message(BODIES[7])
        for number in range(600):
            with socket.create_connection((server.host, server.port), timeout=10) as raw:
                raw.sendall([whole[:30], whole[:-2], whole, b"\x00\xff nonsense\r\n\r\n"][number % 4])

    faults = threading.Thread(target=hang_up)
    faults.start()
    load = send_open_loop(server.target, bodies, [0.0] * 10_000, patience_s=90)
    faults.join()
    stats = settled(server)
    assert len(load.replies) == 10_000
    assert 0 not in load.statuses
    for number, reply in enumerate(load.replies):
        kind = number % len(bodies)
        assert reply.status in wanted[kind], (kind, reply)
        if reply.status == 200:
            assert json.loads(reply.body)["label"] == bodies[kind][0]
        else:
            assert "problem" in json.loads(reply.body)
    assert stats["open"] == 0
    assert stats["received"] == sum(outcomes(stats).values())
    assert 10_000 + 150 <= stats["received"] <= 10_000 + 300  # of the 600, half sent whole headers
    assert stats["failed"] >= 1000
    assert stats["disconnected"] >= 100
    assert server.pid == before
    assert exchange(server, server.target.message(BODIES[3])) == (200, b'{"label": 3}')


def test_a_deadline_under_overload_drops_and_counts(server):
    with Server(Spec("lessons_lib.serving.engines:fixed_time", SHAPE, arguments={"milliseconds": 10})) as slow:
        policy = Policy(1, deadline_ms=100, queue_limit=20)
        point = measure_point(slow, BODIES, policy, 400, 1.0)
        stats = settled(slow)
    assert stats["dropped"] + stats["refused"] > 0.5 * len(point.load.replies)
    assert stats["answered"] > 30
    assert set(point.load.statuses) <= {200, 503, 504}
    assert stats["received"] == len(point.load.replies) == sum(outcomes(stats).values())
    assert point.load.percentile(99) == NEVER
    assert point.row(100)["p99"] == "never"


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        (lambda whole, token: whole.replace(token, b"x" * len(token)), 401, b"token"),
        (lambda whole, token: whole.replace(b"X-Token", b"X-Other"), 401, b"token"),
        (lambda whole, token: whole.replace(b"/predict", b"/nothing"), 404, b""),
        (lambda whole, token: whole.replace(b"POST", b"PUT", 1), 405, b""),
        (lambda whole, token: whole.replace(b": 4\r\n", b": 5000\r\n") + bytes(4996), 413, b"5,000 bytes"),
        (lambda whole, token: whole.replace(b": 4\r\n", b": 99999999\r\n"), 413, b"99,999,999 bytes"),
        (lambda whole, token: whole.replace(b": 4\r\n", b": 3\r\n")[:-1], 400, b"1 x 2 x 2 uint8, 4 bytes"),
        (lambda whole, token: whole.replace(b": 4\r\n", b": four\r\n"), 400, b""),
        (lambda whole, token: b"\r\nwhat is this\r\n\r\n", 400, b""),
    ],
)  # fmt: skip
def test_what_is_not_a_good_request_is_refused_with_a_reason_and_the_server_goes_on(server, change, status, says):
    server.configure(Policy())
    whole = server.target.message(BODIES[5])
    got, body = exchange(server, change(whole, server.token.encode()))
    assert got in (status, 400 if not says else status)
    assert says in body
    assert exchange(server, whole) == (200, b'{"label": 5}')
    stats = settled(server)
    assert stats["received"] == sum(outcomes(stats).values())
    assert stats["answered"] == 1


def test_stats_and_policy_need_the_token_too_and_a_bad_policy_gets_a_sentence(server):
    for path in ("/stats", "/health", "/policy"):
        assert exchange(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())[0] == 401
    known = f"{TOKEN_HEADER}: {server.token}"
    assert exchange(server, f"GET /health HTTP/1.1\r\nHost: x\r\n{known}\r\n\r\n".encode()) == (
        200,
        b'{"state": "ready"}',
    )
    body = json.dumps({"max_batch": 0}).encode()
    message = Target(server.host, server.port, "/policy", ((TOKEN_HEADER, server.token),)).message(body)
    assert exchange(server, message)[0] == 400
    assert b"give a whole number" in exchange(server, message)[1]
    assert server.stats()["policy"]["max_batch"] >= 1


def test_only_this_machine_can_reach_it(server):
    listening = [c for c in psutil.Process(server.pid).net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]


@pytest.mark.timing
def test_batching_meets_a_deadline_at_a_rate_at_which_single_requests_miss_it():
    # a batch of any size takes 5 ms: one by one bears 200 a second at best, in batches of 32 thirty times that
    with Server(Spec("lessons_lib.serving.engines:fixed_time", SHAPE, arguments={"milliseconds": 5})) as slow:
        found = measure_loads(slow, BODIES, {Policy(): [400], Policy(32, 2): [400]}, 2.0, quiet=True)
    single, batched = found
    assert single.load.percentile(99) > 300
    assert batched.load.percentile(99) < 150
    assert single.mean_batch == 1
    assert batched.mean_batch > 1.5
    assert not batched.load.statuses.keys() - {200}


def closed_loop(target, count):
    """The usual mistake: one request after the other, each timed from its own sending; latencies in ms."""
    found = []
    with socket.create_connection((target.host, target.port), timeout=10) as raw:
        for number in range(count):
            began = time.perf_counter()
            raw.sendall(target.message(BODIES[number % 100]))
            received = b""
            while not parse(received):
                received += raw.recv(65536)
            found.append((time.perf_counter() - began) * 1000)
    return sorted(found)


@pytest.mark.parametrize("connections", [1, 128])
def test_a_stall_is_seen_by_every_request_that_it_hit(connections):
    """No coordinated omission, also where the sender itself is held up because its only connection waits for the stall."""
    due_s = [number / 100 for number in range(300)]
    with Server(spec("stalling", at=51, seconds=1.0)) as stalls:  # the request that is due at 0.5 s
        load = send_open_loop(stalls.target, BODIES, due_s, connections=connections, patience_s=10)
    with Server(spec("stalling", at=51, seconds=1.0)) as stalls:
        closed = closed_loop(stalls.target, 300)
    # by arithmetic: whoever is due between 0.5 s and 1.4 s waits until 1.5 s at least, which is 100 ms or more
    hit = [reply for reply in load.replies if 0.5 <= reply.due_s <= 1.4]
    assert len(hit) == 91
    assert all(reply.latency_ms >= (1.5 - reply.due_s) * 1000 - 15 for reply in hit)
    assert load.percentile(99) > 900
    assert sum(ms > 90 for ms in load.latencies_ms) >= 91
    # the closed loop sees one slow request in 300, and its 99th percentile knows nothing
    assert closed[-1] > 900
    assert closed[int(0.99 * 300) - 1] < 200
    assert sum(ms > 90 for ms in closed) < 10


def test_a_sender_that_could_not_keep_up_says_so():
    on_time = Load(tuple(Reply(t / 10, t / 10 + 0.0005, t / 10 + 0.01, 200) for t in range(100)), 10.0)
    late = Load(tuple(Reply(t / 10, t / 10 + 0.05, t / 10 + 0.06, 200) for t in range(100)), 10.0)
    never = Load((Reply(0.0),), 1.0)
    assert on_time.warning is None
    assert late.warning == (
        "At 10 requests a second one in a hundred was sent 50 ms late or more: all connections or cores were busy."
    )
    assert "sent never" in never.warning
    assert late.percentile(50) == pytest.approx(60)
    assert never.percentile(50) == NEVER


def test_where_nothing_listens_there_is_a_sentence():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(NotHere, match=f"Nothing answers at 127.0.0.1:{port}"):
        send_open_loop(Target("127.0.0.1", port), BODIES, [0.0])


def test_an_engine_that_cannot_be_made_is_told_with_its_reason():
    with pytest.raises(Explained, match=r"did not start(.|\n)*the graph is damaged"):
        Server(spec("broken"))


def test_a_server_that_dies_under_load_loses_no_request_of_the_client():
    with Server(spec("dying")) as mortal:
        load = send_open_loop(mortal.target, BODIES, [number / 200 for number in range(100)], patience_s=5)
        assert load.statuses == {0: 100}
        assert load.percentile(1) == NEVER
        with pytest.raises(Explained, match="does not answer"):
            mortal.stats()
    mortal.close()


def test_an_interrupt_stops_a_load_and_leaves_the_server_usable(server):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    threads = threading.active_count()
    try:
        threading.Timer(0.3, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            send_open_loop(server.target, BODIES, poisson_arrivals(50, 20))
    finally:
        signal.signal(signal.SIGINT, before)
    assert threading.active_count() <= threads
    server.configure(Policy())
    assert send_open_loop(server.target, BODIES, [0.0, 0.01]).statuses == {200: 2}


def test_an_interrupt_between_loads_keeps_what_is_finished(server, monkeypatch):
    real, calls = points.measure_point, []

    def stopped(*given, **more):
        calls.append(given)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return real(*given, **more)

    monkeypatch.setattr(points, "measure_point", stopped)
    found = measure_loads(server, BODIES, {Policy(): [50, 100]}, 0.2, quiet=True)
    assert [point.per_second for point in found] == [50]
    with pytest.raises(Mistake, match="before the first load had ended"):
        measure_loads(server, BODIES, {Policy(): [50]}, 0.2, quiet=True)


def gone(pid, seconds=10.0):
    end = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_closing_ends_the_process_also_twice():
    running = Server(spec())
    running.close()
    running.close()
    assert gone(running.pid)


def test_a_server_that_never_tells_its_port_is_ended_all_the_same(tmp_path, monkeypatch):
    class Deaf(Server):
        module, closing_s = "deaf", 0.2

    (tmp_path / "deaf.py").write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("lessons_lib.serving.server.START_S", 0.2)
    began = time.monotonic()
    with pytest.raises(Explained, match="did not start"):
        Deaf(spec())
    assert time.monotonic() - began < 30


def test_a_server_ends_with_the_process_that_started_it_even_if_that_is_killed():
    code = (
        "import time; from lessons_lib.serving import Server, Spec\n"
        "server = Server(Spec('fake_engines:picky', (1, 2, 2), warm_up=False))\n"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    assert gone(pid)


def test_the_server_needs_no_pytorch():
    code = "import sys, lessons_lib.serving.child, lessons_lib.serving.ray_app; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_a_response_is_read_in_pieces():
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
    assert all(parse(whole[:cut]) is None for cut in range(len(whole)))
    assert parse(whole) == (200, b"hello")
    assert parse(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n") == (404, b"")
