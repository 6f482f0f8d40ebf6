"""Why int8 through torchao is for linear layers: what it changes in a network, and a convolution that is made a linear layer."""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lessons_lib import timing
from lessons_lib.gpu_low_precision.calls import Call, call_of
from lessons_lib.gpu_low_precision.conversion import (
    converted,
    dtype_of,
    exactly,
    is_quantized,
    relative_difference,
    weight_bytes,
)
from lessons_lib.gpu_low_precision.sweep import Notes
from lessons_lib.timing import Comparison
from lessons_lib.training_memory import peak_bytes

AS_IT_IS, UNFOLDED, UNFOLDED_INT8 = "convolution", "unfold + linear", "unfold + linear, int8"


@dataclass(frozen=True)
class Reach:
    """What `quantize_` changes in a network: layers, their share of the multiply-accumulates, and the bytes of the weights."""

    layers: int
    changed: int
    share_of_macs: float
    bytes_before: int
    bytes_after: int

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        return asdict(self)


def reach(model: nn.Module, image_shape: tuple[int, int, int], total_macs: int | None = None) -> Reach:
    """Count before and after torchao's int8; the network stays as it is.

    Args:
        model: convolutions and linear layers count. total_macs: of one image, where other operations multiply as well
            (the attention of a transformer); those of the layers unless given.
    """
    plain, changed = converted(model, "bfloat16"), converted(model, "int8")
    macs = layer_macs(model, image_shape)
    quantized = [name for name, layer in changed.named_modules() if name in macs and is_quantized(layer)]
    share = sum(macs[name] for name in quantized) / (total_macs or sum(macs.values()))
    return Reach(len(macs), len(quantized), share, weight_bytes(plain), weight_bytes(changed))


def layer_macs(model: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Multiply-accumulates of one image in each convolution and linear layer, by name."""
    macs: dict[str, int] = {}
    layers = {name: m for name, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}

    def counting(name: str) -> Any:
        def count(layer: Any, _inputs: tuple, output: Tensor) -> None:
            macs[name] = output[0].numel() * layer.weight[0].numel()

        return count

    handles = [layer.register_forward_hook(counting(name)) for name, layer in layers.items()]
    weight = next(model.parameters())
    try:
        with torch.no_grad():
            model(torch.zeros(1, *image_shape, device=weight.device, dtype=weight.dtype))
    finally:
        for handle in handles:
            handle.remove()
    return macs


class Unfolded(nn.Module):
    """A convolution as a linear layer on every patch that its filter sees ("im2col"): each pixel is written out k * k times.

    Takes (n, c, h, w), returns (n, outputs, h', w').
    """

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        assert not isinstance(conv.padding, str)
        self.kernel, self.padding, self.stride = conv.kernel_size, conv.padding, conv.stride
        self.linear = nn.Linear(conv.weight[0].numel(), conv.out_channels, bias=conv.bias is not None)
        self.linear.weight = nn.Parameter(conv.weight.detach().flatten(1).clone())
        if conv.bias is not None:
            self.linear.bias = nn.Parameter(conv.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        columns = functional.unfold(x, self.kernel, padding=self.padding, stride=self.stride)  # (n, c * k * k, places)
        across = (x.shape[3] + 2 * self.padding[1] - self.kernel[1]) // self.stride[1] + 1
        return self.linear(columns.transpose(1, 2)).transpose(1, 2).unflatten(2, (-1, across))


@dataclass(frozen=True, eq=False)
class AsLinear:
    """One convolution in each way: times in turns, relative error, bytes of the input and of its columns, peak memory."""

    comparison: Comparison
    errors: dict[str, float]
    input_bytes: int
    columns_bytes: int
    peak_bytes: dict[str, int]


def as_linear(
    conv: nn.Conv2d,
    batch: int,
    size: int,
    *,
    device: torch.device,
    notes: Notes,
    int8: bool,
    seconds: float = 1.0,
    seed: int = 0,
) -> AsLinear | None:
    """Time a convolution as it is, as unfold and linear in the same 16 bits, and the latter in int8.

    Args:
        conv: float32, without groups or dilation. batch: images. size: their height and width. device: "cpu" or a GPU.
        int8: whether torchao is there. notes: gets what did not work.

    Returns:
        None where fewer than two of the ways work here.
    """
    precision = "float16" if device.type == "cuda" else "bfloat16"
    x = torch.randn(batch, conv.in_channels, size, size, generator=torch.Generator().manual_seed(seed))
    ways: dict[str, tuple[nn.Module, str]] = {AS_IT_IS: (conv, precision), UNFOLDED: (Unfolded(conv), precision)}
    if int8:
        ways[UNFOLDED_INT8] = (Unfolded(conv), "int8")
    calls: dict[str, Call] = {}
    errors: dict[str, float] = {}
    peaks: dict[str, int] = {}
    exact = exactly(conv, x[:4])
    for name, (layer, kind) in ways.items():
        with notes.instead_of_errors(f"A convolution, {name}"):
            call = call_of(*_on(layer, x, device, kind, channels_last=name == AS_IT_IS))
            errors[name] = relative_difference(call()[:4], exact)
            if (peak := peak_bytes(call, device)) is not None:
                peaks[name] = peak
            calls[name] = call
    if len(calls) < 2:
        return None
    columns = batch * conv.weight[0].numel() * exact[0, 0].numel() * 2  # two bytes a number
    return AsLinear(timing.compare(calls, seconds=seconds, device=device), errors, x.numel() * 2, columns, peaks)


def _on(
    layer: nn.Module, x: Tensor, device: torch.device, kind: str, *, channels_last: bool
) -> tuple[nn.Module, Tensor]:
    """A copy of the layer, and its input, in the layout that suits it: channels last for a convolution."""
    ready = converted(copy.deepcopy(layer).to(device), kind)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    if channels_last:
        ready = ready.to(memory_format=layout)  # type: ignore[call-overload]
    return ready, x.to(device, dtype_of(kind), memory_format=layout)


def rows_of_reach(found: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, str]]:
    """Lines of a table, by network, from `Reach.as_dict` or a record."""
    return [
        {
            "network": name,
            "layers that multiply": f"{one['layers']}",
            "of these in int8": f"{one['changed']}",
            "share of the multiply-accumulates": f"{one['share_of_macs']:.1%}",
            "weights, bfloat16 to int8": f"{one['bytes_before'] / 1024:,.0f} to {one['bytes_after'] / 1024:,.0f} KiB",
        }
        for name, one in found
    ]
