"""Magnitude pruning with masks: the weights nearest to zero become zero. The arrays keep their shape, and the work its size."""

import copy
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Masks = Mapping[str, Tensor]  # by name of the weight: bool, of its shape, True where the weight stays


def magnitude_mask(weight: Tensor, sparsity: float) -> Tensor:
    """Which weights stay when the share `sparsity` that is nearest to zero goes.

    Args:
        weight: float of any shape. sparsity: 0 to 1.

    Returns:
        bool, of the same shape; False at exactly the rounded share of the places, also where several weights are equal.

    Raises:
        ValueError: a sparsity out of range.

    Source: Han et al., Learning both Weights and Connections for Efficient Neural Networks, 2015.
    """
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity is {sparsity!r}; give the share of the weights to set to zero, from 0 to 1.")
    gone = round(sparsity * weight.numel())
    mask = torch.ones(weight.numel(), dtype=torch.bool, device=weight.device)
    mask[weight.detach().abs().flatten().argsort(stable=True)[:gone]] = False
    return mask.view(weight.shape)


def weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights that can be set to zero, by name: those of convolutions and linear layers, no biases, no batch norms."""
    return {name: p for name, p in model.named_parameters() if p.ndim > 1}


def magnitude_masks(model: nn.Module, sparsity: float) -> dict[str, Tensor]:
    """The masks of a whole network; all layers are ranked together, and one with many small weights loses more than others.

    Args:
        sparsity: the share of all its weights that goes, 0 to 1.

    Returns:
        By name of the weight: bool, True where it stays.
    """
    found = weights(model)
    together = magnitude_mask(torch.cat([weight.detach().flatten() for weight in found.values()]), sparsity)
    parts = together.split([weight.numel() for weight in found.values()])
    return {name: part.view(weight.shape) for (name, weight), part in zip(found.items(), parts, strict=True)}


def masked(model: nn.Module, masks: Masks) -> nn.Module:
    """A copy in eval mode whose weights are zero where the masks are False; `model` stays as it is.

    Raises:
        ValueError: a mask of a weight that the model does not have.
    """
    thinned = copy.deepcopy(model).eval()
    Hold(thinned, masks)(0)
    return thinned


@dataclass(frozen=True, eq=False)
class Hold:
    """Sets the masked weights of a network to zero, in place, whenever it is called: `training.train(after_step=Hold(...))`."""

    model: nn.Module
    masks: Masks

    def __post_init__(self) -> None:
        unknown = [name for name in self.masks if name not in weights(self.model)]
        if unknown:
            raise ValueError(f"there is no weight {unknown[0]!r} to mask; there are {', '.join(weights(self.model))}.")

    def __call__(self, _steps_done: int) -> None:
        with torch.no_grad():
            for name, weight in weights(self.model).items():
                if name in self.masks:
                    weight.mul_(self.masks[name].to(weight.device))

    def __repr__(self) -> str:
        """Tells these masks from others, so that a training that was stopped goes on only with its own."""
        places = zlib.crc32(b"".join(mask.cpu().numpy().tobytes() for mask in self.masks.values()))
        return f"Hold({places}, { {name: int(mask.sum()) for name, mask in self.masks.items()} })"


def sparsity(model: nn.Module) -> float:
    """The share (0 to 1) of the weights of convolutions and linear layers that are exactly zero."""
    found = list(weights(model).values())
    return sum(int((weight == 0).sum()) for weight in found) / max(1, sum(weight.numel() for weight in found))


def zipped_bytes(content: bytes | nn.Module) -> int:
    """How many bytes are left of a file, or of the weights of a model, when it is compressed.

    Source: DEFLATE, as in a .zip file, at its strongest setting.
    """
    if isinstance(content, nn.Module):
        content = b"".join(
            value.detach().cpu().contiguous().numpy().tobytes() for value in content.state_dict().values()
        )
    return len(zlib.compress(content, 9))
