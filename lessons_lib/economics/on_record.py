"""What a million predictions cost on a machine that was recorded, or on this one: measured rows, and public prices as inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lessons_lib.configuration import Row
from lessons_lib.economics import own
from lessons_lib.economics.inputs import Input
from lessons_lib.economics.units import in_words, number, quantity
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table

UNIT = "USD/million_predictions"


@dataclass(frozen=True)
class Priced:
    """The fastest configuration of a device at a batch size, and what a million of its predictions cost at full use."""

    row: Row
    price: Input
    per_million: float
    low: float
    high: float


def priced(rows: Sequence[Row], prices: Sequence[Input] = (), *, variant: str = "base") -> list[Priced]:
    """A price for each device and batch size.

    Args:
        rows: of lesson 09, of a record or of this machine. prices: an hour of a machine, for "cpu" first and "cuda" second, where the
            public ones shall not count. variant: of the network.

    Returns:
        The fastest row of each device and batch; the CPU before the GPU, small batches before large ones.
    """
    fastest: dict[tuple[str, int], Row] = {}
    for row in sorted((row for row in rows if row.variant == variant), key=lambda row: row.latency_ms):
        fastest.setdefault((_kind(row), row.batch), row)
    return [_priced(fastest[key], prices) for key in sorted(fastest)]


def _kind(row: Row) -> str:
    return row.device.partition(":")[0]  # "cuda:1" is a GPU like any other


def _priced(row: Row, prices: Sequence[Input]) -> Priced:
    public = own.of_machine(replace(row, device=_kind(row)))[0]
    price = prices[("cpu", "cuda").index(_kind(row))] if prices else public
    time = quantity(row.latency_ms, "ms") / quantity(row.batch, "prediction")
    value, low, high = (number(time * quantity(one, price.unit), UNIT) for one in (price.value, price.low, price.high))
    return Priced(row, price, value, low, high)


def table(found: Sequence[Priced], label: str) -> Table:
    """A row for each device and batch size.

    Args:
        found: from `priced`. label: where the rows were measured.
    """
    rows = [
        {
            "device": "GPU" if _kind(one.row) == "cuda" else "CPU",
            "batch": one.row.batch,
            "engine": one.row.engine,
            "latency": f"{one.row.latency_ms:.3g} ms",
            "price an hour (input)": f"{in_words(one.price.value, one.price.unit)}, {one.price.low:g} to {one.price.high:g}",
            "a million predictions, machine full": in_words(one.per_million, UNIT).partition(" a ")[0],
            "over the range of the price": f"${one.low:.3g} to ${one.high:.3g}",
            "source of the price": one.price.in_brief,
        }
        for one in found
    ]
    return Table(f"The price of a million predictions ({label}); a machine that waits costs the same hour", rows)


def places(rows: Sequence[Row], source: str, recordings: Sequence[Recording], dataset: str) -> dict[str, list[Priced]]:
    """This machine first, then every recorded one that was measured on the same data set, each under its label.

    Args:
        rows: of this machine. source: what to call it. recordings: from `recorded.load`. dataset: its name.
    """
    there = {recording.label: recording.rows for recording in recordings if recording.dataset == dataset}
    return {
        label: found
        for label, found in ((key, priced(these)) for key, these in ({source: rows} | there).items())
        if found
    }


def table_of(found: Mapping[str, Sequence[Priced]]) -> Table:
    """The rows of every place in one table."""
    rows = [{"measured": label} | dict(row) for label, there in found.items() for row in table(there, label).rows]
    return Table("The price of a million predictions; a machine that waits costs the same hour", rows)


def told(found: Mapping[str, Sequence[Priced]]) -> str:
    """The sentence of every place that has a GPU; one that says so where none has."""
    with_gpu = {label: there for label, there in found.items() if any(_kind(one.row) == "cuda" for one in there)}
    if not with_gpu:
        return sentence([])
    return " ".join(f"As {label}: {sentence(there)}" for label, there in with_gpu.items())


def sentence(found: Sequence[Priced]) -> str:
    """Which device is cheaper for one image at a time, and which at its best batch; the ranges of the prices decide."""
    sides = {kind: [one for one in found if _kind(one.row) == kind] for kind in ("cpu", "cuda")}
    if not sides["cuda"]:
        return "No GPU was measured, so its price of a million predictions cannot be told."
    if not sides["cpu"]:
        return "No CPU was measured beside the GPU, so their prices cannot be compared."
    best = {kind: min(there, key=lambda one: one.per_million) for kind, there in sides.items()}
    words = f"At its best batch, {_cheaper(best['cpu'], best['cuda'])}"
    single = {kind: next((one for one in there if one.row.batch == 1), None) for kind, there in sides.items()}
    if single["cpu"] and single["cuda"]:
        words += f" For one image at a time, {_cheaper(single['cpu'], single['cuda'])}"
    return words


def _cheaper(cpu: Priced, gpu: Priced) -> str:
    prices = (
        f"{in_words(cpu.per_million, UNIT).partition(' a ')[0]} a million on the CPU (batch {cpu.row.batch}) and "
        f"{in_words(gpu.per_million, UNIT).partition(' a ')[0]} on the GPU (batch {gpu.row.batch})"
    )
    if gpu.high < cpu.low:
        return f"the GPU is the cheaper one whatever the prices within their ranges: {prices}."
    if cpu.high < gpu.low:
        return f"the CPU is the cheaper one whatever the prices within their ranges: {prices}."
    return f"it depends on the prices, whose ranges overlap: {prices}."
