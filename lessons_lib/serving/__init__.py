"""Serving: a real HTTP server with a batching queue in front of an engine, and a load that tests it honestly.

Reading order: `tally`, `batcher` (the queue), `handlers` (HTTP), `engines` (what may run in the server), `child` (the server's
process), `server` (starts and ends it); `connections` and `load` (the other side of the wire), `points` (loads one after
another), `told` (sentences), `ray_app` and `ray_local` (the same behind Ray Serve).
Nothing in the server's process imports PyTorch unless its engine does.
"""

from lessons_lib.serving.load import Load, Target, same_labels, send_open_loop
from lessons_lib.serving.points import Point, measure_loads, measure_point
from lessons_lib.serving.server import Server, Spec, onnx

__all__ = [
    "Load",
    "Point",
    "Server",
    "Spec",
    "Target",
    "measure_loads",
    "measure_point",
    "onnx",
    "same_labels",
    "send_open_loop",
]
