import numpy as np
import pytest
import torch

from lessons_lib import batching, timing

TORCH_CPU = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
ONNX = "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code: Failed to allocate memory for requested buffer of size 99"
EXHAUSTED = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError(TORCH_CPU),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("FIND was unable to find an engine to execute this computation"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError(ONNX),
    RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
    OSError(12, "Cannot allocate memory"),
]
OTHERS = [
    ValueError("a batch needs one image"),
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x3 and 5x2)"),
    RuntimeError("unsupported memory format option"),
    KeyError("x"),
]


def failing_from(batch, error):
    def engine(x):
        if len(x) >= batch:
            raise error
        return x.sum((1, 2, 3))

    return engine


@pytest.mark.parametrize("error", EXHAUSTED, ids=repr)
def test_a_sweep_survives_an_exhausted_memory_and_keeps_what_it_has(error):
    points = batching.sweep(failing_from(8, error), torch.rand(4, 1, 2, 2), (1, 4, 8, 16, 32), seconds=0.002)
    assert [point.batch for point in points] == [1, 4, 8, 16, 32]
    assert [point.measurement is not None for point in points] == [True, True, False, False, False]
    assert [point.problem for point in points] == [
        "",
        "",
        "a batch of 8 does not fit into the memory",
        "not tried: a smaller batch did not fit into the memory",
        "not tried: a smaller batch did not fit into the memory",
    ]
    assert points[-1].images_per_second is None


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_surface(error):
    assert not batching.is_out_of_memory(error)
    with pytest.raises(type(error)):
        batching.sweep(failing_from(2, error), torch.rand(4, 1, 2, 2), (1, 2), seconds=0.002)


def test_memory_that_really_is_not_there_is_recognised():
    for ask in (lambda: torch.empty(2**60, dtype=torch.uint8), lambda: np.empty(2**60, dtype=np.uint8)):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            ask()
        assert batching.is_out_of_memory(caught.value)


def test_memory_that_runs_out_while_measuring_is_survived_too():
    calls = []

    def engine(x):
        calls.append(len(x))
        if calls.count(2) > 3:
            raise MemoryError
        return x

    points = batching.sweep(engine, torch.rand(4, 1, 2, 2), (1, 2), seconds=0.002)
    assert [point.measurement is not None for point in points] == [True, False]


def test_sizes_are_measured_once_each_in_rising_order_on_batches_of_that_size():
    seen = []
    points = batching.sweep(lambda x: seen.append(tuple(x.shape)), torch.rand(3, 1, 2, 2), (4, 1, 4, 2), seconds=0.002)
    assert [point.batch for point in points] == [1, 2, 4]
    assert sorted(set(seen)) == [(1, 1, 2, 2), (2, 1, 2, 2), (4, 1, 2, 2)]


def test_throughput_is_the_batch_over_its_latency():
    point = batching.BatchPoint(8, timing.Measurement("", (0.004, 0.004, 0.004)))
    assert point.images_per_second == pytest.approx(2000)


def test_a_batch_repeats_images_where_there_are_too_few():
    images = torch.arange(3.0).reshape(3, 1, 1, 1)
    assert batching.take_batch(images, 7).flatten().tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert batching.take_batch(images, 2).flatten().tolist() == [0, 1]
    assert batching.take_batch(images, 3).shape == (3, 1, 1, 1)


@pytest.mark.parametrize(("count", "size"), [(0, 4), (3, 0), (3, -1)])
def test_a_batch_of_nothing_is_refused(count, size):
    with pytest.raises(ValueError, match=f"asked for {size} from {count} images"):
        batching.take_batch(torch.zeros(count, 1, 1, 1), size)
