"""One step of training: pick and change a batch, forward, loss, gradients, update.

On a GPU nothing in it waits for the result, except in float16, where the scaler has to ask whether a step may be made.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons_lib.engines.cuda_graph import mend_random_numbers
from lessons_lib.gpu_training.network import FastNet
from lessons_lib.gpu_training.orders import batch
from lessons_lib.gpu_training.recipe import FastRecipe, optimisers_of
from lessons_lib.gpu_training.ways import Way

WARM_UPS = 3  # cuDNN tries its algorithms, and a graph may only be captured of what has run before


class Step:
    """A call makes one step and returns its loss, a tensor that stays on the device: asking for its value would wait.

    Args:
        net: is trained in place; it lies on the device, in the layout of `way`. images: all of them, uint8 (n, c, h, w).
        labels: int64 (n,). recipe, way: how to train, and how to compute it; whether
            TF32 is allowed is for the caller to say, since PyTorch knows it for the whole process only.
    """

    def __init__(self, net: FastNet, images: Tensor, labels: Tensor, recipe: FastRecipe, way: Way):
        self.net, self.images, self.labels, self.recipe, self.way = net, images, labels, recipe, way
        self.device = images.device
        self.forward = torch.compile(net, dynamic=False) if way.compiled else net
        self.optimisers = optimisers_of(net, recipe, recipe.batch_for(len(images)))
        # float16 has so small a range that tiny gradients vanish: the loss is scaled up, the gradients down again; a step
        # whose gradients then leave the range is not made
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=way.precision is torch.float16)
        self.gradients: Callable[[Tensor], Tensor] = self._afresh

    def compute(self, orders: Tensor) -> Tensor:
        """The loss of a batch, as a tensor, and the gradients, which are left in the parameters.

        Args:
            orders: int64 (6, batch), see `orders`.
        """
        x = batch(self.images, orders, self.recipe.changes.cutout).contiguous(memory_format=self.way.layout)
        with self.way.autocast(self.device):
            logits = self.forward(x)
        loss = F.cross_entropy(logits.float(), self.labels[orders[0]], label_smoothing=self.recipe.smoothing)
        self.scaler.scale(loss).backward()
        return loss.detach()

    def prepare(self, orders: Tensor) -> None:
        """Do once what only the first steps do: choose algorithms, compile, capture the graph. The network stays as it was."""
        kept = {name: value.clone() for name, value in self.net.named_buffers()}
        self.net.train()
        with on(self.device):
            if self.way.graph:
                self.gradients = Captured(self._afresh, orders)
            else:
                self.gradients(orders)
        for name, value in self.net.named_buffers():
            value.copy_(kept[name])

    def __call__(self, orders: Tensor, share: float = 1.0) -> Tensor:
        """One step at this share of the highest rate; see `compute` for the rest."""
        loss = self.gradients(orders)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = share * group["highest"]
            self.scaler.step(optimiser)
        self.scaler.update()
        return loss

    def _afresh(self, orders: Tensor) -> Tensor:
        self.net.zero_grad(set_to_none=True)
        return self.compute(orders)


class Captured:
    """A CUDA graph of some work: its kernels are started by one call, with the inputs copied to where they were at first.

    Only what has no choice to make on the CPU can be captured; the update of the weights stays outside, since its rate
    changes. Source: https://docs.pytorch.org/docs/stable/notes/cuda.html, "Whole-network capture".

    Args:
        work: takes a tensor on a GPU and returns one; random numbers, and questions to the GPU, are not for it.
        sample: what it takes, of the shape of every later call.
    """

    def __init__(self, work: Callable[[Tensor], Tensor], sample: Tensor):
        self.given = sample.clone()
        stream, current = torch.cuda.Stream(sample.device), torch.cuda.current_stream(sample.device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                work(self.given)
        current.wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(self.graph, stream=stream):
                self.result = work(self.given)
        except RuntimeError:  # such as memory that ended: whatever runs next must not run on the stream of the capture
            torch.cuda.set_stream(current)
            mend_random_numbers(sample.device)
            raise

    def __call__(self, given: Tensor) -> Tensor:
        """Replay; the result is overwritten by the next call."""
        self.given.copy_(given)
        self.graph.replay()
        return self.result


def on(device: torch.device) -> AbstractContextManager:
    """The context in which this GPU is the current one; on a CPU there is nothing to choose."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
