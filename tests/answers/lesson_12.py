"""Answers to the exercises of lesson 12: right ones, and wrong ones with a part of the message that each must get."""

from torch import nn

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


def learnt_back(slim, data, steps):
    training.train(slim, data, training.Recipe(steps=steps, batch_size=32, peak_rate=0.02), quiet=True)
    return slim.eval()


def narrower(base, data):
    slim = pruning.remove_channels(base, [0.0, 0.25, 0.25, 0.25, 0.25, 0.25])
    training.train(slim, data, training.Recipe(steps=30, batch_size=32, peak_rate=0.01, smoothing=0.0), quiet=True)
    return slim.eval(), "ONNX Runtime int8", 2


def of_my_own(base, data):
    slim = learnt_back(pruning.remove_channels(base, 0.35), data, 30)
    return nn.Sequential(slim.blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), slim.head), "ONNX Runtime int8", 1


def without_an_end(base, data):
    return nn.Sequential(*base.blocks), "ONNX Runtime int8", 1


class Undecided(nn.Module):
    """Does another thing with dark images: PyTorch cannot write that as a graph."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner(-images if images.mean() < 0 else images)


def cut_and_shipped(base, data):
    return pruning.remove_channels(base, 0.75), "ONNX Runtime", 1


def over_the_measured(limits, measured):
    return {name: got - limits[name] for name, got in measured.items() if got > limits[name]}


def without_the_cost(limits, measured):
    return {name: over for name, over in missed_by_loop(limits, measured).items() if name != "cost"}


def accuracy_below_0(limits, measured):
    return {name: -over if name == "accuracy" else over for name, over in missed_by_loop(limits, measured).items()}


RIGHT = {
    "12.1": [missed_by_loop, missed_by_signs],
    "12.2": [cheapest_by_sorting, cheapest_by_loop],
    "12.3": [narrower, of_my_own],
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
        "loops over the name": (over_the_measured, "KeyError: 'name'"),
        "one left out": (without_the_cost, "`cost` is missed by 0.25; your dictionary leaves it out."),
        "one below 0": (accuracy_below_0, "`accuracy` in your dictionary is -0.03125; expected 0.03125."),
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
        "the base": (lambda base, data: (base, "eager", 1), "size by a factor of 5.0"),
        "8 bits alone": (in_eight_bits, "misses 1 of 5 budgets: size by"),
        "fewer channels alone": (
            lambda base, data: (learnt_back(pruning.remove_channels(base, 0.3), data, 20), "ONNX Runtime", 1),
            "size by a factor of 2.5",
        ),
        "no classes": (without_an_end, "a logit for each of the 12 classes"),
        "cannot be a graph": (
            lambda base, data: (Undecided(base), "ONNX Runtime", 1),
            "cannot be written as an ONNX graph",
        ),
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
