"""A network in another precision: a copy, how far its answers move, and how many bytes its weights take."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.gpu_low_precision.hardware import THROUGH_TORCHAO

DTYPES = {"float32": torch.float32, "TF32": torch.float32, "float16": torch.float16}
MULTIPLE = (
    16  # fp8 products take multiples of 16, int8 ones of 8; what does not fit would be computed on the CPU or left out
)
ROWS_FOR_EACH = (9, 0)  # the compute capability from which every version of torchao has a scale for each row in fp8


def dtype_of(precision: str) -> torch.dtype:
    """What a network of this precision takes and gives; int8 and fp8 take and give bfloat16."""
    return DTYPES.get(precision, torch.bfloat16)


def converted(model: nn.Module, precision: str) -> nn.Module:
    """A copy whose linear layers multiply in this precision; TF32 is float32, which products round ("calls" does that).

    Source: torchao.quantization.quantize_, with ranges of the activations found anew in each call ("dynamic").
    """
    changed = copy.deepcopy(model).to(dtype_of(precision))
    if precision in THROUGH_TORCHAO:
        from torchao.quantization import quantize_

        quantize_(changed, _torchao_config(precision, next(model.parameters()).device), filter_fn=quantizable)
    return changed


def quantizable(module: nn.Module, name: str) -> bool:
    """Which layers are quantized: linear ones with sizes that the kernels take, but for the last one.

    The last layer sees one row an image, and int8 products need more than 16 rows (torch._int_mm); it is small as well.
    """
    if not isinstance(module, nn.Linear) or name.rpartition(".")[2] == "head":
        return False
    return not (module.in_features % MULTIPLE or module.out_features % MULTIPLE)


def _torchao_config(precision: str, device: torch.device) -> Any:
    """`set_inductor_config` stays off: it would change settings of the whole process, in older versions TF32 among them."""
    from torchao import quantization

    if precision == "int8":
        return quantization.Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)
    by_row = device.type != "cuda" or torch.cuda.get_device_capability(device) >= ROWS_FOR_EACH
    granularity = quantization.PerRow() if by_row else quantization.PerTensor()
    return quantization.Float8DynamicActivationFloat8WeightConfig(granularity=granularity, set_inductor_config=False)


def is_quantized(layer: nn.Module) -> bool:
    """Whether torchao has replaced the weight of a layer."""
    return isinstance(getattr(layer, "weight", None), Tensor) and hasattr(layer.weight, "__tensor_flatten__")


def weight_bytes(model: nn.Module) -> int:
    """Bytes of everything that a network stores, the scales of a quantized one included."""
    return sum(stored_bytes(tensor) for tensor in [*model.parameters(), *model.buffers()])


def stored_bytes(tensor: Any) -> int:
    """Bytes of a tensor; of one that is made of others (as torchao's are), of all of them."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return tensor.numel() * tensor.element_size()
    names, _ = tensor.__tensor_flatten__()
    return sum(stored_bytes(getattr(tensor, name)) for name in names)


def relative_difference(result: Tensor, exact: Tensor) -> float:
    """The norm of the difference as a share of the norm of `exact`; in float64 where `exact` is."""
    kind = torch.float64 if exact.dtype == torch.float64 else torch.float32
    there = exact.to(kind)
    return ((result.to(there.device, kind) - there).norm() / there.norm()).item()


def exactly(model: nn.Module, x: Tensor) -> Tensor:
    """What a network answers in float64 on the CPU: the figure that every precision is judged by.

    Args:
        model: on any device; stays as it is. x: float32, on any device.
    """
    with torch.no_grad():
        return copy.deepcopy(model).cpu().double()(x.cpu().double())
