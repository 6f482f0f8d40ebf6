"""Copying one batch while the one before is calculated: two streams and two buffers.

A stream is a queue of work for a GPU; two streams may run at once. Whoever writes into a buffer waits for the event that says it has
been read, and whoever reads it waits for the event that says it has been written.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-streams
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from lessons_lib.device import synchronise


def pinned(x: Tensor, device: torch.device) -> Tensor:
    """The same in memory from which a GPU can fetch by itself; on a CPU as it is."""
    return x.pin_memory() if device.type == "cuda" else x


class InOrder:
    """A CPU's stream, and its events: everything happens when it is asked for, so nobody has to wait."""

    def wait_event(self, _event: Any) -> None:
        """Nothing to wait for."""

    def record(self, _stream: Any = None) -> None:
        """Nothing to tell."""


class Queue:
    """Predicts a row of batches that lie in memory, one after the other.

    Args:
        run: takes float32 on the device, returns logits there. batches: float32 (n, c, h, w), all of one shape; pinned where the
            device is a GPU. device: where. overlapped: copy on a stream of its own, else all on one.

    A call returns the answers, float32 (n, classes) for each batch, on the CPU; the next call overwrites them.
    """

    def __init__(
        self, run: Callable[[Tensor], Tensor], batches: Sequence[Tensor], device: torch.device, *, overlapped: bool
    ):
        self.run, self.batches, self.device, self.overlapped = run, batches, device, overlapped
        on_gpu = device.type == "cuda"
        self.buffers = [torch.empty(batches[0].shape, device=device) for _ in range(2)]
        like = run(batches[0].to(device))
        self.answers = [torch.empty(like.shape, pin_memory=on_gpu) for _ in batches]
        self.copying: Any = torch.cuda.Stream(device) if on_gpu else InOrder()
        event: Any = torch.cuda.Event if on_gpu else InOrder
        self.written, self.read = [event(), event()], [event(), event()]
        synchronise(device)  # the buffers belong to this stream; from now on another may write into them

    def __call__(self) -> list[Tensor]:
        with torch.inference_mode():
            for i, batch in enumerate(self.batches):
                x = self._ahead(batch, i % 2) if self.overlapped else self._in_line(batch)
                self.answers[i].copy_(self.run(x), non_blocking=True)
                self.read[i % 2].record(self._calculating())
        synchronise(self.device)
        return self.answers

    def _in_line(self, batch: Tensor) -> Tensor:
        return self.buffers[0].copy_(batch, non_blocking=True)

    def _ahead(self, batch: Tensor, slot: int) -> Tensor:
        with torch.cuda.stream(self.copying) if self.device.type == "cuda" else nullcontext():
            self.copying.wait_event(self.read[slot])
            self.buffers[slot].copy_(batch, non_blocking=True)
            self.written[slot].record(self.copying)
        self._calculating().wait_event(self.written[slot])
        return self.buffers[slot]

    def _calculating(self) -> Any:
        return torch.cuda.current_stream(self.device) if self.device.type == "cuda" else InOrder()
