"""The verdict of the benchmark of int8 engines: what counts as slow, and what excuses it; nothing is measured here."""

from types import SimpleNamespace

import pytest
import sample_course  # noqa: F401  (puts tools/ on the path)
from bench_engines import OURS, Case, Profile, page, status
from engine_layers import REST, layer, together

from lessons_lib.timing import Measurement, Verdict

FAST, SLOW = Verdict(1.05, 1.01, 1.10), Verdict(0.8, 0.78, 0.82)
UNCLEAR = Verdict(0.9, 0.85, 0.95)  # spans the limit, 1 / 1.1
KERNELS = [("convolution 1", 20.0, 10.0), (REST, 6.0, 5.0)]  # 10 of the 11 microseconds more
ELSEWHERE = [("convolution 1", 10.0, 10.0), (REST, 9.0, 5.0)]
NO_LONGER = [("convolution 1", 10.0, 12.0), (REST, 5.0, 5.0)]


def profiled(layers, network="vgg", batch=64, threads=1):
    return Profile(network, batch, threads, layers)


def case(verdict, network="vgg", batch=64, threads=1):
    names = (OURS, "OpenVINO int8", "ONNX Runtime", "OpenVINO")
    measurements = {name: Measurement(name, (0.001, 0.002, 0.003), 1) for name in names}
    return Case(network, batch, threads, SimpleNamespace(measurements=measurements, verdicts={OURS: verdict}))


@pytest.mark.parametrize(
    ("verdict", "word"),
    [(FAST, "yes"), (UNCLEAR, "cannot tell"), (SLOW, "**no**"), (Verdict(0.95, 1 / 1.1, 0.99), "yes")],
)
def test_the_limit_is_kept_or_missed_only_where_the_whole_interval_is_on_one_side(verdict, word):
    assert case(verdict).within_limit == word
    assert case(verdict).good == (word != "**no**")


def test_no_profile_is_needed_where_no_case_is_slow():
    assert status([case(FAST), case(UNCLEAR)], [profiled(NO_LONGER)]) == 0


@pytest.mark.parametrize(("layers", "expected"), [(KERNELS, 0), (ELSEWHERE, 1), (NO_LONGER, 1)])
def test_only_a_difference_in_the_convolutions_excuses_a_slow_case(layers, expected):
    assert status([case(FAST), case(SLOW)], [profiled(layers)]) == expected


@pytest.mark.parametrize("other", [{"network": "small"}, {"batch": 1}, {"threads": 2}])
def test_a_case_that_was_not_profiled_has_no_excuse(other):
    assert status([case(SLOW, **other)], [profiled(KERNELS)]) == 1
    assert status([case(SLOW, **other)], [profiled(KERNELS), profiled(KERNELS, **other)]) == 0


def test_the_share_in_the_convolutions_is_a_share():
    assert profiled(KERNELS).share_in_kernels == pytest.approx(10 / 11)
    assert profiled(ELSEWHERE).share_in_kernels == 0
    assert profiled(NO_LONGER).share_in_kernels == 0
    assert profiled([("convolution 1", 20.0, 10.0), (REST, 5.0, 9.0)]).share_in_kernels == 1


def test_where_the_difference_lies_is_told_by_the_profiles():
    assert profiled(KERNELS).in_words() == "91% of the difference lies in the convolutions."
    assert profiled(NO_LONGER).in_words().startswith("Summed over the layers ONNX Runtime takes no longer here")


def test_nodes_of_both_engines_are_set_side_by_side_in_the_order_of_the_graph():
    assert layer("/blocks/Conv_10_quant_kernel_time") == "Conv_10"
    assert layer("reorder_7") == REST
    ours, theirs = {"Conv_2": 1.0, "Conv_10": 2.0, REST: 3.0}, {"Conv_10": 5.0, "Conv_2": 4.0}
    assert together(ours, theirs) == [("convolution 1", 1.0, 4.0), ("convolution 2", 2.0, 5.0), (REST, 3.0, 0.0)]


def test_the_page_names_the_network_that_was_profiled():
    pytest.importorskip("openvino", reason="the page tells its version")
    machine = {"packages": {}, "cpu": "a CPU", "cpu_limit": 2.0, "vector_instructions": ["avx2"]}
    cases = [case(SLOW, "small", 8)]
    written = page(
        cases, {"small": [[OURS, "99 %", "1 KiB"]]}, [profiled(KERNELS, "small", 8)], [["as shipped", "equal"]], machine
    )
    assert "small, batch 8, threads: 1; µs an image. 91% of the difference" in written
    assert "| small | 8 | 1 | 2 | 2 | 2 | 2 | slower, 0.80x, 0.78 to 0.82 | **no** |" in written
