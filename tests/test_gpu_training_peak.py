"""Operations counted, against PyTorch's own counter; peaks from data sheets and from matrix products."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lessons_lib import models, peak_arithmetic
from lessons_lib.gpu_training import network
from lessons_lib.peak_arithmetic import DATA_SHEETS, forward_flop, measured, published, share, training_flop

NETS = {
    "fast": lambda: network.build(3, 12, (8, 12, 16)),
    "fast, full": lambda: network.build(3, 10),
    **{name: (lambda name=name: models.build(name)) for name in models.NAMES},
}


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("name", NETS)
def test_the_count_is_that_of_pytorchs_counter(name, size):
    net = NETS[name]().to("meta").train()
    x = torch.empty(4, 3, size, size, device="meta")
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        net(x)
    with FlopCounterMode(display=False) as both:
        net(x).sum().backward()
    assert 4 * forward_flop(net, (3, size, size)) == forward.get_total_flops()
    assert 4 * training_flop(net, (3, size, size)) == both.get_total_flops()


@pytest.mark.parametrize("name", models.NAMES)
def test_a_prediction_is_two_operations_for_each_multiply_accumulate_and_training_about_three_times_that(name):
    net = models.build(name)
    assert forward_flop(net, (3, 32, 32)) == 2 * models.macs(net, (3, 32, 32))
    assert 2.7 < training_flop(net, (3, 32, 32)) / forward_flop(net, (3, 32, 32)) <= 3


def test_the_full_network_costs_what_its_source_says():
    net = network.build(3, 10)
    run = training_flop(net, (3, 32, 32)) * 50_000 * 9.9
    assert run == pytest.approx(358e12, rel=0.05), "airbench94_compiled.py: 358 TFLOP for a training"


def test_counting_leaves_the_network_alone():
    net = network.build(3, 12, (8, 12, 16)).train()
    training_flop(net, (3, 32, 32))
    assert net.training
    assert next(net.parameters()).device.type == "cpu"
    assert not net.head._forward_hooks


@pytest.mark.parametrize(
    ("gpu", "precision", "tera"),
    [
        ("Tesla T4", "float16", 65),
        ("Tesla T4", "bfloat16", None),
        ("Tesla T4", "tf32", None),
        ("Tesla V100-SXM2-16GB", "float16", 125),
        ("NVIDIA L4", "bfloat16", 121),
        ("NVIDIA A10", "bfloat16", 125),
        ("NVIDIA A10G", "bfloat16", None),
        ("NVIDIA A100-SXM4-40GB", "bfloat16", 312),
        ("NVIDIA A100-SXM4-80GB", "tf32", 156),
        ("NVIDIA A100 80GB PCIe", "float32", 19.5),
        ("NVIDIA A100-PCIE-40GB", "float16", 312),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "bfloat16", None),
        ("NVIDIA L40S", "bfloat16", 362),
        ("NVIDIA L40", "bfloat16", None),
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989.5),
        ("NVIDIA H100 PCIe", "bfloat16", 756.5),
        ("NVIDIA H200", "tf32", 494.5),
        ("NVIDIA GeForce RTX 3090", "float16", 71),
        ("NVIDIA GeForce RTX 3090 Ti", "float16", None),
        ("NVIDIA GeForce RTX 4090", "float16", 165.2),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "float16", None),
        ("AMD EPYC", "float32", None),
    ],
)
def test_peaks_are_known_by_the_whole_name_or_not_at_all(gpu, precision, tera):
    assert published(gpu, precision) == (None if tera is None else pytest.approx(tera * 1e12))


def test_fewer_bits_are_never_slower_on_a_data_sheet():
    for rates in DATA_SHEETS.values():
        assert rates["float32"] <= rates.get("tf32", rates["float16"]) <= rates["float16"]
        assert rates.get("bfloat16", rates["float16"]) == rates["float16"]


def test_a_measured_peak_is_a_rate_of_this_machine():
    rate = measured(torch.device("cpu"), "float32", seconds=0.05, side=128)
    assert 1e7 < rate < 1e14


@pytest.mark.parametrize(("memory_gib", "side"), [(80, 8192), (16, 8192), (8, 4096), (1, 2048)])
def test_the_matrices_fit_the_device(monkeypatch, memory_gib, side):
    found = type("Properties", (), {"total_memory": memory_gib * 2**30})
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: found)
    assert peak_arithmetic.side_for(torch.device("cuda", 0)) == side
    assert peak_arithmetic.side_for(torch.device("cpu")) == 768


def test_a_share_needs_a_peak():
    assert share(5.0, 10.0) == 0.5
    assert share(5.0, None) is None
