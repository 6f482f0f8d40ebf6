"""The HTTP side: POST /predict with the raw pixels of one image; GET /health and /stats; POST /policy."""

import hmac
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import tornado.web

from lessons_lib.explained import Mistake
from lessons_lib.queueing import Policy
from lessons_lib.serving.batcher import Answer, BatchingQueue, Engine, Request
from lessons_lib.serving.tally import TOKEN_HEADER, Tally, outcome_of

LARGEST_BODY = 2**20  # bytes that are read at all; what is larger is cut off


class Service:
    """What the handlers share: the queue, the tally, the token and the shape (c, h, w) of an image."""

    def __init__(self, engine: Engine, policy: Policy, image_shape: tuple[int, int, int], token: str):
        self.tally = Tally()
        self.queue = BatchingQueue(engine, policy, self.tally)
        self.image_shape, self.token = image_shape, token
        self.image_bytes = int(np.prod(image_shape))

    def configure(self, policy: Policy) -> None:
        """Take a new policy and count anew; requests that are still inside belong to the old count."""
        self.tally = self.queue.tally = Tally()
        self.queue.policy = policy


class Handler(tornado.web.RequestHandler):
    """Answers in JSON, to those who know the token."""

    def initialize(self, service: Service) -> None:
        self.service = service

    def prepare(self) -> None:
        given = self.request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self.service.token.encode()):
            self.hang_up(401, problem=f"The header {TOKEN_HEADER} has to hold the server's token.")

    def hang_up(self, status: int, **told: Any) -> None:
        """Send a status before the body was read; the connection cannot be used again."""
        self.set_header("Connection", "close")
        self.end(status, **told)

    def end(self, status: int, **told: Any) -> None:
        """Send a status and a JSON object."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(told))


@tornado.web.stream_request_body
class Predict(Handler):
    """One image in, one label out. Every request is counted once, under its first outcome."""

    def prepare(self) -> None:
        self.body, self.length, self.settled = bytearray(), 0, False
        self.waiting: Request | None = None
        self.tally = self.service.tally
        self.tally.received += 1
        super().prepare()
        declared = self.request.headers.get("Content-Length", "0")
        if not self._finished and declared.isdigit() and int(declared) > LARGEST_BODY:
            self.hang_up(413, problem=self._expected(f"{int(declared):,}"))

    def data_received(self, chunk: bytes) -> None:
        self.length += len(chunk)
        if len(self.body) <= self.service.image_bytes:  # enough to see that it is too long
            self.body += chunk

    async def post(self) -> None:
        if self.length != self.service.image_bytes:
            status = 413 if self.length > self.service.image_bytes else 400
            self.end(status, problem=self._expected(f"{self.length:,}"))
            return
        image = np.frombuffer(bytes(self.body), np.uint8).reshape(self.service.image_shape)
        self.waiting = self.service.queue.enter(image)
        answer: Answer = await self.waiting.answer
        if self.settled:  # the client has gone meanwhile
            return
        if answer.status == 200:
            self.end(200, label=answer.label)
        else:
            self.end(answer.status, problem=answer.problem)

    def on_finish(self) -> None:
        self._settle(outcome_of(self.get_status()))

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self.waiting is not None:
            self.waiting.gone = True
        self._settle("disconnected")

    def _settle(self, outcome: str) -> None:
        if not self.settled:
            self.settled = True
            self.tally.outcomes[outcome] += 1

    def _expected(self, given: str) -> str:
        shape = " x ".join(str(side) for side in self.service.image_shape)
        return f"The body has {given} bytes; an image here is {shape} uint8, {self.service.image_bytes:,} bytes."


class Health(Handler):
    def get(self) -> None:
        self.end(200, state="ready")


class Stats(Handler):
    def get(self) -> None:
        self.end(200, **self.service.tally.to_dict(), policy=asdict(self.service.queue.policy))


class SetPolicy(Handler):
    def post(self) -> None:
        try:
            self.service.configure(Policy(**json.loads(self.request.body)))
        except (Mistake, TypeError, ValueError) as error:
            self.end(400, problem=str(error))
            return
        self.end(200, policy=asdict(self.service.queue.policy))


def application(service: Service) -> tornado.web.Application:
    """The routes of a service."""
    routes = {"/predict": Predict, "/health": Health, "/stats": Stats, "/policy": SetPolicy}
    shared = {"service": service}
    return tornado.web.Application(
        [(path, handler, shared) for path, handler in routes.items()],  # type: ignore[list-item]
        log_function=lambda handler: None,
    )
