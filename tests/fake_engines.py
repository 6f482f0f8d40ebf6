"""Engines for the server's tests: their label is the first pixel of an image."""

import os
import time

import numpy as np


def labels(images):
    return np.eye(256, dtype=np.float32)[images.reshape(len(images), -1)[:, 0]]


def picky(payload, milliseconds=0.0):
    """Raises where the first pixel is 255, and returns too few rows where it is 254."""

    def run(images):
        time.sleep(milliseconds / 1000)
        first = images.reshape(len(images), -1)[:, 0]
        if (first == 255).any():
            raise RuntimeError("this image breaks the engine")
        return labels(images)[: -1 if (first == 254).any() else None]

    return run


def stalling(payload, at=50, seconds=1.0):
    """Fast, but its call number `at` takes a second."""
    calls = []

    def run(images):
        calls.append(len(images))
        time.sleep(seconds if len(calls) == at else 0.002)
        return labels(images)

    return run


def broken(payload):
    """Cannot be made."""
    raise ValueError("the graph is damaged")


def dying(payload):
    """Ends the whole process at its first call."""
    return lambda images: os._exit(3)
