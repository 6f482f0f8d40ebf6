"""One process with several threads, or several processes? The comparison of layouts, judged."""

import statistics
from dataclasses import dataclass
from typing import Any

from lessons_lib.tables import Table
from lessons_lib.timing.verdict import Verdict, judge


def name(processes: int, threads: int) -> str:
    """Such as "1 process x 2 threads"."""
    return f"{processes} process{'es' * (processes > 1)} x {threads} thread{'s' * (threads > 1)}"


@dataclass(frozen=True, repr=False)
class Layouts:
    """How long the same work took in each layout, turn by turn.

    seconds: by name of the layout; entry i of each was measured in round i. images_a_turn: trained on in each turn.
    peak_memory_bytes: of each process, over all layouts.
    """

    seconds: dict[str, tuple[float, ...]]
    images_a_turn: int
    peak_memory_bytes: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        """The layouts: one process with one thread, one with several, several with one each."""
        return list(self.seconds)

    @property
    def rounds(self) -> int:
        """How often each layout had its turn."""
        return len(self.seconds[self.names[0]])

    def images_per_second(self, layout: str) -> float:
        """The median over all rounds."""
        return self.images_a_turn / statistics.median(self.seconds[layout])

    def verdict(self, layout: str, against: str) -> Verdict:
        """How many times faster a layout is than another, with its interval."""
        return judge(self.seconds[against], self.seconds[layout])

    @property
    def processes_against_threads(self) -> Verdict:
        """Several processes with one thread each against one process with as many threads."""
        _, threads, processes = self.names
        return self.verdict(processes, threads)

    def efficiency(self, layout: str) -> tuple[float, float, float]:
        """Throughput gained over processors added, against one process with one thread: middle, low, high; 1 is perfect."""
        cores = 1 if layout == self.names[0] else int(self.names[1].split()[3])
        found = self.verdict(layout, self.names[0])
        return found.ratio / cores, found.low / cores, found.high / cores

    def rows(self) -> list[dict[str, Any]]:
        """For a table or a record: one row a layout."""
        rows: list[dict[str, Any]] = []
        for layout in self.names:
            row: dict[str, Any] = {"layout": layout, "images/s": f"{self.images_per_second(layout):,.0f}"}
            if layout != self.names[0]:
                middle, low, high = self.efficiency(layout)
                row["verdict"] = str(self.verdict(layout, self.names[0]))
                row["efficiency"] = f"{middle:.0%}, {low:.0%} to {high:.0%}"
            rows.append(row)
        return rows

    def table(self) -> Table:
        """All layouts, compared with the first."""
        return Table(f"Each layout trains on the same batches, by turns, {self.rounds} rounds", self.rows())

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def from_reports(reports: list[dict[str, Any]], batch_size: int) -> Layouts:
    """Join the reports of all ranks; a layout's turn lasts until its slowest process is ready."""
    seconds = {
        name(processes, threads): tuple(map(max, zip(*(r["seconds"][i][2] for r in reports), strict=True)))
        for i, (processes, threads, _) in enumerate(reports[0]["seconds"])
    }
    memory = tuple(report["peak_memory_bytes"] for report in reports)
    return Layouts(seconds, reports[0]["steps_a_turn"] * batch_size, memory)
