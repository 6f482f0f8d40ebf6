"""The checks of lesson 07: a magnitude mask, the 2:4 pattern, narrower layers, the loss of distillation."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import call, expect


def _random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@exercise(
    "07.1",
    "A mask by magnitude",
    hints=(
        "Near to zero means a small absolute value: `weight.abs()`.",
        "How many go? `round(sparsity * weight.numel())`. Which? The first so many of `weight.abs().flatten().argsort()`.",
        "Begin with `mask = torch.ones(weight.numel(), dtype=torch.bool)`, set the places that go to False, and give the mask the "
        "shape of the weight.",
        "`mask[weight.abs().flatten().argsort()[:gone]] = False`, then `return mask.view(weight.shape)`.",
    ),
    learned="A threshold is the obvious way, but equal weights then go or stay together; ranking the places hits the share exactly.",
)
def magnitude_mask(answer: Any) -> None:
    some = torch.tensor([[0.5, -0.1, 0.3, -2.0], [-0.4, 0.2, -0.6, 1.0]])
    cases = [
        (some, 0.375, "Magnitude is what counts, not the sign."),
        (_random(1, 3, 2, 3, 3), 0.8, "54 weights, of which 43.2 should go: round it."),
        (_random(7, 9), 0.3, "9 weights, of which 2.7 should go: round it."),
        (_random(2, 5, 3), 0.85, "15 weights, of which 12.75 should go: round it."),
        (_random(3, 4, 4), 0.0, "Nothing should go."),
        (_random(4, 4), 1.0, "Everything should go."),
    ]
    for weight, sparsity, note in cases:
        given = {"weight": weight, "sparsity": sparsity}
        want = _smallest_gone(weight, round(sparsity * weight.numel()))
        expect(answer, given, want, mistakes=_mask_mistakes(weight, sparsity), note=note, arrange=_must_be_bool)
    equal = torch.tensor([0.5, -0.5, 0.5, 0.5, 2.0, 0.5, 1.0, -3.0])
    expect(
        answer,
        {"weight": equal, "sparsity": 0.5},
        4,
        mistakes={
            "Five weights are equally near to zero, and your threshold lets all of them go: exactly half should. Rank the places "
            "instead of comparing values.": 3,
            "Five weights are equally near to zero, and your threshold lets all of them stay: exactly half should go. Rank the "
            "places instead of comparing values.": 8,
        },
        arrange=lambda mask: int(_must_be_bool(mask).sum()),
        note="Some weights are equal here.",
    )


def _smallest_gone(weight: Tensor, gone: int, *, by: Tensor | None = None) -> Tensor:
    """One place after the other, so that the check does not share the solution's way."""
    size = (weight.abs() if by is None else by).flatten().tolist()
    ranked = sorted(range(len(size)), key=size.__getitem__)
    mask = torch.tensor([place not in set(ranked[:gone]) for place in range(len(size))])
    return mask.view(weight.shape)


def _must_be_bool(mask: Any) -> Any:
    if isinstance(mask, Tensor) and mask.dtype != torch.bool:
        if mask.dtype.is_floating_point and not set(mask.unique().tolist()) <= {0.0, 1.0}:
            raise NotYet(
                "These are the weights that stay; asked for is the mask: True where a weight stays, else False."
            )
        raise NotYet(f"The mask has the dtype {mask.dtype}; True and False are needed: `torch.bool`.")
    return mask


def _mask_mistakes(weight: Tensor, sparsity: float) -> dict[str, Tensor]:
    exact, count = sparsity * weight.numel(), weight.numel()
    gone = round(exact)
    mistakes = {
        "The signs were kept: you ranked the weights, so that large negative ones went. Rank their magnitudes, `.abs()`.": (
            _smallest_gone(weight, gone, by=weight)
        ),
        "This is the wrong way round: True stands where a weight goes, and it should stand where one stays.": (
            ~_smallest_gone(weight, gone)
        ),
        "The largest weights went; those nearest to zero should.": _smallest_gone(weight, gone, by=-weight.abs()),
        "`sparsity` is the share that goes; in your mask it is the share that stays.": _smallest_gone(
            weight, count - gone
        ),
        "Each row was ranked on its own; rank all weights of the tensor together.": _row_by_row(weight, sparsity),
    }
    by_quantile = weight.abs() > torch.quantile(weight.abs(), sparsity)
    if int(by_quantile.sum()) > count - gone:  # `int` was told apart by an earlier case, in which the quantile is right
        mistakes[
            "One weight too many stays: round(sparsity · number) should go. A quantile does not hit the number exactly; rank the "
            "places."
        ] = by_quantile
    cut_off = "One weight too many stays: `int` and `//` cut off, use `round`."
    at_threshold = "One weight too many stays: the one at your threshold should go as well."
    mistakes[cut_off if int(exact) < gone else at_threshold] = _smallest_gone(weight, gone - 1)
    rounded_up = "One weight too many goes: `round` the number, do not round it up."
    at_threshold = "One weight too many goes: the one at your threshold should stay."
    mistakes[rounded_up if gone < exact else at_threshold] = _smallest_gone(weight, gone + 1)
    return mistakes


def _row_by_row(weight: Tensor, sparsity: float) -> Tensor:
    rows = weight.reshape(len(weight), -1)
    return torch.stack([_smallest_gone(row, round(sparsity * len(row))) for row in rows]).view(weight.shape)


@exercise(
    "07.2",
    "Two of four",
    hints=(
        "`weight.abs().reshape(-1, 4)` puts four neighbours of a row into each row of a new matrix: the numbers of a row lie one "
        "after the other.",
        "`.topk(2, dim=1).indices` gives the places of the two largest in each row of four.",
        "`mask.scatter_(1, places, True)` sets a mask to True at these places of each row; begin with "
        "`torch.zeros_like(fours, dtype=torch.bool)`.",
        "In the end `.reshape(weight.shape)` brings the mask back into the shape of the weight.",
    ),
    learned="The pattern is rigid, and that is its point: the GPU stores two values and two 2-bit places for every four, and needs no "
    "search.",
)
def two_of_four(answer: Any) -> None:
    clear = torch.tensor([[4.0, -3.0, 0.1, 0.2, 0.3, -0.1, 0.5, 0.2], [-9.0, 1.0, -8.0, 2.0, 0.7, 0.6, 0.5, -0.8]])
    for weight, note in (
        (_random(5, 8, 12), "12 columns are three groups of four in each row."),
        (clear, "The first four of the first row keep 4 and -3; the next four keep 0.3 and 0.5, small as they are."),
        (_random(6, 4, 4), "Four rows of four."),
    ):
        expect(
            answer,
            {"weight": weight},
            _best_pairs(weight),
            mistakes=_pattern_mistakes(weight),
            note=note,
            arrange=_must_be_bool,
        )
    equal = torch.tensor([[1.0, -1.0, 1.0, 1.0, 3.0, 0.5, -0.5, 0.5], [0.2, 0.1, 0.1, -0.1, -2.0, -2.0, -2.0, -2.0]])
    expect(
        answer,
        {"weight": equal},
        _kept_of_fours(_best_pairs(equal), equal),
        mistakes={
            "Of four equal neighbours all stay: a threshold cannot choose between equals. Rank the places (`topk`).": (
                _kept_of_fours(torch.ones_like(equal), equal)
            ),
            "Of four equal neighbours none stays: a threshold cannot choose between equals, and exactly two should stay. Rank the "
            "places (`topk`).": _kept_of_fours(equal.abs() > _second_smallest(equal), equal),
        },
        arrange=lambda mask: _kept_of_fours(_must_be_bool(mask), equal),
        note="Some weights are equal here; any two of the equal ones may stay.",
    )


def _kept_of_fours(mask: Any, weight: Tensor) -> Any:
    """The magnitudes that stay of every four, in order: the same whichever of equal weights stay."""
    if not isinstance(mask, Tensor) or mask.shape != weight.shape:
        return mask
    return (mask * weight.abs()).unflatten(1, (-1, 4)).sort(dim=2).values


def _second_smallest(weight: Tensor) -> Tensor:
    """Of every four, at each of their places: a threshold above which two of four different magnitudes lie."""
    fours = weight.abs().unflatten(1, (-1, 4))
    return fours.sort(dim=2).values[..., 1:2].expand_as(fours).flatten(1)


def _best_pairs(weight: Tensor) -> Tensor:
    """Group by group and place by place."""
    mask = torch.zeros(weight.shape, dtype=torch.bool)
    for row in range(weight.shape[0]):
        for start in range(0, weight.shape[1], 4):
            places = sorted(range(start, start + 4), key=lambda place: -abs(weight[row, place].item()))
            mask[row, places[:2]] = True
    return mask


def _pattern_mistakes(weight: Tensor) -> dict[str, Tensor]:
    mistakes = {
        "Half of all weights went, wherever they stand: the pattern asks for two of *every* four.": _smallest_gone(
            weight, weight.numel() // 2
        ),
        "Half of each row went, wherever it stands: the pattern asks for two of every four neighbours.": _row_by_row(
            weight, 0.5
        ),
        "The two smallest of every four stay; the two largest should.": ~_best_pairs(weight),
        "The signs were kept: -9 is larger in magnitude than 1. Take `.abs()` first.": _best_pairs(
            weight - weight.min() + 1
        ),
        "Three of every four go; two should stay.": _first_of_four(weight),
    }
    if weight.shape[0] % 4 == 0:
        mistakes["You took four neighbours of a column; the four stand side by side in a row."] = _best_pairs(
            weight.T
        ).T
    parts = weight.abs().unflatten(1, (4, -1))
    mistakes["The four are neighbours: `.view(rows, -1, 4)`."] = _largest_two(parts, dim=1)
    mistakes["You cut each row into four parts; cut it into parts of four: `.view(rows, -1, 4)`."] = _largest_two(
        parts, dim=2
    )
    groups = weight.numel() // 4
    strided = weight.reshape(4, groups).T
    mistakes["The four of your groups do not stand side by side: `reshape(-1, 4)`, not `reshape(4, -1)`."] = (
        _best_pairs(strided).T.reshape(weight.shape)
    )
    return mistakes


def _largest_two(groups: Tensor, dim: int) -> Tensor:
    """A mask (rows, columns) of the two largest along an axis of (rows, groups, places)."""
    places = groups.topk(min(2, groups.shape[dim]), dim=dim).indices
    return torch.zeros_like(groups, dtype=torch.bool).scatter_(dim, places, True).flatten(1)


def _first_of_four(weight: Tensor) -> Tensor:
    fours = weight.abs().reshape(-1, 4)
    return (fours == fours.amax(1, keepdim=True)).reshape(weight.shape)


@exercise(
    "07.3",
    "Take channels out",
    hints=(
        "An output channel of the first layer is one row of its weight: `first[kept]`.",
        "Each output channel has one scale and one shift in the batch norm: `scale[kept]`, `shift[kept]`.",
        "What the first layer no longer puts out, the second cannot read: its inputs are the second dimension of its weight, "
        "`second[:, kept]`.",
        "`return first[kept], scale[kept], shift[kept], second[:, kept]`",
    ),
    learned="Half the channels halve the outputs of one layer and the inputs of the next: in a chain that makes a quarter of the work.",
)
def take_channels_out(answer: Any) -> None:
    for seed, (inputs, middle, outputs, kept) in enumerate(
        [(3, 6, 6, [0, 2, 5]), (2, 4, 5, [1, 3]), (4, 5, 3, [0, 1, 3, 4])]
    ):
        first, second = _random(seed, middle, inputs, 3, 3), _random(seed + 9, outputs, middle, 3, 3)
        scale, shift = _random(seed + 18, middle).abs() + 0.5, _random(seed + 27, middle)
        given = {"first": first, "scale": scale, "shift": shift, "second": second, "kept": torch.tensor(kept)}
        want = [first[kept], scale[kept], shift[kept], second[:, kept]]
        note = "Both layers have equally many outputs here." if middle == outputs else ""
        expect(answer, given, want, mistakes=_channel_mistakes(first, scale, shift, second, kept), note=note)


def _channel_mistakes(
    first: Tensor, scale: Tensor, shift: Tensor, second: Tensor, kept: list[int]
) -> dict[str, list[Tensor]]:
    gone = [channel for channel in range(len(first)) if channel not in kept]
    whole, norm = first[kept], [scale[kept], shift[kept]]
    mistakes = {
        "The second layer still expects all channels: take the same ones out of its inputs.": [whole, *norm, second],
        "The batch norm still has all channels: it has one scale and one shift for each output of the first layer.": [
            whole, scale, shift, second[:, kept],
        ],
        "`kept` says which channels stay; you removed them and kept the others.": [
            first[gone], scale[gone], shift[gone], second[:, gone],
        ],
        "The channels were set to zero, but the arrays are as large as before, and so is the work: take them out.": [
            _silenced(first, gone, 0), _silenced(scale, gone, 0), _silenced(shift, gone, 0), _silenced(second, gone, 1),
        ],
        "The shift still has all channels: each output has a scale and a shift.": [whole, scale[kept], shift, second[:, kept]],
        "So many channels stay, but not these: index with `kept` itself, not with its length.": [
            first[: len(kept)], scale[: len(kept)], shift[: len(kept)], second[:, : len(kept)],
        ],
    }  # fmt: skip
    if max(kept) < len(second):
        mistakes["The second layer lost outputs; it should lose inputs, its second dimension: `second[:, kept]`."] = [
            whole, *norm, second[kept],
        ]  # fmt: skip
        mistakes["The second layer lost outputs as well as inputs; what comes after it still needs all of its outputs."] = [
            whole, *norm, second[kept][:, kept],
        ]  # fmt: skip
    if max(kept) < first.shape[1]:
        mistakes["The first layer lost inputs; its outputs are the first dimension: `first[kept]`."] = [
            first[:, kept], *norm, second[:, kept],
        ]  # fmt: skip
    return mistakes


def _silenced(values: Tensor, channels: list[int], dim: int) -> Tensor:
    return values.index_fill(dim, torch.tensor(channels), 0.0)


@exercise(
    "07.4",
    "Learn from a teacher",
    hints=(
        "Divide both sets of logits by the temperature, and turn them into probabilities: `log_softmax` for the student, `softmax` "
        "for the teacher, over the classes, dimension 1.",
        "KL(teacher, student) of an image is the sum over the classes of p_teacher * (log p_teacher - log p_student).",
        'Take the mean over the images, times `temperature ** 2`. `F.kl_div(log_student, teacher, reduction="batchmean")` does the '
        "sum and the mean.",
        "`return soft_share * temperature ** 2 * soft + (1 - soft_share) * F.cross_entropy(logits, labels)`",
    ),
    learned="The square keeps gradients at their size: logits divided by T give gradients T times smaller, twice over.",
)
def distillation_loss(answer: Any) -> None:
    for seed, (images, classes, temperature, share, note) in enumerate(
        [
            (6, 5, 4.0, 0.7, ""),
            (3, 5, 2.0, 1.0, "The labels do not count here: `soft_share` is 1."),
            (5, 3, 3.0, 0.0, "Only the labels count here: `soft_share` is 0."),
            (4, 6, 1.0, 0.5, "The temperature is 1."),
        ]
    ):
        logits, taught = 3 * _random(seed + 40, images, classes), 3 * _random(seed + 50, images, classes)
        labels = torch.arange(images) % classes
        given = {
            "logits": logits,
            "teacher_logits": taught,
            "labels": labels,
            "temperature": temperature,
            "soft_share": share,
        }
        soft, hard = _divergence(taught, logits, temperature), F.cross_entropy(logits, labels)
        want = share * temperature**2 * soft + (1 - share) * hard
        expect(answer, given, want, mistakes=_loss_mistakes(logits, taught, labels, temperature, share), note=note)
        free = logits.clone().requires_grad_()
        loss = share * temperature**2 * _divergence(taught, free, temperature) + (1 - share) * F.cross_entropy(
            free, labels
        )
        _gradient_must_flow(answer, given, torch.autograd.grad(loss, free)[0])


def _gradient_must_flow(answer: Any, given: dict[str, Any], want: Tensor) -> None:
    def gradient(logits: Tensor, *others: Any) -> Tensor | None:
        free = logits.clone().requires_grad_()
        with torch.enable_grad():
            loss = answer(free, *others)
            return torch.autograd.grad(loss, free, allow_unused=True)[0] if loss.requires_grad else None

    got = call(gradient, given)
    if got is None:
        raise NotYet("The value is right, but no gradient flows to `logits`: a student could not learn from it.")
    if not torch.allclose(got, want, rtol=1e-3, atol=1e-5):
        raise NotYet("The value is right, but its gradient is not: a part of the loss is cut off from `logits`.")


def _divergence(p_logits: Tensor, q_logits: Tensor, temperature: float) -> Tensor:
    """KL(p, q), the mean over the images; by the distributions of torch, so that the check has a way of its own."""
    p, q = (torch.distributions.Categorical(logits=logits / temperature) for logits in (p_logits, q_logits))
    return torch.distributions.kl_divergence(p, q).mean()


def _loss_mistakes(logits: Tensor, taught: Tensor, labels: Tensor, t: float, share: float) -> dict[str, Tensor]:
    images, classes = logits.shape
    soft, hard = t**2 * _divergence(taught, logits, t), F.cross_entropy(logits, labels)
    p, log_q = (taught / t).softmax(1), (logits / t).log_softmax(1)

    def total(other_soft: Tensor, other_hard: Tensor = hard) -> Tensor:
        return share * other_soft + (1 - share) * other_hard

    return {
        "The square of the temperature is missing: without it the teacher counts for less the higher the temperature.": total(
            soft / t**2
        ),
        "The temperature should be squared: you multiplied by it once.": total(soft / t),
        "You took the mean over the classes as well; the divergence is a sum over the classes, then a mean over the images "
        '(`reduction="batchmean"`).': total(soft / classes),
        "You took the sum over the images; the mean is asked for.": total(soft * images),
        "The divergence is the wrong way round: KL(teacher, student) weighs with the teacher's probabilities.": total(
            t**2 * _divergence(logits, taught, t)
        ),
        "The weights are swapped: `soft_share` is the teacher's.": share * hard + (1 - share) * soft,
        "The teacher's logits are not divided by the temperature; both are.": total(
            t**2 * F.kl_div(log_q, taught.softmax(1), reduction="batchmean")
        ),
        "The student's logits are not divided by the temperature; both are.": total(
            t**2 * F.kl_div(logits.log_softmax(1), p, reduction="batchmean")
        ),
        "The teacher's logits were taken as probabilities: apply softmax to them first.": total(
            t**2 * F.kl_div(log_q, taught / t, reduction="batchmean")
        ),
        "`F.kl_div` wants the student's *log*-probabilities first: `log_softmax`.": total(
            t**2 * F.kl_div((logits / t).softmax(1), p, reduction="batchmean")
        ),
        "The labels' part has no temperature: `F.cross_entropy(logits, labels)`.": total(
            soft, F.cross_entropy(logits / t, labels)
        ),
        "This is the cross-entropy between teacher and student: subtract the teacher's own entropy to get the divergence.": total(
            t**2 * -(p * log_q).sum(1).mean()
        ),
        "Softmax runs over the images here; it belongs over the classes, dimension 1.": total(
            t**2 * F.kl_div((logits / t).log_softmax(0), (taught / t).softmax(0), reduction="batchmean")
        ),
        "The two parts are added without their weights: multiply by `soft_share` and by 1 - `soft_share`.": soft + hard,
    }
