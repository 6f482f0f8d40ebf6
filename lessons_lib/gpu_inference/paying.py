"""From which batch does a GPU pay, model by model: with the copies there and back, and where the images already lie there?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lessons_lib.tables import Table
from lessons_lib.timing import Verdict

COPIES, NO_COPIES = "GPU, copies included", "GPU, images already there"


@dataclass(frozen=True)
class Paying:
    """The smallest measured batch from which on the GPU is faster than the CPU; None where it is not up to the largest."""

    model: str
    with_copies: int | None
    without_copies: int | None
    largest: int


def first(verdicts: Mapping[int, Verdict]) -> int | None:
    """The smallest batch from which on every verdict is "faster".

    Args:
        verdicts: of the GPU against the CPU, by batch size.
    """
    pays = None
    for batch in sorted(verdicts, reverse=True):
        if verdicts[batch].word != "faster":
            break
        pays = batch
    return pays


def of_models(judged: Iterable[Mapping[str, Any]]) -> list[Paying]:
    """The break-even batches of every model.

    Args:
        judged: dicts with "model", "place" (`COPIES` or `NO_COPIES`), "batch", and "ratio", "low" and "high" of how many
            times faster than the CPU the GPU is.
    """
    found: dict[str, dict[str, dict[int, Verdict]]] = {}
    for one in judged:
        places = found.setdefault(one["model"], {COPIES: {}, NO_COPIES: {}})
        places[one["place"]][one["batch"]] = Verdict(one["ratio"], one["low"], one["high"])
    return [
        Paying(
            model,
            first(places[COPIES]),
            first(places[NO_COPIES]),
            max(max(place, default=0) for place in places.values()),
        )
        for model, places in found.items()
    ]


def table(found: Iterable[Paying]) -> Table:
    """A row for each model."""
    return Table(
        "From which batch on a GPU is faster than the CPU of the same machine",
        [
            {
                "model": one.model,
                "copies included": _words(one.with_copies, one.largest),
                "images already on the GPU": _words(one.without_copies, one.largest),
            }
            for one in found
        ],
    )


def _words(batch: int | None, largest: int) -> str:
    return f"{batch:,}" if batch is not None else f"not up to {largest:,}"
