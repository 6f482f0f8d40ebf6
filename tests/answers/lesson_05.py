"""Answers to the exercises of lesson 05: right ones, and wrong ones with a part of the message that each must get."""

import copy
import math
from statistics import median

import numpy as np
import torch
from torch import nn


def predict_on_a_copy(model, x):
    with torch.no_grad():
        return copy.deepcopy(model).eval()(x)


def predict_by_functional_call(model, x):
    modes = [module.training for module in model.modules()]
    model.train(False)
    try:
        with torch.no_grad():
            logits = model(x)
    finally:
        for module, mode in zip(model.modules(), modes, strict=True):
            module.training = mode
    return logits


def predict_in_the_mode_it_is_in(model, x):
    with torch.no_grad():
        return copy.deepcopy(model)(x)


def predict_and_move_the_statistics(model, x):
    with torch.no_grad():
        return model(x)


def predict_and_detach(model, x):
    return copy.deepcopy(model).eval()(x).detach()


def predict_and_erase_the_gradients(model, x):
    model.zero_grad()
    return predict_on_a_copy(model, x)


def predict_with_a_graph(model, x):
    return copy.deepcopy(model).eval()(x)


def predict_and_stay(model, x):
    model.eval()
    with torch.inference_mode():
        return model(x)


def predict_and_train_all(model, x):
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(x)
    model.train(was_training)
    return logits


def predict_without_dropout_only(model, x):
    used = copy.deepcopy(model)
    for module in used.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    with torch.no_grad():
        return used(x)


def after(change):
    """A right prediction with something done to its result."""
    return lambda model, x: change(predict_on_a_copy(model, x))


def fold_channel_by_channel(weight, bias, gamma, beta, mean, variance, eps):
    folded, shifts = torch.empty_like(weight), torch.empty_like(bias)
    for channel in range(len(weight)):
        scale = gamma[channel] / math.sqrt(variance[channel] + eps)
        folded[channel] = weight[channel] * scale
        shifts[channel] = (bias[channel] - mean[channel]) * scale + beta[channel]
    return folded, shifts


def fold_by_einsum(weight, bias, gamma, beta, mean, variance, eps):
    scale = gamma * (variance + eps).rsqrt()
    return [torch.einsum("o,oihw->oihw", scale, weight), scale * bias + (beta - scale * mean)]


def folded(scale_of=None, bias_of=None, weight_of=None):
    """A right answer with one of its parts done otherwise."""

    def fold(weight, bias, gamma, beta, mean, variance, eps):
        scale = (scale_of or (lambda g, v, e: g / torch.sqrt(v + e)))(gamma, variance, eps)
        new_weight = weight * scale[:, None, None, None] if weight_of is None else weight_of(weight, scale)
        new_bias = (bias - mean) * scale + beta if bias_of is None else bias_of(bias, scale, beta, mean)
        return new_weight, new_bias

    return fold


def fold_in_place(weight, bias, gamma, beta, mean, variance, eps):
    scale = gamma / torch.sqrt(variance + eps)
    weight.mul_(scale[:, None, None, None])
    return weight, (bias - mean) * scale + beta


def percentile_by_counting(samples_ms, percent):
    needed = percent * len(samples_ms) / 100
    return min(s for s in samples_ms if sum(other <= s for other in samples_ms) >= needed)


def percentile_by_numpy(samples_ms, percent):
    return float(np.percentile(samples_ms, percent, method="inverted_cdf"))


def rank_of(samples_ms, percent):
    return math.ceil(percent * len(samples_ms) / 100)


def percentile_in_place(samples_ms, percent):
    samples_ms.sort()
    return samples_ms[rank_of(samples_ms, percent) - 1]


def one_rank_too_high(samples_ms, percent):
    return sorted(samples_ms)[min(rank_of(samples_ms, percent), len(samples_ms) - 1)]


def rank_rounded_down(samples_ms, percent):
    return sorted(samples_ms)[max(math.floor(percent * len(samples_ms) / 100) - 2, 0)] if percent < 100 else 0.0


def faster_by_logarithms(a_ms, b_ms):
    ratios = sorted(np.asarray(a_ms) / np.asarray(b_ms))
    low, high = ratios[(len(ratios) - 1) // 2], ratios[len(ratios) // 2]
    return (low + high) / 2


def ratios(a_ms, b_ms):
    return [a / b for a, b in zip(a_ms, b_ms, strict=True)]


RIGHT = {
    "05.1": [predict_on_a_copy, predict_by_functional_call],
    "05.2": [fold_channel_by_channel, fold_by_einsum],
    "05.3": [percentile_by_counting, percentile_by_numpy],
    "05.4": [faster_by_logarithms, lambda a, b: float(np.median(np.divide(a, b)))],
}

WRONG = {
    "05.1": {
        "moves the statistics": (predict_and_move_the_statistics, "The running statistics have moved"),
        "detaches": (predict_and_detach, "made and thrown away afterwards"),
        "erases the gradients": (predict_and_erase_the_gradients, "had in `.grad` are gone"),
        "keeps the graph": (predict_with_a_graph, "hangs on a graph"),
        "stays in evaluation mode": (predict_and_stay, "was left in evaluation mode"),
        "trains the frozen part": (predict_and_train_all, "was left in training mode"),
        "turns only the dropout off": (predict_without_dropout_only, "batch norms still normalise by the images"),
        "forgets evaluation mode": (predict_in_the_mode_it_is_in, "what the model answers in training mode"),
        "softmax": (after(lambda logits: logits.softmax(1)), "These are probabilities"),
        "classes": (after(lambda logits: logits.argmax(1)), "These are classes"),
        "nothing": (lambda model, x: None, "Does every path end in"),
        "a list": (after(lambda logits: logits.tolist()), "should be a tensor of shape"),
    },
    "05.2": {
        "no root": (folded(lambda g, v, e: g / (v + e)), "square root is missing"),
        "no eps": (folded(lambda g, v, e: g / v.sqrt()), "`eps` is missing"),
        "eps outside": (folded(lambda g, v, e: g / (v.sqrt() + e)), "belongs under the root"),
        "mean not scaled": (
            folded(bias_of=lambda b, s, beta, m: b * s - m + beta),
            "the mean is multiplied by the scale",
        ),
        "no beta": (folded(bias_of=lambda b, s, beta, m: (b - m) * s), "lacks `beta`"),
        "sign of the mean": (folded(bias_of=lambda b, s, beta, m: (b + m) * s + beta), "sign of the mean"),
        "bias not scaled": (folded(bias_of=lambda b, s, beta, m: b - m * s + beta), "own bias has to be scaled"),
        "bias lost": (folded(bias_of=lambda b, s, beta, m: beta - m * s), "own bias is lost"),
        "along the inputs": (folded(weight_of=lambda w, s: w * s[None, :, None, None]), "went along the inputs"),
        "the old weight": (folded(weight_of=lambda w, s: w), "the weight is still the old one"),
        "broadcasts wrongly": (folded(weight_of=lambda w, s: w * s), "must match the size"),
        "weight alone": (lambda *given: fold_by_einsum(*given)[0], "the bias is needed too"),
        "in place": (fold_in_place, "The argument `weight` was changed in place"),
        "a layer": (lambda *given: nn.Conv2d(3, 3, 3), "Two tensors are asked for"),
    },
    "05.3": {
        "unsorted": (lambda s, p: s[rank_of(s, p) - 1], "The samples are not sorted"),
        "interpolates": (lambda s, p: float(np.percentile(s, p)), "lies between two samples"),
        "one too high": (one_rank_too_high, "one rank too high"),
        "one too low": (rank_rounded_down, "one rank too low"),
        "the other end": (lambda s, p: sorted(s, reverse=True)[rank_of(s, p) - 1], "the other end"),
        "the rank": (lambda s, p: float(rank_of(s, p)), "This is the rank"),
        "sorts in place": (percentile_in_place, "The argument `samples_ms` was changed in place"),
        "rounds to the nearest": (lambda s, p: sorted(s)[round(p * len(s) / 100) - 1], "rounded to the nearest"),
        "runs over the end": (lambda s, p: sorted(s)[int(p)], "IndexError"),
        "the mean": (lambda s, p: sum(s) / len(s), "expected"),
    },
    "05.4": {
        "turned round": (lambda a, b: median(y / x for x, y in zip(a, b, strict=True)), "turned round"),
        "means": (lambda a, b: sum(a) / sum(b), "ratio of the means"),
        "mean of the ratios": (lambda a, b: sum(ratios(a, b)) / len(a), "mean of the ratios"),
        "ratio of the medians": (lambda a, b: median(a) / median(b), "ratio of the medians"),
        "first round": (lambda a, b: a[0] / b[0], "the first round alone"),
        "fastest": (lambda a, b: min(a) / min(b), "the fastest calls"),
        "difference": (lambda a, b: median(x - y for x, y in zip(a, b, strict=True)), "This is the difference"),
        "unsorted": (lambda a, b: ratios(a, b)[len(a) // 2], "sort the ratios first"),
        "a tensor": (lambda a, b: torch.tensor(median(ratios(a, b))), "plain float"),
        "all ratios": (ratios, "should be of type float"),
    },
}
