"""Compares an answer with what was expected and says in one sentence how they differ."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lessons_lib.checks.describe import describe
from lessons_lib.checks.outcomes import NotYet

RELATIVE, ABSOLUTE = 1e-4, 1e-6


def same(got: Any, want: Any, what: str = "the result", mistakes: Mapping[str, Any] | None = None) -> None:
    """Accept `got` where it equals `want`; otherwise say which mistake it is, or else how the two differ.

    Args:
        got: the learner's value: anything.
        want: a tensor, float, int, str, None, or a list of these.
        what: the name of the value in messages.
        mistakes: the value that each known misconception gives, keyed by the sentence that names it.

    Raises:
        NotYet: they differ.
    """
    _must_be_a_value(got, want, what)
    problem = difference(got, want, what)
    if not problem:
        return
    for message, wrong in (mistakes or {}).items():
        if not difference(got, wrong, what):
            raise NotYet(message)
    raise NotYet(problem)


def difference(got: Any, want: Any, what: str) -> str:
    """How `got` differs from `want`, in one sentence; empty where it does not. Floats may differ by 1e-4 of their size."""
    if isinstance(want, torch.Tensor):
        return _tensor_difference(got, want, what)
    if isinstance(want, list | tuple):
        return _list_difference(got, want, what)
    if isinstance(want, int | float) and not isinstance(want, bool):
        return _number_difference(got, want, what)
    if type(got) is type(want) and got == want:
        return ""
    return f"{what} is {describe(got)}; expected {describe(want)}."


def _must_be_a_value(got: Any, want: Any, what: str) -> None:
    if got is None and want is not None:
        raise NotYet(f"{what} is None; expected {describe(want)}. Does every path end in `return ...`?")
    if inspect.isgenerator(got):
        raise NotYet(f"{what} is a generator, which has computed nothing yet: write `return`, not `yield`.")
    if inspect.iscoroutine(got):
        got.close()  # otherwise Python warns that nobody awaited it
        raise NotYet(f"{what} is a coroutine: write `def`, not `async def`.")


def _tensor_difference(got: Any, want: torch.Tensor, what: str) -> str:
    if not isinstance(got, torch.Tensor):
        return f"{what} should be a tensor of shape {tuple(want.shape)}; yours is {describe(got)}. {_to_tensor(got)}"
    if got.shape != want.shape:
        return f"{what} has the shape {tuple(got.shape)}; expected {tuple(want.shape)}."
    if got.dtype != want.dtype:
        name = str(want.dtype).removeprefix("torch.")
        return f"{what} has the dtype {got.dtype}; expected {want.dtype}: `.to(torch.{name})`."
    mine, right = (tensor.detach().cpu().to(torch.float64) for tensor in (got, want))
    if (mine.isfinite() | ~right.isfinite()).logical_not().any():
        return f"{what} holds NaN or inf: {describe(got)}. Look for a division by zero, a logarithm of zero or an exp of a large number."
    return _first_wrong_value(mine, right, what)


def _to_tensor(got: Any) -> str:
    if isinstance(got, int | float):
        return "Leave out `.item()` or `float(...)`: a plain number is cut off from the gradients."
    if isinstance(got, np.ndarray):
        return "Stay with torch functions, or end with `torch.from_numpy(...)`."
    return "`torch.stack` makes one tensor out of several." if isinstance(got, list | tuple) else ""


def _first_wrong_value(mine: torch.Tensor, right: torch.Tensor, what: str) -> str:
    wrong = ~torch.isclose(mine, right, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    if not wrong.any():
        return ""
    if right.dim() == 0:
        return f"{what} is {mine.item():.6g}; expected {right.item():.6g}."
    place = wrong.nonzero()[0].tolist()
    index = tuple(place)
    return (
        f"{what}: {int(wrong.sum())} of {right.numel()} values differ; the first is at {place}: "
        f"yours {mine[index].item():.6g}, expected {right[index].item():.6g}."
    )


def _list_difference(got: Any, want: list[Any] | tuple[Any, ...], what: str) -> str:
    if not isinstance(got, list | tuple):
        cure = "Wrap it in `list(...)`." if hasattr(got, "__iter__") and not isinstance(got, str | dict) else ""
        return f"{what} should be a list of {len(want)}; yours is {describe(got)}. {cure}".rstrip()
    if len(got) != len(want):
        return f"{what} should hold {len(want)} entries; yours holds {len(got)}: {describe(got)}."
    pairs = enumerate(zip(got, want, strict=True))
    return next((text for place, (mine, right) in pairs if (text := difference(mine, right, f"{what}[{place}]"))), "")


def _number_difference(got: Any, want: float, what: str) -> str:
    kind = type(want).__name__
    if isinstance(got, torch.Tensor):
        return f"{what} should be a plain {kind}; yours is {describe(got)}. `.item()` takes the number out of a tensor."
    allowed = (int, np.integer) if isinstance(want, int) else (int, float, np.integer, np.floating)
    if isinstance(got, bool) or not isinstance(got, allowed):
        return f"{what} should be of type {kind}; yours is {describe(got)}."
    if math.isnan(got) and not math.isnan(want):
        return f"{what} is NaN; expected {want:.6g}. Look for 0 / 0 or inf - inf."
    right = math.isclose(got, want, rel_tol=RELATIVE, abs_tol=ABSOLUTE) if kind == "float" else got == want
    return "" if right else f"{what} is {got:.6g}; expected {want:.6g}."
