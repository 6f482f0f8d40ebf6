"""How much of a device's arithmetic is put to use: the operations of a training step, and what the hardware could do at most.

The peak is told twice: as the data sheet has it, and as large matrix products reach it on the device itself.
"""

import copy
import re
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.timing import measure

# Dense operations a second (a multiplication and an addition are two), in units of 10**12; 16 bits with sums kept in 32. What stands
# in a data sheet "with sparsity" is halved. By the name that PyTorch gives the GPU.
# Sources: NVIDIA's data sheets of T4 (2019), V100 (2020), L4 (2023), A10 (2021), A100 (2021), L40S (2023), H100 (2023), H200 (2024); the
# white papers "NVIDIA Ampere GA102 GPU Architecture" (RTX 3090) and "NVIDIA Ada GPU Architecture" (RTX 4090), tables of peak rates.
DATA_SHEETS: dict[str, dict[str, float]] = {
    r"T4": {"float32": 8.1, "float16": 65},
    r"V100-SXM2-(16|32)GB": {"float32": 15.7, "float16": 125},
    r"V100-PCIE-(16|32)GB": {"float32": 14, "float16": 112},
    r"L4": {"float32": 30.3, "tf32": 60, "float16": 121, "bfloat16": 121},
    r"A10": {"float32": 31.2, "tf32": 62.5, "float16": 125, "bfloat16": 125},
    r"A100([ -]SXM4|[ -]PCIE)?([ -](40|80)GB)?( PCIe)?": {
        "float32": 19.5,
        "tf32": 156,
        "float16": 312,
        "bfloat16": 312,
    },
    r"L40S": {"float32": 91.6, "tf32": 183, "float16": 362, "bfloat16": 362},
    r"H100 80GB HBM3": {"float32": 67, "tf32": 494.5, "float16": 989.5, "bfloat16": 989.5},
    r"H100 PCIe": {"float32": 51, "tf32": 378, "float16": 756.5, "bfloat16": 756.5},
    r"H200": {"float32": 67, "tf32": 494.5, "float16": 989.5, "bfloat16": 989.5},
    r"GeForce RTX 3090": {"float32": 35.6, "tf32": 35.6, "float16": 71, "bfloat16": 71},
    r"GeForce RTX 4090": {"float32": 82.6, "tf32": 82.6, "float16": 165.2, "bfloat16": 165.2},
}
TYPES = {"float32": torch.float32, "tf32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def published(gpu: str, precision: str) -> float | None:
    """Dense operations a second of a GPU's data sheet; None for a GPU, a slice of one, or a precision that is not in the table.

    Args:
        gpu: the name that PyTorch gives it. precision: float32, tf32, float16 or bfloat16.
    """
    name = re.sub(r"^(NVIDIA |Tesla )+", "", gpu.strip())
    rates = next((rates for pattern, rates in DATA_SHEETS.items() if re.fullmatch(pattern, name)), {})
    return rates[precision] * 1e12 if precision in rates else None


def measured(device: torch.device, precision: str, *, seconds: float = 0.5, side: int | None = None) -> float:
    """Operations a second that products of large matrices reach, the best of several; TF32 is for the caller to allow.

    Args:
        precision: float32, tf32, float16 or bfloat16. side: of the square matrices; None: what suits the device.
    """
    side = side or side_for(device)
    a, b = (torch.randn(side, side, device=device, dtype=TYPES[precision]) for _ in range(2))
    out = torch.empty_like(a)
    samples = measure(lambda: torch.mm(a, b, out=out), seconds=seconds, device=device).samples_s
    return 2 * side**3 / min(samples)


def side_for(device: torch.device) -> int:
    """A size that keeps the device busy: 768 on a CPU; on a GPU up to 8,192, three of which take a 16th of the memory at most."""
    if device.type == "cpu":
        return 768
    memory_bytes = torch.cuda.get_device_properties(device).total_memory
    return max((side for side in (1024, 2048, 4096, 8192) if 3 * 4 * side**2 <= memory_bytes / 16), default=512)


def training_flop(net: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Operations of one training step for one image, counted in the convolutions and linear layers.

    A multiply-accumulate is two operations; the forward pass does each once, the backward pass once for the gradient of the
    inputs and once for that of the weights, where these are needed: three times as much in all, less in frozen and first layers.

    Args:
        net: stays as it is; a copy is run on an image of zeros. image_shape: (c, h, w).
    """
    return _counted(net, image_shape, backward=True)


def forward_flop(net: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Operations of one prediction, counted in the same way."""
    return _counted(net, image_shape, backward=False)


def _counted(net: nn.Module, image_shape: tuple[int, int, int], *, backward: bool) -> int:
    counts: list[int] = []

    def count(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        macs = output[0].numel() * weight[0].numel()
        passes = 1 + (inputs[0].requires_grad + weight.requires_grad if backward else 0)
        counts.append(2 * macs * passes)

    twin = copy.deepcopy(net).eval()
    for layer in twin.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    twin(torch.zeros(1, *image_shape, device=next(twin.parameters()).device))
    return sum(counts)


def share(flop_per_s: float, peak: float | None) -> float | None:
    """What part (0 to 1) of the peak is reached; None where the peak is not known."""
    return flop_per_s / peak if peak else None
