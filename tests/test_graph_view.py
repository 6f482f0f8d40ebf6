"""The operators of a model before and after, and the same answers from every form of it."""

import pytest
import torch
from samples import learnt

from lessons_lib import graph_view, onnx_graph
from lessons_lib.graph_view import BATCH_NORM, STAGES

SHAPE = (3, 16, 16)


@pytest.fixture(scope="module")
def graph():
    return onnx_graph.export(learnt("small"), SHAPE)


@pytest.fixture(scope="module")
def stages(graph):
    lists = (
        graph_view.pytorch_operators(learnt("small"), SHAPE),
        graph_view.graph_operators(graph),
        graph_view.graph_operators(graph_view.optimised(graph)),
    )
    return dict(zip(STAGES, lists, strict=True))


@pytest.mark.parametrize(
    ("operator", "work"),
    [
        ("aten.conv2d.default", "convolution"),
        ("aten.batch_norm.default", "batch norm"),
        ("BatchNormalization", "batch norm"),
        ("aten.relu_.default", "ReLU"),
        ("com.microsoft.nchwc.ReorderInput", "change of memory layout"),
        ("QuantizeLinear", "to or from 8 bits"),
        ("com.microsoft.nchwc.MaxPool", "pooling"),
        ("Gemm", "linear layer"),
        ("Erf", "Erf"),
    ],
)
def test_operators_are_named_by_their_work(operator, work):
    assert graph_view.work_of(operator) == work


def test_an_activation_that_is_built_in_is_named():
    assert graph_view.work_of("com.microsoft.nchwc.Conv", "Relu") == "convolution with ReLU"
    assert graph_view.work_of("com.microsoft.FusedConv", "HardSigmoid") == "convolution with HardSigmoid"


def test_pytorch_runs_every_layer_of_the_model(stages):
    work = stages[STAGES[0]]
    assert [work.count(kind) for kind in ("convolution", BATCH_NORM, "ReLU", "pooling", "linear layer")] == [
        3,
        3,
        3,
        2,
        1,
    ]


def test_the_engine_has_folded_the_batch_norms_and_built_the_relus_in(stages):
    work = stages[STAGES[-1]]
    assert BATCH_NORM not in work
    assert sum(kind.startswith("convolution") for kind in work) == 3
    assert "ReLU" not in work
    assert len(work) < len(stages[STAGES[0]])


def test_the_answers_are_the_same_in_every_form(graph):
    x = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0)) * 4 - 2
    with torch.inference_mode():
        want = learnt("small")(x)
    for optimise in (True, False):
        assert torch.allclose(graph_view.engine(graph, optimise=optimise)(x), want, atol=1e-4)


def test_the_table_counts_and_adds_up(stages):
    rows = graph_view.operator_table(stages).rows
    assert rows[-1]["work"] == "all"
    for stage in STAGES:
        assert sum(row[stage] for row in rows[:-1]) == rows[-1][stage] == len(stages[stage])


def test_what_became_of_them_is_told():
    before, exported = ["convolution", BATCH_NORM, "ReLU"], ["convolution", "ReLU"]
    after = ["change of memory layout", "convolution with ReLU"]
    told = graph_view.told(dict(zip(STAGES, (before, exported, after), strict=True)))
    assert told.startswith("3 operators became 2. The 1 batch norms are gone from the exported graph already")
    assert "1 operators have their activation built in. 1 new operator rearranges" in told
    kept = graph_view.told(dict(zip(STAGES, (before, before, before), strict=True)))
    assert kept == "3 operators became 3. 1 of 1 batch norms are left. No activation was built into another operator."
    assert graph_view.exported_told({"a": before, "b": exported}).endswith("the batch norms were folded on export.")
    assert graph_view.exported_told({"a": before, "b": before}).endswith("between the layers any more.")
    assert graph_view.chain(after) == "change of memory layout → convolution with ReLU"
