"""Channel pruning for networks with branches, by torch-pruning: what is added together has to shrink together.

Source: Fang et al., DepGraph: Towards Any Structural Pruning, 2023; https://github.com/VainF/Torch-Pruning
"""

import copy
import importlib.util
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lessons_lib.explained import NotHere
from lessons_lib.tables import Table


@dataclass(frozen=True)
class Coupled:
    """Layers that lose the same channels, because each feeds the next or is added to it.

    channels: how many there are. outputs: layers that lose these outputs. inputs: layers that lose them as inputs.
    """

    channels: int
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]


def torch_pruning_missing() -> str | None:
    """Why channels cannot be pruned across branches here, and the cure, in a sentence; None where they can."""
    if importlib.util.find_spec("torch_pruning") is None:
        return 'Channel pruning across branches needs torch-pruning, which is not installed: `pip install "torch-pruning>=1.6"`.'
    return None


def torch_pruning() -> Any:
    """The package torch-pruning.

    Raises:
        NotHere: it is not installed.
    """
    if reason := torch_pruning_missing():
        raise NotHere(reason)
    import torch_pruning

    return torch_pruning


def coupled(model: nn.Module, image_shape: tuple[int, int, int], head: str = "head") -> list[Coupled]:
    """Which layers have to shrink together, in the order of the network.

    Args:
        model: any network of convolutions, batch norms and linear layers. image_shape: (c, h, w).
        head: the last layer, whose outputs are the classes and stay.

    Raises:
        NotHere: torch-pruning is not installed.
    """
    pruner, copied = _pruner(model, image_shape, 0.5, 1, head)
    names = {module: name for name, module in copied.named_modules()}
    found = []
    for group in pruner.DG.get_all_groups(
        ignored_layers=pruner.ignored_layers, root_module_types=pruner.root_module_types
    ):
        channels = pruner.DG.get_out_channels(group[0].dep.target.module)
        ends: dict[bool, list[str]] = {True: [], False: []}  # do they lose outputs, or inputs?
        for dependency, _ in group:
            module = dependency.target.module
            if isinstance(module, nn.Conv2d | nn.Linear):
                ends[pruner.DG.is_out_channel_pruning_fn(dependency.handler)].append(names[module])
        found.append(Coupled(channels, *(tuple(dict.fromkeys(ends[end])) for end in (True, False))))
    order = list(names.values())
    return sorted(found, key=lambda group: min(map(order.index, group.outputs)))


def groups_table(groups: list[Coupled]) -> Table:
    """A row for each group of layers that shrink together."""
    rows = [
        {"channels": g.channels, "lose outputs": ", ".join(g.outputs), "lose inputs": ", ".join(g.inputs)}
        for g in groups
    ]
    return Table("Layers that have to shrink together", rows)


def remove_coupled(
    model: nn.Module, fraction: float, image_shape: tuple[int, int, int], round_to: int = 4, head: str = "head"
) -> nn.Module:
    """Take the least important channels out of every group of layers, across residual connections too.

    Args:
        model: any network of convolutions, batch norms and linear layers; it stays as it is.
        fraction: the share of the channels to remove, 0 or more and less than 1. image_shape: (c, h, w).
        round_to: the channels that stay are a multiple of this, rounded down, but never none. head: keeps its outputs.

    Returns:
        A smaller copy in eval mode on the CPU. Fine-tune it before you judge it.

    Raises:
        ValueError: a fraction out of range. NotHere: torch-pruning is not installed.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction is {fraction!r}; give the share of the channels to remove, from 0 to less than 1.")
    pruner, slim = _pruner(model, image_shape, fraction, round_to, head)
    pruner.step()
    return slim.eval()


def _pruner(
    model: nn.Module, image_shape: tuple[int, int, int], fraction: float, round_to: int, head: str
) -> tuple[Any, nn.Module]:
    package = torch_pruning()
    slim = copy.deepcopy(model).cpu().eval()
    with torch.enable_grad():  # the graph is found by following gradients back
        pruner = package.pruner.BasePruner(
            slim,
            torch.zeros(1, *image_shape),
            importance=package.importance.GroupMagnitudeImportance(p=2),
            pruning_ratio=fraction,
            ignored_layers=[slim.get_submodule(head)],
            round_to=round_to,
        )
    return pruner, slim
