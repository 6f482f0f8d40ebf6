"""Where the time goes: real profiles hold every group, and made-up events are booked by hand."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from samples import dataset
from torch.autograd import DeviceType

from lessons_lib import models, step_profile
from lessons_lib.step_profile import REST, group_of, own_times, profile_steps
from lessons_lib.training_steps import FETCH, Knobs, TrainingStep

STEP = """
from samples import dataset
from lessons_lib import models
from lessons_lib.step_profile import profile_steps
from lessons_lib.training_steps import TrainingStep
rows = profile_steps(TrainingStep(models.build("small", classes=4, seed=0), dataset().train, 16), 2)
print(len(rows))
"""


@pytest.mark.parametrize("knobs", [Knobs(), Knobs(indexed=True, channels_last=True)])
def test_the_profile_of_a_step_shares_the_time_out(knobs):
    rows = profile_steps(TrainingStep(models.build("small", classes=4, seed=0), dataset().train, 32, knobs), 3)
    names = [row["work"] for row in rows]
    assert set(names) == {group for _, group in step_profile.GROUPS} | {REST}
    assert names[-1] == REST
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert [row["ms"] for row in rows[:-1]] == sorted((row["ms"] for row in rows[:-1]), reverse=True)
    assert rows[-1]["share"] < 0.3, "most of the time has a name"


def test_the_work_of_a_known_step_lands_in_its_group():
    a, b = torch.randn(2, 8, 40, 40), torch.randn(8, 8, 3, 3)

    def step():
        with torch.profiler.record_function(FETCH):
            for _ in range(50):
                a.clone()
        torch.conv2d(a, b)

    shares = {row["work"]: row["share"] for row in profile_steps(step, 5)}
    assert set(shares) <= {"fetching the batch", "convolution, forward", REST}
    assert shares["fetching the batch"] > 0
    assert shares["convolution, forward"] > 0


def event(name, own_us, parent=None, kind=DeviceType.CPU, device_us=0.0):
    return SimpleNamespace(
        name=name, self_cpu_time_total=own_us, cpu_parent=parent, device_type=kind, self_device_time_total=device_us
    )


def test_time_is_booked_on_the_outermost_event():
    outer = event(FETCH, 1.0)
    inner = event("aten::index", 5.0, outer)
    inmost = event("aten::empty", 2.0, inner, device_us=7.0)
    kernel = event("void elementwise_kernel", 0.0, kind=DeviceType.CUDA, device_us=7.0)
    events = [outer, inner, inmost, kernel]
    assert list(own_times(events, on_gpu=False)) == [(FETCH, 1.0), (FETCH, 5.0), (FETCH, 2.0)]
    assert sum(us for _, us in own_times(events, on_gpu=True)) == 7.0, "a kernel counts once"


def test_sums_are_per_step_and_the_rest_stands_last():
    rows = step_profile.rows([("aten::conv2d", 3000.0), ("aten::tanh", 9000.0), ("aten::conv2d", 1000.0)], steps=2)
    assert rows == [
        {"work": "convolution, forward", "ms": 2.0, "share": 4 / 13},
        {"work": REST, "ms": 4.5, "share": 9 / 13},
    ]


def test_without_time_there_is_nothing_to_share_out():
    with pytest.raises(ValueError, match="recorded no time"):
        step_profile.rows([], 1)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("autograd::engine::evaluate_function: ConvolutionBackward0", "convolution, backward"),
        ("aten::conv2d", "convolution, forward"),
        ("autograd::engine::evaluate_function: CudnnBatchNormBackward0", "batch norm, backward"),
        ("aten::batch_norm", "batch norm, forward"),
        ("Optimizer.zero_grad#SGD.zero_grad", "optimiser"),
        ("autograd::engine::evaluate_function: MaxPool2DWithIndicesBackward0", "pooling"),
        ("aten::relu_", "ReLU"),
        ("aten::gelu", REST),
    ],
)
def test_events_find_their_group(name, group):
    assert group_of(name) == group


def test_the_profiler_prints_nothing_of_its_own():
    told = subprocess.run(
        [sys.executable, "-c", STEP], capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    )
    assert told.stdout.strip().isdigit()
    assert "profiler" not in told.stderr
