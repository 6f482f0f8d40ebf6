"""Engines that are ONNX Runtime: the whole graph, optimised once, in float32 and in int8."""

from lessons_lib.engines.engine import Engine, Source
from lessons_lib.onnx_session import runner


def _engine(name: str, graph: bytes, threads: int, precision: str, tolerance: float) -> Engine:
    run = runner(graph, threads)
    return Engine(name, run, len(graph), "cpu", threads, precision, tolerance, {"model.onnx": graph})


def onnx_float32(s: Source) -> Engine:
    """The graph as it was exported."""
    return _engine("ONNX Runtime", s.graph(), s.threads, "float32", 1e-4)


def onnx_int8(s: Source) -> Engine:
    """The graph in int8, calibrated."""
    return _engine("ONNX Runtime int8", s.int8_graph(), s.threads, "int8", 0.1)
