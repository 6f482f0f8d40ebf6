"""The model card: what somebody who meets a version has to know about it, in Markdown."""

from collections.abc import Mapping
from typing import Any


def model_card(facts: Mapping[str, Any]) -> str:
    """Write the card of a version.

    Args:
        facts: `name`, `note`, `metrics`, `lineage` (parent, data, seed), `weights_sha256`, `tensors`, `size_bytes`.

    Source: Mitchell et al., Model Cards for Model Reporting, 2019.
    """
    lineage = facts["lineage"]
    lines = [f"# {facts['name']}", "", facts["note"] or "No note was written.", "", "## Where it comes from", ""]
    lines += [f"- {key}: {value if value not in (None, '') else 'none'}" for key, value in lineage.items()]
    lines += ["", "## How good it was when it was registered", ""]
    lines += [f"- {key}: {value}" for key, value in facts["metrics"].items()] or ["- not measured"]
    lines += [
        "",
        "## The file",
        "",
        f"- weights.safetensors: {facts['size_bytes']:,} bytes, {facts['tensors']} tensors",
    ]
    lines += [f"- sha256: `{facts['weights_sha256']}`", ""]
    return "\n".join(lines)
