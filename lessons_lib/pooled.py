"""Many machines side by side: what a class sees when everybody puts the file of lesson 09 into one folder."""

import statistics
from collections.abc import Sequence

from lessons_lib.grid import Grid
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table


def names(recordings: Sequence[Recording]) -> list[str]:
    """A name for each machine; those that share one are numbered."""
    counted: dict[str, int] = {}
    told = []
    for recording in recordings:
        counted[recording.device] = count = counted.get(recording.device, 0) + 1
        told.append(recording.device if count == 1 else f"{recording.device} ({count})")
    return told


def table(recordings: Sequence[Recording], batch: int = 1, *, max_points_lost: float = 1.0) -> Table:
    """One line a machine: its baseline, and the best that it found.

    Args:
        recordings: one's own first. batch: batch size. max_points_lost: see `Grid.best`.
    """
    lines = []
    for name, recording in zip(names(recordings), recordings, strict=True):
        grid = Grid(recording.rows)
        baseline, best = grid.baseline(batch), grid.best(batch, max_points_lost=max_points_lost)
        if baseline is None or best is None:
            lines.append(
                {"machine": name, "date": recording.date, "data": recording.dataset, "baseline": "not measured"}
            )
            continue
        lines.append(
            {
                "machine": name,
                "date": recording.date,
                "data": recording.dataset,
                "baseline": f"{baseline.latency_ms:.3g} ms",
                "best": best.name,
                "latency": f"{best.latency_ms:.3g} ms",
                "against its own baseline": best.verdict,
                "times smaller": f"{grid.times_smaller(best):.1f}",
                "points lost": f"{best.points_lost:.1f} ± {best.points_error:.1f}",
            }
        )
    return Table(f"Every machine at batch size {batch}, each against its own baseline", lines)


def agreement(recordings: Sequence[Recording], one: tuple[str, str], other: tuple[str, str], batch: int = 1) -> str:
    """On how many machines one configuration is faster than another, and by how much, in words.

    Args:
        recordings: of all machines. one, other: (variant, engine). batch: batch size.
    """
    ratios = []
    for recording in recordings:
        grid = Grid(recording.rows)
        a, b = grid.find(*one, batch), grid.find(*other, batch)
        if a and b:
            ratios.append((a.times_faster / b.times_faster, a.low > b.high, a.high < b.low))
    if not ratios:
        return f"No machine measured both {' · '.join(one)} and {' · '.join(other)}."
    faster, slower = sum(r[1] for r in ratios), sum(r[2] for r in ratios)
    middle = statistics.median(r[0] for r in ratios)
    if len(ratios) == 1:
        word = "" if faster or slower else ", which cannot be told from equal"
        return (
            f"On this machine {' · '.join(one)} is {middle:.2f} times as fast as {' · '.join(other)}{word}; pool more machines "
            "to see whether that travels."
        )
    return (
        f"{' · '.join(one)} is faster than {' · '.join(other)} on {faster} of {len(ratios)} machines, "
        f"slower on {slower}, and on {len(ratios) - faster - slower} it cannot be told; the middle ratio is {middle:.2f}."
    )
