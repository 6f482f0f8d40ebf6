"""How many pieces a prediction is launched in, and which share of the time a GPU really calculates: by PyTorch's profiler."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd import DeviceType

from lessons_lib.device import synchronise

# Kineto, the profiler's engine, otherwise prints a line at each start and stop
os.environ.setdefault("KINETO_LOG_LEVEL", "6")


@dataclass(frozen=True)
class Launches:
    """Of one call. count: kernels of a GPU (copies among them), or operators of a CPU. busy_ms: how long they ran on a GPU."""

    count: float
    busy_ms: float | None

    def busy_share(self, call_ms: float) -> float | None:
        """Of the time of a call, measured without the profiler, the share in which the GPU calculated; 1 at most."""
        return None if self.busy_ms is None else min(1.0, self.busy_ms / call_ms)


def profile(call: Callable[[], Any], device: torch.device, calls: int = 10) -> Launches | None:
    """Record some calls; None where the profiler sees nothing, as where it may not read a GPU's counters.

    Source: torch.profiler (CUPTI traces what runs on the GPU, also what a CUDA graph replays).
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    for _ in range(2):
        call()
    synchronise(device)
    with torch.profiler.profile(activities=activities) as recorded:
        for _ in range(calls):
            call()
        synchronise(device)
    return summed_up(recorded.events() or [], calls, on_gpu=device.type == "cuda")


def summed_up(events: Iterable[Any], calls: int, *, on_gpu: bool) -> Launches | None:
    """What a profile of so many calls says about one."""
    if not on_gpu:
        operators = [e for e in events if e.cpu_parent is None and e.name.startswith("aten::")]
        return Launches(len(operators) / calls, None) if operators else None
    ran = [e for e in events if e.device_type == DeviceType.CUDA and not getattr(e, "is_user_annotation", False)]
    busy_us = sum(event.time_range.elapsed_us() for event in ran)
    return Launches(len(ran) / calls, busy_us / 1000 / calls) if busy_us else None
