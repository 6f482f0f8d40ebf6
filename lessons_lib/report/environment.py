"""The fingerprint of a machine as a table for people."""

from html import escape
from typing import Any


def machine_table(fingerprint: dict[str, Any]) -> str:
    """What the figures depend on."""
    return pairs_table("What the figures depend on", [in_gib(key, value) for key, value in fingerprint.items()])


def in_gib(key: str, value: Any) -> tuple[str, Any]:
    """A fact of the fingerprint with a readable name and, where it is a size, a readable unit."""
    if key.endswith("_bytes"):
        return key.removesuffix("_bytes").replace("_", " "), f"{value / 2**30:.1f} GiB"
    return key.replace("_", " "), value


def pairs_table(caption: str, pairs: list[tuple[str, Any]]) -> str:
    """A table of names and values."""
    rows = "".join(f'<tr><th scope="row">{escape(str(a))}</th><td>{escape(in_words(b))}</td></tr>' for a, b in pairs)
    return f"<table><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>"


def in_words(value: Any) -> str:
    """A value of the fingerprint for people: lists and dictionaries without brackets, None as "none"."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(item)}" for name, item in (in_gib(*pair) for pair in value.items()))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
