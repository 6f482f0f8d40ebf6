"""Sees that a network, perhaps one of the learner's own, answers images as everything that is shipped has to."""

import copy
from collections.abc import Mapping

import torch
from torch import nn

from lessons_lib.datasets.split import Dataset
from lessons_lib.explained import Mistake, in_short
from lessons_lib.models import to_input

COUNTS = (1, 3)  # a batch of any size has to be answered


def check_networks(variants: Mapping[str, nn.Module], data: Dataset) -> None:
    """Run each network on one image and on three; all stay as they are.

    Raises:
        Mistake: one that is no network, fails, or does not answer with a logit for each image and class; named.
    """
    for name, model in variants.items():
        if not isinstance(model, nn.Module):
            raise Mistake(f"{name!r} should be a network, a torch.nn.Module; it is of type {type(model).__name__}.")
        for count in COUNTS:
            _check(name, model, data, count)


def _check(name: str, model: nn.Module, data: Dataset, count: int) -> None:
    images = to_input(data.train.images[:1]).expand(count, -1, -1, -1).contiguous()
    shape, wanted = tuple(images.shape), (count, len(data.classes))
    try:
        with torch.inference_mode():
            answer = copy.deepcopy(model).cpu().eval()(images)
    except Exception as error:
        raise Mistake(
            f"The network {name!r} cannot answer {count} image{'s' * (count > 1)}, float32 {shape}: {in_short(error)}."
        ) from None
    got = tuple(answer.shape) if isinstance(answer, torch.Tensor) else f"a {type(answer).__name__}"
    if got != wanted:
        raise Mistake(
            f"The network {name!r} answers {count} image{'s' * (count > 1)} with {got}; {wanted} is needed, a logit for each "
            f"of the {len(data.classes)} classes."
        )
