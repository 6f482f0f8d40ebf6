import warnings

import pytest
import torch
from pretended_gpu import pretend

from lessons_lib import engines, models
from lessons_lib import tf32 as switch
from lessons_lib.engines.resident import Resident
from lessons_lib.gpu_inference import precisions
from lessons_lib.tf32 import switches, tf32

MATMUL, CUDNN = torch.backends.cuda.matmul, torch.backends.cudnn
HAS_NEW = hasattr(getattr(CUDNN, "conv", None), "fp32_precision")


@pytest.fixture(autouse=True)
def put_back():
    old, new = switches()
    yield
    switch._set(old, new)


@pytest.mark.parametrize("on", [True, False])
def test_within_the_block_both_kinds_of_operation_are_set_and_afterwards_all_is_as_before(on):
    before = switches()
    with tf32(on):
        assert (MATMUL.allow_tf32, CUDNN.allow_tf32) == (on, on)
        if HAS_NEW:
            assert (MATMUL.fp32_precision, CUDNN.conv.fp32_precision) == (("tf32" if on else "ieee"),) * 2
    assert switches() == before


@pytest.mark.parametrize("found", [(True, True), (False, False), (True, False), (False, True)])
def test_what_somebody_chose_before_is_kept(found):
    MATMUL.allow_tf32, CUDNN.allow_tf32 = found
    for on in (True, False):
        with tf32(on):
            pass
        assert (MATMUL.allow_tf32, CUDNN.allow_tf32) == found


def test_blocks_can_be_nested_and_an_error_puts_everything_back():
    before = switches()
    with tf32(True):
        with tf32(False):
            assert not MATMUL.allow_tf32
        assert MATMUL.allow_tf32
    with pytest.raises(KeyError), tf32(True):
        raise KeyError
    assert switches() == before


@pytest.mark.skipif(not HAS_NEW, reason="this PyTorch has the older way only")
def test_whoever_mixed_both_ways_is_served_by_the_newer_one():
    MATMUL.allow_tf32 = False
    MATMUL.fp32_precision = "tf32"
    with pytest.raises(RuntimeError):
        _ = MATMUL.allow_tf32  # PyTorch refuses to answer
    for on, word in ((True, "tf32"), (False, "ieee")):
        with tf32(on):
            assert (MATMUL.fp32_precision, CUDNN.conv.fp32_precision) == (word, word)
        assert MATMUL.fp32_precision == "tf32"
    MATMUL.fp32_precision = "none"


def test_before_pytorch_2_9_there_is_the_older_way_only(monkeypatch):
    class Old:
        allow_tf32 = True

    matmul, cudnn = Old(), Old()
    with monkeypatch.context() as patch:
        patch.setattr(switch, "MATMUL", matmul)
        patch.setattr(switch, "CUDNN", cudnn)
        assert switches() == ((True, True), ())
        with tf32(False):
            assert (matmul.allow_tf32, cudnn.allow_tf32) == (False, False)
    assert (matmul.allow_tf32, cudnn.allow_tf32) == (True, True)


def test_no_warning_reaches_the_learner():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tf32(True), tf32(False):
            pass


@pytest.mark.gpu
def test_on_a_gpu_float32_means_float32_and_tf32_is_coarser():
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this GPU has no TF32")
    a = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    images, weight = a.reshape(1, 64, 64, 64), a[:64, :9].repeat(1, 64).reshape(64, 64, 3, 3)
    exact = (a.double() @ a.double(), torch.nn.functional.conv2d(images.double(), weight.double()))
    errors = {}
    for on in (True, False):
        with tf32(on):
            found = (a.cuda() @ a.cuda(), torch.nn.functional.conv2d(images.cuda(), weight.cuda()))
        errors[on] = [((f.cpu() - e).norm() / e.norm()).item() for f, e in zip(found, exact, strict=True)]
    assert max(errors[False]) < 3e-5
    assert errors[True][0] > 5e-5  # of the products; for a convolution cuDNN may have a faster way than TF32


@pytest.fixture
def settings(monkeypatch):
    """How often the switches were set."""
    found, really = [], switch._set

    def counted(*given):
        found.append(given)
        really(*given)

    monkeypatch.setattr(switch, "_set", counted)
    return found


def test_a_block_within_one_that_asked_for_the_same_touches_no_switch(settings):
    before = switches()
    with tf32(True):
        settings.clear()
        with tf32(True):
            assert (MATMUL.allow_tf32, CUDNN.allow_tf32) == (True, True)
        assert (settings, MATMUL.allow_tf32) == ([], True)
        with tf32(False), tf32(True):
            assert MATMUL.allow_tf32
    assert switches() == before


def test_what_is_timed_in_float32_on_a_gpu_sets_no_switch_while_the_clock_runs(monkeypatch, settings):
    with pretend(monkeypatch):
        model, gpu = models.build("small", seed=0).eval(), torch.device("cuda:1")
        runs = {name: Resident(model, precisions.ON_GPU[name], gpu) for name in ("float32", "TF32")}
        timed = [*precisions.calls(runs, torch.rand(2, 3, 16, 16), gpu, copies=False).values()]
        names = ["GPU eager", "GPU TF32"]
        built = engines.build(names, model, (3, 16, 16), torch.rand(1, 3, 16, 16), gpu=gpu)
        timed += [built[name].on(torch.rand(2, 3, 16, 16)) for name in names]
        for call in timed:
            with call.context():
                settings.clear()
                call()
                assert settings == []
            settings.clear()
            call()
            assert len(settings) == 2, "alone, a call sets the switches and puts them back"
