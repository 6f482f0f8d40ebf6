"""The checks of lesson 02: memory of training, gradients of several workers, time to accuracy, gradient accumulation."""

from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect


@exercise(
    "02.1",
    "Will it fit?",
    hints=(
        "Two different things add up: what every parameter needs, and what every image needs.",
        "Each parameter has a weight, a gradient and `slots` more numbers: `2 + slots` numbers of 4 bytes.",
        "The activations do not depend on the number of parameters: `activation_bytes_per_image * batch`, already in bytes.",
        "`return 4 * parameters * (2 + slots) + activation_bytes_per_image * batch`",
    ),
    learned="For a small network the activations decide, and the batch size with them; for a large one the parameters do.",
)
def memory_of_training(answer: Any) -> None:
    for parameters, slots, per_image, batch in ((95_000, 3, 620_000, 64), (1_000, 2, 500, 3), (7, 0, 0, 8)):
        per_parameter, activations = 4 * parameters, per_image * batch
        expect(
            answer,
            {"parameters": parameters, "slots": slots, "activation_bytes_per_image": per_image, "batch": batch},
            per_parameter * (2 + slots) + activations,
            mistakes=_memory_mistakes(per_parameter, slots, per_image, batch),
        )


def _memory_mistakes(each: int, slots: int, per_image: int, batch: int) -> dict[str, int]:
    activations = per_image * batch
    return {
        "The gradients are missing: they take as much as the weights.": each * (1 + slots) + activations,
        "The optimiser's slots are missing, or the gradients: count weight, gradient and `slots` numbers a parameter.": (
            each * 2 + activations
        ),
        "These are the activations and the weights alone, as in a prediction: training keeps gradients and slots too.": (
            each + activations
        ),
        "Every parameter has slots of its own: `slots` multiplies the number of parameters, it is not added to it.": (
            each * 2 + 4 * slots + activations
        ),
        "The activations are those of one image: multiply them by `batch`.": each * (2 + slots) + per_image,
        "The activations are missing.": each * (2 + slots),
        "The numbers are counted, not their bytes: each float32 takes 4.": each // 4 * (2 + slots) + activations,
        "The activations are in bytes already: multiply only the parameters by 4.": each * (2 + slots)
        + 4 * activations,
        "All images share one set of weights: only the activations are multiplied by `batch`.": batch
        * (each * (2 + slots) + per_image),
        "These are bits: a float32 takes 4 bytes.": 8 * each * (2 + slots) + activations,
    }


@exercise(
    "02.2",
    "One gradient out of several",
    hints=(
        "The mean over 64 images says more than the mean over 16: it has to count four times as much.",
        "A mean times its number of images is a sum again: `size * gradient`. Sums may be added.",
        "Add the sums, then divide once by the number of all images: `sum(batch_sizes)`.",
        "`return sum(size * g for size, g in zip(batch_sizes, gradients)) / sum(batch_sizes)`",
    ),
    learned="With equal shares this is the plain mean, which is what PyTorch's DistributedDataParallel takes: it trusts you "
    "to give every process the same number of images.",
)
def joined_gradient(answer: Any) -> None:
    random = torch.Generator().manual_seed(7)
    for shape, sizes in (((3,), [64, 16]), ((2, 2), [8, 8, 1]), ((4,), [32, 32]), ((), [5])):
        gradients = [torch.randn(shape, generator=random) for _ in sizes]
        note = "All workers have equally many images here." if len(set(sizes)) == 1 else ""
        expect(
            answer,
            {"gradients": gradients, "batch_sizes": sizes},
            _weighted(gradients, sizes) / sum(sizes),
            mistakes=_joined_mistakes(gradients, sizes),
            note=note,
        )


def _joined_mistakes(gradients: list[Tensor], sizes: list[int]) -> dict[str, Tensor]:
    workers, weighted = len(gradients), _weighted(gradients, sizes)
    reversed_weights = [sum(sizes) - size for size in sizes]
    return {
        "This is the plain mean of the gradients: a worker with few images counts as much as one with many. "
        "Weight each by its batch size.": torch.stack(gradients).mean(0),
        "This is the sum of the gradients: with more workers the step would grow. Take the weighted mean.": (
            torch.stack(gradients).sum(0)
        ),
        "This is the sum over all images; divide it by how many they are.": weighted,
        "You divided by the number of workers; divide by the number of images.": weighted / workers,
        "You divided by the number of images without multiplying by the batch sizes first.": torch.stack(gradients).sum(
            0
        )
        / sum(sizes),
        "You divided twice, by the images and by the workers.": weighted / sum(sizes) / workers,
        "This is the gradient of the first worker alone.": gradients[0],
        "The weights are the wrong way round: more images, more weight.": _weighted(gradients, reversed_weights)
        / max(1, sum(reversed_weights)),
    }


def _weighted(gradients: list[Tensor], weights: list[int]) -> Tensor:
    return torch.stack([weight * gradient for weight, gradient in zip(weights, gradients, strict=True)]).sum(0)


# Each run has a quality of its own, so that every way of choosing wrongly is seen.
RUNS = {
    "throughput": [(1.0, 0.30), (2.0, 0.55), (5.0, 0.80), (9.0, 0.95)],
    "steady": [(1.5, 0.40), (3.0, 0.80), (7.0, 0.88)],
    "early": [(0.5, 0.50), (4.0, 0.79), (6.0, 0.86), (8.0, 0.70)],
    "last": [(2.5, 0.10), (3.5, 0.20), (4.5, 0.90)],
}


@exercise(
    "02.3",
    "Who gets there first?",
    hints=(
        "For each run, find the first pair whose accuracy is at least the target; its seconds are what counts.",
        "`[seconds for seconds, accuracy in looks if accuracy >= target]` holds the moments at which a run was good enough. "
        "It is empty for a run that never was.",
        "Collect `reached[name] = times[0]` only for runs that got there, then take the name with the smallest value.",
        "`return min(reached, key=reached.get, default=None)`",
    ),
    learned="The run with the most images a second need not be the first: what counts is when the model is good enough.",
)
def first_to_reach(answer: Any) -> None:
    expect(
        answer,
        {"runs": RUNS, "target": 0.8},
        "steady",
        mistakes={
            "`throughput` ends with the highest accuracy; asked for is who reaches the target first.": "throughput",
            "`last` is the first above the target; equal to the target is enough: `>=`.": "last",
            "`early` was looked at earliest, but its accuracy is not there yet.": "early",
            "These are the seconds; asked for is the name of the run.": 3.0,
            "Here some run does reach the target; None is for when none does.": None,
        },
    )
    expect(
        answer,
        {"runs": RUNS, "target": 0.85},
        "last",
        mistakes={
            "`steady`, `early` and `last` all get there at their third look, but not at the same time: compare the "
            "seconds, not the places in the lists.": "steady",
            "`early` reaches the target, but another run did so before.": "early",
            "`throughput` ends with the highest accuracy, but others reached the target before.": "throughput",
        },
    )
    expect(answer, {"runs": RUNS, "target": 0.99}, None, note="No run gets there: the answer is None.")
    shaky = {"falls again": [(1.0, 0.9), (2.0, 0.5)], "stays": [(1.5, 0.9), (2.0, 0.9)]}
    expect(
        answer,
        {"runs": shaky, "target": 0.9},
        "falls again",
        mistakes={"What `falls again` does after it reached the target does not count.": "stays"},
    )
    expect(answer, {"runs": {"stopped at once": []}, "target": 0.5}, None, note="A run without a single look.")


@exercise(
    "02.4",
    "A large batch in a small memory",
    hints=(
        "Walk through the batch: `for start in range(0, len(x), size)` and `x[start : start + size]`.",
        "`gradient(some_x, some_y)` gives the mean over its piece. The sum over a piece is that times the number of its images.",
        "Add the sums of all pieces, and divide by `len(x)`: then a smaller last piece counts for less, as it should.",
        "`total = total + gradient(some_x, some_y) * len(some_x) / len(x)`, beginning with `total = 0`.",
    ),
    learned="Memory of a small batch, gradient of a large one; the price is time. Batch norm still sees the small pieces.",
)
def accumulated_gradient(answer: Any) -> None:
    for count, size, note in (
        (10, 4, "The last piece holds 2 images."),
        (6, 3, "All pieces are equal."),
        (5, 8, "It all fits into one piece."),
    ):
        weights, x, y = _regression(count)
        gradient = Metered(weights)
        expect(
            answer,
            {"gradient": gradient, "x": x, "y": y, "size": size},
            _gradient(weights, x, y),
            mistakes=_accumulation_mistakes(weights, x, y, size),
            note=note,
        )
        if gradient.most > size:
            raise NotYet(
                f"The result is right, but `gradient` got {gradient.most} images at once, and no more than `size` = {size} "
                "fit into the memory. Hand it one piece at a time."
            )


class Metered:
    """The gradient that an answer is given; it notes the largest number of images that it got at once."""

    def __init__(self, weights: Tensor) -> None:
        self.weights, self.most = weights, 0

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        self.most = max(self.most, len(x))
        return _gradient(self.weights, x, y)

    def __deepcopy__(self, memo: Any) -> "Metered":
        return self  # the checker hands copies to an answer; this one has to tell what happened to it

    def __repr__(self) -> str:
        return "the gradient of a linear model"


def _regression(count: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(count)
    weights, x = torch.randn(3, generator=random), torch.randn(count, 3, generator=random)
    return weights, x, torch.randn(count, generator=random)


def _gradient(weights: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """By autograd, so that the check does not share the formula of the exercise."""
    free = weights.clone().requires_grad_()
    (found,) = torch.autograd.grad((x @ free - y).square().mean(), free)
    return found


def _accumulation_mistakes(weights: Tensor, x: Tensor, y: Tensor, size: int) -> dict[str, Tensor]:
    pieces = list(zip(x.split(size), y.split(size), strict=True))
    means = torch.stack([_gradient(weights, *piece) for piece in pieces])
    counts = torch.tensor([float(len(part)) for part, _ in pieces])
    sums = means * counts[:, None]
    full = [(part, label) for part, label in pieces if len(part) == size]
    whole = torch.stack([_gradient(weights, *piece) for piece in full]).mean(0) if full else torch.zeros_like(weights)
    return {
        "This is the mean of the pieces' means: the last piece, with fewer images, counts too much. "
        "Weight each piece by its images.": means.mean(0),
        "The gradients of the pieces were added and never divided: the step would be as many times too long as there are "
        "pieces.": means.sum(0),
        "This is the sum over all images; divide it by `len(x)`.": sums.sum(0),
        "You divided by the size of a piece; divide by the number of all images, `len(x)`.": sums.sum(0) / size,
        "You divided by the number of pieces; divide by the number of images.": sums.sum(0) / len(pieces),
        "This is the gradient of the last piece alone: add them up.": means[-1],
        "This is the gradient of the first piece alone: does `return` stand inside the loop?": means[0],
        "The last piece is missing: it is smaller than the others, but it counts.": whole,
        "You divided by the number of images without multiplying each piece by its own first.": means.sum(0) / len(x),
    }
