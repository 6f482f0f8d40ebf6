"""What is said about deadlines and devices, judged by what was measured here."""

from collections.abc import Sequence

from lessons_lib.configuration import Row
from lessons_lib.tables import Table

PERSON_MS, VEHICLE_MS = 100.0, 1.0
MOST_POINTS_LOST = 1.0


def within(rows: Sequence[Row], deadline_ms: float) -> list[Row]:
    """The rows that answer 19 times of 20 within a deadline, the most accurate first."""
    return sorted((row for row in rows if row.p95_ms <= deadline_ms), key=lambda row: (-row.accuracy, row.latency_ms))


def deadlines(rows: Sequence[Row], limits_ms: Sequence[float] = (PERSON_MS, VEHICLE_MS)) -> Table:
    """Which configurations, and how large a batch, each deadline allows.

    Args:
        rows: of every batch size that was measured. limits_ms: deadlines for the whole batch.
    """
    lines = []
    for limit in limits_ms:
        single = within([row for row in rows if row.batch == 1], limit)
        largest = max(within(rows, limit), key=lambda row: row.batch, default=None)
        lines.append(
            {
                "deadline": f"{limit:g} ms",
                "configurations that keep it at batch 1": f"{len(single)} of {sum(row.batch == 1 for row in rows)}",
                "the most accurate of them": f"{single[0].name}, {single[0].accuracy:.1%}" if single else "none",
                "largest batch that keeps it": _largest(largest, rows) if largest else "none",
            }
        )
    return Table("Deadlines, by the 95th percentile", lines)


def _largest(row: Row, rows: Sequence[Row]) -> str:
    tried = ", the largest tried" if row.batch == max(other.batch for other in rows) else ""
    return f"{row.batch}{tried} ({row.name})"


def deadline_verdict(rows: Sequence[Row]) -> str:
    """The claim that 100 ms already hurt and that autonomous systems want less than 1 ms, as far as it can be tested.

    Args:
        rows: of every batch size; those of batch 1 are judged.
    """
    single = [row for row in rows if row.batch == 1]
    for_people, for_vehicles = within(single, PERSON_MS), within(single, VEHICLE_MS)
    untested = "whether 100 ms hurt is a question about people and cannot be tested here"
    if not for_people:
        return f"no configuration here answers within 100 ms; {untested}"
    if not for_vehicles:
        return f"100 ms are kept by {len(for_people)} of {len(single)} configurations, 1 ms by none; {untested}"
    best = for_vehicles[0]
    cost = (
        f"at {best.points_lost:.1f} points of accuracy less than the baseline"
        if best.points_lost > 0
        else "with no loss of accuracy"
    )
    return (
        f"100 ms are kept by {len(for_people)} of {len(single)} configurations, 1 ms by {len(for_vehicles)}, of which the "
        f"most accurate is {best.name}, {cost}; {untested}"
    )


def device_verdict(rows: Sequence[Row], trained_per_second: float, trained_on: str) -> str:
    """The claim that training wants high-end GPUs while inference often runs well on CPUs, judged by this run.

    Args:
        rows: of every batch size. trained_per_second: images that one network was trained on in a second.
        trained_on: "cpu" or "cuda".
    """
    single = [row for row in rows if (row.batch, row.device) == (1, "cpu") and row.points_lost <= MOST_POINTS_LOST]
    fit = within(single, PERSON_MS)
    fastest = min(single, key=lambda row: row.p95_ms, default=None)
    if fastest is None:
        return "cannot be tested here: nothing was measured on the CPU"
    if not fit:
        return f"does not hold here: the fastest on this CPU takes {fastest.p95_ms:.3g} ms for one image"
    room = (
        f"{fastest.name} answers 19 of 20 images one by one within {fastest.p95_ms:.2g} ms on this CPU (p95), about "
        f"{float(f'{PERSON_MS / fastest.p95_ms:.2g}'):,.0f} times less than 100 ms"
    )
    on_gpu = [row for row in rows if row.device == "cuda"]
    if not on_gpu or trained_on == "cpu":
        return (
            f"its half about inference holds for this network: {room}. Its half about training cannot be tested without a "
            f"GPU; this {trained_on.upper()} trained on {trained_per_second:,.0f} images a second"
        )
    return (
        f"its half about inference holds for this network: {room}. Its half about training was not tested: this GPU trained on "
        f"{trained_per_second:,.0f} images a second, and what the CPU alone does is what DEVICE = 'cpu' shows"
    )
