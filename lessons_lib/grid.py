"""What the comparison laboratory found: a row for each configuration, and what can be asked of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lessons_lib.configuration import Row, in_words
from lessons_lib.tables import Table

__all__ = ["Grid", "Row", "in_words"]


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

    def baseline(self, batch: int) -> Row | None:
        """What the others of this batch size are compared with; None where it was not measured."""
        return next((row for row in self.at(batch) if row.verdict == "the baseline"), None)

    def times_smaller(self, row: Row) -> float:
        """How many times fewer bytes than the baseline have to be stored; 1 where there is none."""
        baseline = self.baseline(row.batch)
        return baseline.size_bytes / row.size_bytes if baseline else 1.0

    def best(
        self, batch: int = 1, *, max_points_lost: float = 1.0, min_times_smaller: float = 0.0, device: str | None = None
    ) -> Row | None:
        """The fastest configuration that keeps to every limit; None where there is none.

        Args:
            batch: batch size. max_points_lost: percentage points of accuracy that it may lose to the baseline.
            min_times_smaller: than the baseline, in bytes. device: "cpu" or "cuda"; None: any.
        """
        fits = [
            row
            for row in self.at(batch)
            if row.points_lost <= max_points_lost
            and self.times_smaller(row) >= min_times_smaller
            and device in (None, row.device)
        ]
        return min(fits, key=lambda row: row.latency_ms, default=None)

    def bargain(self, row: Row | None) -> str:
        """What a configuration gains and what it costs, in a sentence."""
        if row is None:
            return "no configuration keeps to these limits"
        points = f"{row.points_lost:.1f} points of accuracy (± {row.points_error:.1f}, on the same images)"
        return (
            f"{row.name} is {row.times_faster:.3g} times as fast as the baseline ({row.low:.3g} to {row.high:.3g}) at batch "
            f"size {row.batch} and {self.times_smaller(row):.3g} times smaller, for {points}"
        )

    def added_overhead(self, one: tuple[str, str], other: tuple[str, str], batch: int = 1) -> str:
        """That one configuration is slower than another, in a sentence; empty where it is not, or cannot be told.

        Args:
            one, other: (variant, engine). batch: batch size.
        """
        a, b = self.find(*one, batch), self.find(*other, batch)
        if not a or not b or a.high >= b.low:
            return ""
        return (
            f"Here {a.name} is even slower than {b.name}: {a.times_faster:.2g} times as fast as the baseline against "
            f"{b.times_faster:.2g} times."
        )

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
        baseline = self.baseline(*batches)
        assert baseline is not None, "measure_grid leaves out a batch size that has no baseline"
        rows = [{"what": "base, eager float32", **_short(baseline)}]
        rows += [{"what": f"{name}, {row.engine}", **_short(row)} for name, row in shown.items()]
        parts = [
            f"{name} on {row.engine}: {row.verdict}; size 1/{baseline.size_bytes / row.size_bytes:.1f}, "
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


def _short(row: Row) -> dict[str, str]:
    told = in_words(row)
    return {key: told[key] for key in ("accuracy", "size", "latency", "against the baseline")}
