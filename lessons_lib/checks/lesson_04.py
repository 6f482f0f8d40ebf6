"""The checks of lesson 04: freezing, a new head, learning rates for each part."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from lessons_lib import models
from lessons_lib.checks.describe import describe
from lessons_lib.checks.exercises import exercise
from lessons_lib.checks.outcomes import NotYet
from lessons_lib.checks.sandbox import expect

PARTS = "a stem and blocks before its head"


def _network(name: str, seed: int) -> nn.Module:
    """A network with weights and statistics of its own, so that any of them can be recognised."""
    model = models.build(name, classes=5, seed=seed)
    if name == "small":
        model = models.ConvNet((8, 16), (True, False), classes=5)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in (*model.parameters(), *_statistics(model)):
            value.copy_(torch.rand(value.shape, generator=random) * 0.2 + 0.4)
    return model.train()


def _statistics(model: nn.Module) -> list[torch.Tensor]:
    """The running means and variances of all batch norms."""
    return [buffer for buffer in model.buffers() if buffer.is_floating_point()]


def _must_be_a_network(result: Any) -> nn.Module:
    if not isinstance(result, nn.Module):
        raise NotYet(
            f"Return a network; yours is {describe(result)}. Methods that change a network may return nothing."
        )
    if not isinstance(getattr(result, "head", None), nn.Module):
        raise NotYet("The network that came back has no `head` any more.")
    return result


@exercise(
    "04.1",
    "Freeze all but the head",
    hints=(
        "Begin with `copy.deepcopy(model)`, so that the given network stays as it was.",
        "`frozen.requires_grad_(False)` freezes all parameters of a module at once, and `frozen.head.requires_grad_(True)` "
        "thaws those of the head.",
        "The running statistics of batch norm are no parameters: they stay where the module is in evaluation mode, `frozen.eval()`.",
        "A linear layer does the same in both modes, so `return frozen.eval()` does no harm to the head.",
    ),
    learned="Frozen means two things: no gradient for the weights, and evaluation mode for the batch norms. A later "
    "`model.train()` undoes the second.",
)
def freeze(answer: Any) -> None:
    for name, seed in (("small", 1), ("resnet", 2)):
        model = _network(name, seed)
        note = f"This network has {PARTS}." if name == "resnet" else ""
        expect(answer, {"model": model}, RIGHT_FREEZE, mistakes=FREEZE_MISTAKES, note=note, arrange=_what_is_trained)


RIGHT_FREEZE = "the head is trained, nothing else moves"
FREEZE_MISTAKES = {
    "Nothing is left to train: you froze the head as well. Set `requires_grad` of the head's parameters back to True.": "nothing",
    "Nothing is frozen: every parameter still gets a gradient. Set `requires_grad` to False, `requires_grad_(False)`.": "all",
    "This is the wrong way round: the head is frozen and all else is trained.": "all but the head",
    "The weights are frozen, but the statistics of the batch norms still move when images pass: put the frozen part into "
    "evaluation mode.": "the statistics move",
    "`blocks` is frozen, but not every layer before the head is in `blocks`: freeze all parameters, then thaw the head.": "stem",
    "Only part of the head is trained: it has a weight and a bias.": "part of the head",
    "Some convolutions are frozen and others not. Did you choose by kind of layer? Freeze all but the head.": "some",
    "The network that came back has other weights than the one given: copy it with `copy.deepcopy`, do not build a new one.": "other",
}


def _what_is_trained(result: Any) -> str:
    """Which of the known ways to freeze this is."""
    model = _must_be_a_network(result)
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    head = {f"head.{name}" for name, _ in model.head.named_parameters()}  # type: ignore[union-attr]
    every = {name for name, _ in model.named_parameters()}
    if not _known_weights(model):
        return "other"
    if trained != head:
        known = {"nothing": set(), "all": every, "all but the head": every - head}
        known["stem"] = {name for name in every if not name.startswith("blocks")}
        first = next((word for word, names in known.items() if trained == names), None)
        return first or ("part of the head" if trained < head else "some")
    before = [value.clone() for value in _statistics(model)]
    with torch.no_grad():
        model(torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    same = all(torch.equal(old, new) for old, new in zip(before, _statistics(model), strict=True))
    return RIGHT_FREEZE if same else "the statistics move"


def _known_weights(model: nn.Module) -> bool:
    """True where the weights are those that `_network` draws: from 0.4 to 0.6, and never twice the same."""
    return all(value.min() > 0.39 and value.max() < 0.61 for value in (*model.parameters(), *_statistics(model)))


@exercise(
    "04.2",
    "Replace the head",
    hints=(
        "Begin with `copy.deepcopy(model)`; a plain `copy.copy` shares its layers with the original.",
        "The old head knows how many features come in: `model.head.in_features`.",
        "A layer is replaced by assigning to its name: `renewed.head = nn.Linear(..., classes)`.",
        "`renewed.head = nn.Linear(model.head.in_features, classes)`, then `return renewed`.",
    ),
    learned="Only the head belongs to the old classes; the features before it are what you came for.",
)
def replace_head(answer: Any) -> None:
    for name, seed, classes in (("small", 1, 3), ("small", 2, 5), ("resnet", 3, 7)):
        model = _network(name, seed)
        note = "The new task happens to have as many classes as the old one." if classes == 5 else ""
        given = {"model": model, "classes": classes}
        want = f"a fresh head with {classes} outputs"

        def told(result: Any, model: nn.Module = model, classes: int = classes) -> str:
            return _what_head(_must_be_a_network(result), model, classes)

        expect(answer, given, want, mistakes=HEAD_MISTAKES, note=note, arrange=told)


HEAD_MISTAKES = {
    "The head is still the old one: assign a new layer to `head`.": "old head",
    "The new layer has a name of its own, and the network still ends in the old head: assign it to `head`.": "other name",
    "A new layer was put behind the old head. The features should go straight into the new one: replace `head`.": "stacked",
    "The new head has another number of outputs than the new task has classes.": "outputs",
    "The new head does not take as many features as this network gives: ask the old head, `model.head.in_features`.": "inputs",
    "The new head has no bias: leave `bias=False` out.": "no bias",
    "The layers before the head have other weights than the given network: the features that you wanted to keep are gone.": "body",
    "The head should be an `nn.Linear`.": "kind",
}


def _what_head(new: nn.Module, old: nn.Module, classes: int) -> str:
    """Which of the known ways to replace a head this is."""
    head, before = new.head, old.head
    assert isinstance(before, nn.Linear)
    if isinstance(head, nn.Sequential):
        return "stacked"
    if not isinstance(head, nn.Linear):
        return "kind"
    if head.weight.shape == before.weight.shape and torch.equal(head.weight, before.weight):
        return "old head" if len(list(new.children())) == len(list(old.children())) else "other name"
    if head.in_features != before.in_features:
        return "inputs"
    if head.out_features != classes:
        return "outputs"
    if head.bias is None:
        return "no bias"
    body = _body(old)
    kept = all(name in body and torch.equal(value, body[name]) for name, value in _body(new).items())
    return f"a fresh head with {classes} outputs" if kept else "body"


def _body(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.state_dict().items() if not name.startswith("head.")}


@exercise(
    "04.3",
    "A learning rate for each part",
    hints=(
        'A group is a dictionary: `{"params": [...], "lr": 0.1}`; you need two of them, in a list.',
        "`model.head.parameters()` gives those of the head.",
        'The others are those whose name does not begin with "head.": go through `model.named_parameters()`.',
        '`body = [weight for name, weight in model.named_parameters() if not name.startswith("head.")]`',
    ),
    learned="This is how fine-tuning is set up everywhere: large steps where everything is new, small ones where much is known.",
)
def parameter_groups(answer: Any) -> None:
    for name, seed in (("small", 1), ("resnet", 2)):
        model = _network(name, seed)
        want = _rates(model, head=0.5, body=0.01)
        mistakes = {
            "The rates are swapped: the fresh head takes the larger steps.": _rates(model, head=0.01, body=0.5),
            "Everything learns with the rate of the head: the layers below should move less.": _rates(
                model, head=0.5, body=0.5
            ),
            "Everything learns with the rate of the body: the head has `head_rate`.": _rates(
                model, head=0.01, body=0.01
            ),
        }
        note = f"This network has {PARTS}." if name == "resnet" else ""

        def told(groups: Any, model: nn.Module = model) -> list[str]:
            return _read_groups(groups, model)

        given = {"model": model, "head_rate": 0.5, "body_rate": 0.01}
        expect(answer, given, want, mistakes=mistakes, note=note, arrange=told)


def _rates(model: nn.Module, head: float, body: float) -> list[str]:
    return [f"{name}: {head if name.startswith('head.') else body:g}" for name, _ in model.named_parameters()]


def _read_groups(groups: Any, model: nn.Module) -> list[str]:
    """The rate of each parameter of the network, by name; they are recognised by their values, which are all different.

    Raises:
        NotYet: these are no groups, or a parameter stands in none or in two of them.
    """
    found: dict[str, list[str]] = {name: [] for name, _ in model.named_parameters()}
    for group in _must_be_groups(groups):
        for parameter in _parameters(group["params"]):
            found[_name_of(parameter, model)].append(f"{float(group['lr']):g}")
    twice = [name for name, rates in found.items() if len(rates) > 1]
    never = [name for name, rates in found.items() if not rates]
    if twice:
        raise NotYet(
            f"`{twice[0]}` stands in two groups: `model.parameters()` holds the head as well; leave it out there."
        )
    if never:
        raise NotYet(f"{len(never)} parameters are in no group, so they are never trained; the first is `{never[0]}`.")
    return [f"{name}: {rates[0]}" for name, rates in found.items()]


def _must_be_groups(groups: Any) -> list[dict]:
    if isinstance(groups, torch.optim.Optimizer):
        raise NotYet("Return the list of groups; whoever calls your function makes the optimiser from it.")
    if not isinstance(groups, list | tuple) or not all(isinstance(group, dict) for group in groups):
        raise NotYet(f"A list of dictionaries is needed here; yours is {describe(groups)}.")
    for group in groups:
        lacking = [key for key in ("params", "lr") if key not in group]
        if lacking:
            raise NotYet(f'A group lacks the key "{lacking[0]}": each is {{"params": [...], "lr": ...}}.')
    return list(groups)


def _parameters(given: Any) -> Iterable[torch.Tensor]:
    parameters = [given] if isinstance(given, torch.Tensor) else list(given)
    named = next((p for p in parameters if not isinstance(p, torch.Tensor)), None)
    if named is not None:
        raise NotYet(
            f"A group holds {describe(named)} where a parameter should be: keep the parameters, not their names."
        )
    return parameters


def _name_of(parameter: torch.Tensor, model: nn.Module) -> str:
    for name, mine in model.named_parameters():
        if mine.shape == parameter.shape and torch.equal(mine, parameter):
            return name
    raise NotYet("A group holds a tensor that is no parameter of the network: hand over the parameters themselves.")
