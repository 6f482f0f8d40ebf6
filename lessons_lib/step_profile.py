"""Where the time of a training step goes: PyTorch's profiler, its thousands of events summed up in a few groups."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.autograd import DeviceType

from lessons_lib.training_steps import FETCH

# Kineto, the profiler's engine, otherwise prints a line at each start and stop
os.environ.setdefault("KINETO_LOG_LEVEL", "6")

Row = dict[str, Any]
REST = "everything else"
# What an outermost event is called, and the group it belongs to; the first that fits counts.
GROUPS = (
    (FETCH, "fetching the batch"),
    ("optimizer.", "optimiser"),
    ("convolutionbackward", "convolution, backward"),
    ("conv", "convolution, forward"),
    ("batchnormbackward", "batch norm, backward"),
    ("batch_norm", "batch norm, forward"),
    ("maxpool", "pooling"),
    ("max_pool", "pooling"),
    ("relu", "ReLU"),
    ("crossentropy", "loss"),
    ("cross_entropy", "loss"),
    ("logsoftmax", "loss"),
    ("nllloss", "loss"),
)


def profile_steps(step: Callable[[], Any], steps: int = 10, *, device: str | torch.device = "cpu") -> list[Row]:
    """Run a step several times under the profiler.

    Args:
        step: makes one step, such as a `TrainingStep`; two calls go before, unrecorded.
        steps: how many are recorded. device: on "cuda" the time of the GPU is counted, else that of the CPU.

    Returns:
        One row for each group, the largest first: "work" (its name), "ms" (of a step), "share" (of the whole, 0 to 1).

    Source: torch.profiler. An event's own time is its duration less that of the events within it.
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    for _ in range(2):
        step()
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(steps):
            step()
        if on_gpu:
            torch.cuda.synchronize(device)
    return rows(own_times(profile.events() or [], on_gpu=on_gpu), steps)


def own_times(events: Iterable[Any], *, on_gpu: bool) -> Iterator[tuple[str, float]]:
    """The name of the outermost event around each event, and that event's own microseconds."""
    for event in events:
        if event.device_type == DeviceType.CPU:  # what a GPU ran is booked on the operation that launched it
            yield outermost(event).name, event.self_device_time_total if on_gpu else event.self_cpu_time_total


def outermost(event: Any) -> Any:
    """The event that was called by no other: the operation that the model's code, or autograd, asked for."""
    while event.cpu_parent is not None:
        event = event.cpu_parent
    return event


def rows(times: Iterable[tuple[str, float]], steps: int) -> list[Row]:
    """Sum up names and microseconds by group; see `profile_steps`.

    Raises:
        ValueError: there is no time to share out.
    """
    sums: dict[str, float] = {}
    for name, microseconds in times:
        group = group_of(name)
        sums[group] = sums.get(group, 0.0) + microseconds
    whole = sum(sums.values())
    if not whole:
        raise ValueError("the profiler recorded no time: was the step run at all, and on the device that was named?")
    found = [{"work": group, "ms": spent / 1000 / steps, "share": spent / whole} for group, spent in sums.items()]
    return sorted(found, key=lambda row: (row["work"] == REST, -row["ms"]))


def group_of(name: str) -> str:
    """The group of an outermost event: "autograd::engine::evaluate_function: ReluBackward0" belongs to "ReLU"."""
    return next((group for part, group in GROUPS if part in name.lower()), REST)
