"""Answers to the exercises of lesson 08: right ones, and wrong ones with a part of the message that each must get."""

import math
from itertools import accumulate

import numpy as np


def times_by_loop(draws, per_second):
    times, now = [], 0.0
    for draw in draws:
        now += draw / per_second
        times.append(now)
    return times


def times_by_numpy(draws, per_second):
    return (np.cumsum(draws) / per_second).tolist()


def latencies_by_loop(due_s, sent_s, finished_s):
    found = []
    for due, finished in zip(due_s, finished_s, strict=True):
        found.append((finished - due) * 1e3 if finished is not None else float("inf"))
    return found


def latencies_by_parts(due_s, sent_s, finished_s):
    """The wait before sending, and the rest."""
    ends = [math.inf if end is None else end for end in finished_s]
    return [1000 * (sent - due) + 1000 * (end - sent) for due, sent, end in zip(due_s, sent_s, ends, strict=True)]


def counted(start, factor=1000.0, never=math.inf):
    def latencies(due_s, sent_s, finished_s):
        starts = {"due": due_s, "sent": sent_s}[start]
        return [never if end is None else (end - begin) * factor for begin, end in zip(starts, finished_s, strict=True)]

    return latencies


def batches_by_slices(arrivals_ms, max_batch, max_wait_ms):
    batches, start = [], 0
    while start < len(arrivals_ms):
        end = start
        while (
            end < len(arrivals_ms) and end - start < max_batch and arrivals_ms[end] - arrivals_ms[start] <= max_wait_ms
        ):
            end += 1
        batches.append(arrivals_ms[start:end])
        start = end
    return batches


def batches_by_closing(arrivals_ms, max_batch, max_wait_ms):
    done, current = [], []
    for now in arrivals_ms:
        if current and (len(current) == max_batch or now > current[0] + max_wait_ms):
            done.append(tuple(current))
            current = []
        current.append(now)
    return [*done, tuple(current)] if current else done


def batches_where(joins):
    def form(arrivals_ms, max_batch, max_wait_ms):
        batches = []
        for now in arrivals_ms:
            if batches and joins(batches[-1], now, max_batch, max_wait_ms):
                batches[-1].append(now)
            else:
                batches.append([now])
        return batches

    return form


def largest_by_loop(rows, per_second, deadline_ms):
    best = None
    for row in sorted(rows, key=lambda row: row["batch"]):
        if (row["batch"] - 1) * 1000 / per_second + row["ms"] + row["ms"] <= deadline_ms:
            best = row["batch"]
    return best


def largest_by_table(rows, per_second, deadline_ms):
    gap_ms = 1000 / per_second
    left_ms = {row["batch"]: deadline_ms - 2 * row["ms"] - gap_ms * (row["batch"] - 1) for row in rows}
    fitting = [batch for batch, spare in left_ms.items() if spare >= 0]
    return max(fitting) if fitting else None


def largest_where(worst_ms, pick=max, strict=False):
    def largest(rows, per_second, deadline_ms):
        gap_ms = 1000 / per_second
        worst = {row["batch"]: worst_ms(row["batch"], row["ms"], gap_ms) for row in rows}
        kept = [b for b, ms in worst.items() if (ms < deadline_ms if strict else ms <= deadline_ms)]
        return pick(kept, default=None)

    return largest


def all_in_time(rows, per_second, deadline_ms):
    return [r["batch"] for r in rows if worst_of(r["batch"], r["ms"], 1000 / per_second) <= deadline_ms]


def worst_of(batch, ms, gap_ms):
    return (batch - 1) * gap_ms + 2 * ms


RIGHT = {
    "08.1": [times_by_loop, times_by_numpy],
    "08.2": [latencies_by_loop, latencies_by_parts],
    "08.3": [batches_by_slices, batches_by_closing],
    "08.4": [largest_by_loop, largest_by_table],
}

WRONG = {
    "08.1": {
        "gives the gaps": (lambda draws, rate: [draw / rate for draw in draws], "add them up"),
        "multiplies": (lambda draws, rate: list(accumulate(draw * rate for draw in draws)), "wrong way round"),
        "arrives evenly": (lambda draws, rate: [(i + 1) / rate for i in range(len(draws))], "come in bursts"),
        "forgets the rate": (lambda draws, rate: list(accumulate(draws)), "The rate is not used"),
        "in milliseconds": (
            lambda draws, rate: [1000 * t for t in times_by_loop(draws, rate)],
            "asked for are seconds",
        ),
        "begins at 0": (lambda draws, rate: [0.0, *times_by_loop(draws, rate)][:-1], "not at 0"),
        "adds a 0": (lambda draws, rate: [0.0, *times_by_loop(draws, rate)], "leave it out"),
        "returns nothing": (lambda draws, rate: None, "Does every path end in `return"),
    },
    "08.2": {
        "from sending": (counted("sent"), "coordinated omission"),
        "in seconds": (counted("due", 1.0), "These are seconds"),
        "how late it was sent": (
            lambda due, sent, end: [(s - d) * 1000 for d, s in zip(due, sent, strict=True)],
            "how late the requests were sent",
        ),
        "turned round": (counted("due", -1000.0, -math.inf), "sign is turned round"),
        "leaves the lost ones out": (
            lambda due, sent, end: [(e - d) * 1000 for d, e in zip(due, end, strict=True) if e is not None],
            "was left out",
        ),
        "counts the lost ones as 0": (counted("due", never=0.0), "the best of all"),
        "takes 0.0 for a missing answer": (
            lambda due, sent, end: [(e - d) * 1000 if e else math.inf for d, e in zip(due, end, strict=True)],
            "0.0 is a time",
        ),
        "fails on the lost ones": (
            lambda due, sent, end: [(e - d) * 1000 for d, e in zip(due, end, strict=True)],
            "never got an answer",
        ),
    },
    "08.3": {
        "counts from the latest": (
            batches_where(lambda batch, now, most, wait: len(batch) < most and now <= batch[-1] + wait),
            "count from the oldest",
        ),
        "forgets the size": (
            batches_where(lambda batch, now, most, wait: now <= batch[0] + wait),
            "grow without a limit",
        ),
        "one too many": (
            batches_where(lambda batch, now, most, wait: len(batch) <= most and now <= batch[0] + wait),
            "One too many in a batch",
        ),
        "one too few": (
            batches_where(lambda batch, now, most, wait: len(batch) < most - 1 and now <= batch[0] + wait),
            "One too few in a batch",
        ),
        "strictly before": (
            batches_where(lambda batch, now, most, wait: len(batch) < most and now < batch[0] + wait),
            "still comes along",
        ),
        "forgets the time": (
            batches_where(lambda batch, now, most, wait: len(batch) < most),
            "waiting time is not used",
        ),
        "appends, then tests": (
            batches_where(lambda batch, now, most, wait: len(batch) < most and batch[-1] - batch[0] < wait),
            "belongs to the next batch",
        ),
        "loses the last": (lambda *given: batches_by_slices(*given)[:-1], "The last batch is missing"),
        "gives sizes": (lambda *given: [len(batch) for batch in batches_by_slices(*given)], "sizes of the batches"),
        "begins with an empty one": (lambda *given: [[], *batches_by_slices(*given)], "an empty batch"),
    },
    "08.4": {
        "engine once": (largest_where(lambda b, ms, gap: (b - 1) * gap + ms), "its time counts twice"),
        "no filling": (largest_where(lambda b, ms, gap: 2 * ms), "in which the batch fills is missing"),
        "engine alone": (largest_where(lambda b, ms, gap: ms), "Only the batch's own time"),
        "a gap too many": (largest_where(lambda b, ms, gap: b * gap + 2 * ms), "one gap less"),
        "gap in seconds": (largest_where(lambda b, ms, gap: (b - 1) * gap / 1000 + 2 * ms), "it is in seconds"),
        "strictly before": (largest_where(worst_of, strict=True), "Exactly on time is in time"),
        "the smallest": (largest_where(worst_of, min), "This is the smallest batch"),
        "the largest of all": (largest_where(lambda b, ms, gap: 0.0), "the largest batch of all"),
        "the row": (
            lambda rows, rate, limit: next((r for r in rows if r["batch"] == largest_by_loop(rows, rate, limit)), None),
            "asked for is its batch size",
        ),
        "the last that fits": (
            lambda rows, rate, limit: [None, *all_in_time(rows, rate, limit)][-1],
            "the last row that makes it",
        ),
        "none where there is one": (lambda rows, rate, limit: None, "Yours found no batch; one of"),
        "0 where there is none": (
            lambda rows, rate, limit: largest_by_loop(rows, rate, limit) or 0,
            "no batch size can promise",
        ),
    },
}
