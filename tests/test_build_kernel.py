import asyncio
import time
from queue import Empty

import pytest
import sample_course  # noqa: F401 (puts tools/ on the path)
import zmq
import zmq.asyncio
from building.kernel import PatientChannel
from jupyter_client.session import Session


@pytest.fixture
def listen():
    """Runs a coroutine function with a channel and the other end of its socket."""

    async def connected(check):
        session = Session(key=b"")
        with zmq.asyncio.Context() as context, zmq.Context() as far:
            ours, theirs = context.socket(zmq.PAIR), far.socket(zmq.PAIR)
            ours.linger = theirs.linger = 0
            ours.connect(f"tcp://127.0.0.1:{theirs.bind_to_random_port('tcp://127.0.0.1')}")
            try:
                return await check(PatientChannel(ours, session), lambda: session.send(theirs, "execute_reply"))
            finally:
                ours.close()
                theirs.close()

    return lambda check: asyncio.run(connected(check))


def test_a_reply_is_found_though_its_signal_was_used_up(listen):
    async def swallow(channel, reply):
        waiting = asyncio.create_task(channel.get_msg(timeout=20))
        await asyncio.sleep(0.1)
        reply()
        time.sleep(0.1)  # the event loop stands still, as it does while a client sends
        zmq.Socket.shadow(channel.socket.underlying).getsockopt(zmq.EVENTS)
        return await waiting

    began = time.monotonic()
    assert listen(swallow)["msg_type"] == "execute_reply"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("timeout", [0.1, 1.5])
def test_no_reply_ends_at_the_time_given(listen, timeout):
    began = time.monotonic()
    with pytest.raises(Empty):
        listen(lambda channel, reply: channel.get_msg(timeout=timeout))
    assert timeout <= time.monotonic() - began < timeout + 5
