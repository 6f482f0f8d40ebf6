"""Small data sets, networks, engines and rows to test with, made by hand: nothing is downloaded or rendered."""

from functools import lru_cache
from html.parser import HTMLParser
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib import models, training
from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.engines import Engine
from lessons_lib.grid import Row


def split(count: int, shape: tuple[int, int, int], classes: int, seed: int) -> Split:
    """Each class has a pattern of its own, under noise: easy to learn."""
    random = torch.Generator().manual_seed(seed)
    patterns = torch.randint(0, 256, (classes, *shape), generator=torch.Generator().manual_seed(99))
    labels = torch.arange(count) % classes
    noise = torch.randint(-40, 41, (count, *shape), generator=random)
    return Split((patterns[labels] + noise).clamp(0, 255).to(torch.uint8), labels)


def dataset(
    *,
    channels: int = 3,
    size: int = 16,
    classes: int = 4,
    train: int = 96,
    test: int = 40,
    name: str = "sample",
    seed: int = 0,
) -> Dataset:
    shape = (channels, size, size)
    parts = [split(count, shape, classes, 3 * seed + i) for i, count in enumerate((train, test, test))]
    return Dataset(name, *parts, tuple(f"class {i}" for i in range(classes)), "made by hand")


@lru_cache
def learnt(name: str, channels: int = 3, size: int = 16, steps: int = 8) -> nn.Module:
    """A network after a few steps, so that the batch norms hold statistics of their own. Copy it before you change it."""
    model = models.build(name, channels=channels, classes=4, seed=1)
    training.train(
        model, dataset(channels=channels, size=size), training.Recipe(steps=steps, batch_size=16), quiet=True
    )
    with torch.no_grad():
        for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.weight.add_(torch.linspace(-0.6, 0.6, len(norm.weight)))
            norm.bias.add_(torch.linspace(0.3, -0.3, len(norm.bias)))
    return model.eval()


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same_weights(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Equal bit for bit, NaN included."""
    return a.keys() == b.keys() and all(a[k].numpy().tobytes() == b[k].contiguous().numpy().tobytes() for k in a)


def engine(run: Any, *, name: str = "eager", precision: str = "float32", size_bytes: int = 1000) -> Engine:
    return Engine(name, run, size_bytes, "cpu", 1, precision, 0.0)


def row(**changed: Any) -> Row:
    usual = dict(
        variant="base", engine="eager", device="cpu", threads=1, batch=1, accuracy=0.9, test_images=1000, size_bytes=1_700_000,
        latency_ms=4.0, p95_ms=5.0, images_per_second=250.0, verdict="faster, 2.0x, 1.9 to 2.1", times_faster=2.0,
        low=1.9, high=2.1, only_baseline_right=0, only_this_right=0,
    )  # fmt: skip
    return Row(**(usual | changed))


class Outline(HTMLParser):
    """Reads HTML and keeps its tags; complains about tags that are not closed in their order."""

    EMPTY = frozenset({"img", "br", "hr", "input", "meta"})

    def __init__(self, markup: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(markup)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this kind."""
        return [attributes for name, attributes in self.tags if name == tag]
