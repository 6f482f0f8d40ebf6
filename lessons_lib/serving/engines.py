"""What may run inside the server: functions that make an engine from a payload and arguments, named "module:function"."""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lessons_lib.onnx_session import open_session
from lessons_lib.serving.batcher import Engine


def make(maker: str, payload: bytes, arguments: Mapping[str, Any]) -> Engine:
    """Call a maker, named as "package.module:function", with the payload and its arguments."""
    module, _, function = maker.partition(":")
    return getattr(importlib.import_module(module), function)(payload, **arguments)


def onnx(payload: bytes, threads: int = 1) -> Engine:
    """An ONNX graph whose input is called "x", run by ONNX Runtime.

    Args:
        payload: the .onnx file. threads: CPU threads.
    """
    session = open_session(payload, threads)

    def run(images: np.ndarray) -> np.ndarray:
        x = images.astype(np.float32) / np.float32(63.75) - np.float32(2.0)  # as models.to_input does
        return session.run(None, {"x": x})[0]

    return run


def fixed_time(payload: bytes, milliseconds: float = 5.0, each_ms: float = 0.0) -> Engine:
    """An engine that computes nothing: it takes a fixed time for a batch and some for each image; for tests and examples.

    The label is the first pixel of the image.
    """
    import time

    def run(images: np.ndarray) -> np.ndarray:
        time.sleep((milliseconds + each_ms * len(images)) / 1000)
        return np.eye(256, dtype=np.float32)[images.reshape(len(images), -1)[:, 0]]

    return run
