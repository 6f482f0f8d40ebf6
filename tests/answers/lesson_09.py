"""Answers to the exercises of lesson 09: right ones, and wrong ones with a part of the message that each must get."""

import itertools
import math


def front_by_sorting(rows):
    """Walk from fast to slow and keep what is at least as accurate as everything so far, twins included."""
    front = []
    best = None
    for _, group in itertools.groupby(sorted(rows, key=speed), key=speed):
        top = list(group)
        accuracy = max(row["accuracy"] for row in top)
        if best is None or accuracy > best:
            front += [row["name"] for row in top if row["accuracy"] == accuracy]
            best = accuracy
    return front


def front_by_elimination(rows):
    def beats(a, b):
        return (
            speed(a) <= speed(b)
            and a["accuracy"] >= b["accuracy"]
            and (speed(a), a["accuracy"]) != (speed(b), b["accuracy"])
        )

    return {b["name"] for b in rows if not [a for a in rows if beats(a, b)]}


def speed(row):
    return row["latency_ms"]


def exact(row):
    return row["accuracy"]


def best_by_sorting(rows, deadline_ms):
    for row in sorted(rows, key=exact, reverse=True):
        if row["p95_ms"] <= deadline_ms:
            return row["name"]
    return None


def best_by_default(rows, deadline_ms):
    best = max((row for row in rows if row["p95_ms"] <= deadline_ms), key=exact, default={"name": None})
    return best["name"]


def break_even_by_counting(cpu, overhead, gpu):
    return None if gpu >= cpu else next(n for n in itertools.count(1) if overhead + n * gpu < n * cpu)


def break_even_by_division(cpu, overhead, gpu):
    return None if gpu >= cpu else int(overhead // (cpu - gpu)) + 1


def front_where(beats):
    return lambda rows: [b["name"] for b in rows if not any(beats(a, b) for a in rows)]


def drops_twins(rows):
    front = {}
    for row in rows:
        if row["name"] in front_by_sorting(rows):
            front.setdefault((speed(row), exact(row)), row["name"])
    return list(front.values())


def best_of(rows, key=exact, pick=max):
    return pick(rows, key=key)["name"] if rows else None


def counts_for_ever(cpu, overhead, gpu):
    n = 1
    while overhead + n * gpu >= n * cpu:
        n += 1
    return n


def energy_by_cases(before, after, limit, seconds, idle, images):
    used = after - before
    if used < 0:
        used += limit + 1
    return used / 1_000_000 / images - idle * seconds / images


def energy_by_remainder(before, after, limit, seconds, idle, images):
    joules = (after - before) % (limit + 1) * 1e-6
    added = joules - seconds * idle
    return added / images


def used_uj(before, after, limit):
    return (after - before) % (limit + 1)


RIGHT = {
    "09.1": [front_by_sorting, front_by_elimination],
    "09.2": [best_by_sorting, best_by_default],
    "09.3": [break_even_by_counting, break_even_by_division],
    "09.4": [energy_by_cases, energy_by_remainder],
}

WRONG = {
    "09.1": {
        "returns rows": (lambda rows: [row for row in rows if row["name"] in front_by_sorting(rows)], "`row['name']`"),
        "beats by one of the two": (
            front_where(
                lambda a, b: (
                    (speed(a) <= speed(b) or exact(a) >= exact(b)) and (speed(a), exact(a)) != (speed(b), exact(b))
                )
            ),
            "at least as good in **both**",
        ),
        "beats itself": (
            front_where(lambda a, b: speed(a) <= speed(b) and exact(a) >= exact(b)),
            "Does each row beat itself?",
        ),
        "keeps all": (lambda rows: [row["name"] for row in rows], "Every row is kept"),
        "most accurate only": (lambda rows: [best_of(rows)], "only the most accurate"),
        "fastest only": (lambda rows: [best_of(rows, speed, min)], "only the fastest"),
        "needs both strictly": (front_where(lambda a, b: speed(a) < speed(b) and exact(a) > exact(b)), "equal in one"),
        "wants slow": (
            lambda rows: front_by_sorting([{**row, "latency_ms": -speed(row)} for row in rows]),
            "direction of the latency",
        ),
        "keeps the beaten": (
            lambda rows: [row["name"] for row in rows if row["name"] not in front_by_sorting(rows)],
            "rows that are beaten",
        ),
        "drops twins": (drops_twins, "keep both"),
    },
    "09.2": {
        "uses the median": (lambda rows, limit: best_of([r for r in rows if speed(r) <= limit]), "compare `p95_ms`"),
        "takes the fastest": (
            lambda rows, limit: best_of([r for r in rows if r["p95_ms"] <= limit], speed, min),
            "This is the fastest one",
        ),
        "ignores the deadline": (lambda rows, limit: best_of(rows), "it misses the deadline"),
        "strictly before": (lambda rows, limit: best_of([r for r in rows if r["p95_ms"] < limit]), "exactly 4 ms"),
        "returns the row": (
            lambda rows, limit: max((r for r in rows if r["p95_ms"] <= limit), key=exact),
            "asked for is its name",
        ),
        "returns several": (
            lambda rows, limit: [r["name"] for r in rows if r["p95_ms"] <= limit],
            "several names; asked for is one",
        ),
        "raises without candidates": (
            lambda rows, limit: max((r for r in rows if r["p95_ms"] <= limit), key=exact)["name"],
            "Where no row meets the deadline, return None",
        ),
        "falls back to the fastest": (
            lambda rows, limit: best_by_sorting(rows, limit) or best_of(rows, speed, min),
            "Where no row meets the deadline, return None",
        ),
    },
    "09.3": {
        "ignores the overhead": (lambda cpu, over, gpu: 1 if gpu < cpu else None, "overhead is not used"),
        "rounds down": (lambda cpu, over, gpu: int(over / (cpu - gpu)), "One too few"),
        "takes the tie": (lambda cpu, over, gpu: math.ceil(over / (cpu - gpu)), "both take the same time"),
        "one too many": (lambda cpu, over, gpu: math.ceil(over / (cpu - gpu)) + 1, "One too many"),
        "returns the fraction": (lambda cpu, over, gpu: over / (cpu - gpu), "next whole number"),
        "returns a float": (lambda cpu, over, gpu: float(break_even_by_counting(cpu, over, gpu)), "make it an int"),
        "forgets the GPU's own time": (lambda cpu, over, gpu: int(over / cpu) + 1, "GPU's own time"),
        "negative where never": (
            lambda cpu, over, gpu: None if cpu == gpu else int(over // (cpu - gpu)) + 1,
            "GPU never wins",
        ),
        "divides by zero where never": (lambda cpu, over, gpu: int(over // (cpu - gpu)) + 1, "GPU never wins"),
        "counts to 1,000": (
            lambda cpu, over, gpu: next((n for n in range(1, 1_000) if over + n * gpu < n * cpu), None),
            "Yours found no batch; from 20,001 images on",
        ),
        "counts for ever": (counts_for_ever, "GPU never wins"),
    },
    "09.4": {
        "forgets the idle power": (
            lambda b, a, limit, s, idle, n: used_uj(b, a, limit) / 1e6 / n,
            "idle energy is not taken off",
        ),
        "takes watts for joules": (
            lambda b, a, limit, s, idle, n: (used_uj(b, a, limit) / 1e6 - idle) / n,
            "is a power",
        ),
        "all images together": (
            lambda b, a, limit, s, idle, n: used_uj(b, a, limit) / 1e6 - idle * s,
            "asked for is that of one",
        ),
        "microjoules": (
            lambda b, a, limit, s, idle, n: (used_uj(b, a, limit) - idle * s) / n,
            "divide its difference by 1e6",
        ),
        "adds the idle energy": (
            lambda b, a, limit, s, idle, n: (used_uj(b, a, limit) / 1e6 + idle * s) / n,
            "idle energy is added",
        ),
        "takes it off each image": (
            lambda b, a, limit, s, idle, n: used_uj(b, a, limit) / 1e6 / n - idle * s,
            "before you divide by the images",
        ),
        "no wrap-around": (
            lambda b, a, limit, s, idle, n: ((a - b) / 1e6 - idle * s) / n,
            "started again from 0",
        ),
        "absolute difference": (
            lambda b, a, limit, s, idle, n: (abs(a - b) / 1e6 - idle * s) / n,
            "sign of the difference",
        ),
        "all in microjoules": (
            lambda b, a, limit, s, idle, n: (used_uj(b, a, limit) - 1e6 * idle * s) / n,
            "These are microjoules; asked for are joules",
        ),
        "forgets what came after the restart": (
            lambda b, a, limit, s, idle, n: ((a - b if a >= b else limit + 1 - b) / 1e6 - idle * s) / n,
            "after the restart is missing",
        ),
        "a round too many": (
            lambda b, a, limit, s, idle, n: ((a - b + (limit + 1) * (a <= b)) / 1e6 - idle * s) / n,
            "Equal readings mean",
        ),
        "cuts at 0": (
            lambda b, a, limit, s, idle, n: max(0.0, (used_uj(b, a, limit) / 1e6 - idle * s) / n),
            "negative value as it is",
        ),
    },
}
