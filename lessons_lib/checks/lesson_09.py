"""The checks of lesson 09: choosing among measured configurations."""

import random
from functools import partial
from typing import Any

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect

Row = dict[str, Any]


def _rows(*lines: tuple[str, float, float, float]) -> list[Row]:
    return [dict(zip(("name", "latency_ms", "p95_ms", "accuracy"), line, strict=True)) for line in lines]


def _random_rows(count: int, seed: int) -> list[Row]:
    draw = random.Random(seed)  # coarse steps, so that equal values occur
    lines = [
        (f"v{index}", draw.randint(1, 8) / 2, draw.randint(9, 20) / 2, draw.randint(90, 99) / 100)
        for index in range(count)
    ]
    return _rows(*lines)


def _front(rows: list[Row]) -> list[str]:
    def beaten(row: Row) -> bool:
        return any(
            other["latency_ms"] <= row["latency_ms"]
            and other["accuracy"] >= row["accuracy"]
            and (other["latency_ms"], other["accuracy"]) != (row["latency_ms"], row["accuracy"])
            for other in rows
        )

    return [row["name"] for row in rows if not beaten(row)]


def _strict_front(rows: list[Row]) -> list[str]:
    def beaten(row: Row) -> bool:
        return any(other["latency_ms"] < row["latency_ms"] and other["accuracy"] > row["accuracy"] for other in rows)

    return [row["name"] for row in rows if not beaten(row)]


@exercise(
    "09.1",
    "The Pareto front",
    hints=(
        "Ask of each row whether any other row beats it, and keep it if none does.",
        "`other` beats `row` if it is at least as fast and at least as accurate, and better in one of the two. "
        "Without the last part every row would beat itself.",
        "`any(... for other in rows)` asks whether there is such a row.",
        "The test inside `any`: `other['latency_ms'] <= row['latency_ms'] and other['accuracy'] >= row['accuracy'] and "
        "(other['latency_ms'] < row['latency_ms'] or other['accuracy'] > row['accuracy'])`.",
    ),
    learned="Whatever a user values, the best choice for them is on this front; everything else can be dropped unseen.",
)
def pareto(answer: Any) -> None:
    _expect_something_left(answer)
    rows = _rows(
        ("base", 8.0, 9.0, 0.99),
        ("int8", 2.0, 2.5, 0.98),
        ("pruned", 2.0, 2.6, 0.97),
        ("slow", 9.0, 9.9, 0.98),
        ("tiny", 1.0, 1.2, 0.94),
    )
    _expect_names(answer, rows, mistakes=_pareto_mistakes(rows))
    twins = _rows(("a", 2.0, 3.0, 0.9), ("b", 2.0, 3.0, 0.9), ("c", 3.0, 4.0, 0.8))
    _expect_names(answer, twins, note="Two rows with the same figures do not beat each other: keep both.")
    _expect_names(answer, [], note="There are no rows here, so nothing is on the front.")
    for seed in range(5):
        _expect_names(answer, _random_rows(12, seed))


def _expect_something_left(answer: Any) -> None:
    """Of two rows one is better in both: only who lets a row beat itself keeps none of them."""
    rows = _rows(("better", 2.0, 3.0, 0.9), ("worse", 3.0, 4.0, 0.8))
    expect(answer, {"rows": rows}, ["better"], arrange=_something_left)


def _something_left(names: Any) -> list[str]:
    """Whatever else may be wrong here shows with the rows that come after these, and is named there."""
    if isinstance(names, list | tuple | set) and not names:
        raise NotYet(
            "Nothing is left, not even the row that is better in both. Does each row beat itself? It is as good as itself in both; "
            "to beat, a row must also be better in one."
        )
    return ["better"]


def _pareto_mistakes(rows: list[Row]) -> dict[str, Any]:
    front = _front(rows)
    turned = [{**row, "latency_ms": -row["latency_ms"]} for row in rows]
    return {
        "These are the rows; asked for are their names: `row['name']`.": [row for row in rows if row["name"] in front],
        "Nothing is left: to beat, a row must be at least as good in **both** (`and`), not in one of the two (`or`).": [],
        "Every row is kept, also those that another beats in both.": sorted(row["name"] for row in rows),
        "This is only the most accurate one; slower rows are beaten only by rows that are also as accurate.": ["base"],
        "This is only the fastest one; less accurate rows are beaten only by rows that are also as fast.": ["tiny"],
        "`pruned` is as slow as `int8` and less accurate, so it is beaten: being equal in one of the two does not save "
        "it.": sorted(_strict_front(rows)),
        "The direction of the latency is turned round: less is better.": sorted(_front(turned)),
        "These are the rows that are beaten; keep the others.": sorted(
            row["name"] for row in rows if row["name"] not in front
        ),
    }


def _expect_names(answer: Any, rows: list[Row], mistakes: dict[str, Any] | None = None, note: str = "") -> None:
    expect(answer, {"rows": rows}, sorted(_front(rows)), mistakes=mistakes, note=note, arrange=_in_any_order)


def _in_any_order(names: Any) -> Any:
    plain = isinstance(names, list | tuple | set) and all(isinstance(name, str) for name in names)
    return sorted(names) if plain else names


@exercise(
    "09.2",
    "The best within a deadline",
    hints=(
        "Two steps: drop the rows that miss the deadline, then take the most accurate of the rest.",
        "A deadline is about the slow answers, so compare `row['p95_ms']`, and exactly on time is in time: `<=`.",
        "`max(candidates, key=lambda row: row['accuracy'])` gives a row; of no candidates it raises, so ask first.",
        "`return max(candidates, key=lambda row: row['accuracy'])['name'] if candidates else None`",
    ),
    learned="A deadline is a limit and accuracy the goal; mixing both into one score would hide what is given up.",
)
def best_within(answer: Any) -> None:
    rows = _rows(
        ("base", 8.0, 9.0, 0.99),
        ("unsteady", 3.5, 6.5, 0.985),
        ("int8", 3.0, 4.0, 0.98),
        ("small", 2.0, 2.5, 0.95),
        ("tiny", 1.0, 1.5, 0.90),
    )
    mistakes: dict[str, Any] = {
        "`unsteady` meets the deadline by its median, but one answer in twenty takes longer than 6.5 ms: compare "
        "`p95_ms`.": "unsteady",
        "This is the fastest one; asked for is the most accurate of those that meet the deadline.": "tiny",
        "This is the most accurate of all; it misses the deadline.": "base",
        "`int8` takes exactly 4 ms, and that is in time: compare with `<=`.": "small",
        "This is the row; asked for is its name.": rows[2],
        "These are several names; asked for is one.": ["int8", "small", "tiny"],
    }
    expect(answer, {"rows": rows, "deadline_ms": 4.0}, "int8", mistakes=mistakes)
    note = "Where no row meets the deadline, return None: no answer is better than one that comes too late."
    for empty in (rows, []):
        expect(answer, {"rows": empty, "deadline_ms": 1.0}, None, note=note)
    for seed in range(5):
        rows = [{**row, "accuracy": 0.9 + index / 100} for index, row in enumerate(_random_rows(8, seed))]
        random.Random(seed).shuffle(rows)
        in_time = sorted((row["accuracy"], row["name"]) for row in rows if row["p95_ms"] <= 7.5)
        expect(answer, {"rows": rows, "deadline_ms": 7.5}, in_time[-1][1] if in_time else None)


@exercise(
    "09.3",
    "The break-even batch",
    hints=(
        "A batch of n images takes `n * cpu_ms_per_image` on the CPU and `gpu_overhead_ms + n * gpu_ms_per_image` on the GPU.",
        "Each image on the GPU saves `cpu_ms_per_image - gpu_ms_per_image`. If that is not above 0, the GPU never wins.",
        "The GPU wins where `n * saved > overhead`: strictly more, so at `overhead / saved` exactly nobody wins yet.",
        "The next whole number above `overhead / saved` is `math.floor(overhead / saved) + 1`.",
    ),
    learned="The overhead is paid once a batch: a GPU needs enough images to share it, and a single request has only one.",
)
def break_even_batch(answer: Any) -> None:
    for given in ((2.0, 10.0, 1.25), (2.0, 3.0, 0.5), (4.0, 1.0, 2.0), (0.5, 0.0, 0.25), (1.0, 10_000.0, 0.5)):
        _expect_batch(answer, *given)
    for cpu, overhead, gpu in ((1.0, 5.0, 1.0), (1.0, 5.0, 2.0), (1.0, 0.0, 1.0)):
        note = "An image takes at least as long on the GPU here, so the GPU never wins: return None."
        expect(answer, _given(cpu, overhead, gpu), None, note=note)
    draw = random.Random(9)
    for _ in range(10):  # eighths are exact in binary, so that equal is equal
        gpu = draw.randint(1, 20) / 8
        _expect_batch(answer, gpu + draw.randint(1, 20) / 8, draw.randint(0, 400) / 8, gpu)


def _given(cpu: float, overhead: float, gpu: float) -> dict[str, float]:
    return {"cpu_ms_per_image": cpu, "gpu_overhead_ms": overhead, "gpu_ms_per_image": gpu}


def _expect_batch(answer: Any, cpu: float, overhead: float, gpu: float) -> None:
    want = 1
    while overhead + want * gpu >= want * cpu:
        want += 1
    equal = overhead / (cpu - gpu)
    too_few = "At this batch both take the same time; the GPU has to be faster: one image more."
    if equal != want - 1:
        too_few = "One too few: at this batch the CPU is still faster. Round up, not down."
    mistakes: dict[str, Any] = {
        too_few: want - 1,
        "This is where both take the same time, as a float; asked for is the next whole number.": equal,
        "Right, but as a float: a batch is a whole number, so make it an int.": float(want),
        "The overhead is not used: it is paid once a batch, whatever its size.": 1,
        "The GPU's own time for each image is missing: an image saves the difference of the two.": int(overhead / cpu)
        + 1,
        "One too many: the GPU is faster one image earlier.": want + 1,
    }
    expect(answer, _given(cpu, overhead, gpu), want, mistakes=mistakes, arrange=partial(_not_none, want))


def _not_none(want: int, got: Any) -> Any:
    """A loop that ends too early finds nothing; "does every path end in return" would mislead."""
    if got is None:
        raise NotYet(
            f"Yours found no batch; from {want:,} images on the GPU is faster, however far a loop would count."
        )
    return got


@exercise(
    "09.4",
    "The energy of an image",
    hints=(
        "Three steps: the energy used between the readings, less the idle energy of that time, shared by the images.",
        "Where the counter started again, `after_uj - before_uj` is negative: add the whole round, `range_uj + 1`.",
        "`(after_uj - before_uj) % (range_uj + 1)` is right in both cases. Divide by 1e6: the rest is in joules.",
        "The idle energy is `idle_watts * seconds` joules; subtract it before you divide by `images`.",
    ),
    learned="A counter is read as a difference, modulo its range, and a machine that does nothing uses energy too.",
)
def joules_per_image(answer: Any) -> None:
    _expect_joules(answer, 2_000_000, 8_000_000, 99_999_999, 2.0, 1.0, 10)
    _expect_joules(answer, 90_000_000, 4_000_000, 99_999_999, 2.0, 3.0, 4)
    _expect_joules(answer, 5_000_000, 5_000_000, 99_999_999, 2.0, 0.0, 10)  # nothing was counted
    _expect_joules(answer, 2_000_000, 6_000_000, 99_999_999, 2.0, 3.0, 10)  # less than idle
    draw = random.Random(4)
    for _ in range(8):
        limit = draw.randint(20, 60) * 10_000_000
        before, used = draw.randrange(limit), draw.randint(6_000_000, 19_000_000)
        _expect_joules(
            answer, before, (before + used) % (limit + 1), limit, draw.randint(1, 6) / 2, 0.75, draw.randint(2, 9)
        )


def _expect_joules(answer: Any, before: int, after: int, limit: int, seconds: float, idle: float, images: int) -> None:
    round_uj = limit + 1
    used = (after - before + (round_uj if after < before else 0)) / 1e6
    want = (used - idle * seconds) / images
    mistakes: dict[str, Any] = {
        "The idle energy is not taken off: the machine would have used that anyway.": used / images,
        "`idle_watts` is a power; times `seconds` it is an energy.": (used - idle) / images,
        "This is the energy of all the images together; asked for is that of one.": want * images,
        "The counter is in microjoules: divide its difference by 1e6.": (used * 1e6 - idle * seconds) / images,
        "These are microjoules; asked for are joules.": want * 1e6,
        "The idle energy is added; it has to be taken off.": (used + idle * seconds) / images,
        "The idle energy is that of the whole time, so take it off before you divide by the images.": used / images
        - idle * seconds,
        "Less than the idle energy was used here: return the negative value as it is, since noise goes both ways.": max(
            0.0, want
        ),
    }
    if after == before:
        mistakes[
            "Equal readings mean that nothing was counted: add a whole round only where `after_uj` is smaller."
        ] = (round_uj / 1e6 - idle * seconds) / images
    if after < before:
        plain = (after - before) / 1e6
        mistakes |= {
            "The counter started again from 0 between the readings: add the whole round where the difference is "
            "negative.": (plain - idle * seconds) / images,
            "The sign of the difference is turned round: the counter started again, so add the whole round to it.": (
                -plain - idle * seconds
            )
            / images,
            "What was counted after the restart is missing: add `after_uj`.": (
                (round_uj - before) / 1e6 - idle * seconds
            )
            / images,
        }
    given = {
        "before_uj": before,
        "after_uj": after,
        "range_uj": limit,
        "seconds": seconds,
        "idle_watts": idle,
        "images": images,
    }
    expect(answer, given, want, mistakes=mistakes)
