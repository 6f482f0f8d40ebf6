"""What an engine, int8, pruning, batching and the choice of device are worth in money, from configurations that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Input, Inputs
from lessons_lib.economics.own import of_machine, of_serving
from lessons_lib.economics.units import in_words
from lessons_lib.grid import Grid, Row
from lessons_lib.tables import Table
from lessons_lib.timing import Verdict

# rows of different batch sizes or devices were not measured in turns: a smaller difference claims nothing
UNPAIRED = 0.1
MOST_POINTS_LOST = 1.0
BATCHING_PLACE = 3  # after engine, int8 and pruning


@dataclass(frozen=True)
class Saving:
    """A change from one measured configuration to another.

    before_usd, after_usd: price of a million predictions where the machines are filled. before_bill, after_bill: USD a year
    at the traffic of the inputs, at launch. low, high: within which the quotient before / after lies.
    """

    change: str
    before: Row
    after: Row
    before_usd: float
    after_usd: float
    before_bill: float
    after_bill: float
    low: float
    high: float

    @property
    def word(self) -> str:
        """Either "saves", "costs more" or "cannot tell"."""
        return "saves" if self.low > 1 else "costs more" if self.high < 1 else "cannot tell"

    @property
    def points_lost(self) -> float:
        """Percentage points of accuracy that the change costs, on the same images."""
        return self.after.points_lost - self.before.points_lost

    @property
    def as_good(self) -> bool:
        """Whether it loses no more than a point of accuracy."""
        return self.points_lost <= MOST_POINTS_LOST

    @property
    def share(self) -> float:
        """Of the price, what is saved; below 0 where it costs more."""
        return 1 - self.after_usd / self.before_usd

    def row(self) -> dict[str, str]:
        """For a table."""
        return {
            "change": self.change,
            "from": _name(self.before),
            "to": _name(self.after),
            "verdict": self.word + ("" if self.as_good else ", and loses accuracy"),
            "a million predictions": f"{in_words(self.before_usd, 'USD')} to {in_words(self.after_usd, 'USD')} ({-self.share:+.0%})",
            "your bill a year": f"{in_words(self.before_bill, 'USD')} to {in_words(self.after_bill, 'USD')}",
            "points of accuracy": f"{0.0 - self.points_lost:+.1f}",
        }


def savings(grid: Grid, inputs: Inputs, batched: tuple[int, Verdict] | None = None) -> list[Saving]:
    """Each change for which both ends were measured.

    Args:
        grid: of lesson 09 or `own.live`. inputs: traffic, utilisation and copies; latency and batch come from the rows,
            for a GPU its price too.
        batched: from `own.batching`, of the whole network on ONNX Runtime: measured in turns, unlike rows of two batch sizes.
    """
    found = [_saving(change, before, after, inputs) for change, before, after in _changes(grid) if before and after]
    runtime = grid.find("base", "ONNX Runtime", 1)
    if not batched or not runtime:
        return found
    fair = _saving("batching", runtime, _in_batches(runtime, *batched), inputs)
    fair = replace(fair, low=batched[1].low, high=batched[1].high)
    others = [one for one in found if one.change != "batching"]
    return [*others[:BATCHING_PLACE], fair, *others[BATCHING_PLACE:]]


def _in_batches(row: Row, size: int, verdict: Verdict) -> Row:
    """A configuration that was measured one by one, at a batch size that was compared with it."""
    times = size / verdict.ratio
    rate = row.images_per_second * verdict.ratio
    return replace(
        row, batch=size, latency_ms=times * row.latency_ms, p95_ms=times * row.p95_ms, images_per_second=rate
    )


def _changes(grid: Grid) -> list[tuple[str, Row | None, Row | None]]:
    eager, runtime = grid.find("base", "eager", 1), grid.find("base", "ONNX Runtime", 1)
    single = [row for row in grid.at(1) if row.device == "cpu"]
    cheap = [row for row in grid.rows if row.device == "cpu" and row.points_lost <= MOST_POINTS_LOST]
    on_gpu = [row for row in grid.rows if row.device == "cuda" and row.points_lost <= MOST_POINTS_LOST]
    pruned = [r for r in single if r.variant.startswith("channels") and r.engine == "ONNX Runtime"]
    batched = [r for r in grid.rows if runtime and _same_model(r, runtime) and r.batch > 1]
    return [
        ("an inference engine", eager, runtime),
        ("int8", runtime, grid.find("int8", "ONNX Runtime int8", 1)),
        ("pruning", runtime, _fastest(pruned)),
        ("batching", runtime, _fastest(batched)),
        ("everything together", eager, _fastest(cheap)),
        ("a GPU instead", _fastest(cheap), _fastest(on_gpu)),
    ]


def _same_model(a: Row, b: Row) -> bool:
    return (a.variant, a.engine, a.device) == (b.variant, b.engine, b.device)


def _fastest(rows: Sequence[Row]) -> Row | None:
    """By throughput; of those that lose no more than a point where there are any."""
    kept = [row for row in rows if row.points_lost <= MOST_POINTS_LOST] or rows
    return max(kept, key=lambda row: row.images_per_second, default=None)


def _saving(change: str, before: Row, after: Row, inputs: Inputs) -> Saving:
    paid = [costs(inputs.replaced(*_given(row))) for row in (before, after)]
    price, later_price = (trace.value("price_filled") for trace in paid)
    bill, later_bill = (12 * trace.value("serving_first") for trace in paid)
    low, high = _interval(before, after, price / later_price)
    return Saving(change, before, after, price, later_price, bill, later_bill, low, high)


def _given(row: Row) -> list[Input]:
    """What a configuration changes: its times, and for a GPU the machine."""
    return [*of_serving(row, "measured"), *(of_machine(row) if row.device == "cuda" else [])]


def _interval(before: Row, after: Row, quotient: float) -> tuple[float, float]:
    """Rows of one batch size took turns with the same baseline, each with an interval against it; the widest of both."""
    if before.batch == after.batch and before.device == after.device:
        return after.low / before.high, after.high / before.low
    return quotient * (1 - UNPAIRED), quotient / (1 - UNPAIRED)


def table(found: Sequence[Saving]) -> Table:
    """A row for each change."""
    return Table("What each change is worth", [saving.row() for saving in found])


def _name(row: Row) -> str:
    where = ", GPU" if row.device == "cuda" else ""
    return f"{row.name}, batch {row.batch}{where}"
