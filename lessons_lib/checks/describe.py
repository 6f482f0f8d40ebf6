"""Says in a few characters what a value is, whatever it is."""

import reprlib
from typing import Any

import numpy as np
import torch

SHOWN_VALUES = 8


class InOrder(reprlib.Repr):
    """Shows the entries of a dictionary in their own order; reprlib would sort them."""

    def repr_dict(self, value: dict[Any, Any], level: int) -> str:
        if value and level <= 0:
            return "{...}"
        shown = [f"{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}" for k, v in value.items()]
        return f"{{{', '.join(shown[: self.maxdict] + ['...'] * (len(shown) > self.maxdict))}}}"


def shorten(value: Any, length: int = 120) -> str:
    """The repr of a value on one line, cut to `length` characters; of a value without a working repr, its type."""
    short = InOrder()
    short.maxstring = short.maxother = length
    short.maxlist = short.maxtuple = short.maxdict = SHOWN_VALUES
    try:
        line = " ".join(short.repr(value).split())
    except Exception:
        return f"an object of type {type(value).__name__}"
    return line if len(line) <= length else line[: length - 3] + "..."


def numbers(tensor: torch.Tensor) -> str:
    """The values of a small tensor as nested lists with four significant digits."""

    def rounded(values: Any) -> str:
        if isinstance(values, list):
            return f"[{', '.join(rounded(value) for value in values)}]"
        return f"{values:.4g}" if isinstance(values, float) else str(values)

    return rounded(tensor.detach().cpu().tolist())


def describe(value: Any) -> str:
    """Name the kind of a value and, where it is small, the value: for "yours is ..."."""
    if value is None:
        return "None"
    if isinstance(value, torch.Tensor):
        kind = f"a tensor of shape {tuple(value.shape)} and dtype {str(value.dtype).removeprefix('torch.')}"
        return f"{kind}: {numbers(value)}" if value.numel() <= SHOWN_VALUES else kind
    if isinstance(value, np.ndarray):
        return f"a numpy array of shape {value.shape}"
    if isinstance(value, bool | int | float | str | list | tuple | dict | set):
        return f"the {type(value).__name__} {shorten(value)}"
    if callable(value):
        return f"the function or class `{getattr(value, '__name__', type(value).__name__)}`"
    return f"an object of type {type(value).__name__}"


def given_text(given: dict[str, Any]) -> str:
    """The arguments of a call, by name: small tensors in full, big ones by their shape."""

    def one(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return numbers(value) if value.numel() <= 2 * SHOWN_VALUES else f"a tensor of shape {tuple(value.shape)}"
        if isinstance(value, torch.nn.Module):
            return f"a {type(value).__name__} with {sum(p.numel() for p in value.parameters()):,} parameters"
        if isinstance(value, list) and any(isinstance(entry, torch.Tensor) for entry in value):
            return f"[{', '.join(one(entry) for entry in value)}]"
        return shorten(value, 400)

    return ", ".join(f"`{name}` = {one(value)}" for name, value in given.items())
