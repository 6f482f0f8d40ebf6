"""Many machines side by side: what a class sees when everybody puts the file of lesson 09 into one folder."""

import statistics
from collections.abc import Sequence

from lessons_lib.grid import Grid, Row
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table


def names(recordings: Sequence[Recording]) -> list[str]:
    """A name for each measurement, the first being one's own; those that share one are numbered."""
    counted: dict[str, int] = {}
    told = []
    for place, recording in enumerate(recordings):
        name = f"recorded on {recording.device}, {recording.date}" if place else f"this machine ({recording.device})"
        counted[name] = count = counted.get(name, 0) + 1
        told.append(name if count == 1 else f"{name} ({count})")
    return told


def table(recordings: Sequence[Recording], batch: int = 1, *, max_points_lost: float = 1.0) -> Table:
    """One line a measurement: its baseline, and the best that it found among the variants that it measured.

    Args:
        recordings: one's own first. batch: batch size. max_points_lost: see `Grid.best`.
    """
    lines = []
    for name, recording in zip(names(recordings), recordings, strict=True):
        grid = Grid(recording.rows)
        baseline, best = grid.baseline(batch), grid.best(batch, max_points_lost=max_points_lost)
        if baseline is None or best is None:
            lines.append({"measured": name, "data": recording.dataset, "baseline": "not measured"})
            continue
        lines.append(
            {
                "measured": name,
                "threads": _threads(baseline, best),
                "data": recording.dataset,
                "baseline": f"{baseline.latency_ms:.3g} ms",
                "best there": best.name,
                "chosen from": _variants(grid.at(batch)),
                "latency": f"{best.latency_ms:.3g} ms",
                "against its own baseline": best.verdict,
                "times smaller": f"{grid.times_smaller(best):.1f}",
                "points lost": f"{best.points_lost:.1f} ± {best.points_error:.1f}",
            }
        )
    return Table(f"Every measurement at batch size {batch}, each against its own baseline", lines)


def _threads(baseline: Row, best: Row) -> str:
    """The threads of both, or of each where they differ: "2", "1, the best on a GPU"."""
    one, other = ("on a GPU" if row.threads is None else str(row.threads) for row in (baseline, best))
    return one if one == other else f"{one}, the best {other}"


def _variants(rows: Sequence[Row]) -> str:
    count = len({row.variant for row in rows})
    return f"{count} variant{'s' * (count > 1)}"


def agreement(recordings: Sequence[Recording], one: tuple[str, str], other: tuple[str, str], batch: int = 1) -> str:
    """In how many measurements one configuration is faster than another, and by how much, in words.

    Several measurements of one kind of machine are no independent evidence; where there are such, the kinds are counted too.

    Args:
        recordings: all measurements, one's own first. one, other: (variant, engine). batch: batch size.
    """
    ratios, kinds = [], set()
    for recording in recordings:
        grid = Grid(recording.rows)
        a, b = grid.find(*one, batch), grid.find(*other, batch)
        if a and b:
            ratios.append((a.times_faster / b.times_faster, a.low > b.high, a.high < b.low))
            kinds.add(_kind(recording, a, b))
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
        f"{' · '.join(one)} is faster than {' · '.join(other)} in {faster} of {len(ratios)} measurements, slower in {slower}, "
        f"and in {len(ratios) - faster - slower} it cannot be told; the middle ratio is {middle:.2f}."
    ) + _shared(len(kinds), len(ratios))


def _kind(recording: Recording, *rows: Row) -> str:
    """What two measurements have in common that are no independent evidence: the CPU where that did all the work."""
    on_cpu = all(row.device == "cpu" for row in rows)
    return str((on_cpu and recording.machine.get("cpu")) or recording.device)


def _shared(kinds: int, measurements: int) -> str:
    if kinds == measurements:
        return ""
    told = "one kind of machine" if kinds == 1 else f"{kinds} kinds of machine"
    return f" They come from {told}, so they are fewer independent witnesses than measurements."
