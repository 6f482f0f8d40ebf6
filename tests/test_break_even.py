import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import row

from lessons_lib import break_even
from lessons_lib.recorded import Recording


def side(device, latencies, **more):
    """Rows of one device by batch size; the ratio to a baseline that takes 10 ms each, known within 2 %."""
    name = "eager" if device == "cpu" else "GPU half"
    return [
        row(device=device, engine=name, batch=batch, latency_ms=ms, p95_ms=1.2 * ms, times_faster=10 / ms,
            low=9.8 / ms, high=10.2 / ms, **more)
        for batch, ms in latencies.items()
    ]  # fmt: skip


def same_run(cpu, gpu):
    rows = tuple(side("cpu", cpu) + side("cuda", gpu))
    return break_even.duels(rows, rows)


def test_the_gpu_pays_from_the_batch_at_which_it_is_faster():
    found = same_run({1: 1.0, 8: 8.0, 32: 32.0}, {1: 3.0, 8: 4.0, 32: 5.0})
    assert break_even.batch(found) == 8
    assert [duel.verdict.word for duel in found] == ["slower", "faster", "faster"]
    assert break_even.sentence(found).startswith("This machine's GPU pays from a batch of 8 on; at 1 it does not yet.")


def test_within_the_noise_it_cannot_be_told():
    found = same_run({1: 1.0, 8: 4.0, 32: 32.0}, {1: 3.0, 8: 3.95, 32: 5.0})
    assert break_even.batch(found) == 32
    assert found[1].verdict.word == "cannot tell"
    assert "pays from a batch of 32 on; at 8 it does not yet (there it cannot be told)" in break_even.sentence(found)


def test_a_larger_batch_at_which_it_is_slower_again_counts():
    found = same_run({1: 1.0, 8: 8.0, 32: 9.0}, {1: 3.0, 8: 4.0, 32: 12.0})
    assert break_even.batch(found) is None
    assert (
        "Up to a batch of 32, the largest measured, this machine's GPU is not reliably faster"
        in break_even.sentence(found)
    )


def test_a_gpu_that_is_always_faster_is_said_to_be():
    assert "faster at every batch size that was measured, from 1 on" in break_even.sentence(
        same_run({1: 3.0}, {1: 1.0})
    )


def test_the_fastest_of_each_side_takes_part_and_other_models_do_not():
    rows = tuple(
        [*side("cpu", {1: 5.0}), *side("cpu", {1: 4.0}, variant="int8"), *side("cpu", {1: 0.1}, variant="channels -75 %"),
         *side("cuda", {1: 2.0}), *side("cuda", {8: 2.0})]
    )  # fmt: skip
    (duel,) = break_even.duels(rows, rows)
    assert (duel.cpu.variant, duel.gpu.latency_ms, duel.batch) == ("int8", 2.0, 1)
    (other,) = break_even.duels(rows, rows, variants=["channels -75 %", "base"])
    assert other.cpu.latency_ms == 0.1


batches = st.dictionaries(st.sampled_from([1, 2, 4, 8, 16, 32]), st.floats(0.1, 100), min_size=1)


@given(batches, batches)
def test_from_the_break_even_batch_on_the_gpu_is_faster_everywhere(cpu, gpu):
    found = same_run(cpu, gpu)
    shared = sorted(cpu.keys() & gpu.keys())
    assert [duel.batch for duel in found] == shared
    clear = [b for b in shared if cpu[b] * 9.8 / 10.2 > gpu[b]]
    pays = break_even.batch(found)
    above = [b for b in shared if b >= (pays or math.inf)]
    assert above == [b for b in clear if b in above]
    if pays is None and shared:
        assert shared[-1] not in clear


def test_between_machines_the_slow_answers_of_one_must_beat_the_median_of_the_other():
    """Nothing took turns there: 1.2 is how much the 95th percentile exceeds the median."""
    cpu = tuple(side("cpu", {1: 1.0, 8: 10.0, 32: 10.0}))
    gpu = tuple(side("cuda", {1: 1.3, 8: 9.0, 32: 8.0}))
    assert [d.verdict.word for d in break_even.duels(cpu, gpu)] == ["slower", "cannot tell", "faster"]


def test_recordings_of_gpus_stand_in_where_there_is_none():
    other = Recording("A GPU", "2026-11-20", {"torch": "2.13"}, "road_signs", tuple(side("cuda", {1: 0.1})))
    cpu_only = Recording("A CPU", "2026-11-20", {}, "road_signs", tuple(side("cpu", {1: 0.1})))
    found = break_even.against_all(tuple(side("cpu", {1: 1.0})), [other, cpu_only])
    assert list(found) == ["the GPU recorded on A GPU, 2026-11-20, torch 2.13"]
    assert "The GPU recorded on A GPU, 2026-11-20, torch 2.13 is faster at every" in break_even.sentences(found)


def test_without_any_gpu_that_is_said():
    assert break_even.against_all(tuple(side("cpu", {1: 1.0})), []) == {}
    assert break_even.sentences({}).startswith("Nothing to compare: no GPU was measured here")


def test_the_table_names_both_sides():
    (line,) = break_even.table(same_run({8: 8.0}, {8: 4.0})).rows
    assert line["batch"] == 8
    assert line["CPU"] == "8 ms (base · eager)"
    assert line["GPU"] == "4 ms (base · GPU half)"
    assert line["the GPU is"].startswith("faster, 2.0")


def test_copies_are_measured_there_and_back():
    found = break_even.transfers((3, 8, 8), 4, (1, 16), device="cpu", seconds=0.01)
    assert [(copy.batch, copy.size_bytes) for copy in found] == [(1, 768), (16, 12_288)]
    assert all(copy.there_ms > 0 and copy.back_ms > 0 for copy in found)


def test_the_table_of_copies_gives_their_share_of_the_time():
    copies = [break_even.Transfer(8, 98_304, 0.3, 0.1), break_even.Transfer(64, 786_432, 1.0, 0.1)]
    first, second = break_even.transfer_table(copies, side("cuda", {8: 2.0})).rows
    assert first["of the fastest configuration's time"] == "20%"
    assert first["size"] == "96 KiB"
    assert second["of the fastest configuration's time"] == ""


@pytest.mark.gpu
def test_a_larger_batch_takes_longer_to_copy():
    last = torch.device("cuda", torch.cuda.device_count() - 1)
    small, large = break_even.transfers((3, 64, 64), 10, (1, 2048), device=last)
    assert large.there_ms > small.there_ms
