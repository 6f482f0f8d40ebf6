"""The same model behind Ray Serve, which brings its own batching and spreads replicas over the machines of a cluster.

On a cluster (see `ray_local.command`) the arguments come as texts: serve run lessons_lib.serving.ray_app:build graph=model.onnx ...
"""

import asyncio
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lessons_lib.serving.batcher import Engine
from lessons_lib.serving.engines import make
from lessons_lib.serving.tally import TOKEN_HEADER


def build(arguments: Mapping[str, str]) -> Any:
    """The application, from texts; the graph's file has to be on every machine.

    Args:
        arguments: graph (path of an .onnx file), image_shape ("3x32x32"), token, and where the defaults do not suit:
            max_batch (32), max_wait_ms (2), replicas (2), threads (1, of each replica).
    """
    shape = tuple(int(side) for side in arguments["image_shape"].split("x"))
    return deployment(
        "lessons_lib.serving.engines:onnx", {"threads": int(arguments.get("threads", 1))}, arguments["graph"], shape,
        arguments["token"], int(arguments.get("max_batch", 32)), float(arguments.get("max_wait_ms", 2)),
        int(arguments.get("replicas", 2)),
    )  # fmt: skip


def deployment(
    maker: str, arguments: Mapping[str, Any], file: str, image_shape: tuple[int, ...], token: str, max_batch: int,
    max_wait_ms: float, replicas: int,
) -> Any:  # fmt: skip
    """The application: so many replicas of an engine, each with a core and a queue of its own.

    Args:
        maker, arguments: see `serving.engines.make`; the payload is read from `file`. The others: as in `build`.
    """
    from ray import serve

    replica: Any = serve.deployment(
        Replica,
        name="model",
        num_replicas=replicas,
        max_ongoing_requests=4 * max_batch,
        ray_actor_options={"num_cpus": 1},
    )
    return replica.bind(maker, dict(arguments), file, image_shape, token, max_batch, max_wait_ms)


class Replica:
    """One copy of the engine: checks a request, lets it wait for others, answers."""

    def __init__(
        self,
        maker: str,
        arguments: dict,
        file: str,
        image_shape: tuple[int, ...],
        token: str,
        max_batch: int,
        wait_ms: float,
    ):
        from ray import serve

        self.engine: Engine = make(maker, Path(file).read_bytes(), arguments)
        self.image_shape, self.token, self.image_bytes = image_shape, token, int(np.prod(image_shape))
        for size in {1, max_batch}:
            self.engine(np.zeros((size, *image_shape), np.uint8))  # first calls take longer

        @serve.batch(max_batch_size=max_batch, batch_wait_timeout_s=wait_ms / 1000)
        async def predict(images: list[np.ndarray]) -> list[int]:
            logits = await asyncio.to_thread(self.engine, np.stack(images))
            return logits.argmax(1).tolist()

        self.predict = predict

    async def __call__(self, request: Any) -> Any:
        from starlette.responses import JSONResponse

        given = request.headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return JSONResponse({"problem": f"The header {TOKEN_HEADER} has to hold the server's token."}, 401)
        body = await request.body()
        if len(body) != self.image_bytes:
            problem = f"The body has {len(body):,} bytes; an image here has {self.image_bytes:,}."
            return JSONResponse({"problem": problem}, 400)
        return JSONResponse({"label": await self.predict(np.frombuffer(body, np.uint8).reshape(self.image_shape))})
