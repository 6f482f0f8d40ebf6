"""2:4 sparsity on a GPU that skips it: a linear layer with all weights against half of them, measured in turns."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

from lessons_lib import timing
from lessons_lib.device import synchronise
from lessons_lib.pruning import two_of_four
from lessons_lib.tables import Table
from lessons_lib.timing import Comparison
from lessons_lib.timing.table import duration

AMPERE = (8, 0)  # the first compute capability whose tensor cores skip 2:4 zeros
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "int8": torch.int8}
JUDGED_ROWS = 64  # of the result, against float64 on the CPU
Product = Callable[[Tensor], Tensor]


def missing(device: str | torch.device = "cuda") -> str | None:
    """Why this machine cannot measure 2:4 sparsity, in a sentence; None where it can.

    Args:
        device: "cuda", or "cuda:1" for the second GPU.
    """
    if not torch.cuda.is_available() or torch.device(device).type != "cuda":
        return "2:4 sparsity needs an NVIDIA GPU of the Ampere generation (2020) or newer; PyTorch sees no GPU here."
    major, minor = torch.cuda.get_device_capability(device)
    if (major, minor) < AMPERE:
        name = torch.cuda.get_device_name(device)
        return f"2:4 sparsity needs compute capability 8.0 or newer (Ampere, 2020); {name} has {major}.{minor}."
    return None


def cusparselt(pruned: Tensor) -> Product:
    """NVIDIA's library; what torch.sparse.to_sparse_semi_structured uses unless told otherwise."""
    if pruned.dtype != torch.int8:
        weight = torch.sparse.SparseSemiStructuredTensorCUSPARSELT.from_dense(pruned)
        return lambda x: linear(x, weight)
    packed = torch._cslt_compress(pruned)  # the tensor class would round the sums to 8 bits again
    return lambda x: torch._cslt_sparse_mm(packed, x.t(), out_dtype=torch.int32).t()


def cutlass(pruned: Tensor) -> Product:
    """Kernels of PyTorch's own, for compute capability 8 alone (Ampere and Ada)."""
    weight = torch.sparse.SparseSemiStructuredTensorCUTLASS.from_dense(pruned)
    if pruned.dtype != torch.int8:
        return lambda x: linear(x, weight)
    packed, meta = weight.packed, weight.meta
    assert packed is not None
    assert meta is not None
    return lambda x: torch._sparse_semi_structured_mm(packed, meta, x.t(), out_dtype=torch.int32).t()


KERNELS: dict[str, Callable[[Tensor], Product]] = {"cuSPARSELt": cusparselt, "CUTLASS": cutlass}


def dense(weight: Tensor) -> Product:
    """The product with all weights, in the units for 16 or 8 bits; int8 sums are int32, as those of the sparse kernels."""
    if weight.dtype == torch.int8:
        return lambda x: torch._int_mm(x, weight.t())
    return lambda x: linear(x, weight)


@dataclass(frozen=True, eq=False)
class SparseLayer:
    """One size of layer: times in turns (dense first), and how far each result is from float64 on the CPU.

    notes: a sentence for each kernel that does not run here.
    """

    width: int
    batch: int
    kind: str
    comparison: Comparison
    errors: dict[str, float]
    notes: tuple[str, ...] = ()


def measure(
    width: int = 4096,
    batch: int = 4096,
    *,
    kind: str = "float16",
    seconds: float = 1.0,
    seed: int = 0,
    device: str | torch.device = "cuda",
) -> SparseLayer:
    """Time x @ weight.T, once with all weights, and once with half of them in the 2:4 pattern in each kernel there is.

    Args:
        width: inputs and outputs of the layer, a multiple of 128. batch: rows of x, a multiple of 32.
        kind: "float16", "bfloat16" or "int8". seconds: to spend. seed: of the random weights and inputs.
        device: which GPU.

    Raises:
        ValueError: a width, batch or kind that the kernels do not take. RuntimeError: this machine cannot, with the reason.
    """
    if width % 128 or batch % 32 or width < 128 or batch < 32:
        raise ValueError(f"width is {width} and batch {batch}; the kernels take multiples of 128 and of 32.")
    if kind not in DTYPES:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(DTYPES)}.")
    if reason := missing(device):
        raise RuntimeError(reason)
    return _measured(width, batch, kind, seconds, seed, torch.device(device))


def _measured(width: int, batch: int, kind: str, seconds: float, seed: int, device: torch.device) -> SparseLayer:
    random = torch.Generator().manual_seed(seed)
    x, weight = (numbers(n, width, kind, random).to(device) for n in (batch, width))
    pruned = weight * two_of_four(weight.float())
    products, judged, notes = {f"dense {kind}": dense(weight)}, {f"dense {kind}": weight}, []
    with torch.no_grad():
        for name, kernel in KERNELS.items():
            try:
                product = _quietly(kernel, pruned)
                product(x)
                synchronise(device)
            except (RuntimeError, NotImplementedError, AttributeError, TypeError, ValueError) as problem:
                first = (str(problem).strip().splitlines() or ["no message"])[0][:160]
                notes.append(f"2:4 {kind}, {name}: this kernel does not run here ({first}).")
                continue
            products[f"2:4 {kind}, {name}"], judged[f"2:4 {kind}, {name}"] = product, pruned
        errors = {name: error(product(x), x, judged[name]) for name, product in products.items()}
        if len(products) < 2:
            raise RuntimeError(" ".join(notes))
        calls = {name: (lambda run=product: run(x)) for name, product in products.items()}
        compared = timing.compare(calls, seconds=seconds, device=device)
    return SparseLayer(width, batch, kind, compared, errors, tuple(notes))


def _quietly(kernel: Callable[[Tensor], Product], pruned: Tensor) -> Product:
    with warnings.catch_warnings():  # PyTorch says once that this is a prototype
        warnings.simplefilter("ignore")
        return kernel(pruned)


def numbers(rows: int, columns: int, kind: str, random: torch.Generator) -> Tensor:
    """Random numbers, (rows, columns), on the CPU: normal in 16 bits, whole ones from -127 to 127 in 8."""
    if kind == "int8":
        return torch.randint(-127, 128, (rows, columns), generator=random).to(torch.int8)
    return torch.randn(rows, columns, generator=random).to(DTYPES[kind])


def error(result: Tensor, x: Tensor, weight: Tensor) -> float:
    """How far the first rows of x @ weight.T are from float64 on the CPU, as a share of their norm."""
    exact = x[:JUDGED_ROWS].cpu().double() @ weight.cpu().double().t()
    return ((result[:JUDGED_ROWS].cpu().double() - exact).norm() / exact.norm()).item()


def table(layers: Sequence[SparseLayer]) -> Table:
    """A row for each size of layer and kernel."""
    rows = [
        {
            "layer": f"{one.width} x {one.width}, batch {one.batch}",
            "numbers": one.kind,
            "dense": duration(one.comparison.measurements[one.comparison.baseline].median_ms),
            "kernel": name.rpartition(", ")[2],
            "2:4": duration(one.comparison.measurements[name].median_ms),
            "2:4 is": str(verdict),
            "relative error, dense and 2:4": f"{one.errors[one.comparison.baseline]:.1e}, {one.errors[name]:.1e}",
        }
        for one in layers
        for name, verdict in one.comparison.verdicts.items()
    ]
    return Table("2:4 sparsity against all weights, one linear layer", rows)
