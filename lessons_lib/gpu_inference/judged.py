"""The verdicts of a comparison as plain dicts, which JSON can hold, and back."""

from collections.abc import Mapping
from typing import Any

from lessons_lib.timing import Comparison, Verdict


def judged(comparison: Comparison, key: str, **labels: Any) -> list[dict[str, Any]]:
    """One dict for each candidate but the baseline: its name under `key`, the labels, and ratio, low and high."""
    return [
        {key: name, **labels, **{part: float(f"{getattr(verdict, part):.4g}") for part in ("ratio", "low", "high")}}
        for name, verdict in comparison.verdicts.items()
    ]


def verdict(one: Mapping[str, Any]) -> Verdict:
    """The verdict that such a dict holds."""
    return Verdict(one["ratio"], one["low"], one["high"])
