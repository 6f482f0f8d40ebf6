"""Makes anything that a record can hold fit for a report: strict JSON, UTF-8, and nobody's home folder in it."""

import math
import re
from pathlib import Path
from typing import Any

OWN_IMAGES = re.compile(r"folder:[^\s,;]*[\\/]")  # the name of a data set, up to the last folder of its path
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
DEEPEST = 20


def plain(value: Any, depth: int = 0) -> Any:
    """A copy in which numbers that are not finite are texts ("NaN", "Infinity", "-Infinity"), and texts can be written."""
    if depth > DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {text(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return text(value) if isinstance(value, str) else value


def text(value: str) -> str:
    """A text without halves of characters, control characters, and the path to the learner's own files."""
    whole = CONTROL.sub("", value.encode("utf-8", errors="replace").decode("utf-8"))
    shorter = OWN_IMAGES.sub("folder:", whole)
    return shorter.replace(home, "~") if len(home := _home()) > 1 else shorter


def _home() -> str:
    """The learner's home folder; "/" or nothing in some containers."""
    try:
        return str(Path.home())
    except RuntimeError:
        return ""
