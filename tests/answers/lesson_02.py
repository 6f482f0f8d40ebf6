"""Answers to the exercises of lesson 02: right ones, and wrong ones with a part of the message that each must get."""

import torch


def memory_by_parts(parameters, slots, per_image, batch):
    weights = gradients = 4 * parameters
    return weights + gradients + slots * 4 * parameters + sum(per_image for _ in range(batch))


def joined_by_einsum(gradients, batch_sizes):
    shares = torch.tensor(batch_sizes, dtype=torch.float32) / sum(batch_sizes)
    return torch.tensordot(shares, torch.stack(gradients), dims=1)


def joined_by_a_loop(gradients, batch_sizes):
    total = torch.zeros_like(gradients[0])
    for index, gradient in enumerate(gradients):
        total = total + gradient * batch_sizes[index] / sum(batch_sizes)
    return total


def first_by_a_loop(runs, target):
    best, soonest = None, float("inf")
    for name, looks in runs.items():
        for seconds, accuracy in looks:
            if accuracy >= target:
                if seconds < soonest:
                    best, soonest = name, seconds
                break
    return best


def first_by_sorting(runs, target):
    reached = sorted((s, name) for name, looks in runs.items() for s, a in looks if a >= target)
    return reached[0][1] if reached else None


def pieces(gradient, x, y, size):
    return [(gradient(a, b), len(a)) for a, b in zip(x.split(size), y.split(size), strict=True)]


def accumulated_by_chunks(gradient, x, y, size):
    return sum(g * n for g, n in pieces(gradient, x, y, size)) / len(x)


def accumulated_one_by_one(gradient, x, y, size):
    return torch.stack([gradient(x[i : i + 1], y[i : i + 1]) for i in range(len(x))]).mean(0)


def only_whole_pieces(gradient, x, y, size):
    found = [g for g, n in pieces(gradient, x, y, size) if n == size]
    return torch.stack(found).mean(0) if found else torch.zeros(x.shape[1])


def fewest_looks(runs, target):
    places = {
        name: next(i for i, (_, accuracy) in enumerate(looks) if accuracy >= target)
        for name, looks in runs.items()
        if any(accuracy >= target for _, accuracy in looks)
    }
    return min(places, key=places.get, default=None)


def last_look(runs, target):
    reached = {}
    for name, looks in runs.items():
        if looks and looks[-1][1] >= target:
            reached[name] = min(s for s, a in looks if a >= target)
    return min(reached, key=reached.get, default=None)


def never_falls(runs, target):
    return last_look({name: looks for name, looks in runs.items() if name != "early"}, target)


def first_above(runs, target):
    return first_by_sorting(runs, target + 1e-9)


RIGHT = {
    "02.1": [memory_by_parts, lambda p, s, a, b: (2 + s) * p * 4 + b * a],
    "02.2": [joined_by_einsum, joined_by_a_loop],
    "02.3": [first_by_a_loop, first_by_sorting],
    "02.4": [accumulated_by_chunks, accumulated_one_by_one],
}

WRONG = {
    "02.1": {
        "no gradients": (lambda p, s, a, b: 4 * p * (1 + s) + a * b, "gradients are missing"),
        "no slots": (lambda p, s, a, b: 8 * p + a * b, "slots are missing"),
        "as in a prediction": (lambda p, s, a, b: 4 * p + a * b, "as in a prediction"),
        "adds the slots once": (lambda p, s, a, b: 4 * (2 * p + s) + a * b, "slots of its own"),
        "one image": (lambda p, s, a, b: 4 * p * (2 + s) + a, "those of one image"),
        "no activations": (lambda p, s, a, b: 4 * p * (2 + s), "The activations are missing"),
        "counts numbers": (lambda p, s, a, b: p * (2 + s) + a * b, "not their bytes"),
        "four times the activations": (lambda p, s, a, b: 4 * (p * (2 + s) + a * b), "in bytes already"),
        "weights for each image": (lambda p, s, a, b: b * (4 * p * (2 + s) + a), "share one set of weights"),
        "bits": (lambda p, s, a, b: 32 * p * (2 + s) + a * b, "These are bits"),
        "a float": (lambda p, s, a, b: 4.0 * p * (2 + s) + a * b, "should be of type int"),
    },
    "02.2": {
        "plain mean": (lambda g, n: torch.stack(g).mean(0), "plain mean of the gradients"),
        "sum": (lambda g, n: torch.stack(g).sum(0), "sum of the gradients"),
        "sum over images": (lambda g, n: joined_by_a_loop(g, n) * sum(n), "sum over all images"),
        "divides by workers": (lambda g, n: joined_by_a_loop(g, n) * sum(n) / len(n), "number of workers"),
        "forgets to multiply": (lambda g, n: sum(g) / sum(n), "without multiplying by the batch sizes"),
        "divides twice": (lambda g, n: joined_by_a_loop(g, n) / len(n), "divided twice"),
        "first worker": (lambda g, n: g[0], "first worker alone"),
        "weights reversed": (lambda g, n: joined_by_a_loop(g, [sum(n) - m for m in n]), "wrong way round"),
        "changes in place": (
            lambda g, n: sum(a.mul_(m) for a, m in zip(g, n, strict=True)) / sum(n),
            "was changed in place",
        ),
    },
    "02.3": {
        "highest in the end": (
            lambda r, t: max((n for n in r if r[n]), key=lambda n: r[n][-1][1], default=None),
            "highest accuracy",
        ),
        "above only": (first_above, "equal to the target is enough: `>=`"),
        "earliest look": (lambda r, t: min(r, key=lambda n: r[n][0][0]), "looked at earliest"),
        "compares places": (fewest_looks, "not the places in the lists"),
        "seconds": (
            lambda r, t: min((s for looks in r.values() for s, a in looks if a >= t), default=None),
            "asked for is the name",
        ),
        "always None": (lambda r, t: None, "None"),
        "last look": (never_falls, "after it reached the target"),
        "forgets the empty case": (
            lambda r, t: min((s, n) for n, looks in r.items() for s, a in looks if a >= t)[1],
            "ValueError",
        ),
    },
    "02.4": {
        "the whole batch": (lambda f, x, y, s: f(x, y), "Hand it one piece at a time"),
        "mean of means": (
            lambda f, x, y, s: torch.stack([g for g, _ in pieces(f, x, y, s)]).mean(0),
            "mean of the pieces' means",
        ),
        "sum of means": (lambda f, x, y, s: sum(g for g, _ in pieces(f, x, y, s)), "never divided"),
        "sum over images": (lambda f, x, y, s: accumulated_by_chunks(f, x, y, s) * len(x), "sum over all images"),
        "divides by the size": (
            lambda f, x, y, s: accumulated_by_chunks(f, x, y, s) * len(x) / s,
            "by the size of a piece",
        ),
        "divides by the pieces": (
            lambda f, x, y, s: accumulated_by_chunks(f, x, y, s) * len(x) / len(pieces(f, x, y, s)),
            "by the number of pieces",
        ),
        "last piece": (lambda f, x, y, s: pieces(f, x, y, s)[-1][0], "last piece alone"),
        "first piece": (lambda f, x, y, s: pieces(f, x, y, s)[0][0], "first piece alone"),
        "drops the last": (only_whole_pieces, "The last piece is missing"),
        "forgets to multiply": (
            lambda f, x, y, s: sum(g for g, _ in pieces(f, x, y, s)) / len(x),
            "without multiplying each piece",
        ),
    },
}
