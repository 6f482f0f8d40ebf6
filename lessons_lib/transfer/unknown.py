"""What a classifier says of things that it has no class for."""

from collections.abc import Sequence

import torch
from torch import nn

from lessons_lib import training
from lessons_lib.datasets.split import Dataset
from lessons_lib.tables import Table
from lessons_lib.transfer.stages import listed

SHOWN, SAYS = "shown", "it says most often"


def answers(model: nn.Module, data: Dataset, known: Sequence[str]) -> Table:
    """For each class of `data`, the class that a network trained on others names most often, how often, and how sure it is.

    Args:
        model: gives logits for the classes `known`. data: its test images are asked about.
    """
    sure, said = training.predict(model, data.test.images).softmax(1).max(1)
    rows = []
    for label, name in enumerate(data.classes):
        here = data.test.labels == label
        if not here.any():
            continue
        counts = torch.bincount(said[here], minlength=len(known))
        first = int(counts.argmax())
        rows.append({
            SHOWN: name,
            SAYS: known[first],
            "how often": f"{counts[first].item() / int(here.sum()):.0%}",
            "how sure, on average": f"{sure[here & (said == first)].mean().item():.0%}",
        })  # fmt: skip
    return Table("What the old network says", rows)


def same_answer(table: Table) -> str:
    """The most classes that get the same answer in a table of `answers`, in a sentence."""
    shown: dict[str, list[str]] = {}
    for row in table.rows:
        shown.setdefault(row[SAYS], []).append(row[SHOWN])
    said, together = max(shown.items(), key=lambda item: len(item[1]))
    if len(together) == 1:
        return "Here every class gets an answer of its own."
    return f"Here {listed(together)} are called '{said}' most often: to the old network they have something in common."
