"""A kernel that does skip zeros, tried honestly: one layer with a sparse weight against the convolution that it replaces."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons_lib import timing
from lessons_lib.pruning import magnitude_mask
from lessons_lib.timing import Comparison
from lessons_lib.timing.table import duration

DENSE = "dense convolution"


def compare_layer(
    weight: Tensor, size: int, sparsities: Sequence[float] = (0.9, 0.99), *, seconds: float = 1.0
) -> Comparison:
    """Time a convolution of one image, dense and with its weight as a CSR matrix (values and their columns, row by row), in turns.

    A sparse weight can only be multiplied as a matrix, so the patches of the image are laid out as its columns first; that is
    part of the call.

    Args:
        weight: float32 (outputs, inputs, 3, 3), on the CPU. size: height and width of the layer's image, in pixels.
        sparsities: the shares of zeros to try. seconds: to spend on all together.

    Returns:
        The comparison; the dense convolution is the baseline.

    Source: torch.sparse, compressed sparse row.
    """
    weight = weight.detach()
    image = torch.rand(1, weight.shape[1], size, size, generator=torch.Generator().manual_seed(0))
    calls = {DENSE: lambda: F.conv2d(image, weight, padding=1)}
    for share in sparsities:
        sparse = _csr((weight * magnitude_mask(weight, share)).flatten(1))
        calls[f"sparse, {share:.0%} zeros"] = lambda sparse=sparse: convolve(image, sparse)  # type: ignore[misc]
    with torch.inference_mode():
        return timing.compare(calls, seconds=seconds)


def convolve(image: Tensor, weight: Tensor) -> Tensor:
    """A 3 x 3 convolution, padded by 1, as a matrix product.

    Args:
        image: (1, inputs, h, w). weight: (outputs, inputs * 9), dense or sparse.

    Returns:
        (1, outputs, h, w).
    """
    patches = F.unfold(image, 3, padding=1)[0]  # (inputs * 9, h * w)
    return (weight @ patches).view(1, -1, *image.shape[2:])


def _csr(matrix: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch calls CSR a beta feature, once a process
        return matrix.to_sparse_csr()


def in_words(compared: Comparison, engine: str, network_ms: float) -> str:
    """What the sparse kernel is worth at each share of zeros, and beside a good engine, in sentences.

    Args:
        compared: from `compare_layer`. engine, network_ms: the time in which an engine runs the whole dense network, this layer included.
    """
    told = "; ".join(f"{name}: **{verdict}**" for name, verdict in compared.verdicts.items())
    faster = [name for name, verdict in compared.verdicts.items() if verdict.word == "faster"]
    if not faster:
        worth = "So it does not pay here."
    elif len(faster) == len(compared.verdicts):
        worth = "So it is faster than PyTorch's convolution."
    else:
        worth = f"So it is faster than PyTorch's convolution only here: {', '.join(faster)}."
    return (
        f"Against the dense convolution, {told}. {worth} {'Fewer products are' if faster else 'Fewer products alone are'} not all that "
        "counts: each number visited has to be looked up, and the patches laid out, first. "
        f"{_beside_an_engine(compared, faster, engine, network_ms)} No engine of this course runs a whole "
        "network in this way."
    )


def _beside_an_engine(compared: Comparison, faster: Sequence[str], engine: str, network_ms: float) -> str:
    whole = f"{engine} runs the whole dense network in {duration(network_ms)}, this layer included"
    if all(network_ms < compared.measurements[name].median_ms for name in faster or [DENSE]):
        return f"{'But' if faster else 'And'} {whole}: a faster dense kernel may win more than skipping zeros."
    return f"For comparison: {whole}."
