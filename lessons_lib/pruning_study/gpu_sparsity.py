"""2:4 sparsity on a GPU that skips it: a linear layer in half precision, dense against sparse, measured in turns."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lessons_lib import timing
from lessons_lib.pruning import two_of_four
from lessons_lib.tables import Table
from lessons_lib.timing import Comparison
from lessons_lib.timing.table import duration

DENSE, SPARSE = "dense float16", "2:4 float16"
AMPERE = (8, 0)  # the first compute capability whose tensor cores skip 2:4 zeros


def missing() -> str | None:
    """Why this machine cannot measure 2:4 sparsity, in a sentence; None where it can."""
    if not torch.cuda.is_available():
        return "2:4 sparsity needs an NVIDIA GPU of the Ampere generation (2020) or newer; PyTorch sees no GPU here."
    if torch.cuda.get_device_capability() < AMPERE:
        major, minor = torch.cuda.get_device_capability()
        return f"2:4 sparsity needs compute capability 8.0 or newer (Ampere, 2020); {torch.cuda.get_device_name()} has {major}.{minor}."
    if not hasattr(torch.sparse, "to_sparse_semi_structured"):
        return "This PyTorch has no torch.sparse.to_sparse_semi_structured; version 2.1 or newer does."
    return None


@dataclass(frozen=True, eq=False)
class SparseLayer:
    """One size of layer: the comparison, and how far the sparse result lies from that of the same weights stored densely."""

    width: int
    batch: int
    comparison: Comparison
    largest_error: float


def measure(width: int = 4096, batch: int = 4096, *, seconds: float = 1.0, seed: int = 0) -> SparseLayer:
    """Time x @ weight.T in float16, once with all weights and once with half of them in the 2:4 pattern.

    Args:
        width: inputs and outputs of the layer, a multiple of 64. batch: rows of x, a multiple of 8.
        seconds: to spend. seed: of the random weights.

    Raises:
        ValueError: a width or batch that the kernels do not take. RuntimeError: this machine cannot, with the reason.
    """
    if width % 64 or batch % 8 or width < 64 or batch < 8:
        raise ValueError(f"width is {width} and batch {batch}; the kernels take multiples of 64 and of 8.")
    if reason := missing():
        raise RuntimeError(reason)
    random = torch.Generator().manual_seed(seed)
    x, weight = (torch.randn(n, width, generator=random).half().cuda() for n in (batch, width))
    pruned = weight * two_of_four(weight)
    sparse = torch.sparse.to_sparse_semi_structured(pruned)
    linear = torch.nn.functional.linear
    with torch.inference_mode():
        expected = linear(x, pruned).float()
        error = (linear(x, sparse).float() - expected).abs().max() / expected.abs().max()
        calls = {DENSE: lambda: linear(x, weight), SPARSE: lambda: linear(x, sparse)}
        return SparseLayer(width, batch, timing.compare(calls, seconds=seconds, device="cuda"), error.item())


def table(layers: Sequence[SparseLayer]) -> Table:
    """A row for each size of layer."""
    rows = [
        {
            "layer": f"{one.width} x {one.width}, batch {one.batch}",
            "dense": duration(one.comparison.measurements[DENSE].median_ms),
            "2:4": duration(one.comparison.measurements[SPARSE].median_ms),
            "2:4 is": str(one.comparison.verdict),
        }
        for one in layers
    ]
    return Table("2:4 sparsity against all weights, one linear layer in float16", rows)
