"""The checks of lesson 05: predicting without a trace, folding, percentiles, and who is faster."""

import copy
import functools
import math
import random
from collections.abc import Callable
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib import models
from lessons_lib.checks.describe import describe
from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect
from lessons_lib.checks.surroundings import seed_all


def _network(seed: int) -> nn.Module:
    """A small network with dropout, whose batch norms hold statistics that are far from those of the images."""
    model = models.ConvNet((8, 16), (True, False), classes=4, dropout=0.5)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                low = 0.5 if name.endswith("var") else -0.5
                value.copy_(torch.rand(value.shape, generator=draw) + low)
    return model


def _half_frozen(seed: int) -> nn.Module:
    model = _network(seed).train()
    assert isinstance(model.blocks, nn.Sequential)
    model.blocks[0].eval()
    return model


MOVED = (
    "The running statistics have moved: the model predicted in training mode. `torch.no_grad()` does not change the mode; "
    "call `model.eval()` first."
)
THROWN_AWAY = (
    "The gradients' book-keeping was made and thrown away afterwards: put the call inside `torch.inference_mode()`."
)
ERASED = (
    "The gradients that the weights had in `.grad` are gone or changed: a training that goes on still needs them. A prediction "
    "needs neither `zero_grad()` nor `backward()`."
)


class _Watch:
    """Notes which traces an answer leaves that its result does not show."""

    def __init__(self) -> None:
        self.statistics_moved = self.graph_made = self.gradients_changed = False

    def over(self, answer: Any) -> Any:
        """The same function, watched; what is no function stays as it is, so that it is called by its name."""
        if not callable(answer):
            return answer

        @functools.wraps(answer)
        def watched(model: nn.Module, x: Tensor) -> Any:
            before = {name: value.clone() for name, value in model.named_buffers()}
            for weight in model.parameters():
                weight.grad = torch.ones_like(weight)
            handles = [module.register_forward_hook(self._note_graph) for module in model.modules()]
            result = answer(model, x)
            for handle in handles:
                handle.remove()
            self.statistics_moved = any(not torch.equal(before[name], value) for name, value in model.named_buffers())
            self.gradients_changed = any(p.grad is None or not bool((p.grad == 1).all()) for p in model.parameters())
            return result

        return watched

    def __deepcopy__(self, _memo: dict[int, Any]) -> "_Watch":
        return self  # a copy of the model is watched as well

    def _note_graph(self, _module: nn.Module, _given: Any, output: Any) -> None:
        self.graph_made |= isinstance(output, Tensor) and output.requires_grad

    @property
    def trace(self) -> str:
        """What a right result was got with and should not have been, in a sentence; empty where there is nothing."""
        return THROWN_AWAY if self.graph_made else ERASED if self.gradients_changed else ""


@exercise(
    "05.1",
    "Predict without a trace",
    hints=(
        "Three things around `model(x)`: evaluation mode, no gradients, and the old modes again afterwards.",
        "`with torch.inference_mode():` keeps nothing for gradients. It does not touch the mode of the batch norms.",
        "`model.train(was_training)` puts the whole model into one mode. Note the mode of each of `model.modules()` before, "
        "in its attribute `training`.",
        "`modes = {module: module.training for module in model.modules()}`, and at the end "
        "`for module, was_training in modes.items(): module.training = was_training`.",
    ),
    learned="Evaluation mode and no gradients are two different switches. A prediction needs both, and leaves no trace of either.",
)
def predict(answer: Any) -> None:
    x = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(7)) * 4 - 2
    frozen = "Here the first block is in evaluation mode and the rest is in training mode."
    cases = ((_network(1).train(), ""), (_network(2).eval(), ""), (_half_frozen(3), frozen))
    for model, note in cases:
        with torch.no_grad():
            want = _still(model)(x)
        mistakes = {
            "These are probabilities; asked for are the logits, as the model returns them.": want.softmax(1),
            "These are classes; asked for are the logits, one for each class.": want.argmax(1),
            **_wrong_modes(model, x),
        }
        watch, given = _Watch(), {"model": model, "x": x}
        try:
            expect(watch.over(answer), given, want, mistakes=mistakes, note=note, arrange=_without_graph)
        except NotYet:
            if watch.statistics_moved:
                raise NotYet(f"{MOVED} {note}".rstrip()) from None
            raise
        if watch.trace:
            raise NotYet(f"{watch.trace} {note}".rstrip())


def _still(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model).eval()


def _wrong_modes(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What comes out of a model in training mode where evaluation mode is forgotten, or given to its dropout alone."""
    if not all(module.training for module in model.modules()):
        return {}
    learning, norms_learning = copy.deepcopy(model), _still(model)
    for module in norms_learning.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
    seed_all()  # as before each call of an answer, so that the dropout hides the same features
    with torch.no_grad():
        return {
            "This is what the model answers in training mode: `torch.no_grad` and `inference_mode` do not change the mode, "
            "`model.eval()` does.": learning(x),
            "The dropout is off, but the batch norms still normalise by the images of this batch: put them into evaluation "
            "mode too.": norms_learning(x),
        }


def _without_graph(result: Any) -> Any:
    if isinstance(result, Tensor) and result.requires_grad:
        raise NotYet(
            "The result hangs on a graph: everything that a gradient would need is still in memory. Predict inside "
            "`with torch.inference_mode():`."
        )
    return result.clone() if isinstance(result, Tensor) else result


@exercise(
    "05.2",
    "Fold a batch norm into a convolution",
    hints=(
        "Each output channel is multiplied by one number: `scale = gamma / torch.sqrt(variance + eps)`, (outputs,).",
        "The weight is multiplied by it along its first dimension: `scale[:, None, None, None]` has the shape (outputs, 1, 1, 1).",
        "The constant that comes out is what the batch norm makes of the convolution's own bias: `(bias - mean) * scale + beta`.",
        "`return weight * scale[:, None, None, None], (bias - mean) * scale + beta`",
    ),
    learned="A batch norm that has stopped learning is a multiplication and an addition, and those disappear into the layer before it.",
)
def fold(answer: Any) -> None:
    draw = torch.Generator().manual_seed(5)
    for outputs, inputs, biased in ((4, 4, True), (6, 3, False), (2, 5, True)):
        given = _layer(outputs, inputs, biased, draw)
        want = _folded(**given)
        note = "" if biased else "Here the convolution has no bias of its own: it is all zeros."
        expect(answer, given, want, mistakes=_fold_mistakes(given, want), note=note, arrange=_as_pair)
        _must_be_the_same_function(given, want)


def _layer(outputs: int, inputs: int, biased: bool, draw: torch.Generator) -> dict[str, Any]:
    def numbers(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    return {
        "weight": numbers(outputs, inputs, 3, 3),
        "bias": numbers(outputs) * biased,
        "gamma": numbers(outputs).abs() + 0.5,
        "beta": numbers(outputs),
        "mean": numbers(outputs),
        "variance": torch.rand(outputs, generator=draw) * 3 + 0.05,
        "eps": 0.1,
    }


def _folded(
    weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> list[Tensor]:
    scale = gamma / torch.sqrt(variance + eps)
    return [weight * scale[:, None, None, None], (bias - mean) * scale + beta]


def _must_be_the_same_function(given: dict[str, Any], folded: list[Tensor]) -> None:
    """The expected result itself, against PyTorch: one convolution does what convolution and batch norm did."""
    x = torch.randn(1, given["weight"].shape[1], 5, 5, generator=torch.Generator().manual_seed(1))
    y = F.conv2d(x, given["weight"], given["bias"])
    want = F.batch_norm(y, given["mean"], given["variance"], given["gamma"], given["beta"], eps=given["eps"])
    assert torch.allclose(F.conv2d(x, folded[0], folded[1]), want, atol=1e-4)


def _fold_mistakes(given: dict[str, Any], want: list[Tensor]) -> dict[str, Any]:
    weight, bias, gamma, beta, mean, variance, eps = given.values()
    scale = gamma / torch.sqrt(variance + eps)
    no_root, no_eps, outside = gamma / (variance + eps), gamma / variance.sqrt(), gamma / (variance.sqrt() + eps)
    square = weight.shape[0] == weight.shape[1]
    mistakes: dict[str, Any] = {
        "The square root is missing: a batch norm divides by the standard deviation, not by the variance.": _with(
            given, no_root
        ),
        "`eps` is missing: it is added to the variance before the root is taken.": _with(given, no_eps),
        "`eps` belongs under the root, beside the variance.": _with(given, outside),
        "The weight is right; in the bias, the mean is multiplied by the scale as well: (bias - mean) * scale + beta.": [
            want[0],
            bias * scale - mean + beta,
        ],
        "The weight is right, and the bias lacks `beta`.": [want[0], want[1] - beta],
        "The weight is right; in the bias, the sign of the mean is turned round.": [
            want[0],
            (bias + mean) * scale + beta,
        ],
        "The bias is right, and the weight is still the old one: multiply each output channel by the scale.": [
            weight,
            want[1],
        ],
        "This is the weight alone; the bias is needed too: `return weight, bias`.": want[0],
    }
    if bias.any():
        mistakes["The weight is right; the convolution's own bias has to be scaled too."] = [
            want[0],
            bias - mean * scale + beta,
        ]
        mistakes["The weight is right; the convolution's own bias is lost: it goes through the batch norm as well."] = [
            want[0],
            beta - mean * scale,
        ]
    if square:
        across = weight * scale[None, :, None, None]
        mistakes["The scale went along the inputs: the first dimension of the weight is that of the outputs."] = [
            across,
            want[1],
        ]
    return mistakes


def _with(given: dict[str, Any], scale: Tensor) -> list[Tensor]:
    """The result with another scale and all else right."""
    return [
        given["weight"] * scale[:, None, None, None],
        (given["bias"] - given["mean"]) * scale + given["beta"],
    ]


def _as_pair(result: Any) -> Any:
    if isinstance(result, nn.Module):
        raise NotYet(f"Two tensors are asked for, the weight and the bias; yours is {describe(result)}.")
    return list(result) if isinstance(result, tuple) else result


@exercise(
    "05.3",
    "A percentile that somebody really waited for",
    hints=(
        "`sorted(samples_ms)` returns a new list, the smallest first; `samples_ms.sort()` would change what you were given.",
        "The rank is `math.ceil(percent * len(samples_ms) / 100)`, from 1 to n.",
        "Python counts from 0, so rank 1 stands at index 0.",
        "`return sorted(samples_ms)[math.ceil(percent * len(samples_ms) / 100) - 1]`",
    ),
    learned="Say which percentile you mean, and of how many samples: p99 of 50 samples is simply the slowest one.",
)
def percentile(answer: Any) -> None:
    draw = random.Random(3)
    samples = [round(2 + draw.random() + (20 * draw.random() if place % 9 == 0 else 0), 3) for place in range(40)]
    for percent in (75, 95, 50, 99):
        given = {"samples_ms": samples, "percent": percent}
        expect(answer, given, _nearest_rank(samples, percent), mistakes=_percentile_mistakes(samples, percent))
    ten = samples[:10]
    rounded = (
        "The rank is rounded to the nearest; it has to be rounded **up**, `math.ceil`: otherwise fewer than `percent` of the "
        "samples are covered."
    )
    expect(answer, {"samples_ms": ten, "percent": 51}, _nearest_rank(ten, 51), mistakes={rounded: sorted(ten)[4]})
    note = "With 100 % the slowest sample is meant."
    expect(answer, {"samples_ms": samples, "percent": 100}, max(samples), note=note)
    expect(answer, {"samples_ms": [3.5], "percent": 1}, 3.5, note="A single sample is every percentile.")


def _nearest_rank(samples: list[float], percent: float) -> float:
    return sorted(samples)[math.ceil(percent * len(samples) / 100) - 1]


def _percentile_mistakes(samples: list[float], percent: float) -> dict[str, float]:
    ordered, exact = sorted(samples), percent * len(samples) / 100
    rank = math.ceil(exact)
    return {
        "The samples are not sorted: this is the one that was measured at that place.": samples[rank - 1],
        "This lies between two samples: nobody waited that long. By nearest rank a percentile is one of the samples.": float(
            np.percentile(samples, percent)
        ),
        "This is one rank too high: the rank counts from 1, Python's lists from 0.": ordered[
            min(rank, len(ordered) - 1)
        ],
        "This is one rank too low: round the rank up, then take 1 off for the index.": ordered[max(rank - 2, 0)],
        "The slowest stand first here: this is the percentile of the other end.": ordered[::-1][rank - 1],
        "This is the rank, not the sample that stands there.": float(rank),
    }


@exercise(
    "05.4",
    "How many times faster?",
    hints=(
        "Twice as fast is half the time: in a round B is `a / b` times faster.",
        "`zip(a_ms, b_ms)` goes through the rounds.",
        "The median is the middle of the sorted ratios; of an even number, the mean of the two in the middle.",
        "`statistics.median(a / b for a, b in zip(a_ms, b_ms))`",
    ),
    learned="Pair first, then summarise: what slows the whole machine down cancels out within a round, and stalls do not vote.",
)
def times_faster(answer: Any) -> None:
    for seed, rounds, gain in ((1, 41, 1.25), (2, 40, 0.8), (3, 7, 1.1)):
        a, b = _rounds(seed, rounds, gain)
        note = (
            "The number of rounds is even: the median is the mean of the two ratios in the middle."
            if rounds == 40
            else ""
        )
        want = median(x / y for x, y in zip(a, b, strict=True))
        expect(answer, {"a_ms": a, "b_ms": b}, want, mistakes=_speed_mistakes(a, b), note=note)


def _rounds(seed: int, count: int, gain: float) -> tuple[list[float], list[float]]:
    """Latencies of two that take turns: noise, stalls of the faster one, and a load that begins at a third."""
    draw = random.Random(seed)
    load = [1.0 if place < count / 3 else 3.0 for place in range(count)]
    a = [10 * slow * draw.uniform(0.9, 1.2) for slow in load]
    b = [10 / gain * slow * draw.uniform(0.9, 1.2) for slow in load]
    for place in range(2, count, 6):
        b[place] *= 6
    return [round(value, 4) for value in a], [round(value, 4) for value in b]


def _speed_mistakes(a: list[float], b: list[float]) -> dict[str, float]:
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    kinds: dict[str, Callable[[], float]] = {
        "This is the ratio turned round: less time is faster, so divide A's time by B's.": lambda: 1 / median(ratios),
        "This is the ratio of the means, or of the sums: a few stalled calls decide it.": lambda: mean(a) / mean(b),
        "This is the mean of the ratios: one stalled round moves it. Take their median.": lambda: mean(ratios),
        "This is the ratio of the medians: the load began in the middle, so the two medians need not come from the same "
        "state of the machine. First the ratio of each round, then the median.": lambda: median(a) / median(b),
        "This is the first round alone: one sample.": lambda: ratios[0],
        "This is the ratio of the fastest calls: two samples of all.": lambda: min(a) / min(b),
        "This is the difference, in milliseconds: asked for is a ratio.": lambda: median(
            x - y for x, y in zip(a, b, strict=True)
        ),
        "This is the middle of the rounds as they were measured: sort the ratios first.": lambda: ratios[
            len(ratios) // 2
        ],
    }
    return {sentence: value() for sentence, value in kinds.items()}
