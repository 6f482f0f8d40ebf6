"""Which kernels an engine really ran, in which types, and how long: from the engine's own profile."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from lessons_lib.onnx_session import open_session
from lessons_lib.tables import Table

EIGHT_BITS = frozenset({"int8", "uint8"})
BRIDGES = ("QuantizeLinear", "DequantizeLinear")  # between float32 and 8 bits; they compute nothing of the model


@dataclass(frozen=True)
class Kernel:
    """One kind of kernel. op: what it computes. types: of its inputs. nodes: places in the graph where it runs.
    milliseconds: spent in it in one call of the model, the mean over the calls."""

    op: str
    types: tuple[str, ...]
    nodes: int
    milliseconds: float

    @property
    def eight_bits(self) -> bool:
        """True where it works on 8-bit numbers: takes them in, and is no mere bridge to or from float32."""
        return bool(self.types) and self.types[0] in EIGHT_BITS and self.op not in BRIDGES


def kernels(graph: bytes, x: Tensor, calls: int = 5) -> list[Kernel]:
    """Run a graph a few times with the profiler of ONNX Runtime on, on one thread; the costliest kernels come first.

    Args:
        graph: an ONNX graph. x: float32 (n, c, h, w).

    Source: SessionOptions.enable_profiling; the file is in the trace event format.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = open_session(graph, profile_in=Path(folder))
        for _ in range(calls):
            session.run(None, {"x": x.contiguous().numpy()})
        path = Path(session.end_profiling())
        events = json.loads(path.read_text(encoding="utf-8"))
    return read(events, calls)


def read(events: Iterable[dict[str, Any]], calls: int) -> list[Kernel]:
    """Sum up the events of a profile by operation and types of the inputs."""
    spent: Counter[tuple[str, tuple[str, ...]]] = Counter()
    nodes: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for event in events:
        if event.get("cat") != "Node" or not str(event.get("name", "")).endswith("_kernel_time"):
            continue
        told = event["args"]
        types = tuple(kind for given in told.get("input_type_shape", []) for kind in given)
        spent[told["op_name"], types] += event["dur"]
        nodes.setdefault((told["op_name"], types), set()).add(event["name"])
    return [Kernel(*key, len(nodes[key]), micros / 1000 / calls) for key, micros in spent.most_common()]


def table(found: Sequence[Kernel], caption: str = "What the engine ran") -> Table:
    """A row for each kind of kernel."""
    total = sum(kernel.milliseconds for kernel in found) or 1.0
    rows = [
        {
            "kernel": kernel.op,
            "types of its inputs": ", ".join(dict.fromkeys(kernel.types)),
            "nodes": kernel.nodes,
            "ms a call": f"{kernel.milliseconds:.3f}",
            "share of the time": f"{kernel.milliseconds / total:.0%}",
            "works on 8 bits": "yes" if kernel.eight_bits else "no",
        }
        for kernel in found
    ]
    return Table(caption, rows)


def eight_bit_share(found: Sequence[Kernel]) -> float:
    """The share of the time, 0 to 1, that was spent in kernels that work on 8-bit numbers."""
    total = sum(kernel.milliseconds for kernel in found)
    return sum(kernel.milliseconds for kernel in found if kernel.eight_bits) / total if total else 0.0


def products(found: Sequence[Kernel]) -> tuple[int, int]:
    """How many convolutions and matrix products ran, and how many of them in 8 bits."""
    heavy = [k for k in found if any(word in k.op for word in ("Conv", "Gemm", "MatMul"))]
    return sum(k.nodes for k in heavy), sum(k.nodes for k in heavy if k.eight_bits)


def proof(found: Sequence[Kernel]) -> str:
    """Did 8-bit kernels run? In a sentence."""
    every, eight = products(found)
    if not every:
        return "The profile holds no convolution and no matrix product: nothing can be said."
    if not eight:
        return f"None of the {every} convolutions and matrix products ran in 8 bits: the engine computed in float32."
    which = "All" if eight == every else f"{eight} of"
    return (
        f"{which} {every} convolutions and matrix products ran in 8 bits; kernels that work on 8-bit numbers took "
        f"{eight_bit_share(found):.0%} of the time."
    )


def operations(graph: bytes, *, rearranged: bool) -> dict[str, int]:
    """How often each operation stands in a graph, as it is or as the engine rearranges it before it runs."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.onnx"
        if rearranged:
            open_session(graph, write_to=path)
        else:
            path.write_bytes(graph)
        counts = Counter(node.op_type for node in onnx.load(path).graph.node)
    return dict(counts.most_common())
