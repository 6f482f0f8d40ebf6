"""Trained models on disk as safetensors: the learner's own, and those that ship with the course."""

import copy
import hashlib
import json
import warnings
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lessons_lib import models, record
from lessons_lib.datasets.split import Dataset
from lessons_lib.resume import replace_file


def save(path: Path, model: nn.Module, data: Dataset, **card: Any) -> None:
    """Write a model with what is needed to build it again and to know what it was trained on.

    Args:
        path: a .safetensors file; it is written whole or not at all.
        model: a `ConvNet` or a `ResNet`, also a pruned one.
        data: what it was trained on. card: more facts, such as `accuracy`; anything that JSON can hold.
    """
    from safetensors.torch import save as to_bytes

    told = {"shape": _shape(model), **_trained_on(data)}
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    replace_file(path, to_bytes(tensors, {"card": json.dumps(told | card)}))


def load(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """Read a model and its card; the model is in eval mode on the CPU.

    Raises:
        ValueError: the file is no checkpoint of this course, or it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads(file.metadata()["card"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        model = _build(card["shape"], card["channels"], len(card["classes"]))
        model.load_state_dict(weights)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{path.name} is not a whole checkpoint of this course ({str(error).splitlines()[0]}). Delete it; the lesson makes a new one."
        ) from error
    return model.eval(), card


def is_of_the_course(model: nn.Module) -> bool:
    """True for the networks that `save` can write: a `ConvNet` or a `ResNet`."""
    return type(model) in (models.ConvNet, models.ResNet)  # a class made from one of them may answer differently


def save_program(path: Path, model: nn.Module, image_shape: tuple[int, int, int]) -> None:
    """Write any network as a program that a process without its class can run; what it does with two images of zeros counts.

    Source: torch.jit.trace. PyTorch advises torch.export, whose programs take 90 MiB more to load.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        on_cpu = copy.deepcopy(model).cpu().eval()
        torch.jit.save(torch.jit.trace(on_cpu, torch.zeros(2, *image_shape), check_trace=False), str(path))


def load_program(path: Path) -> nn.Module:
    """Read what `save_program` wrote."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.load(str(path))


def own_path(name: str, data: Dataset) -> Path:
    """Where the learner's own model for a data set is kept."""
    kind = hashlib.sha256(json.dumps([data.name, data.classes, *data.image_shape]).encode()).hexdigest()[:8]
    plain = "".join(c if c.isalnum() else "_" for c in data.name.partition(":")[0])
    return record.home() / "models" / f"{plain}-{name}-{kind}.safetensors"


def shipped_path(name: str) -> Path:
    """Where the model that ships for road_signs lies."""
    return Path(str(resources.files("lessons_lib") / "checkpoints" / f"road_signs-{name}.safetensors"))


def shipped(name: str) -> nn.Module:
    """The network that ships for road_signs, in eval mode on the CPU; `name` is "small" or "vgg".

    Raises:
        ValueError: none of that name ships.
    """
    if not shipped_path(name).is_file():
        raise ValueError(f"no {name!r} network ships with the course; those that do are small and vgg.")
    return load(shipped_path(name))[0]


def trained(
    name: str, data: Dataset, train: Callable[[nn.Module], Any], *, prefer_own: bool = True, seed: int = 0
) -> tuple[nn.Module, str]:
    """A trained network for `data`: the learner's own, else the one that ships, else one trained now.

    Args:
        name: "small", "vgg" or "resnet". data: decides which models fit: same data set, classes and channels.
        train: called with an untrained network where there is none yet; what it made is kept for the next time, unless
            it returns a history that is not finished.
        prefer_own: False passes over the learner's own model where one ships.

    Returns:
        The model in eval mode on the CPU, and a sentence that says where it came from.
    """
    places = [
        (own_path(name, data), "your own, trained earlier"),
        (shipped_path(name), "the one that ships with the course"),
    ]
    for path, origin in places if prefer_own else reversed(places):
        if path.is_file() and (found := _fitting(path, data)):
            return found, f"The {name} network is {origin}."
    model = models.build(name, channels=data.channels, classes=len(data.classes), seed=seed)
    history = train(model)
    model.cpu().eval()
    if not getattr(history, "finished", True):
        return (
            model,
            f"The training of the {name} network was stopped early, so it is not kept; run the cell again for a whole one.",
        )
    try:
        save(own_path(name, data), model, data)
    except OSError:
        return (
            model,
            f"The {name} network was trained just now; the folder {record.home()} cannot be written, so it is not kept.",
        )
    return model, f"The {name} network was trained just now; it is kept for next time."


def _fitting(path: Path, data: Dataset) -> nn.Module | None:
    try:
        model, card = load(path)
    except (OSError, ValueError):
        return None
    wanted = _trained_on(data)
    return model if {key: card.get(key) for key in wanted} == wanted else None


def _trained_on(data: Dataset) -> dict[str, Any]:
    return {"dataset": data.name, "classes": list(data.classes), "channels": data.channels, "size": data.size}


def _shape(model: nn.Module) -> dict[str, Any]:
    if isinstance(model, models.ResNet):
        widths, inner = ([getattr(b, conv).out_channels for b in model.blocks] for conv in ("conv2", "conv1"))
        return {"kind": "resnet", "widths": widths, "inner": inner}
    if not isinstance(model, models.ConvNet):
        raise TypeError(f"only the networks of this course can be saved; this is a {type(model).__name__}.")
    widths = [conv.out_channels for conv, _ in model.layers()]
    pools = [any(isinstance(m, nn.MaxPool2d) for m in block.modules()) for block in model.blocks]
    return {"kind": "chain", "widths": widths, "pools": pools}


def _build(shape: dict[str, Any], channels: int, classes: int) -> nn.Module:
    if shape["kind"] == "resnet":
        return models.ResNet(shape["widths"], channels, classes, shape["inner"])
    return models.ConvNet(shape["widths"], shape["pools"], channels, classes)
