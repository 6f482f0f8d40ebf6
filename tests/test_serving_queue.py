"""The batching queue on its own: what goes together, what is refused, what an engine that raises costs."""

import asyncio
import threading
import time

import numpy as np
import pytest
from fake_engines import labels, picky

from lessons_lib.queueing import Policy
from lessons_lib.serving.batcher import BatchingQueue
from lessons_lib.serving.tally import Tally


def image(label):
    return np.full((1, 2, 2), label, np.uint8)


def served(engine, policy, scenario):
    """Run a scenario, an async function of the queue, beside the queue's work; returns what it returns, and the queue."""

    async def run():
        queue = BatchingQueue(engine, policy, Tally())
        work = asyncio.create_task(queue.work())
        try:
            return await asyncio.wait_for(scenario(queue), 20), queue
        finally:
            work.cancel()
            queue.close()

    return asyncio.run(run())


class Recorder:
    """An engine that notes its batches and may be held at its door."""

    def __init__(self, seconds=0.0):
        self.batches, self.seconds, self.door = [], seconds, threading.Event()
        self.door.set()

    def __call__(self, images):
        self.door.wait(10)
        time.sleep(self.seconds)
        self.batches.append(images.reshape(len(images), -1)[:, 0].tolist())
        return labels(images)


async def ask(queue, *numbers):
    return [answer.label for answer in await asyncio.gather(*(queue.enter(image(n)).answer for n in numbers))]


def test_each_request_gets_the_answer_to_its_own_image_in_order():
    engine = Recorder()

    async def scenario(queue):
        return await ask(queue, *range(100))

    found, queue = served(engine, Policy(16, 5), scenario)
    assert found == list(range(100))
    assert [len(batch) for batch in engine.batches] == [16] * 6 + [4]
    assert [label for batch in engine.batches for label in batch] == list(range(100))
    assert sum(entry[0] for entry in queue.tally.batches.values()) == 7


def test_a_full_batch_does_not_wait_and_a_lone_request_waits_no_longer_than_asked():
    engine = Recorder()

    async def scenario(queue):
        began = time.perf_counter()
        await ask(queue, 1, 2, 3, 4)
        full_s = time.perf_counter() - began
        began = time.perf_counter()
        await ask(queue, 5)
        return full_s, time.perf_counter() - began

    (full_s, lone_s), _ = served(engine, Policy(4, 300), scenario)
    assert full_s < 0.25
    assert 0.29 < lone_s < 1.0


def test_requests_that_come_while_the_engine_works_go_together():
    engine = Recorder()
    engine.door.clear()

    async def scenario(queue):
        first = queue.enter(image(0))
        await asyncio.sleep(0.05)
        others = [queue.enter(image(n)) for n in range(1, 8)]
        await asyncio.sleep(0.05)
        engine.door.set()
        return [(await request.answer).label for request in (first, *others)]

    found, _ = served(engine, Policy(32, 0), scenario)
    assert found == list(range(8))
    assert engine.batches == [[0], [1, 2, 3, 4, 5, 6, 7]]


def test_a_full_queue_refuses_and_goes_on():
    engine = Recorder()
    engine.door.clear()

    async def scenario(queue):
        inside = queue.enter(image(0))
        await asyncio.sleep(0.05)
        waiting = [queue.enter(image(n)) for n in range(1, 5)]
        assert [request.answer.done() for request in waiting] == [False, False, False, True]
        engine.door.set()
        return [(await request.answer).status for request in (inside, *waiting)]

    assert served(engine, Policy(1, queue_limit=3), scenario)[0] == [200, 200, 200, 200, 503]


def test_what_cannot_make_its_deadline_is_dropped_before_it_costs_anything():
    engine = Recorder(seconds=0.05)

    async def scenario(queue):
        requests = [queue.enter(image(n)) for n in range(10)]
        return [(await request.answer).status for request in requests]

    statuses, _ = served(engine, Policy(1, deadline_ms=180), scenario)
    answered = statuses.count(200)
    assert 1 <= answered <= 4
    assert statuses == [200] * answered + [504] * (10 - answered)
    assert len(engine.batches) == answered


def test_a_slow_spell_does_not_shut_the_door_for_ever():
    engine = Recorder(seconds=0.3)

    async def scenario(queue):
        first = (await queue.enter(image(1)).answer).status  # takes longer than the deadline
        engine.seconds = 0.0
        return first, (await queue.enter(image(2)).answer).status

    assert served(engine, Policy(4, deadline_ms=100), scenario)[0] == (200, 200)


def test_one_bad_image_does_not_cost_its_neighbours():
    async def scenario(queue):
        requests = [queue.enter(image(n)) for n in (1, 255, 2, 254, 3)]
        answers = [await request.answer for request in requests]
        again = await queue.enter(image(9)).answer
        return [(a.status, a.label) for a in answers], again.label

    (answers, again), _ = served(picky(b""), Policy(8, 50), scenario)
    assert answers == [(200, 1), (500, None), (200, 2), (500, None), (200, 3)]
    assert again == 9


def test_who_has_gone_is_not_computed():
    engine = Recorder()
    engine.door.clear()

    async def scenario(queue):
        first, second, third = (queue.enter(image(n)) for n in (1, 2, 3))
        await asyncio.sleep(0.05)
        second.gone = True
        engine.door.set()
        return [(await request.answer).status for request in (first, second, third)]

    assert served(engine, Policy(1), scenario)[0] == [200, 499, 200]
    assert engine.batches == [[1], [3]]


def test_a_closing_queue_answers_everybody():
    engine = Recorder()
    engine.door.clear()

    async def scenario(queue):
        queue.enter(image(0))
        await asyncio.sleep(0.05)
        waiting = [queue.enter(image(n)) for n in (1, 2)]
        queue.close()
        late = queue.enter(image(3))
        engine.door.set()
        return [(await request.answer).status for request in (*waiting, late)]

    assert served(engine, Policy(1), scenario)[0] == [503, 503, 503]


@pytest.mark.parametrize("policy", [Policy(8, 1), Policy(1)], ids=str)
def test_a_policy_may_change_while_requests_come(policy):
    engine = Recorder()

    async def scenario(queue):
        await ask(queue, *range(8))
        queue.policy = policy
        engine.batches.clear()
        return await ask(queue, *range(8))

    assert served(engine, Policy(4, 1), scenario)[0] == list(range(8))
    assert max(map(len, engine.batches)) == policy.max_batch
