"""Notices when learner code changed an argument that it should only read."""

from typing import Any

import torch

TO_CHANGE = "if a changed network is wanted, change a `copy.deepcopy` of it (a plain `copy.copy` shares its layers)"


def change(before: Any, after: Any) -> str:
    """Say how `after` differs from `before`, its copy from before the call; empty where nothing changed."""
    if isinstance(before, torch.nn.Module):
        return _module_change(before, after)
    if isinstance(before, torch.Tensor):
        return "" if _equal(before, after) else "was changed in place"
    if isinstance(before, dict):
        return "was changed in place" if list(before) != list(after) else _entry_change(before.values(), after.values())
    if isinstance(before, list | tuple):
        if len(before) != len(after):
            return f"had {len(before)} entries and now has {len(after)}"
        return _entry_change(before, after)
    return ""


def _equal(before: torch.Tensor, after: torch.Tensor) -> bool:
    if before.shape != after.shape or before.dtype != after.dtype:
        return False
    return bool(torch.isclose(before, after, rtol=0, atol=0, equal_nan=True).all())


def _entry_change(before: Any, after: Any) -> str:
    for mine, theirs in zip(before, after, strict=True):
        if isinstance(mine, str | int | float) and mine != theirs:
            return "was changed in place"
        if text := change(mine, theirs):
            return text
    return ""


def _module_change(before: torch.nn.Module, after: torch.nn.Module) -> str:
    if change(before.state_dict(), after.state_dict()):
        return f"has other weights or statistics than before; {TO_CHANGE}"
    for mine, theirs in zip(before.modules(), after.modules(), strict=False):
        if mine.training != theirs.training:
            mode = "training" if theirs.training else "evaluation"
            return f"was left in {mode} mode; put it back as it was with `model.train(...)`, or, {TO_CHANGE}"
    for old, new in zip(before.parameters(), after.parameters(), strict=False):
        if old.requires_grad != new.requires_grad:
            return (
                f"was {'thawed' if new.requires_grad else 'frozen'} (`requires_grad`), in whole or in part; {TO_CHANGE}"
            )
    return ""
