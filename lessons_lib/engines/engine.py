"""What an engine is, and what it is made from."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lessons_lib import onnx_graph
from lessons_lib.engines.padding import pad_colours
from lessons_lib.timing import Within


@dataclass(frozen=True)
class Engine:
    """A model made ready to predict.

    name: one of `engines.NAMES`. size_bytes: what has to be stored or sent. device: the kind, "cpu" or "cuda". threads: CPU
    threads it may use (None on a GPU). precision: of the arithmetic. tolerance: the largest difference of a logit from eager
    float32, as a share of the largest logit, that its arithmetic allows. files: the graph as it is stored, by file name;
    empty for PyTorch, which needs the program that made the model. where: the very device, such as "cuda:1". note: a sentence
    where it does not run as its name says, else "". within: the context of its arithmetic, for whoever times it.
    """

    name: str
    run: Callable[[Tensor], Tensor]
    size_bytes: int
    device: str
    threads: int | None
    precision: str
    tolerance: float
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    where: str = "cpu"
    note: str = ""
    within: Callable[[], AbstractContextManager[None]] = field(default=nullcontext, repr=False, compare=False)

    def __call__(self, x: Tensor) -> Tensor:
        return self.run(x)

    def on(self, x: Tensor) -> Callable[[], Tensor]:
        """A call without arguments that predicts `x`: what `timing.compare` takes."""
        return Within(lambda: self.run(x), self.within)


@dataclass(frozen=True)
class Source:
    """What engines are made from, and on which GPU those for a GPU run; the ONNX graphs are made once, when first needed."""

    model: nn.Module
    image_shape: tuple[int, int, int]
    calibration: Tensor
    threads: int
    gpu: str | torch.device = "cuda"
    made: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def graph(self) -> bytes:
        """The model as an ONNX graph in float32."""
        return self._once("float32", lambda: onnx_graph.export(self.model, self.image_shape))

    def int8_graph(self) -> bytes:
        """The same in int8, colour images padded to four channels."""
        return self._once("int8", lambda: onnx_graph.quantize(pad_colours(self.graph()), self.calibration))

    def _once(self, key: str, make: Callable[[], bytes]) -> bytes:
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]
