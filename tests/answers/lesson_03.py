"""Answers to the exercises of lesson 03: right ones, and wrong ones with a part of the message that each must get."""

import statistics

import numpy as np
import torch


def spoil_by_a_loop(labels, places, steps, classes):
    spoilt = list(labels.tolist())
    for place, step in zip(places.tolist(), steps.tolist(), strict=True):
        spoilt[place] = (spoilt[place] + step) % classes
    return torch.tensor(spoilt)


def spoil_by_adding(labels, places, steps, classes):
    return labels.index_add(0, places, steps) % classes


def put(labels, places, values):
    result = labels.clone()
    result[places] = values
    return result


def spoil_in_place(labels, places, steps, classes):
    labels[places] = (labels[places] + steps) % classes
    return labels


def spoil_and_lose(labels, places, steps, classes):
    chosen = labels[places]
    chosen += steps
    return labels


def spoil_at_random(labels, places, steps, classes):
    return put(labels, places, torch.randint(classes, places.shape))


def erase_by_index(x, tops, lefts, side):
    erased = x.clone()
    for i in range(len(x)):
        erased[i, :, tops[i] : tops[i] + side, lefts[i] : lefts[i] + side] = 0
    return erased


def erase_by_mask(x, tops, lefts, side):
    rows, columns = torch.arange(x.shape[2]), torch.arange(x.shape[3])
    high = (rows >= tops[:, None]) & (rows < tops[:, None] + side)
    wide = (columns >= lefts[:, None]) & (columns < lefts[:, None] + side)
    return x * ~(high[:, None, :, None] & wide[:, None, None, :])


def erase_all_alike(x, tops, lefts, side, place=0):
    erased = x.clone()
    erased[:, :, tops[place] : tops[place] + side, lefts[place] : lefts[place] + side] = 0
    return erased


def erase_everywhere(x, tops, lefts, side):
    erased = x.clone()
    for top, left in zip(tops, lefts, strict=True):
        erased[:, :, top : top + side, left : left + side] = 0
    return erased


def erase_one_colour(x, tops, lefts, side):
    erased = x.clone()
    for i in range(len(x)):
        erased[i, 0, tops[i] : tops[i] + side, lefts[i] : lefts[i] + side] = 0
    return erased


def erase_the_rest(x, tops, lefts, side):
    return x - erase_by_index(x, tops, lefts, side)


def erase_in_place(x, tops, lefts, side):
    for image, top, left in zip(x, tops, lefts, strict=True):
        image[:, top : top + side, left : left + side] = 0
    return x


def erase_and_return_early(x, tops, lefts, side):
    erased = x.clone()
    for image, top, left in zip(erased, tops, lefts, strict=True):
        image[:, top : top + side, left : left + side] = 0
        return erased


def matrix_by_bincount(labels, predictions, classes):
    return torch.bincount(labels * classes + predictions, minlength=classes**2).view(classes, classes)


def matrix_by_one_hot(labels, predictions, classes):
    rows, columns = (torch.nn.functional.one_hot(one, classes) for one in (labels, predictions))
    return rows.T @ columns


def matrix_once(labels, predictions, classes):
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    counts[labels, predictions] += 1
    return counts


def shares_of_rows(labels, predictions, classes):
    counts = matrix_by_bincount(labels, predictions, classes)
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def seen_classes_only(labels, predictions, classes):
    seen = int(torch.cat([labels, predictions]).max()) + 1
    return matrix_by_bincount(labels, predictions, seen)


def only_right(labels, predictions, classes):
    return matrix_by_bincount(labels, predictions, classes).diagonal().diag()


def only_mistakes(labels, predictions, classes):
    return matrix_by_bincount(labels, predictions, classes).fill_diagonal_(0)


def differences(before, after):
    return [a - b for b, a in zip(before, after, strict=True)]


def t_by_statistics(before, after):
    d = differences(before, after)
    return statistics.mean(d) / (statistics.stdev(d) / len(d) ** 0.5)


def t_by_numpy(before, after):
    d = np.array(after) - np.array(before)
    return float(np.sqrt(len(d)) * d.mean() / d.std(ddof=1))


def t_of_two_groups(before, after):
    spread = (statistics.variance(before) + statistics.variance(after)) / len(before)
    return (statistics.mean(after) - statistics.mean(before)) / spread**0.5


def t_with_n(before, after):
    d = np.array(after) - np.array(before)
    return float(np.sqrt(len(d)) * d.mean() / d.std())


RIGHT = {
    "03.1": [spoil_by_a_loop, spoil_by_adding],
    "03.2": [erase_by_index, erase_by_mask],
    "03.3": [matrix_by_bincount, matrix_by_one_hot],
    "03.4": [t_by_statistics, t_by_numpy],
}

WRONG = {
    "03.1": {
        "forgets the remainder": (lambda y, p, s, k: put(y, p, y[p] + s), "beyond the last class"),
        "holds at the last class": (lambda y, p, s, k: put(y, p, (y[p] + s).clamp(max=k - 1)), "held at the last"),
        "sets to 0 beyond the last class": (lambda y, p, s, k: put(y, p, (y[p] + s) * (y[p] + s < k)), "all set to 0"),
        "puts the steps": (lambda y, p, s, k: put(y, p, s), "the steps themselves"),
        "returns the spoilt ones": (lambda y, p, s, k: (y[p] + s) % k, "only the spoilt labels"),
        "moves back": (lambda y, p, s, k: put(y, p, (y[p] - s) % k), "moved back"),
        "changes in place": (spoil_in_place, "The argument `labels` was changed in place"),
        "loses the change": (spoil_and_lose, "the change got lost"),
        "draws at random": (spoil_at_random, "values differ"),
    },
    "03.2": {
        "the first for all": (erase_all_alike, "that of the first image"),
        "the last for all": (lambda *given: erase_all_alike(*given, place=-1), "that of the last image"),
        "all for all": (erase_everywhere, "lost all the squares"),
        "swaps rows and columns": (lambda x, t, left, s: erase_by_index(x, left, t, s), "Rows and columns are swapped"),
        "one colour": (erase_one_colour, "Only the first colour"),
        "too large": (lambda x, t, left, s: erase_by_index(x, t, left, s + 1), "one pixel too large"),
        "too small": (lambda x, t, left, s: erase_by_index(x, t, left, s - 1), "one pixel too small"),
        "keeps the square": (erase_the_rest, "the other way round"),
        "does nothing": (lambda x, t, left, s: x, "Nothing was erased"),
        "returns early": (erase_and_return_early, "inside the loop"),
        "changes in place": (erase_in_place, "The argument `x` was changed in place"),
    },
    "03.3": {
        "transposes": (lambda y, p, k: matrix_by_bincount(p, y, k), "It is transposed"),
        "counts a pair once": (matrix_once, "counted once only"),
        "normalises rows": (shares_of_rows, "shares of each row"),
        "normalises all": (lambda y, p, k: matrix_by_bincount(y, p, k) / max(len(y), 1), "shares of all images"),
        "counts in floats": (lambda y, p, k: matrix_by_bincount(y, p, k).float(), "not whole numbers"),
        "forgets a class": (seen_classes_only, "Class 3 is missing"),
        "only right": (only_right, "Only the right answers"),
        "only mistakes": (only_mistakes, "Only the mistakes"),
        "returns lists": (lambda y, p, k: matrix_by_bincount(y, p, k).tolist(), "should be a tensor"),
    },
    "03.4": {
        "ignores the pairs": (t_of_two_groups, "The pairs are ignored"),
        "wrong sign": (lambda b, a: t_by_statistics(a, b), "The sign is wrong"),
        "forgets the root": (lambda b, a: t_by_statistics(b, a) / len(a) ** 0.5, "square root of n is missing"),
        "divides by n in the spread": (t_with_n, "Divide by n - 1"),
        "divides by n": (lambda b, a: t_by_statistics(b, a) * len(a) ** 0.5, "n instead of its square root"),
        "only the mean": (lambda b, a: statistics.mean(differences(b, a)), "This is the mean difference"),
        "only the error": (lambda b, a: statistics.stdev(differences(b, a)) / len(a) ** 0.5, "the standard error;"),
        "divides by the variance": (
            lambda b, a: t_by_statistics(b, a) / statistics.stdev(differences(b, a)),
            "divided by the variance",
        ),
        "root in the wrong place": (lambda b, a: t_by_statistics(b, a) / len(a), "wrong place"),
        "returns a tensor": (lambda b, a: torch.tensor(t_by_statistics(b, a)), "`.item()` takes the number out"),
    },
}
