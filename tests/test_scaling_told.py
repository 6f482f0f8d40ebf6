"""What training on several processes is told as; the results are made by hand."""

from dataclasses import replace

import torch

from lessons_lib.scaling import Layouts, ScalingResult
from lessons_lib.scaling_told import exchange_told, layouts_told, resumed_told

RESULT = ScalingResult(
    processes=2, threads_each=1, device="cpu", batch_size=64, steps=30, started_at=0, seconds=1.0, images_per_second=1920.0,
    start_up_s=4.0, loss=(2.0,), weight_digests=("ab", "ab"), exchange=(),
    gradient_difference={"fixed statistics": 1e-6, "each process its own images": 0.12}, gradient_bytes=2**20,
    allreduce_ms_per_step=0.5, together_s=(0.02,) * 8, apart_s=(0.01,) * 8, peak_memory_bytes=(1, 1),
    weights={"w": torch.zeros(1)},
)  # fmt: skip
SECONDS = {
    "1 process x 1 thread": (0.8,) * 8,
    "1 process x 2 threads": (0.5,) * 8,
    "2 processes x 1 thread": (0.5,) * 8,
}


def test_layouts_are_told_with_their_efficiency():
    told = layouts_told(Layouts(SECONDS, 256, (1, 1)))
    assert "one thread: **faster, 1.6" in told
    assert "here it is **80%**" in told
    assert "as many threads: **cannot tell" in told


def test_the_exchange_is_told_with_its_exactness_and_its_price():
    told = exchange_told(RESULT)
    assert "to within 1e-06 of its length" in told
    assert "changes the gradient by 12%" in told
    assert "all 2 processes are **equal, bit for bit**" in told
    assert "sends 1 MiB, which takes 0.5 ms" in told
    assert "**faster, 2.0" in told


def test_weights_that_differ_are_not_told_as_equal():
    assert "processes are **not equal**" in exchange_told(replace(RESULT, weight_digests=("ab", "cd")))


def test_a_resume_is_told_with_its_outcome():
    assert resumed_told(replace(RESULT, started_at=10), RESULT) == (
        "It went on from step 10 to 30; the weights are the same as without the accident."
    )
    assert "not those without" in resumed_told(replace(RESULT, weight_digests=("x", "x")), RESULT)
