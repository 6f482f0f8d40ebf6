"""A model that lies ready on a device: what an engine is without the copies there and back."""

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lessons_lib.engines.cuda_graph import CannotCapture, Graphs
from lessons_lib.engines.folding import fold_batch_norm
from lessons_lib.models import size_bytes
from lessons_lib.tf32 import tf32


@dataclass(frozen=True)
class Form:
    """In which form a model runs.

    dtype: of weights and arithmetic. tf32: on a GPU float32 may be calculated in TF32; where it is False, it is not.
    folded: batch norms are part of the convolutions. channels_last: the channels of a pixel lie side by side, which tensor
    cores like. compiled: by torch.compile. graph: as CUDA graphs.
    """

    dtype: torch.dtype = torch.float32
    tf32: bool = False
    folded: bool = True
    channels_last: bool = True
    compiled: bool = False
    graph: bool = False

    @property
    def precision(self) -> str:
        """What it calculates in, as people call it."""
        return "TF32" if self.tf32 else str(self.dtype).removeprefix("torch.")

    @property
    def layout(self) -> torch.memory_format:
        """How images lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format


class Resident:
    """A copy of a model, ready on a device in a form. A call takes float32 (n, c, h, w) and returns logits float32 on the device.

    Attributes:
        note: a sentence where it does not run as it was asked to, else "".
    """

    def __init__(self, model: nn.Module, form: Form, device: str | torch.device = "cpu"):
        self.form, self.device, self.note = form, torch.device(device), ""
        own = fold_batch_norm(model) if form.folded else copy.deepcopy(model).eval()
        self.model = own.to(self.device, form.dtype).to(memory_format=form.layout)  # type: ignore[call-overload]
        self.size_bytes = size_bytes(self.model)
        self.forward = torch.compile(self.model, dynamic=True) if form.compiled else self.model
        self.graphs = Graphs(self._logits, self.device) if form.graph else None

    def __call__(self, x: Tensor) -> Tensor:
        with torch.inference_mode(), self.arithmetic():
            if self.graphs is not None and self._can_capture(x):
                return self.graphs(x)
            # first the copy, then the conversion: the other way round the CPU would have to convert
            return self._logits(x.to(self.device, non_blocking=True))

    def _logits(self, x: Tensor) -> Tensor:
        return self.forward(x.to(dtype=self.form.dtype, memory_format=self.form.layout)).float()

    def arithmetic(self) -> AbstractContextManager[None]:
        """Float32 on a GPU as the form says, with TF32 or without. A call enters it by itself; whoever times calls does so before."""
        float32_on_gpu = self.device.type == "cuda" and self.form.dtype == torch.float32
        return tf32(self.form.tf32) if float32_on_gpu else nullcontext()

    def _can_capture(self, x: Tensor) -> bool:
        assert self.graphs is not None
        try:
            self.graphs.graph_for(tuple(x.shape))
        except CannotCapture as error:
            self.graphs = None
            self.note = f"The model cannot become a CUDA graph, so it is run call by call. PyTorch says: {error}"
        return self.graphs is not None
