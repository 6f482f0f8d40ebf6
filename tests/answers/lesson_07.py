"""Answers to the exercises of lesson 07: right ones, and wrong ones with a part of the message that each must get."""

import math

import torch
from torch.nn import functional as F


def mask_by_topk(weight, sparsity):
    kept = weight.numel() - round(sparsity * weight.numel())
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    mask.view(-1)[weight.abs().reshape(-1).topk(kept).indices] = True
    return mask


def mask_by_ranks(weight, sparsity):
    ranks = weight.abs().flatten().argsort().argsort()
    return (ranks >= round(sparsity * weight.numel())).reshape(weight.shape)


def mask_with(gone_of=lambda exact: round(exact), rank=torch.abs):
    """A mask whose number of zeros, or whose ranking, is another one."""

    def magnitude_mask(weight, sparsity):
        mask = torch.ones(weight.numel(), dtype=torch.bool)
        mask[rank(weight).flatten().argsort()[: gone_of(sparsity * weight.numel())]] = False
        return mask.view(weight.shape)

    return magnitude_mask


def by_threshold(compare):
    """A threshold at the largest weight that should go."""

    def magnitude_mask(weight, sparsity):
        gone = round(sparsity * weight.numel())
        ordered = weight.abs().flatten().sort().values
        return compare(weight.abs(), ordered[gone - 1] if gone else -1.0)

    return magnitude_mask


def row_by_row(weight, sparsity):
    return torch.stack([mask_by_topk(row, sparsity) for row in weight])


def pattern_by_sorting(weight):
    ranks = weight.abs().unflatten(1, (-1, 4)).argsort(dim=2).argsort(dim=2)
    return (ranks >= 2).flatten(1)


def pattern_by_loops(weight):
    mask = torch.zeros_like(weight, dtype=torch.bool)
    for row in range(weight.shape[0]):
        for start in range(0, weight.shape[1], 4):
            for place in weight[row, start : start + 4].abs().topk(2).indices.tolist():
                mask[row, start + place] = True
    return mask


def pattern_with(change):
    """The pattern of a changed matrix."""
    return lambda weight: pattern_by_sorting(change(weight))


def pattern_of_columns(weight):
    fours = weight.T.abs().reshape(-1, 4)
    mask = torch.zeros_like(fours, dtype=torch.bool).scatter_(1, fours.topk(2).indices, True)
    return mask.reshape(weight.T.shape).T


def pattern_strided(weight):
    fours = weight.abs().reshape(4, -1)
    mask = torch.zeros_like(fours, dtype=torch.bool).scatter_(0, fours.topk(2, dim=0).indices, True)
    return mask.reshape(weight.shape)


def one_of_four(weight):
    fours = weight.abs().reshape(-1, 4)
    return torch.zeros_like(fours, dtype=torch.bool).scatter_(1, fours.topk(1).indices, True).reshape(weight.shape)


def pattern_by_threshold(compare, place):
    """Each four against one of its own magnitudes."""

    def two_of_four(weight):
        fours = weight.abs().unflatten(1, (-1, 4))
        return compare(fours, fours.sort(dim=2).values[..., place, None]).flatten(1)

    return two_of_four


def pattern_by_median(weight):
    fours = weight.abs().reshape(-1, 4)
    return (fours > fours.median(dim=1, keepdim=True).values).reshape(weight.shape)


def pattern_by_the_last_of_equals(weight):
    return pattern_by_sorting(weight.flip(1)).flip(1)


def pattern_of_four_parts(dim):
    """The row cut into four parts, not into parts of four."""

    def two_of_four(weight):
        parts = weight.abs().view(len(weight), 4, -1)
        mask = torch.zeros_like(parts, dtype=torch.bool).scatter_(dim, parts.topk(2, dim=dim).indices, True)
        return mask.view(weight.shape)

    return two_of_four


def channels_by_index_select(first, scale, shift, second, kept):
    narrow = [values.index_select(0, kept) for values in (first, scale, shift)]
    return [*narrow, second.index_select(1, kept)]


def channels_by_loops(first, scale, shift, second, kept):
    places = kept.tolist()
    narrow = [torch.stack([values[place] for place in places]) for values in (first, scale, shift)]
    return (*narrow, torch.stack([second[:, place] for place in places], dim=1))


def gone_of(kept, first):
    return torch.tensor([place for place in range(len(first)) if place not in kept.tolist()])


def silence(first, scale, shift, second, kept):
    gone = gone_of(kept, first)
    return (*(values.index_fill(0, gone, 0.0) for values in (first, scale, shift)), second.index_fill(1, gone, 0.0))


def the_others(first, scale, shift, second, kept):
    return channels_by_index_select(first, scale, shift, second, gone_of(kept, first))


def loss_written_out(logits, teacher_logits, labels, temperature, soft_share):
    total = 0.0
    for mine, taught, label in zip(logits, teacher_logits, labels, strict=True):
        p, q = (values / temperature for values in (taught, mine))
        p, q = p - p.logsumexp(0), q - q.logsumexp(0)
        soft = (p.exp() * (p - q)).sum()
        hard = -(mine - mine.logsumexp(0))[label]
        total = total + soft_share * temperature**2 * soft + (1 - soft_share) * hard
    return total / len(logits)


def loss_with_half_a_gradient(logits, teacher_logits, labels, temperature, soft_share):
    soft = loss_written_out(logits.detach(), teacher_logits, labels, temperature, 1.0)
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)


def loss_of_probabilities(logits, teacher_logits, labels, temperature, soft_share):
    said, taught = ((values / temperature).softmax(1) for values in (logits, teacher_logits))
    soft = temperature**2 * F.kl_div(said, taught, reduction="batchmean")
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)


def loss_by_log_targets(logits, teacher_logits, labels, temperature, soft_share):
    said, taught = ((values / temperature).log_softmax(-1) for values in (logits, teacher_logits))
    soft = F.kl_div(said, taught, log_target=True, reduction="none").sum(1).mean()
    return torch.lerp(F.cross_entropy(logits, labels), soft * temperature**2, soft_share)


def loss_with(
    power=2, reduction="batchmean", p=lambda taught, t: (taught / t).softmax(1), cold_student=False, hot=False
):
    """The loss with one thing done differently."""

    def distillation_loss(logits, teacher_logits, labels, temperature, soft_share):
        said = (logits if cold_student else logits / temperature).log_softmax(1)
        soft = temperature**power * F.kl_div(said, p(teacher_logits, temperature), reduction=reduction)
        hard = F.cross_entropy(logits / temperature if hot else logits, labels)
        return soft_share * soft + (1 - soft_share) * hard

    return distillation_loss


def loss_the_wrong_way_round(logits, teacher_logits, labels, temperature, soft_share):
    log_p = (teacher_logits / temperature).log_softmax(1)
    soft = temperature**2 * F.kl_div(log_p, (logits / temperature).softmax(1), reduction="batchmean")
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)


def loss_as_cross_entropy(logits, teacher_logits, labels, temperature, soft_share):
    soft = temperature**2 * F.cross_entropy(logits / temperature, (teacher_logits / temperature).softmax(1))
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)


def loss_over_the_images(logits, teacher_logits, labels, temperature, soft_share):
    said, taught = (logits / temperature).log_softmax(0), (teacher_logits / temperature).softmax(0)
    soft = temperature**2 * F.kl_div(said, taught, reduction="batchmean")
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)


RIGHT = {
    "07.1": [mask_by_topk, mask_by_ranks],
    "07.2": [pattern_by_sorting, pattern_by_loops, pattern_by_the_last_of_equals],
    "07.3": [channels_by_index_select, channels_by_loops],
    "07.4": [loss_written_out, loss_by_log_targets],
}

WRONG = {
    "07.1": {
        "keeps the signs": (mask_with(rank=lambda weight: weight), "The signs were kept"),
        "wrong way round": (lambda weight, share: ~mask_by_topk(weight, share), "wrong way round"),
        "removes the largest": (mask_with(rank=lambda weight: -weight.abs()), "The largest weights went"),
        "takes the share that stays": (lambda weight, share: mask_by_topk(weight, 1 - share), "the share that stays"),
        "ranks row by row": (row_by_row, "Each row was ranked on its own"),
        "cuts off": (mask_with(int), "`int` and `//` cut off"),
        "a quantile": (
            lambda weight, share: weight.abs() > torch.quantile(weight.abs().flatten(), share),
            "A quantile does not hit the number exactly",
        ),
        "rounds up": (mask_with(math.ceil), "do not round it up"),
        "a threshold that lets all equals go": (by_threshold(torch.gt), "lets all of them go"),
        "a threshold that stays": (by_threshold(torch.ge), "the one at your threshold should go"),
        "returns the weights": (
            lambda weight, share: weight * mask_by_topk(weight, share),
            "These are the weights that stay",
        ),
        "returns numbers": (lambda weight, share: mask_by_topk(weight, share).float(), "`torch.bool`"),
        "changes in place": (lambda weight, share: weight.mul_(2) > 1, "The argument `weight` was changed in place"),
        "returns nothing": (lambda weight, share: None, "is None"),
    },
    "07.2": {
        "half of all": (lambda weight: mask_by_topk(weight, 0.5), "wherever they stand"),
        "half of each row": (lambda weight: row_by_row(weight, 0.5), "Half of each row"),
        "keeps the smallest": (lambda weight: ~pattern_by_sorting(weight), "The two smallest of every four stay"),
        "keeps the signs": (pattern_with(lambda weight: weight - weight.min()), "The signs were kept"),
        "keeps one": (one_of_four, "Three of every four go"),
        "takes columns": (pattern_of_columns, "four neighbours of a column"),
        "a threshold that all equals reach": (pattern_by_threshold(torch.ge, 2), "Of four equal neighbours all stay"),
        "above the median": (pattern_by_median, "Of four equal neighbours none stays"),
        "four far apart in a row": (pattern_of_four_parts(1), "The four are neighbours"),
        "four parts of a row": (pattern_of_four_parts(2), "You cut each row into four parts"),
        "strided groups": (pattern_strided, "do not stand side by side"),
        "returns the weights": (lambda weight: weight * pattern_by_sorting(weight), "These are the weights that stay"),
        "keeps the shape of the groups": (
            lambda weight: pattern_by_sorting(weight).reshape(-1, 4),
            "has the shape (24, 4)",
        ),
    },
    "07.3": {
        "forgets the next layer": (lambda a, s, b, c, k: (a[k], s[k], b[k], c), "still expects all channels"),
        "forgets the batch norm": (
            lambda a, s, b, c, k: (a[k], s, b, c[:, k]),
            "The batch norm still has all channels",
        ),
        "forgets the shift": (lambda a, s, b, c, k: (a[k], s[k], b, c[:, k]), "The shift still has all channels"),
        "wrong axis of the second": (
            lambda a, s, b, c, k: (a[k], s[k], b[k], c[k]),
            "The second layer lost outputs; it",
        ),
        "both axes of the second": (lambda a, s, b, c, k: (a[k], s[k], b[k], c[k][:, k]), "outputs as well as inputs"),
        "wrong axis of the first": (lambda a, s, b, c, k: (a[:, k % a.shape[1]], s[k], b[k], c[:, k]), "has the shape"),
        "keeps the others": (the_others, "you removed them and kept the others"),
        "sets to zero": (silence, "the arrays are as large as before"),
        "keeps the first so many": (
            lambda a, s, b, c, k: (a[: len(k)], s[: len(k)], b[: len(k)], c[:, : len(k)]),
            "not with its length",
        ),
        "returns one tensor": (lambda a, s, b, c, k: a[k], "should be a list of 4"),
    },
    "07.4": {
        "no square": (loss_with(power=0), "The square of the temperature is missing"),
        "no power of two": (loss_with(power=1), "should be squared"),
        "mean over the classes": (loss_with(reduction="mean"), "mean over the classes"),
        "sum over the images": (loss_with(reduction="sum"), "the sum over the images"),
        "wrong way round": (loss_the_wrong_way_round, "The divergence is the wrong way round"),
        "weights swapped": (lambda a, b, y, t, w: loss_written_out(a, b, y, t, 1 - w), "The weights are swapped"),
        "cold teacher": (loss_with(p=lambda taught, t: taught.softmax(1)), "The teacher's logits are not divided"),
        "cold student": (loss_with(cold_student=True), "The student's logits are not divided"),
        "hot labels": (loss_with(hot=True), "The labels' part has no temperature"),
        "cross-entropy": (loss_as_cross_entropy, "subtract the teacher's own entropy"),
        "softmax over the images": (loss_over_the_images, "Softmax runs over the images"),
        "no weights": (
            lambda a, b, y, t, w: loss_written_out(a, b, y, t, 1.0) + loss_written_out(a, b, y, t, 0.0),
            "without their weights",
        ),
        "no softmax of the teacher": (loss_with(p=lambda taught, t: taught / t), "were taken as probabilities"),
        "probabilities first": (loss_of_probabilities, "wants the student's *log*-probabilities first"),
        "detached": (lambda *given: loss_written_out(*given).detach(), "no gradient flows to `logits`"),
        "half detached": (loss_with_half_a_gradient, "a part of the loss is cut off"),
        "a number": (lambda *given: loss_written_out(*given).item(), "Leave out `.item()`"),
    },
}
