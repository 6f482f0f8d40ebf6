"""What the comparison laboratory found: a row for each configuration, and what can be asked of all of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lessons_lib.tables import Table


@dataclass(frozen=True)
class Row:
    """One configuration at one batch size. Latency is that of a whole batch; accuracy is a share, 0 to 1.

    `times_faster` than the baseline (the first configuration, at the same batch size), from `low` to `high`.
    """

    variant: str
    engine: str
    device: str
    threads: int | None
    batch: int
    accuracy: float
    test_images: int
    size_bytes: int
    latency_ms: float
    p95_ms: float
    images_per_second: float
    verdict: str
    times_faster: float
    low: float
    high: float

    @property
    def name(self) -> str:
        """Variant and engine in one label."""
        return f"{self.variant} · {self.engine}"

    @property
    def accuracy_error(self) -> float:
        """Standard error of the accuracy, from the number of test images; not 0 where all of them are right.

        Source: Agresti and Coull, Approximate Is Better than "Exact", 1998.
        """
        share = (self.accuracy * self.test_images + 2) / (self.test_images + 4)
        return (share * (1 - share) / (self.test_images + 4)) ** 0.5

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Grid:
    """Everything that was measured, and a sentence for everything that could not be."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def at(self, batch: int) -> list[Row]:
        """The rows of one batch size."""
        return [row for row in self.rows if row.batch == batch]

    def find(self, variant: str, engine: str, batch: int) -> Row | None:
        """The row of one configuration; None where it was not measured."""
        return next((r for r in self.at(batch) if (r.variant, r.engine) == (variant, engine)), None)

    @property
    def batches(self) -> list[int]:
        """The batch sizes that were measured."""
        return sorted({row.batch for row in self.rows})

    def pareto(self, batch: int) -> list[Row]:
        """The rows that no other row of this batch size beats: at least as accurate and faster, or as fast and more accurate."""
        rows = self.at(batch)
        return [r for r in rows if not any(_beats(other, r) for other in rows)]

    def table(self, batch: int) -> Table:
        """The rows of one batch size, fastest first, in a learner's words."""
        ordered = sorted(self.at(batch), key=lambda row: row.latency_ms)
        return Table(f"Batch size {batch}, fastest first", [in_words(row) for row in ordered])

    def headline(self, chosen: Mapping[str, Row | None]) -> dict[str, Any]:
        """The comparison in a sentence and a short table, at the batch size of the chosen rows.

        Args:
            chosen: rows to show by what to call them; those that are None are left out.

        Returns:
            `sentence` and `rows` (a list of dicts of text), ready for the record.

        Raises:
            ValueError: the chosen rows are of several batch sizes.
        """
        shown = {name: row for name, row in chosen.items() if row is not None}
        batches = {row.batch for row in shown.values()} or set(self.batches[:1])
        if len(batches) != 1:
            raise ValueError(f"the chosen rows are of batch sizes {sorted(batches)}; choose rows of one batch size.")
        baseline = next(row for row in self.at(*batches) if row.verdict == "the baseline")
        rows = [{"what": "base, eager float32", **_short(baseline)}]
        rows += [{"what": f"{name}, {row.engine}", **_short(row)} for name, row in shown.items()]
        parts = [
            f"{name} on {row.engine} is {row.verdict}; size 1/{baseline.size_bytes / row.size_bytes:.1f}, "
            f"accuracy {100 * (row.accuracy - baseline.accuracy):+.1f} points"
            for name, row in shown.items()
        ]
        return {
            "sentence": f"Against eager float32 at batch size {baseline.batch}: {'. '.join(parts) or 'nothing else was measured'}.",
            "rows": rows,
        }

    def _repr_html_(self) -> str:
        return "".join(self.table(batch)._repr_html_() for batch in self.batches)

    def __repr__(self) -> str:
        return "\n\n".join([*(repr(self.table(batch)) for batch in self.batches), *self.notes])


def _beats(a: Row, b: Row) -> bool:
    at_least_as_good = a.latency_ms <= b.latency_ms and a.accuracy >= b.accuracy
    return at_least_as_good and (a.latency_ms < b.latency_ms or a.accuracy > b.accuracy)


def in_words(row: Row) -> dict[str, str]:
    """A row as a learner reads it, with units."""
    return {
        "variant": row.variant,
        "engine": row.engine,
        "device": row.device if row.threads is None else f"{row.device}, {row.threads} thread{'s' * (row.threads > 1)}",
        "accuracy": f"{row.accuracy:.1%} ± {100 * row.accuracy_error:.1f}",
        "size": f"{row.size_bytes / 1024:,.0f} KiB",
        "latency": f"{row.latency_ms:.3g} ms",
        "p95": f"{row.p95_ms:.3g} ms",
        "images/s": f"{row.images_per_second:,.0f}",
        "against the baseline": row.verdict,
    }


def _short(row: Row) -> dict[str, str]:
    told = in_words(row)
    return {key: told[key] for key in ("accuracy", "size", "latency", "against the baseline")}
