"""Answers to the exercises of lesson 11: right ones, and wrong ones with a part of the message that each must get."""

import math

import numpy as np


def index_by_loop(reference, week):
    bins, total = len(week), 0.0
    for before, now in zip(reference, week, strict=True):
        p = (now + 0.5) / (sum(week) + bins / 2)
        q = (before + 0.5) / (sum(reference) + bins / 2)
        total += (p - q) * (math.log(p) - math.log(q))
    return total


def index_by_numpy(reference, week):
    q, p = (np.array(counts) + 0.5 for counts in (reference, week))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(p * np.log(p / q)) + np.sum(q * np.log(q / p)))


def index_where(term, added=0.5, divide=True):
    def index(reference, week):
        p, q = ([count + added for count in counts] for counts in (week, reference))
        if divide:
            p, q = ([count / sum(counts) for count in counts] for counts in (p, q))
        return sum(term(mine, other) for mine, other in zip(p, q, strict=True))

    return index


def psi_term(p, q):
    return (p - q) * math.log(p / q)


def index_with_shares(share):
    def index(reference, week):
        p, q = ([share(count, counts) for count in counts] for counts in (week, reference))
        return sum(psi_term(mine, other) for mine, other in zip(p, q, strict=True))

    return index


def threshold_by_loop(quiet, drifted, candidates, false_alarm, missed, drift_share):
    best, least = None, math.inf
    for limit in sorted(candidates):
        rings = len([s for s in quiet if s > limit]) / len(quiet)
        silent = 1 - len([s for s in drifted if s > limit]) / len(drifted)
        cost = (1 - drift_share) * rings * false_alarm + drift_share * silent * missed
        if cost < least + 1e-9:
            best, least = limit, min(cost, least)
    return best


def threshold_by_numpy(quiet, drifted, candidates, false_alarm, missed, drift_share):
    limits = np.sort(candidates)[::-1]
    rings = (np.array(quiet)[:, None] > limits).mean(0)
    silent = (np.array(drifted)[:, None] <= limits).mean(0)
    costs = np.round((1 - drift_share) * false_alarm * rings + drift_share * missed * silent, 9)
    return float(limits[np.argmin(costs)])


def threshold_where(cost, pick=min, largest=True):
    def threshold(quiet, drifted, candidates, false_alarm, missed, drift_share):
        def at(limit):
            rings = sum(s > limit for s in quiet) / len(quiet)
            silent = sum(s <= limit for s in drifted) / len(drifted)
            return round(cost(rings, silent, false_alarm, missed, drift_share), 9)

        return pick(sorted(candidates, reverse=largest), key=at)

    return threshold


def usual(rings, silent, alarm, missed, share):
    return (1 - share) * rings * alarm + share * silent * missed


def ringing_at_the_limit(quiet, drifted, candidates, false_alarm, missed, drift_share):
    def at(limit):
        rings = sum(s >= limit for s in quiet) / len(quiet)
        silent = sum(s < limit for s in drifted) / len(drifted)
        return round(usual(rings, silent, false_alarm, missed, drift_share), 9)

    return min(sorted(candidates, reverse=True), key=at)


def counting(quiet, drifted, candidates, false_alarm, missed, drift_share):
    def at(limit):
        counts = sum(s > limit for s in quiet), sum(s <= limit for s in drifted)
        return round(usual(*counts, false_alarm, missed, drift_share), 9)

    return min(sorted(candidates, reverse=True), key=at)


def smallest_cost(quiet, drifted, candidates, false_alarm, missed, drift_share):
    limit = threshold_by_loop(quiet, drifted, candidates, false_alarm, missed, drift_share)
    rings = sum(s > limit for s in quiet) / len(quiet)
    return usual(rings, sum(s <= limit for s in drifted) / len(drifted), false_alarm, missed, drift_share)


def place(quiet, drifted, candidates, *prices):
    return candidates.index(threshold_by_loop(quiet, drifted, candidates, *prices))


RIGHT = {
    "11.1": [index_by_loop, index_by_numpy],
    "11.2": [threshold_by_loop, threshold_by_numpy],
}

WRONG = {
    "11.1": {
        "compares counts": (index_where(psi_term, divide=False), "Divide by the total first"),
        "forgets the halves": (index_where(psi_term, added=0.0), "The 0.5 is missing"),
        "adds one": (index_where(psi_term, added=1.0), "it is 0.5"),
        "keeps the old total": (index_with_shares(lambda n, counts: (n + 0.5) / sum(counts)), "do not add up to 1"),
        "adds to the shares": (index_with_shares(lambda n, counts: n / sum(counts) + 0.5), "not to the shares"),
        "Kullback and Leibler": (index_where(lambda p, q: p * math.log(p / q)), "Kullback-Leibler"),
        "turned round": (index_where(lambda p, q: -psi_term(p, q)), "sign is turned round"),
        "base 10": (index_where(lambda p, q: (p - q) * math.log10(p / q)), "base 10"),
        "base 2": (index_where(lambda p, q: (p - q) * math.log2(p / q)), "base 2"),
        "no logarithm": (index_where(lambda p, q: (p - q) ** 2), "The logarithm is missing"),
        "differences": (index_where(lambda p, q: p - q), "cancel to 0"),
        "the mean": (lambda reference, week: index_by_loop(reference, week) / len(week), "the index is their sum"),
        "returns nothing": (lambda reference, week: None, "Does every path end in `return"),
    },
    "11.2": {
        "forgets the misses": (threshold_where(lambda r, s, a, m, d: (1 - d) * r * a), "missed weeks is left out"),
        "forgets the false alarms": (threshold_where(lambda r, s, a, m, d: d * s * m), "false alarms is left out"),
        "forgets the share": (threshold_where(lambda r, s, a, m, d: r * a + s * m), "is not used"),
        "exchanges the shares": (threshold_where(lambda r, s, a, m, d: d * r * a + (1 - d) * s * m), "the wrong side"),
        "exchanges the prices": (threshold_where(lambda r, s, a, m, d: usual(r, s, m, a, d)), "prices are exchanged"),
        "the dearest": (threshold_where(usual, pick=max), "the dearest threshold"),
        "the smallest of several": (threshold_where(usual, largest=False), "take the largest"),
        "rings at the limit": (ringing_at_the_limit, "equal to the threshold does not ring"),
        "counts": (counting, "so take shares"),
        "the cost": (smallest_cost, "the smallest cost; asked for"),
        "the place": (place, "the place of the threshold"),
    },
}
