"""The batching queue: requests wait a moment for others, then go through the engine together."""

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from lessons_lib.queueing import Policy
from lessons_lib.serving.tally import Tally

Engine = Callable[[np.ndarray], np.ndarray]  # uint8 (n, c, h, w) -> logits float32 (n, classes)
REPLY_SHARE = 0.1  # of the deadline, kept for the way back to the client
RECENT = 9  # batches by which the next one's time is guessed


@dataclass(frozen=True)
class Answer:
    """What a request gets: an HTTP status, and a label or the sentence that says why there is none."""

    status: int
    label: int | None = None
    problem: str = ""


GONE = Answer(499, problem="The client had gone.")
FULL = Answer(503, problem="Too many requests are waiting; try again later.")
CLOSING = Answer(503, problem="The server is shutting down.")
LATE = Answer(504, problem="This could not be answered before its deadline, so it was not computed.")


@dataclass(eq=False)
class Request:
    """One image on its way; `gone` is set when nobody waits for the answer any more."""

    image: np.ndarray
    arrived_s: float
    answer: asyncio.Future
    gone: bool = field(default=False)


class BatchingQueue:
    """Collects requests until a batch is full or the oldest has waited long enough, and runs the engine in one thread.

    Args:
        engine: takes uint8 (n, c, h, w), returns logits (n, classes). policy: may be replaced at any time.
        tally: receives the size and time of every batch. clock: seconds; replaced in tests.
    """

    def __init__(self, engine: Engine, policy: Policy, tally: Tally, clock: Callable[[], float] = time.perf_counter):
        self.engine, self.policy, self.tally, self.clock = engine, policy, tally, clock
        self._waiting: deque[Request] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "engine")
        self._recent_s: deque[float] = deque(maxlen=RECENT)
        self._closed = False

    def enter(self, image: np.ndarray) -> Request:
        """Queue an image uint8 (c, h, w); its `answer` is a future that always gets an Answer."""
        request = Request(image, self.clock(), asyncio.get_running_loop().create_future())
        if self._closed or len(self._waiting) >= self.policy.queue_limit:
            request.answer.set_result(CLOSING if self._closed else FULL)
        else:
            self._waiting.append(request)
            self._arrived.set()
        return request

    async def work(self) -> None:
        """Form and run batches for ever."""
        while True:
            if batch := self._live(await self._next_batch()):
                await self._run(batch)

    def close(self) -> None:
        """Refuse what waits and what comes."""
        self._closed = True
        for request in self._waiting:
            _settle(request, CLOSING)
        self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _next_batch(self) -> list[Request]:
        while not self._waiting:
            await self._next_arrival(None)
        while 0 < len(self._waiting) < self.policy.max_batch:  # none: the queue was closed meanwhile
            left_s = self._waiting[0].arrived_s + self.policy.max_wait_ms / 1000 - self.clock()
            if left_s <= 0 or not await self._next_arrival(left_s):
                break
        return self._take()

    async def _next_arrival(self, seconds: float | None) -> bool:
        """Wait for a request to come in; False where none did in time."""
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _take(self) -> list[Request]:
        """The oldest requests, as many as fit into a batch; those that would be late or have gone do not count."""
        taken: list[Request] = []
        while self._waiting and len(taken) < self.policy.max_batch:
            request = self._waiting.popleft()
            if request.gone:
                _settle(request, GONE)
            elif self._would_be_late(request):
                _settle(request, LATE)
            else:
                taken.append(request)
        return taken

    def _would_be_late(self, request: Request) -> bool:
        if self.policy.deadline_ms is None:
            return False
        deadline_s = self.policy.deadline_ms / 1000
        engine_s = statistics.median(self._recent_s) if self._recent_s else 0.0
        engine_s = min(engine_s, deadline_s / 2)  # or one slow spell would shut the door for ever
        return self.clock() + engine_s - request.arrived_s > (1 - REPLY_SHARE) * deadline_s

    def _live(self, batch: list[Request]) -> list[Request]:
        for request in batch:
            if request.gone:
                _settle(request, GONE)
        return [request for request in batch if not request.gone]

    async def _run(self, batch: list[Request]) -> None:
        """Answer a batch. Where the engine raises, each image is tried alone: one bad image must not cost its neighbours."""
        try:
            labels = await self._labels([request.image for request in batch])
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0], Answer(500, problem=f"The engine failed: {type(error).__name__}."))
                return
            for request in batch:
                await self._run([request])
            return
        for request, label in zip(batch, labels, strict=True):
            _settle(request, Answer(200, label))

    async def _labels(self, images: list[np.ndarray]) -> list[int]:
        loop = asyncio.get_running_loop()
        began = self.clock()
        logits = np.asarray(await loop.run_in_executor(self._thread, self.engine, np.stack(images)))
        if logits.ndim != 2 or len(logits) != len(images):
            raise ValueError(f"the engine returned {logits.shape} for {len(images)} images.")
        self._recent_s.append(self.clock() - began)
        self.tally.add_batch(len(images), self._recent_s[-1] * 1000)
        return logits.argmax(1).tolist()


def _settle(request: Request, answer: Answer) -> None:
    if not request.answer.done():
        request.answer.set_result(answer)
