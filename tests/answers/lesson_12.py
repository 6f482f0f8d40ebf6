"""Answers to the exercises of lesson 12: right ones, and wrong ones with a part of the message that each must get."""

from lessons_lib import pruning, training


def missed_by_loop(limits, measured):
    found = {}
    for name in reversed(list(limits)):
        over = limits[name] - measured[name] if name == "accuracy" else measured[name] - limits[name]
        if over > 0:
            found[name] = over
    return found


def missed_by_signs(limits, measured):
    signs = {name: 1 - 2 * (name == "accuracy") for name in limits}
    pairs = ((name, signs[name] * (measured[name] - limits[name])) for name in limits)
    return dict(filter(lambda pair: pair[1] > 0, pairs))


def missed_with(keep=lambda over: over > 0, told=lambda over, limit: over, floor="accuracy"):
    """What is missed, with another rule for what to keep or what to tell."""

    def missed(limits, measured):
        over = {n: (limits[n] - measured[n]) * (1 if n == floor else -1) for n in limits}
        return {name: told(distance, limits[name]) for name, distance in over.items() if keep(distance)}

    return missed


def turned_round(limits, measured):
    short = {name: limits[name] - measured[name] for name in limits}
    return {name: distance for name, distance in short.items() if distance > 0}


def meets(limits, row):
    return not missed_by_loop(limits, row)


def cheapest_by_sorting(limits, rows):
    names = [row["name"] for row in sorted(rows, key=lambda row: row["cost"]) if meets(limits, row)]
    return names[0] if names else None


def cheapest_by_loop(limits, rows):
    best = None
    for row in rows:
        if meets(limits, row) and (best is None or row["cost"] < best["cost"]):
            best = row
    return None if best is None else best["name"]


def best_with(keep=meets, key=lambda row: row["cost"], told=lambda row: row["name"]):
    """The best row by another rule."""
    return lambda limits, rows: told(min((row for row in rows if keep(limits, row)), key=key))


def not_too_slow_left_out(limits, row):
    return not set(missed_by_loop(limits, row)) - {"p99_ms"}


def in_eight_bits(base, data):
    return base, "ONNX Runtime int8", 1


def narrower(base, data):
    slim = pruning.remove_channels(base, [0.0, 0.25, 0.25, 0.25, 0.25, 0.25])
    training.train(slim, data, training.Recipe(steps=30, batch_size=32, peak_rate=0.01, smoothing=0.0), quiet=True)
    return slim.eval(), "ONNX Runtime int8", 2


def cut_and_shipped(base, data):
    return pruning.remove_channels(base, 0.75), "ONNX Runtime", 1


RIGHT = {
    "12.1": [missed_by_loop, missed_by_signs],
    "12.2": [cheapest_by_sorting, cheapest_by_loop],
    "12.3": [in_eight_bits, narrower],
}

WRONG = {
    "12.1": {
        "keeps all": (missed_with(keep=lambda over: True), "also those that are met"),
        "at the limit is missed": (missed_with(keep=lambda over: over >= 0), "Exactly at the limit is met"),
        "accuracy as a ceiling": (missed_with(floor=None), "treats the accuracy like the others"),
        "all are floors": (turned_round, "The ceilings are turned round"),
        "what is met": (
            lambda limits, measured: {n: -d for n, d in missed_with(keep=lambda d: d <= 0)(limits, measured).items()},
            "the budgets that are met",
        ),
        "the wrong sign": (missed_with(told=lambda over, limit: -over), "the wrong sign"),
        "ratios": (
            lambda limits, measured: {n: measured[n] / limits[n] for n in missed_by_loop(limits, measured)},
            "shares of the limit",
        ),
        "only the names": (lambda limits, measured: list(missed_by_loop(limits, measured)), "A dictionary is needed"),
    },
    "12.2": {
        "no budgets": (best_with(keep=lambda limits, row: True), "it misses the accuracy"),
        "without the latency": (best_with(keep=not_too_slow_left_out), "answers a whole batch at once"),
        "most accurate": (best_with(key=lambda row: -row["accuracy"]), "This is the most accurate one"),
        "smallest": (best_with(key=lambda row: row["size_kib"]), "This is the smallest one"),
        "the row": (best_with(told=lambda row: row), "asked for is its name"),
        "a list": (best_with(told=lambda row: [row["name"]]), "asked for is one name"),
        "its place": (
            lambda limits, rows: [row["name"] for row in rows].index(cheapest_by_loop(limits, rows)),
            "This is where the row stands",
        ),
        "nothing fits": (best_with(), "raised"),
    },
    "12.3": {
        "the base": (lambda base, data: (base, "eager", 1), "size by a factor of 2.0"),
        "not learnt back": (cut_and_shipped, "has to be learnt back"),
        "a whole batch": (lambda base, data: (base, "ONNX Runtime int8", 128), "waits for a whole batch of 128"),
        "no such engine": (
            lambda base, data: (base, "int8", 1),
            "ENGINE is 'int8'; what is shipped here runs on a CPU",
        ),
        "no batch": (lambda base, data: (base, "ONNX Runtime int8", 0), "BATCH is 0"),
        "a network alone": (lambda base, data: base, "name its engine and its batch size"),
        "cut in place": (lambda base, data: (base.train(), "ONNX Runtime int8", 1), "was left in training mode"),
    },
}
