import pytest
import torch
from samples import dataset, engine, learnt

from lessons_lib import models, thread_counts
from lessons_lib.thread_counts import ThreadCount
from lessons_lib.timing import Verdict


@pytest.mark.parametrize(
    ("cores", "tried"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8]), (6.5, [1, 2, 4, 6]), (0.5, [1])]
)
def test_powers_of_two_and_all_cores_are_tried(cores, tried):
    assert thread_counts.counts(cores) == tried


def test_each_engine_is_built_with_each_number_of_threads():
    data = dataset(channels=1)
    images = models.to_input(data.train.images)
    made = thread_counts.build(["eager", "ONNX Runtime"], learnt("small", 1), data.image_shape, images, [1, 2])
    assert {key: one.threads for key, one in made.items()} == {
        ("eager", 1): 1, ("eager", 2): 2, ("ONNX Runtime", 1): 1, ("ONNX Runtime", 2): 2,
    }  # fmt: skip


def test_the_graph_is_exported_once_for_all_numbers_of_threads(monkeypatch):
    from lessons_lib import onnx_graph

    data, exports, export = dataset(channels=1), [], onnx_graph.export
    monkeypatch.setattr(onnx_graph, "export", lambda *given: exports.append(1) or export(*given))
    images = models.to_input(data.train.images)
    thread_counts.build(["ONNX Runtime", "ONNX Runtime int8"], learnt("small", 1), data.image_shape, images, [1, 2, 3])
    assert exports == [1]


def test_each_number_of_threads_is_compared_with_one():
    made = {(name, count): engine(lambda x: x.sum(1), name=name) for name in ("a", "b") for count in (1, 2)}
    found = thread_counts.measure(made, torch.zeros(4, 3), (1, 8), seconds=0.02)
    assert [(one.engine, one.batch, one.threads, one.verdict is None) for one in found] == [
        (name, batch, count, count == 1) for name in ("a", "b") for batch in (1, 8) for count in (1, 2)
    ]
    assert len(thread_counts.table(found).rows) == 8


def test_on_one_core_there_is_nothing_to_compare():
    found = thread_counts.measure({("a", 1): engine(lambda x: x)}, torch.zeros(4, 3), (1,), seconds=0.02)
    assert found == []
    assert thread_counts.sentence(found).startswith("This process may use one core")


def test_the_sentence_tells_the_smallest_and_the_largest_batch():
    slower, faster = Verdict(0.8, 0.7, 0.9), Verdict(1.7, 1.6, 1.8)
    found = [
        ThreadCount("a", batch, threads, 1.0, verdict if threads == 2 else None)
        for batch, verdict in ((1, slower), (8, slower), (32, faster))
        for threads in (1, 2)
    ]
    assert thread_counts.sentence(found) == (
        "2 threads against one: at batch 1, a: slower, 0.8x, 0.7 to 0.9; at batch 32, a: faster, 1.70x, 1.60 to 1.80."
    )
    assert ThreadCount("a", 8, 1, 4.0, None).images_per_second == 2000
