"""The verdict on "a quarter of the memory, faster, no significant loss", and low precision on a GPU as far as a CPU can tell."""

import importlib.util

import pytest
import torch

from lessons_lib import gpu_low_precision as gpu
from lessons_lib.gpu_low_precision import Machine
from lessons_lib.int8_claim import Claim
from lessons_lib.paired_answers import Change
from lessons_lib.timing import Verdict

FASTER, SLOWER = Verdict(1.5, 1.4, 1.6), Verdict(0.8, 0.7, 0.9)
SAME = Change(2, 3, 1000)


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        (Claim(3.7, {1: FASTER, 64: FASTER}, SAME), "holds"),
        (Claim(3.7, {1: SLOWER, 64: FASTER}, SAME), "holds only if the batch is 64, of those measured"),
        (Claim(3.7, {1: SLOWER, 64: SLOWER}, SAME), "does not hold here"),
        (Claim(2.1, {1: FASTER, 64: FASTER}, SAME), "does not hold here"),
        (Claim(3.7, {1: FASTER}, Change(60, 10, 1000)), "does not hold here"),
        (Claim(3.7, {1: FASTER}, Change(9, 1, 5000)), "holds"),
        (Claim(3.7, {1: FASTER}, Change(0, 0, 100)), "cannot be tested here"),
        (Claim(3.7, {1: FASTER}, Change(4, 0, 200)), "cannot be tested here"),  # a loss of four points may hide there
    ],
)
def test_the_claim_gets_the_verdict_of_its_parts(claim, word):
    assert claim.word == word
    assert len(claim.parts()) == 3


H100, A100, T4 = (Machine(capability, True, True) for capability in ((9, 0), (8, 0), (7, 5)))


@pytest.mark.parametrize(
    ("machine", "has"),
    [
        (H100, ("float16", "bfloat16", "int8", "fp8")),
        (A100, ("float16", "bfloat16", "int8")),
        (T4, ("float16",)),
        (Machine((9, 0), False, True), ("float16", "bfloat16")),
    ],
)
def test_each_gpu_has_its_precisions_and_a_sentence_for_the_others(machine, has):
    found, reasons = gpu.available(machine)
    assert found == has
    assert len(reasons) == 4 - len(has)
    assert all(reason.endswith(".") for reason in reasons)


def test_without_a_gpu_one_sentence_says_so():
    found, reasons = gpu.available(Machine(None, True, True))
    assert found == ()
    assert reasons == ["float16, bfloat16, int8, fp8: these are measured on an NVIDIA GPU, and none is used here."]


def test_sentences_say_what_is_missing():
    assert gpu.missing("fp8", A100) == "fp8: needs a GPU of compute capability 8.9 or newer; this one has 8.0."
    assert "pip install" in str(gpu.missing("int8", Machine((9, 0), False, True)))
    assert gpu.missing("int8", Machine(None, True, True)) == "int8: PyTorch sees no NVIDIA GPU here."
    with pytest.raises(ValueError, match="no precision 'int3'"):
        gpu.missing("int3", H100)


def test_the_machine_without_its_gpu_has_none():
    assert gpu.machine("cpu").capability is None


def test_16_bits_move_a_result_by_little():
    base, x = gpu.stack(64, 2, "cpu"), torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact = base(x)
        assert 0 < gpu.relative_difference(gpu.converted(base, "bfloat16")(x.bfloat16()), exact) < 0.02
        assert torch.equal(base(x), exact), "the given network stays as it is"
        assert gpu.relative_difference(exact, exact) == 0


@pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="torchao (extra gpu) is not installed")
def test_int8_through_torchao_moves_a_result_by_a_few_per_cent():
    base, x = gpu.stack(64, 2, "cpu"), torch.randn(8, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        moved = gpu.relative_difference(gpu.converted(base, "int8")(x.bfloat16()), base(x))
    assert 0 < moved < 0.05
