"""CUDA graphs: all the launches of a forward pass recorded once, and replayed by a single call.

A graph is bound to the memory that it was recorded with. So each shape of input has a graph of its own, with a place to put the
input and a place where the answers appear; and only the arithmetic is recorded, never a copy from or to the CPU.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

WARM_UPS = 3  # what PyTorch's documentation asks for: libraries allocate and choose their kernels in the first calls
MOST_GRAPHS = 12  # each keeps the memory of a whole forward pass


class CannotCapture(RuntimeError):
    """What the model does cannot be recorded, such as asking the GPU for a number on the way."""


@dataclass(frozen=True)
class Captured:
    """A graph: put the input into `entry`, call `replay`, and the answers are in `answers` until the next replay."""

    entry: Tensor
    answers: Tensor
    replay: Callable[[], None]


def capture(call: Callable[[Tensor], Tensor], shape: tuple[int, ...], device: torch.device) -> Captured:
    """Record a function of a float32 tensor of this shape.

    Raises:
        CannotCapture: it does something that a graph cannot hold. OutOfMemoryError: the memory is exhausted.
    """
    # a capture that fails may leave its own stream behind as the current one; the outer block puts the old one back
    with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)), torch.inference_mode():
        entry, stream = torch.zeros(shape, device=device), torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                call(entry)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=stream):
                answers = call(entry)
        except RuntimeError as error:
            mend_random_numbers(device)
            raise _explained(error) from error
    return Captured(entry, answers, graph.replay)


def mend_random_numbers(device: torch.device) -> None:
    """Before PyTorch 2.12 a capture that failed leaves the GPU's random numbers waiting for its end; a new state does not wait."""
    index = torch.cuda.current_device() if device.index is None else device.index
    with contextlib.suppress(RuntimeError, AttributeError, IndexError):  # there is nothing to mend
        waiting, new = torch.cuda.default_generators[index], torch.Generator(device)
        new.manual_seed(waiting.initial_seed())
        waiting.graphsafe_set_state(new.graphsafe_get_state())


def _explained(error: BaseException) -> RuntimeError:
    first: BaseException = error  # the end of a failed capture fails as well, and hides what came before
    while first.__context__ is not None:
        first = first.__context__
    if isinstance(first, torch.OutOfMemoryError):
        return torch.OutOfMemoryError(str(first))
    return CannotCapture(str(first).strip().partition("\n")[0])


class Graphs:
    """A function that runs as CUDA graphs, one for each shape, recorded when that shape first comes.

    Args:
        call: takes float32 on the device. device: the GPU. most: graphs that are kept; the one unused for longest goes first.
        capture: replaced in tests.

    A call takes a tensor that lies anywhere; what it returns lies on the device, and is overwritten by the next call.
    """

    def __init__(
        self,
        call: Callable[[Tensor], Tensor],
        device: torch.device,
        most: int = MOST_GRAPHS,
        capture: Callable[..., Captured] = capture,
    ):
        self.call, self.device, self.most, self.capture = call, device, most, capture
        self.kept: OrderedDict[tuple[int, ...], Captured] = OrderedDict()

    def __call__(self, x: Tensor) -> Tensor:
        graph = self.graph_for(tuple(x.shape))
        graph.entry.copy_(x, non_blocking=True)
        graph.replay()
        return graph.answers

    def graph_for(self, shape: tuple[int, ...]) -> Captured:
        """The graph of a shape, recorded now where there is none yet.

        Raises:
            CannotCapture: see `capture`.
        """
        if shape not in self.kept:
            while len(self.kept) >= self.most:
                self.kept.popitem(last=False)
            self.kept[shape] = self._captured(shape)
        self.kept.move_to_end(shape)
        return self.kept[shape]

    def _captured(self, shape: tuple[int, ...]) -> Captured:
        try:
            return self.capture(self.call, shape, self.device)
        except torch.OutOfMemoryError:
            if not self.kept:
                raise
        self.kept.clear()  # the graphs of other shapes hold memory that this one needs
        torch.cuda.empty_cache()
        return self.capture(self.call, shape, self.device)
