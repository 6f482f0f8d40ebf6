"""Inference on a GPU, taken apart: on the CPU, on a GPU that is pretended, and, where there is one, on a real one."""

import copy
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pretended_gpu import CALLS, pretend
from samples import learnt
from torch.autograd import DeviceType

from lessons_lib import models
from lessons_lib.batching import measured
from lessons_lib.engines import cuda_graph, presence
from lessons_lib.engines.resident import Form, Resident
from lessons_lib.explained import NotHere
from lessons_lib.gpu_inference import bound, copies, errors, launches, memory, paying, precisions, streams
from lessons_lib.gpu_inference.judged import judged, verdict
from lessons_lib.timing import Comparison, Measurement, Verdict

CPU = torch.device("cpu")
SIZES = [2**i for i in range(13)]


# What holds it up: the oracle is the formula that made the curve.
@given(st.integers(0, 12), st.floats(0.01, 50))
def test_a_curve_with_a_knee_is_flat_up_to_it_and_proportional_from_it_on(knee, start_ms):
    found = bound.judge({size: start_ms * max(1.0, size / 2**knee) for size in SIZES})
    assert found.flat_up_to == (2**knee if knee else None)
    assert found.proportional_from == (2**knee if knee < 12 else None)


@given(st.floats(0.05, 2000), st.floats(0.01, 10))
def test_where_starting_and_work_add_up_it_is_flat_while_work_is_a_quarter_of_the_first_time(overhead, work_ms):
    times = {size: work_ms * (overhead + size) for size in SIZES}
    flat = [size for size in SIZES if overhead + size <= 1.2499 * (overhead + 1)]
    close = [size for size in SIZES if overhead + size <= 1.2501 * (overhead + 1)]
    found = bound.judge(times).flat_up_to
    assert found in {x[-1] if len(x) > 1 else None for x in (flat, close)}


@given(st.lists(st.floats(0.97, 1.03), min_size=13, max_size=13))
def test_noise_of_three_per_cent_moves_the_judgement_by_one_size_at_most(noise):
    found = bound.judge({size: n * max(1.0, size / 64) for size, n in zip(SIZES, noise, strict=True)})
    assert found.flat_up_to in (32, 64)
    assert found.proportional_from in (32, 64, 128)


def test_one_slow_size_in_between_ends_the_flat_part():
    assert bound.judge({1: 1.0, 4: 1.1, 16: 2.0, 64: 1.1, 256: 4.4}).flat_up_to == 4


@pytest.mark.parametrize("times", [{1: 1.0}, {}, {1: 1.0, 2: 0.0}])
def test_a_curve_that_says_nothing_is_refused(times):
    with pytest.raises(ValueError, match="two batch sizes and times above 0"):
        bound.judge(times)


@pytest.mark.parametrize(
    ("times", "kind", "said"),
    [
        ({1: 1, 4: 1, 16: 1.1}, "cuda", "It is launch-bound up to a batch of 16, the largest measured"),
        (
            {1: 1, 4: 1, 16: 4},
            "cuda",
            "It is launch-bound up to a batch of 4: so many take about as long as 1; from 4 on",
        ),
        ({1: 1, 4: 1, 16: 2}, "cuda", "grows with the batch, but less than in proportion"),
        ({1: 1, 4: 4, 16: 16}, "cpu", "It is not overhead-bound at any batch size that was measured; from 1 on"),
    ],
)
def test_the_judgement_in_words(times, kind, said):
    assert said in bound.told(bound.judge(times), kind)


# Errors
def test_float32_is_as_exact_as_float32_and_bfloat16_is_coarser_by_its_bits():
    model = learnt("vgg", 3, 32)
    runs = {name: Resident(model, form) for name, form in precisions.ON_CPU.items()}
    found = {one.name: one for one in errors.measure(runs, model, (3, 32, 32), seed=5, batches=(1, 3), draws=2)}
    assert all(len(one.each) == 4 for one in found.values())
    assert found["float32"].largest < 1e-5
    assert 1e-5 < found["float16"].median < 1e-2 < 5 * found["bfloat16"].median < 0.5


def test_a_wrong_answer_shows_as_its_relative_error_and_draws_are_fresh_but_repeatable():
    model, seen = learnt("small"), []

    def twice(x):
        seen.append(x)
        with torch.no_grad():
            return 2 * copy.deepcopy(model).double()(x.double()).float()

    for seed in (1, 1, 2):
        (found,) = errors.measure({"twice": twice}, model, (3, 16, 16), seed=seed, batches=(2,), draws=2)
        assert found.each == pytest.approx((1.0, 1.0), abs=1e-6)
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])
    assert not torch.equal(seen[0], seen[4])
    assert -2 <= seen[0].min() < seen[0].max() <= 2


# Precisions
def test_all_precisions_take_turns_at_each_batch_size():
    model = learnt("small")
    images = torch.rand(4, 3, 16, 16)
    runs, notes = precisions.ready(model, images[:2], CPU)
    assert (list(runs), notes) == (["float32", "bfloat16", "float16"], [])
    found, problems = precisions.measure(runs, images, (8, 1), CPU, seconds=0.02)
    assert (list(found), problems) == ([1, 8], [])
    assert found[8].baseline == "float32"
    assert list(found[8].measurements) == list(runs)


def test_a_precision_that_pytorch_cannot_run_is_left_out_with_its_reason(monkeypatch):
    def broken(self, x):
        if self.form.dtype == torch.float16:
            raise RuntimeError("no kernel\nand a long stack")
        return x

    monkeypatch.setattr(Resident, "__call__", broken)
    runs, notes = precisions.ready(learnt("small"), torch.rand(1, 3, 16, 16), CPU)
    assert list(runs) == ["float32", "bfloat16"]
    assert notes == ["float16 was not measured. PyTorch says: no kernel"]


def test_where_not_even_float32_runs_a_sentence_says_why(monkeypatch):
    monkeypatch.setattr(Resident, "__call__", hungry(0))
    with pytest.raises(NotHere, match=r"^float32 was not measured. PyTorch says: CUDA out of memory."):
        precisions.ready(learnt("small"), torch.rand(1, 3, 16, 16), CPU)


def test_on_a_pretended_gpu_all_forms_are_made_but_those_left_out_and_too_old_ones(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model, **_: model)
    monkeypatch.setattr(presence, "lacking", lambda *_: [])
    monkeypatch.setattr(presence.shutil, "which", lambda *_: "gcc")
    for capability, missing in (((9, 0), []), ((7, 5), ["TF32", "bfloat16"])):
        with monkeypatch.context() as patch, pretend(patch, capability):
            model = models.build("small", seed=0).eval()
            runs, notes = precisions.ready(model, torch.rand(2, 3, 16, 16), torch.device("cuda:1"), ["float16"])
        assert list(runs) == [name for name in precisions.ON_GPU if name not in ["float16", *missing]]
        assert [note.partition(" was not")[0] for note in notes] == missing


def hungry(most):
    def run(*given):
        x = given[-1]
        if len(x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x.sum((1, 2, 3))

    return run


def test_what_does_not_fit_is_left_out_with_a_note_and_the_rest_goes_on():
    runs = {"a": hungry(100), "b": hungry(4), "c": hungry(100)}
    found, notes = precisions.measure(runs, torch.rand(2, 1, 4, 4), (2, 8, 200), CPU, seconds=0.01)
    assert [list(one.measurements) for one in found.values()] == [["a", "b", "c"], ["a", "c"]]
    assert notes[0] == "b: a batch of 8 does not fit into the memory."
    assert notes[1:] == [f"{name}: a batch of 200 does not fit into the memory." for name in "abc"]


def test_what_fits_alone_but_not_together_is_left_out_and_the_rest_goes_on():
    calls = []

    def crowded(x):
        calls.append(len(x))
        if len(x) == 8 and calls.count(8) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x.sum((1, 2, 3))

    runs = {"a": crowded, "b": hungry(100)}
    found, notes = precisions.measure(runs, torch.rand(2, 1, 4, 4), (2, 8, 16), CPU, seconds=0.01)
    assert list(found) == [2, 16]
    assert notes == ["a, b: a batch of 8 does not fit into the memory for all of them."]


# Memory
def test_the_sweep_goes_on_with_other_models_after_one_exhausted_the_memory():
    runs = {"large": hungry(4), "small": hungry(100)}
    found = memory.sweeps(runs, torch.rand(2, 1, 4, 4), (1, 4, 16), CPU, seconds=0.005)
    assert [len(measured(points)) for points in found.values()] == [2, 3]
    assert found["large"][-1].problem == "a batch of 16 does not fit into the memory"


def test_the_largest_batch_is_what_32_bits_can_count():
    largest = memory.largest_batch(models.build("vgg", seed=0).eval(), (3, 32, 32))
    assert largest * 32 * 32 * 32 <= 2**31 < 4 * largest * 32 * 32 * 32
    assert memory.sizes_up_to(largest)[-2:] == [16384, 32768]
    assert memory.sizes_up_to(64) == [1, 4, 16, 64]
    assert memory.sizes_up_to(10, factor=2, first=2) == [2, 4, 8, 10]
    assert memory.sizes_up_to(1) == [1]


def test_the_memory_is_limited_within_the_block_only_also_after_an_error(monkeypatch):
    pretend(monkeypatch, memory=2**30)
    device = torch.device("cuda:1")
    with pytest.raises(KeyError), memory.limited(2**28, device):
        raise KeyError
    assert ("fraction", 0.25, "1") in CALLS
    assert CALLS[-2:] == [("fraction", 1.0, "1"), ("empty_cache",)]
    CALLS.clear()
    with memory.limited(None, device), memory.limited(2**28, CPU):
        pass
    assert set(CALLS) == {("empty_cache",)}


# Launches
def event(name, kind, us, parent=None, mark=False):
    span = SimpleNamespace(elapsed_us=lambda: us)
    return SimpleNamespace(name=name, device_type=kind, cpu_parent=parent, time_range=span, is_user_annotation=mark)


def test_kernels_are_counted_and_their_time_is_what_a_gpu_was_busy():
    outer = event("aten::conv2d", DeviceType.CPU, 50)
    recorded = [outer, event("aten::cudnn_convolution", DeviceType.CPU, 40, outer)]
    recorded += [event("conv_kernel", DeviceType.CUDA, 30), event("relu_kernel", DeviceType.CUDA, 10)]
    recorded += [event("my block", DeviceType.CUDA, 500, mark=True)]
    found = launches.summed_up(recorded, 2, on_gpu=True)
    assert (found.count, found.busy_ms) == (1.0, 0.02)
    assert found.busy_share(0.1) == pytest.approx(0.2)
    assert found.busy_share(0.001) == 1.0
    assert launches.summed_up(recorded[:2], 2, on_gpu=True) is None
    assert launches.summed_up(recorded, 1, on_gpu=False) == launches.Launches(1.0, None)


def test_on_a_cpu_the_operators_are_counted():
    run, x = Resident(learnt("small"), Form(folded=False)), torch.rand(2, 3, 16, 16)
    found = launches.profile(lambda: run(x), CPU, calls=3)
    assert 10 <= found.count <= 30  # three blocks of convolution, batch norm and ReLU; pooling, average, head
    assert found.busy_ms is None
    assert found.busy_share(1.0) is None


# Copies
def test_copies_are_measured_there_and_back_and_what_arrives_is_checked(monkeypatch):
    found = copies.measure((4096, 65536), CPU, seconds=0.02)
    assert [(c.size_bytes, c.there, c.pinned) for c in found] == [
        (4096, True, False), (4096, False, False), (65536, True, False), (65536, False, False),
    ]  # fmt: skip
    assert all(c.gigabytes_per_second > 0 for c in found)
    monkeypatch.setattr(copies, "_waited", lambda to, origin, device: lambda: to.zero_())
    with pytest.raises(RuntimeError, match="not what was sent"):
        copies.measure((4096,), CPU)


# Streams
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_queue_answers_every_batch_in_its_place_each_time(count):
    batches = [torch.full((2, 1, 2, 2), float(i)) for i in range(count)]
    for overlapped in (False, True):
        queue = streams.Queue(lambda x: x.sum((2, 3)), batches, CPU, overlapped=overlapped)
        for _ in range(2):
            assert [answer[0, 0].item() for answer in queue()] == [4.0 * i for i in range(count)]


def test_nothing_is_overwritten_before_it_was_read_nor_read_before_it_was_written(monkeypatch):
    """The order that was asked for, played on two streams that know nothing of each other but the events."""
    with pretend(monkeypatch):
        batches = [torch.rand(2, 1, 4, 4) for _ in range(5)]
        queue = streams.Queue(
            lambda x: CALLS.append(("run", "stream 0", id(x))) or x.sum((2, 3)),
            batches,
            torch.device("cuda:1"),
            overlapped=True,
        )
        CALLS.clear()
        queue()
        queue()
    buffers, copying = {id(b) for b in queue.buffers}, queue.copying.name
    seen: dict[str, dict] = {"stream 0": {}, copying: {}}  # what each stream knows to have happened on the other
    done: dict[tuple, int] = {}
    told: dict[str, dict] = {}
    for call in CALLS:
        kind, name = call[:2]
        if kind == "record":
            told[call[2]] = dict(done)
        elif kind == "wait_event":
            seen[name] |= told.get(call[2], {})
        elif kind == "copy" and call[4] in buffers:
            assert name == copying
            buffer, nth = call[4], done.get(("write", call[4]), 0)
            assert seen[name].get(("read", buffer), 0) == nth, "it was overwritten before it was read"
            done["write", buffer] = nth + 1
        elif kind == "run" and call[2] in buffers:
            buffer = call[2]
            done["read", buffer] = done.get(("read", buffer), 0) + 1
            assert seen["stream 0"].get(("write", buffer), 0) == done["read", buffer], (
                "it was read before it was written"
            )
    assert sum(n for (what, _), n in done.items() if what == "read") == 10


# Break-even
SURE = {"faster": (2.0, 1.8, 2.2), "slower": (0.5, 0.4, 0.6), "cannot tell": (1.0, 0.9, 1.1)}


def line(model, place, batch, word):
    return {
        "model": model,
        "place": place,
        "batch": batch,
        **dict(zip(("ratio", "low", "high"), SURE[word], strict=True)),
    }


@given(st.lists(st.sampled_from(list(SURE)), min_size=1, max_size=8))
def test_a_gpu_pays_from_the_batch_on_from_which_it_is_always_faster(words):
    verdicts = {2**i: Verdict(*SURE[word]) for i, word in enumerate(words)}
    last_not = max((i for i, word in enumerate(words) if word != "faster"), default=-1)
    assert paying.first(verdicts) == (2 ** (last_not + 1) if last_not + 1 < len(words) else None)


def test_each_model_has_its_batch_with_and_without_copies():
    lines = [line("vgg", paying.COPIES, 1, "slower"), line("vgg", paying.NO_COPIES, 1, "cannot tell")]
    lines += [line("vgg", paying.COPIES, 8, "cannot tell"), line("vgg", paying.NO_COPIES, 8, "faster")]
    lines += [line("small", paying.COPIES, 8, "faster"), line("small", paying.NO_COPIES, 8, "faster")]
    found = paying.of_models(lines)
    assert found == [paying.Paying("vgg", None, 8, 8), paying.Paying("small", 8, 8, 8)]
    first, _ = paying.table(found).rows
    assert list(first.values()) == ["vgg", "not up to 8", "8"]
    assert paying.of_models([]) == []


def test_verdicts_survive_as_plain_dicts():
    samples = {"a": (2.0, 2.1, 2.0, 2.05), "b": (1.0, 1.05, 1.0, 1.0)}
    compared = Comparison("a", {name: Measurement(name, times) for name, times in samples.items()}, 0.9)
    (one,) = judged(compared, "way", batch=8)
    assert (one["way"], one["batch"]) == ("b", 8)
    assert str(verdict(one)) == str(compared.verdicts["b"])


# On a real GPU
@pytest.fixture
def gpu():
    """The last of the GPUs, so that nothing holds for the first one only."""
    return torch.device("cuda", torch.cuda.device_count() - 1)


@pytest.mark.gpu
def test_on_a_gpu_every_precision_is_as_exact_as_its_bits(gpu):
    model = learnt("vgg", 3, 32)
    runs, _ = precisions.ready(model, torch.rand(2, 3, 32, 32), gpu)
    limits = {"float32": 1e-4, "TF32": 5e-3, "float16": 1e-2, "bfloat16": 5e-2}
    for one in errors.measure(runs, model, (3, 32, 32), seed=7, draws=2):
        assert one.largest < limits[one.name.partition(",")[0]], one
    assert next(iter(runs)) == "float32"


@pytest.mark.gpu
def test_on_a_gpu_the_end_of_the_memory_is_met_and_everything_is_given_back(gpu):
    run = Resident(learnt("vgg", 3, 32), Form(), gpu)
    run(torch.rand(64, 3, 32, 32))  # the libraries take their own share of the memory and keep it
    torch.cuda.synchronize(gpu)
    before = memory.allocated_bytes(gpu)
    sizes, images = (1, 64, 8192, 16384), torch.rand(8, 3, 32, 32)
    found = memory.sweeps({"one": run, "next": run}, images, sizes, gpu, seconds=0.05, most_bytes=before + 2**29)
    for points in found.values():
        assert [point.measurement is not None for point in points][:2] == [True, True]
        assert points[-1].measurement is None
    torch.cuda.synchronize(gpu)
    assert memory.allocated_bytes(gpu) == before
    assert len(run(torch.rand(4096, 3, 32, 32))) == 4096, "afterwards all of the memory may be used again"


@pytest.mark.gpu
def test_on_a_gpu_two_streams_give_the_answers_of_one(gpu):
    run = Resident(learnt("vgg", 3, 32), Form(), gpu)
    batches = [streams.pinned(torch.rand(256, 3, 32, 32), gpu) for _ in range(7)]
    one, two = (streams.Queue(run, batches, gpu, overlapped=overlapped) for overlapped in (False, True))
    expected = [run(batch).cpu() for batch in batches]
    for _ in range(5):
        for queue in (one, two):
            for found, right in zip(queue(), expected, strict=True):
                assert torch.allclose(found, right, rtol=1e-3, atol=1e-3 * right.abs().max().item())


@pytest.mark.gpu
def test_on_a_gpu_copies_arrive_and_pinned_ones_are_measured_too(gpu):
    found = copies.measure((2**22,), gpu, seconds=0.2)
    assert {(c.there, c.pinned) for c in found} == {(a, b) for a in (True, False) for b in (True, False)}


@pytest.mark.gpu
@pytest.mark.parametrize("graph", [False, True])
def test_on_a_gpu_the_profiler_counts_kernels_also_those_of_a_graph(gpu, graph):
    run = Resident(learnt("vgg", 3, 32), Form(torch.float16, graph=graph), gpu)
    x = torch.rand(1, 3, 32, 32, device=gpu)
    found = launches.profile(lambda: run(x), gpu, calls=3)
    if found is None:
        pytest.skip("the profiler may not read this GPU's counters")
    assert found.count >= 10
    assert found.busy_ms > 0


@pytest.mark.gpu
def test_on_a_gpu_graphs_of_several_sizes_stay_apart(gpu):
    model = learnt("vgg", 3, 32)
    graph, plain = Resident(model, Form(torch.float16, graph=True), gpu), Resident(model, Form(torch.float16), gpu)
    batches = [torch.rand(size, 3, 32, 32) for size in (1, 3, 64, 3, 1, 64)]
    answers = [graph(batch).cpu() for batch in batches]
    for batch, answer in zip(batches, answers, strict=True):
        assert torch.allclose(answer, plain(batch).cpu(), rtol=1e-2, atol=1e-2 * answer.abs().max().item())
    assert graph.graphs is not None
    assert len(graph.graphs.kept) == 3


@pytest.mark.gpu
def test_on_a_gpu_what_cannot_be_captured_is_said_and_does_no_harm(gpu):
    def asks(x):
        return x * x.sum().item()

    with pytest.raises(cuda_graph.CannotCapture):
        cuda_graph.capture(asks, (2, 2), gpu)
    torch.cuda.synchronize(gpu)
    assert len(torch.rand(4, device=gpu)) == 4, "the random numbers must not wait for the end of the capture"
    found = cuda_graph.capture(lambda x: 2 * x, (2, 2), gpu)
    with torch.inference_mode():
        found.entry.fill_(3.0)
    found.replay()
    assert found.answers.cpu().tolist() == [[6.0, 6.0], [6.0, 6.0]]
