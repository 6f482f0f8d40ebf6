"""Batches until the memory ends: on the whole GPU, and on as much of it as is allowed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lessons_lib.batching import BatchPoint, free_memory, sweep

COUNTABLE = 2**31 - 1  # numbers in a tensor: many kernels count them in 32 bits


def largest_batch(model: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """The largest power of two of images for which no layer's output holds more numbers than 32 bits can count."""
    sizes = [image_shape[0] * image_shape[1] * image_shape[2]]

    def note(_layer: nn.Module, _inputs: tuple, output: Tensor) -> None:
        sizes.append(output.numel())

    handles = [layer.register_forward_hook(note) for layer in model.modules() if not list(layer.children())]
    try:
        with torch.no_grad():
            model(torch.zeros(1, *image_shape))
    finally:
        for handle in handles:
            handle.remove()
    return 2 ** ((COUNTABLE // max(sizes)).bit_length() - 1)


def sizes_up_to(largest: int, factor: int = 4, first: int = 1) -> list[int]:
    """first, first x factor, ... and `largest` at the end."""
    found = [first]
    while found[-1] * factor < largest:
        found.append(found[-1] * factor)
    return found if found[-1] == largest else [*found, largest]


@contextmanager
def limited(most_bytes: int | None, device: torch.device) -> Iterator[None]:
    """Within the block PyTorch may use this much of a GPU's memory, for this process; afterwards all of it, and none is kept.

    On a CPU, or with None, nothing is limited.

    Source: torch.cuda.set_per_process_memory_fraction
    """
    free_memory()
    if most_bytes is None or device.type != "cuda":
        yield
        free_memory()
        return
    index = torch.cuda.current_device() if device.index is None else device.index  # the setting wants a number
    share = most_bytes / torch.cuda.get_device_properties(index).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, share), index)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, index)
        free_memory()


def sweeps(
    runs: Mapping[str, Callable[[Tensor], Tensor]],
    images: Tensor,
    sizes: Sequence[int],
    device: torch.device,
    *,
    seconds: float,
    most_bytes: int | None = None,
) -> dict[str, list[BatchPoint]]:
    """Sweep each run over the batch sizes; where the memory ends for one, the next goes on with all of it.

    Args:
        runs: each takes float32 on the device. images: float32 (n, c, h, w); they are brought to the device.
        seconds: for each size. most_bytes: see `limited`.
    """
    found = {}
    for name, run in runs.items():
        with limited(most_bytes, device):
            found[name] = sweep(run, images.to(device), sizes, seconds=seconds, device=device)
    return found


def allocated_bytes(device: torch.device) -> int:
    """What PyTorch holds of a GPU's memory in tensors; 0 on a CPU."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
