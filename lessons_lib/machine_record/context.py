"""What every part of a machine record is given: device, profile, seed, data and a trained network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lessons_lib import datasets, models, training
from lessons_lib.datasets.split import Dataset
from lessons_lib.machine_record.shipped_weights import shipped_network
from lessons_lib.profiles import choose


@dataclass
class Context:
    """device: "cpu" or "cuda:N". profile: smoke, quick or full, for `profiles.choose`. say: tells one line of progress."""

    device: torch.device
    profile: str = "quick"
    seed: int = 0
    say: Callable[[str], None] = print
    _data: dict[Any, Dataset] = field(default_factory=dict, repr=False)
    _networks: dict[str, nn.Module] = field(default_factory=dict, repr=False)

    def data(
        self, name: str = "road_signs", size: int | None = None, train: int | None = None, test: int | None = None
    ) -> Dataset:
        """A data set, on the CPU; made or read once.

        Args:
            name, size: see `datasets.load`. train, test: how many images; None: as many as fit the profile.
        """
        train = train or choose(self.profile, smoke=600, quick=8_000, full=12_000)
        test = test or choose(self.profile, smoke=200, quick=2_000, full=2_000)
        key = (name, size, train, test)
        if key not in self._data:
            self._data[key] = datasets.load(name, train=train, validation=120, test=test, size=size, seed=self.seed)
        return self._data[key]

    def network(self, name: str = "vgg") -> nn.Module:
        """A network that knows the road signs of 32 pixels, in eval mode, float32, on the CPU. Copy it before you change it.

        "vgg" and "small" are those that ship with the course, so that every machine runs the same weights; any other is
        trained here, briefly, once.
        """
        if name not in self._networks:
            self._networks[name] = (shipped_network(name) or self._trained(name)).eval()
        return self._networks[name]

    def _trained(self, name: str) -> nn.Module:
        data = self.data()
        self.say(f"training the {name} network")
        model = models.build(name, channels=data.channels, classes=len(data.classes), seed=self.seed)
        recipe = training.Recipe(steps=choose(self.profile, smoke=10, quick=200, full=600))
        training.train(model, data, recipe, device=self.device, seed=self.seed, quiet=True)
        return model.cpu()
