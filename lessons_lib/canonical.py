"""One way to write a piece of JSON, so that its checksum depends on what it says and not on spaces or line ends.

Needs the standard library alone. Source: the idea of RFC 8785, JSON Canonicalization Scheme: keys sorted, no spaces, one way to write
each number.
"""

import hashlib
import json
from typing import Any, NoReturn


def checksum(content: Any) -> str:
    """SHA-256 of the canonical form, in 64 hexadecimal digits.

    Raises:
        ValueError: the content holds a number that is not finite.
    """
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def canonical(content: Any) -> str:
    """The content as JSON: keys sorted, no spaces, ASCII, whole numbers without a decimal point."""
    return json.dumps(
        _one_way(content), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )  # fmt: skip


def _one_way(value: Any) -> Any:
    """1.0 as 1: a program that reads the file and writes it again may do the same."""
    if isinstance(value, dict):
        return {key: _one_way(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_one_way(item) for item in value]
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if whole else value


def parse(text: str) -> Any:
    """Read strict JSON: no NaN, and no key twice, of which a reader would see only one.

    Raises:
        ValueError: the text is not that; RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
