"""What the memory of training is spent on: weights, gradients, optimiser state and activations, counted byte by byte.

Counted, not measured: a count is the same on every device and in every run. What the device itself reports comes on top
of it: buffers of the convolutions, fragments, and what the library needs. `peak_bytes` asks a GPU for that.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.models import to_input

FLOAT_BYTES = 4


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that a step of training holds, by part; `weights` includes the running statistics of batch norm."""

    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        """Bytes of all parts together: what is held where the forward pass ends and the gradients arrive."""
        return self.weights + self.gradients + self.optimiser + self.activations

    @property
    def parts(self) -> dict[str, int]:
        """Bytes by the name of the part."""
        return {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimiser state": self.optimiser,
            "activations": self.activations,
        }

    @property
    def largest(self) -> str:
        """The name of the part that takes most."""
        return max(self.parts, key=lambda name: self.parts[name])


def expected(parameters: int, *, slots: int, activations: int = 0) -> TrainingMemory:
    """What arithmetic says, in float32: each parameter has a gradient and `slots` numbers of the optimiser beside it.

    Args:
        parameters: how many. slots: 0 for plain gradient descent, 1 with momentum, 2 for Adam.
        activations: bytes of these, see `activation_bytes`.
    """
    one = FLOAT_BYTES * parameters
    return TrainingMemory(one, one, slots * one, activations)


def count(
    model: nn.Module,
    optimiser_of: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
    images: Tensor,
    labels: Tensor,
) -> TrainingMemory:
    """Make one step of training on a copy of `model` and count what it leaves behind.

    Args:
        optimiser_of: makes the optimiser, such as `torch.optim.Adam`; its state appears with the first step.
        images: uint8 (batch, c, h, w), on the device of the model. labels: int64 (batch,).
    """
    model = copy.deepcopy(model).train()
    optimiser = optimiser_of(model.parameters())
    F.cross_entropy(model(to_input(images)), labels).backward()
    optimiser.step()
    state = [value for kept in optimiser.state.values() for value in kept.values()]
    return TrainingMemory(
        weights=unique_bytes(model.state_dict().values()),
        gradients=unique_bytes(p.grad for p in model.parameters()),
        optimiser=unique_bytes(state),
        activations=activation_bytes(model, images),
    )


def activation_bytes(model: nn.Module, images: Tensor) -> int:
    """Bytes that the forward pass keeps for the backward pass, the weights left out; `model` stays as it was.

    Args:
        images: uint8 (batch, c, h, w), on the device of the model.

    Source: torch.autograd.graph.saved_tensors_hooks, which is handed every tensor that autograd keeps.
    """
    model = copy.deepcopy(model).train()
    own = {storage_of(t) for t in model.state_dict().values()}
    kept: list[Tensor] = []  # holding them keeps their memory from being used, and counted, twice

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.detach())
        return kept[-1]

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(to_input(images).contiguous(memory_format=torch.channels_last))
    del logits
    return unique_bytes(t for t in kept if storage_of(t) not in own)


def inference_bytes(model: nn.Module, images: Tensor) -> int:
    """Bytes that a prediction holds at once: the weights, and the layer whose input and output are largest together.

    Args:
        images: uint8 (batch, c, h, w), on the device of the model.
    """
    model = copy.deepcopy(model).eval()
    held: list[int] = []

    def look(_layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        held.append(unique_bytes([*inputs, output]))

    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(look)
    with torch.inference_mode():
        model(to_input(images))
    return unique_bytes(model.state_dict().values()) + max(held)


def unique_bytes(tensors: Iterable[Any]) -> int:
    """Bytes of the memory behind these tensors, each piece counted once; what is no tensor counts nothing."""
    storages = {storage_of(t): t.untyped_storage().nbytes() for t in tensors if isinstance(t, Tensor)}
    return sum(storages.values())


def storage_of(tensor: Tensor) -> int:
    """The address of the memory behind a tensor: views of the same numbers have the same."""
    return tensor.untyped_storage().data_ptr()


def peak_bytes(call: Callable[[], Any], device: str | torch.device) -> int | None:
    """The most memory that tensors took on a GPU during a call; None on a CPU, where no such count is kept.

    On a CPU the system only knows the peak of the whole process, with Python, PyTorch and all that ran before.
    """
    if torch.device(device).type != "cuda":
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def in_words(size_bytes: float) -> str:
    """A size for people: "604 KiB", "37.8 MiB", "1.25 GiB"."""
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size_bytes >= 2**power:
            value = size_bytes / 2**power
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{size_bytes:,.0f} bytes"
