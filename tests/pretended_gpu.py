"""A GPU that is not there: tensors know that they lie on it and what shape they have, but hold no numbers.

PyTorch's fake tensors refuse operations between devices just as real ones do, so that whatever runs here puts every tensor where it
belongs. Streams, events and graphs keep a list of what they were asked for.
"""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

CALLS: list[tuple[Any, ...]] = []


class Stream:
    def __init__(self, device=None, priority=0):
        self.device, self.name = torch.device(device or "cuda"), f"stream {sum(c[0] == 'stream' for c in CALLS)}"
        CALLS.append(("stream", self.name, str(self.device)))

    def wait_stream(self, other):
        CALLS.append(("wait_stream", self.name, other.name))

    def wait_event(self, event):
        CALLS.append(("wait_event", self.name, event.name))

    def synchronize(self):
        CALLS.append(("synchronize", self.name))


class Event:
    def __init__(self, *_, **__):
        self.name = f"event {sum(c[0] == 'event' for c in CALLS)}"
        CALLS.append(("event", self.name))

    def record(self, stream=None):
        CALLS.append(("record", (stream or CURRENT[-1]).name, self.name))


class Graph:
    def replay(self):
        CALLS.append(("replay", CURRENT[-1].name))


CURRENT: list[Stream] = []


@contextmanager
def stream(chosen):
    CURRENT.append(chosen)
    try:
        yield
    finally:
        CURRENT.pop()


@contextmanager
def device(chosen):
    yield


@contextmanager
def graph(_graph, pool=None, stream=None, capture_error_mode="global"):
    with globals()["stream"](stream):
        CALLS.append(("capture", stream.name))
        yield


def moved(module, change, recurse=True):
    """nn.Module.to for fake tensors, which cannot be changed in place."""
    for part in module.modules():
        for name, value in part._parameters.items():
            part._parameters[name] = value if value is None else nn.Parameter(change(value), value.requires_grad)
        for name, value in part._buffers.items():
            if value is not None:
                value.constant = None  # known numbers would really be moved
                part._buffers[name] = change(value)
    return module


def copy(to, origin, non_blocking=False):
    """Tensor.copy_, which would really ask for the GPU."""
    assert to.shape == origin.shape, (to.shape, origin.shape)
    CALLS.append(("copy", CURRENT[-1].name, str(origin.device), str(to.device), id(to)))
    return to


def repeat(x, *times):
    """Tensor.repeat, which would really ask for the GPU."""
    return torch.empty([size * n for size, n in zip(x.shape, times, strict=True)], dtype=x.dtype, device=x.device)


def taken(x, index):
    """x[:n], which would really ask for the GPU."""
    return x.narrow(0, 0, len(range(*index.indices(len(x)))))


def pretend(monkeypatch, capability=(9, 0), memory=2**34) -> FakeTensorMode:
    """Replace what asks the driver; returns the mode within which tensors are fake: `with pretend(monkeypatch): ...`."""
    CALLS.clear()
    CURRENT[:] = [Stream("cuda")]
    there = dict(
        is_available=lambda: True, device_count=lambda: 2, current_device=lambda: 0, is_initialized=lambda: False,
        get_device_capability=lambda *_: capability, get_arch_list=list, synchronize=lambda *_: None,
        get_device_properties=lambda *_: SimpleNamespace(total_memory=memory, name="pretended", major=9, minor=0),
        empty_cache=lambda: CALLS.append(("empty_cache",)), memory_allocated=lambda *_: 0,
        set_per_process_memory_fraction=lambda share, device=None: CALLS.append(("fraction", share, str(device))),
        Stream=Stream, Event=Event, CUDAGraph=Graph, stream=stream, device=device, graph=graph,
        current_stream=lambda *_: CURRENT[-1],
    )  # fmt: skip
    for name, value in there.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.random, "fork_rng", lambda *_, **__: nullcontext())  # there are no numbers to draw
    monkeypatch.setattr(torch, "manual_seed", lambda _: None)
    monkeypatch.setattr(FakeTensor, "__deepcopy__", lambda self, _: self.detach().clone(), raising=False)
    monkeypatch.setattr(FakeTensor, "copy_", copy, raising=False)
    monkeypatch.setattr(FakeTensor, "repeat", repeat, raising=False)
    monkeypatch.setattr(FakeTensor, "__getitem__", taken, raising=False)
    monkeypatch.setattr(FakeTensor, "pin_memory", lambda self: self, raising=False)
    monkeypatch.setattr(nn.Module, "_apply", moved)
    return FakeTensorMode()
