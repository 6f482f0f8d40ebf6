"""Answers to the exercises of lesson 10: right ones, and wrong ones with a part of the message that each must get."""

import itertools
import math


def price_by_rate(latency_ms, batch, usd_per_hour, utilisation):
    per_hour = 3_600_000 / latency_ms * batch * utilisation
    return usd_per_hour / per_hour * 1e6


def price_by_hours(latency_ms, batch, usd_per_hour, utilisation):
    seconds = latency_ms / 1000 / batch
    working_hours = seconds * 10**6 / 60 / 60
    return usd_per_hour * working_hours / utilisation


def month_by_sums(training_usd, first_month_usd, growth):
    sums = itertools.accumulate(first_month_usd * growth**month for month in range(600))
    return next((month for month, served in enumerate(sums, start=1) if served > training_usd), None)


def month_by_counting(training_usd, first_month_usd, growth):
    month, left, paid = 1, training_usd - first_month_usd, first_month_usd
    while left >= 0:
        if month == 600:
            return None
        month += 1
        paid *= growth
        left -= paid
    return month


def month_of(training_usd, months):
    served = 0.0
    for month, paid in enumerate(months, start=1):
        served += paid
        if served > training_usd:
            return month
    return None


def powers(first, growth):
    return [first * growth**month for month in range(600)]


def saved_by_helper(per_second, before, after, price):
    def rented(seconds):
        return math.ceil(per_second * seconds)

    return price * rented(before) - price * rented(after)


def saved_by_division(per_second, before, after, price):
    counts = [int(-(-per_second * seconds // 1)) for seconds in (before, after)]
    return float(counts[0] - counts[1]) * price


def tornado_by_pairs(cost, usual, ranges):
    widths = []
    for name, ends in ranges.items():
        costs = [cost(dict(usual, **{name: end})) for end in ends]
        widths.append((max(costs) - min(costs), name))
    return [name for _, name in sorted(widths, reverse=True)]


def tornado_by_changing_back(cost, usual, ranges):
    inputs, swings = dict(usual), {}
    for name, (low, high) in ranges.items():
        inputs[name] = low
        at_low = cost(inputs)
        inputs[name] = high
        swings[name] = abs(cost(inputs) - at_low)
        inputs[name] = usual[name]
    return sorted(swings, key=swings.get)[::-1]


def by(width):
    """A tornado with another idea of what the swing is."""

    def answer(cost, usual, ranges):
        return sorted(ranges, key=lambda name: -width(cost, usual, ranges, name))

    return answer


def at(cost, usual, ranges, name, end):
    return cost({**usual, name: ranges[name][end]})


def never_moves_back(cost, usual, ranges):
    inputs, swings = dict(usual), {}
    for name, (low, high) in ranges.items():
        inputs[name] = low
        at_low = cost(inputs)
        inputs[name] = high
        swings[name] = abs(cost(inputs) - at_low)
    return sorted(swings, key=lambda name: -swings[name])


def changes_usual(cost, usual, ranges):
    order = tornado_by_pairs(cost, usual, ranges)
    for name in ranges:
        usual[name] = ranges[name][0]
    return order


RIGHT = {
    "10.1": [price_by_rate, price_by_hours],
    "10.2": [month_by_sums, month_by_counting],
    "10.3": [saved_by_helper, saved_by_division],
    "10.4": [tornado_by_pairs, tornado_by_changing_back],
}

WRONG = {
    "10.1": {
        "forgets the utilisation": (lambda ms, n, usd, u: ms / n / 3.6 * usd, "utilisation is not used"),
        "multiplies by it": (lambda ms, n, usd, u: ms / n / 3.6 * usd * u, "divide by it"),
        "forgets the batch": (lambda ms, n, usd, u: ms / 3.6 * usd / u, "batch is not used"),
        "multiplies by the batch": (lambda ms, n, usd, u: ms * n / 3.6 * usd / u, "larger batches would be dearer"),
        "takes milliseconds for seconds": (lambda ms, n, usd, u: ms / n * 1e6 / 3600 * usd / u, "is in milliseconds"),
        "takes minutes for hours": (lambda ms, n, usd, u: ms / n * 1e3 / 60 * usd / u, "into minutes"),
        "takes seconds for hours": (lambda ms, n, usd, u: ms / n * 1e3 * usd / u, "divide by 3,600"),
        "one prediction": (lambda ms, n, usd, u: ms / n / 3.6e6 * usd / u, "price of one prediction"),
        "returns hours": (lambda ms, n, usd, u: ms / n / 3.6 / u, "not yet dollars"),
    },
    "10.2": {
        "takes the tie": (
            lambda t, f, g: next((n for n in range(1, 601) if sum(powers(f, g)[:n]) >= t), None),
            "`>`, not `>=`",
        ),
        "compares a month alone": (
            lambda t, f, g: next((n for n, paid in enumerate(powers(f, g), 1) if paid > t), None),
            "add up all months so far",
        ),
        "counts from 0": (lambda t, f, g: None if not month_by_sums(t, f, g) else month_by_sums(t, f, g) - 1, "one too early"),
        "forgets the growth": (lambda t, f, g: month_of(t, [f] * 600), "growth is not used"),
        "one month late": (lambda t, f, g: None if not month_by_sums(t, f, g) else month_by_sums(t, f, g) + 1, "One month too late"),
        "a float": (lambda t, f, g: None if not month_by_sums(t, f, g) else float(month_by_sums(t, f, g)), "as a float"),
        "grows before it pays": (lambda t, f, g: month_of(t, powers(f, g)[1:]), "applied before the first month"),
        "adds the growth": (
            lambda t, f, g: month_of(t, [f * (1 + (g - 1) * n) for n in range(600)]),
            "growth on growth",
        ),
        "one month too few": (
            lambda t, f, g: next((n for n, paid in enumerate(itertools.accumulate(powers(f, g)[:599]), 1) if paid > t), None),
            "Month 600 counts too",
        ),
        "0 where never": (lambda t, f, g: month_by_sums(t, f, g) or 0, "return None"),
    },
    "10.3": {
        "fractions of machines": (lambda n, a, b, usd: n * (a - b) * usd, "No fraction of a machine"),
        "rounds down": (lambda n, a, b, usd: (math.floor(n * a) - math.floor(n * b)) * usd, "Round up with `math.ceil`"),
        "rounds": (lambda n, a, b, usd: (round(n * a) - round(n * b)) * usd, "nearest whole number"),
        "rounds the difference": (lambda n, a, b, usd: math.ceil(n * a - n * b) * usd, "not their difference"),
        "what is still paid": (lambda n, a, b, usd: max(1, math.ceil(n * b)) * usd, "still paid afterwards"),
        "turned round": (lambda n, a, b, usd: -saved_by_helper(n, a, b, usd), "before minus after"),
        "counts machines": (lambda n, a, b, usd: saved_by_helper(n, a, b, usd) / usd, "These are machines"),
    },
    "10.4": {
        "narrowest first": (lambda *given: tornado_by_pairs(*given)[::-1], "narrowest comes first"),
        "keeps the sign": (by(lambda *g: at(*g, 1) - at(*g, 0)), "no sign"),
        "never moves back": (never_moves_back, "back to its usual value"),
        "from the usual cost": (by(lambda *g: abs(at(*g, 1) - g[0](g[1]))), "from the usual cost"),
        "width of the ranges": (by(lambda cost, usual, ranges, name: abs(ranges[name][1] - ranges[name][0])), "width of the ranges"),
        "by the highest cost": (by(lambda *g: max(at(*g, 0), at(*g, 1))), "highest cost"),
        "as given": (lambda cost, usual, ranges: list(ranges), "order in which they were given"),
        "swings": (
            lambda *g: sorted((abs(at(*g, name, 1) - at(*g, name, 0)) for name in g[2]), reverse=True),
            "asked for are the names",
        ),
        "changes the usual inputs": (changes_usual, "argument `usual`"),
    },
}  # fmt: skip
