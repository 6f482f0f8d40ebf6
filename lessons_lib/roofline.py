"""The roofline: how fast a machine could run a model, from its peak arithmetic and its memory's bandwidth.

Source: S. Williams, A. Waterman, D. Patterson, Roofline: an insightful visual performance model, 2009.
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lessons_lib.batching import BatchPoint
from lessons_lib.device import threads as cpu_threads
from lessons_lib.models import macs
from lessons_lib.onnx_session import open_session
from lessons_lib.timing import measure

BYTES = 4  # of a float32
ARRAY = 2**24  # numbers in each array that is read: 64 MiB, more than most caches hold
NEAR_THE_ROOF = 1 / 3  # below this share of it, neither arithmetic nor memory explains the time


@dataclass(frozen=True)
class Machine:
    """What was measured: floating-point operations a second at best, and bytes read from memory a second at best."""

    flop_per_s: float
    bytes_per_s: float

    def roof(self, intensity: float) -> float:
        """The most operations a second at so many operations a byte."""
        return min(self.flop_per_s, intensity * self.bytes_per_s)

    @property
    def ridge(self) -> float:
        """Operations a byte from which on arithmetic is the limit."""
        return self.flop_per_s / self.bytes_per_s

    def __str__(self) -> str:
        return (
            f"peak arithmetic {self.flop_per_s / 1e9:,.0f} GFLOP/s, memory {self.bytes_per_s / 1e9:.1f} GB/s: "
            f"from {self.ridge:.0f} operations a byte on, arithmetic is the limit"
        )


def measure_machine(threads: int = 1, *, seconds: float = 1.2, device: str | torch.device = "cpu") -> Machine:
    """Measure peak arithmetic by matrix products, and bandwidth by reading and copying arrays; the best of each counts.

    On a CPU the products are those of PyTorch and of ONNX Runtime: which of the two knows a processor better differs.

    Args:
        threads: CPU threads that the models will have. seconds: to spend in all. device: where.
    """
    share = seconds / 4
    with cpu_threads(threads):
        products = [_matrix_product(768, device)]
        if (
            torch.device(device).type == "cpu"
            and importlib.util.find_spec("onnx")
            and importlib.util.find_spec("onnxruntime")
        ):
            products.append(_onnx_product(768, threads))
        flops = [2 * 768**3 / min(measure(call, seconds=share, device=device).samples_s) for call in products]
        rates = [_dot(share, device), _copy(share, device)]
    return Machine(max(flops), max(rates))


def _matrix_product(side: int, device: str | torch.device) -> Callable[[], object]:
    a, b, c = (torch.rand(side, side, device=device) for _ in range(3))
    return lambda: torch.mm(a, b, out=c)


def _onnx_product(side: int, threads: int) -> Callable[[], object]:
    from onnx import TensorProto, helper, numpy_helper

    shape = [side, side]
    a, b = (torch.rand(side, side).numpy() for _ in range(2))
    given, wanted = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "ac")
    node = helper.make_node("MatMul", ["a", "b"], ["c"])
    graph = helper.make_graph([node], "product", [given], [wanted], [numpy_helper.from_array(b, "b")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = open_session(model.SerializeToString(), threads)
    return lambda: session.run(None, {"a": a})


def _dot(seconds: float, device: str | torch.device) -> float:
    a, b = (torch.ones(ARRAY, device=device) for _ in range(2))
    best_s = min(measure(lambda: torch.dot(a, b), seconds=seconds, device=device).samples_s)
    return 2 * ARRAY * BYTES / best_s


def _copy(seconds: float, device: str | torch.device) -> float:
    a, b = (torch.ones(ARRAY, device=device) for _ in range(2))
    best_s = min(measure(lambda: b.copy_(a), seconds=seconds, device=device).samples_s)
    return 2 * ARRAY * BYTES / best_s


@dataclass(frozen=True)
class Work:
    """What a model has to do for a batch.

    flop: operations of one image. weight_bytes: read once a batch. image_bytes: input and the output of every layer of one
    image, written and read.
    """

    flop: float
    weight_bytes: float
    image_bytes: float

    def intensity(self, batch: int) -> float:
        """Operations for each byte moved; a larger batch uses each weight more often."""
        return batch * self.flop / (self.weight_bytes + batch * self.image_bytes)


def work_of(model: nn.Module, image_shape: tuple[int, int, int]) -> Work:
    """Count the operations and bytes of a network made of convolutions and linear layers, in float32.

    Args:
        model: run once on an image of zeros, in eval mode. image_shape: (c, h, w).
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    outputs: list[int] = []

    def count(_layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
        outputs.append(output.numel())

    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        operations = 2 * macs(model, image_shape)  # a multiplication and an addition
    finally:
        for handle in handles:
            handle.remove()
    weights = sum(layer.weight.numel() for layer in layers)  # type: ignore[operator,union-attr]
    pixels = image_shape[0] * image_shape[1] * image_shape[2]
    return Work(operations, weights * BYTES, (pixels + 2 * sum(outputs)) * BYTES)


@dataclass(frozen=True)
class Spot:
    """Where a model at a batch size lies under the roof."""

    name: str
    batch: int
    intensity: float
    flop_per_s: float
    roof: float
    ridge: float

    @property
    def share(self) -> float:
        """Of what the roof allows."""
        return self.flop_per_s / self.roof

    @property
    def bound(self) -> str:
        """What rules: "overhead" far below the roof, else "memory" left of the ridge, "arithmetic" right of it."""
        if self.share < NEAR_THE_ROOF:
            return "overhead"
        return "memory" if self.intensity < self.ridge else "arithmetic"


def spots(name: str, work: Work, points: Sequence[BatchPoint], machine: Machine) -> list[Spot]:
    """Place the measured batch sizes of a model under the machine's roof; sizes that did not fit are left out."""
    found = []
    for point in points:
        if point.measurement:
            intensity = work.intensity(point.batch)
            reached = point.batch * work.flop / point.measurement.median_ms * 1000
            found.append(Spot(name, point.batch, intensity, reached, machine.roof(intensity), machine.ridge))
    return found


MEANS = {
    "memory": "held up by memory",
    "arithmetic": "held up by arithmetic",
    "overhead": "far below the roof, held up by neither",
}


def told(found: Sequence[Spot]) -> str:
    """For each model: what rules at its smallest batch and at its largest, in sentences."""
    sentences = []
    for name in dict.fromkeys(spot.name for spot in found):
        own = [spot for spot in found if spot.name == name]
        first, last = own[0], own[-1]
        start = f"**{name}** at batch {first.batch} is {MEANS[first.bound]} ({first.share:.0%} of the roof)"
        if first.bound == last.bound:
            sentences.append(f"{start}, and still is at batch {last.batch} ({last.share:.0%}).")
        else:
            sentences.append(f"{start}, and at batch {last.batch} {MEANS[last.bound]} ({last.share:.0%}).")
    return " ".join(sentences)
