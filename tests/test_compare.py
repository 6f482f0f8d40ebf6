import json
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from samples import dataset, engine, learnt, row

from lessons_lib import compare, engines, models
from lessons_lib.grid import Grid, Row

DATA = dataset(channels=1, size=16, classes=4, test=40)
TRUTH = {
    tuple(models.to_input(image[None]).flatten().tolist()): int(y)
    for image, y in zip(DATA.test.images, DATA.test.labels, strict=True)
}


def answering(right_share=1.0, wait_s=0.0, limit=None):
    """An engine that knows the labels, gets a share of the classes wrong, waits, and holds `limit` images at most."""

    def run(x):
        if limit is not None and len(x) > limit:
            raise MemoryError
        time.sleep(wait_s)
        labels = torch.tensor([TRUTH[tuple(image.flatten().tolist())] for image in x])
        wrong = labels >= 4 * right_share
        return torch.nn.functional.one_hot((labels + wrong) % 4, 4).float()

    return run


def lined_up(**more):
    return {
        ("base", "eager"): engine(answering(wait_s=0.004), size_bytes=4000),
        ("int8", "ONNX Runtime int8"): engine(
            answering(0.75), name="ONNX Runtime int8", precision="int8", size_bytes=1000
        ),
    } | more


@pytest.fixture(scope="module")
def grid():
    return compare.measure_grid(lined_up(), DATA, (1, 4), seconds=0.15)


def test_the_grid_holds_each_engine_at_each_batch_size(grid):
    assert [(r.variant, r.engine, r.batch) for r in grid.rows] == [
        ("base", "eager", 1),
        ("int8", "ONNX Runtime int8", 1),
        ("base", "eager", 4),
        ("int8", "ONNX Runtime int8", 4),
    ]
    assert grid.batches == [1, 4]
    assert not grid.notes
    assert {r.variant: r.accuracy for r in grid.rows} == {"base": 1.0, "int8": pytest.approx(0.75)}
    assert {r.variant: r.size_bytes for r in grid.rows} == {"base": 4000, "int8": 1000}


def test_latency_throughput_and_verdict_are_those_of_the_batch(grid):
    base, fast = grid.at(4)
    assert base.latency_ms > 4
    assert base.p95_ms >= base.latency_ms
    assert base.images_per_second == pytest.approx(4000 / base.latency_ms)
    assert (base.verdict, base.times_faster) == ("the baseline", 1.0)
    assert fast.verdict.startswith("faster")
    assert 1 < fast.low <= fast.times_faster <= fast.high


def test_a_row_can_be_looked_up_and_written_as_json(grid):
    found = grid.find("int8", "ONNX Runtime int8", 4)
    assert found is grid.rows[3]
    assert found.name == "int8 · ONNX Runtime int8"
    assert Row(**json.loads(json.dumps(found.as_dict()))) == found
    assert grid.find("int8", "ONNX Runtime int8", 3) is None


def test_tables_are_in_words_with_the_fastest_first(grid):
    table = grid.table(1)
    assert [cells["variant"] for cells in table.rows] == ["int8", "base"]
    assert list(table.rows[0]) == [
        "variant", "engine", "device", "accuracy", "size", "latency", "p95", "images/s", "against the baseline",
    ]  # fmt: skip
    assert table.rows[0]["accuracy"].startswith("75.0% ± ")
    assert "Batch size 4" in repr(grid)
    assert grid._repr_html_().count("<table>") == 2


def test_an_engine_out_of_memory_is_left_out_there_with_a_note():
    tight = {("both", "eager"): engine(answering(limit=2))}
    measured = compare.measure_grid(lined_up(**{}) | tight, DATA, (1, 4), seconds=0.05)
    assert [r.batch for r in measured.rows if r.variant == "both"] == [1]
    assert measured.notes == ("both · eager: a batch of 4 does not fit into the memory.",)


def test_without_its_baseline_a_batch_size_is_left_out_rather_than_judged_against_another():
    tight = {
        ("base", "eager"): engine(answering(limit=2)),
        ("int8", "a"): engine(answering()),
        ("int8", "b"): engine(answering()),
    }
    measured = compare.measure_grid(tight, DATA, (1, 4), seconds=0.05)
    assert measured.batches == [1]
    assert "Batch size 4 is left out" in measured.notes[-1]


def test_accuracy_is_measured_in_smaller_batches_where_the_memory_holds_no_larger():
    assert compare.accuracy(engine(answering(0.5, limit=3)), DATA) == 0.5
    with pytest.raises(MemoryError):
        compare.accuracy(engine(answering(limit=0)), DATA)


def test_other_errors_surface():
    def broken(x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        compare.measure_grid(lined_up() | {("base", "b"): engine(broken)}, DATA, (1,), seconds=0.05)


@pytest.mark.parametrize(("count", "batches"), [(1, (1,)), (2, ())])
def test_a_comparison_of_nothing_is_refused(count, batches):
    few = dict(list(lined_up().items())[:count])
    with pytest.raises(ValueError, match="two engines and a batch size"):
        compare.measure_grid(few, DATA, batches)


points = st.lists(
    st.tuples(st.integers(1, 6).map(float), st.integers(0, 5).map(lambda n: n / 5)), min_size=1, max_size=12
)


@given(points)
def test_the_pareto_front_is_what_nothing_beats(measured):
    rows = [row(variant=str(i), latency_ms=ms, accuracy=share) for i, (ms, share) in enumerate(measured)]
    front = Grid((*rows, row(batch=8, latency_ms=0.1, accuracy=1.0))).pareto(1)
    for ms, share in measured:
        no_slower = [other for other in measured if other[0] <= ms]
        best_share = max(other[1] for other in no_slower)
        first_at_it = min(other[0] for other in measured if other[1] >= share)
        on_front = share == best_share and ms == first_at_it
        assert on_front == any((r.latency_ms, r.accuracy) == (ms, share) for r in front)


@pytest.fixture
def tiny_engines(monkeypatch):
    """Engines by name without the cost of making them; keeps what they were asked for."""
    asked = []

    def build(names, model, image_shape, calibration, threads=None, gpu="cuda"):
        asked.append((tuple(names), model, image_shape, calibration, threads))
        precision = {"ONNX Runtime int8": "int8"}
        return {n: engine(answering(), name=n, precision=precision.get(n, "float32")) for n in names}

    monkeypatch.setattr(engines, "build", build)
    monkeypatch.setattr(
        engines, "available", lambda device, gpu_names: (["eager", "ONNX Runtime int8"], [f"none on {device}"])
    )
    return asked


def test_in_8_bits_base_becomes_int8_and_others_say_so(tiny_engines):
    variants = {"base": learnt("small"), "channels -50 %": learnt("small"), "my own": learnt("small")}
    ready, sentences = compare.line_up(variants, DATA, device="cpu", calibration_images=10, threads=3)
    assert list(ready) == [
        ("base", "eager"),
        ("int8", "ONNX Runtime int8"),
        ("channels -50 %", "eager"),
        ("channels -50 %, int8", "ONNX Runtime int8"),
        ("my own", "eager"),
        ("my own, int8", "ONNX Runtime int8"),
    ]
    assert sentences == ["none on cpu"]
    _, model, shape, calibration, threads = tiny_engines[0]
    assert model is variants["base"]
    assert (shape, threads) == ((1, 16, 16), 3)
    assert torch.equal(calibration, models.to_input(DATA.train.images[:10]))


def test_the_whole_line_up_runs_on_real_engines():
    data = dataset()
    ready, _ = compare.line_up({"base": learnt("small")}, data, device="cpu", threads=1)
    shares = [compare.accuracy(one, data) for one in ready.values()]
    exact = [share for share, one in zip(shares, ready.values(), strict=True) if one.precision == "float32"]
    assert exact == [shares[0]] * len(exact)
    assert shares == pytest.approx([shares[0]] * len(shares), abs=0.1)


def headline_grid():
    slow = dict(verdict="the baseline", times_faster=1.0)
    return Grid(
        (
            row(**slow, latency_ms=4.0, size_bytes=4096),
            row(variant="int8", batch=1, size_bytes=1024, accuracy=0.89),
            row(**slow, batch=8, latency_ms=32.0, size_bytes=4096),
            row(variant="int8", batch=8, size_bytes=1024, accuracy=0.89, latency_ms=10.0, times_faster=3.2),
        )
    )


def test_the_headline_compares_with_the_baseline_of_the_same_batch_size():
    grid = headline_grid()
    told = grid.headline({"int8": grid.find("int8", "eager", 8), "both": None})
    assert "at batch size 8" in told["sentence"]
    assert "size 1/4.0" in told["sentence"]
    assert "-1.0 points" in told["sentence"]
    assert [cells["latency"] for cells in told["rows"]] == ["32 ms", "10 ms"]
    assert json.loads(json.dumps(told)) == told


def test_a_headline_with_nothing_to_show_says_so():
    told = headline_grid().headline({"int8": None})
    assert told["sentence"] == "Against eager float32 at batch size 1: nothing else was measured."
    assert len(told["rows"]) == 1


def test_a_headline_over_several_batch_sizes_is_refused():
    grid = headline_grid()
    with pytest.raises(ValueError, match=r"batch sizes \[1, 8\]"):
        grid.headline({"a": grid.rows[1], "b": grid.rows[3]})


@pytest.mark.parametrize(("accuracy", "images", "error"), [(0.99, 2000, 0.0023), (1.0, 5, 0.139), (0.5, 100, 0.049)])
def test_accuracy_comes_with_its_standard_error(accuracy, images, error):
    """Figures by hand from (k + 2) / (n + 4); never 0, also where every image was right."""
    assert row(accuracy=accuracy, test_images=images).accuracy_error == pytest.approx(error, abs=0.0005)


def test_accuracy_lost_is_counted_image_by_image(grid):
    """The engine knows every label; the other gets the last of four classes wrong: 10 of 40 images."""
    base, fast = grid.at(1)
    assert (base.only_baseline_right, base.only_this_right) == (0, 0)
    assert (fast.only_baseline_right, fast.only_this_right) == (10, 0)
    assert fast.points_lost == 25.0
    assert (base.points_lost, base.points_error > 0) == (0.0, True)


@pytest.mark.parametrize(
    ("lost", "won", "images", "error"), [(0, 0, 2000, 0.0499), (20, 10, 2000, 0.2779), (10, 0, 40, 6.99)]
)
def test_points_lost_come_with_the_error_of_a_paired_difference(lost, won, images, error):
    """Figures by hand from sqrt(b + c - (b - c)^2 / n) / n with half an image more in each of the four counts."""
    found = row(only_baseline_right=lost, only_this_right=won, test_images=images)
    assert found.points_error == pytest.approx(error, rel=0.01)


def limits_grid():
    more = dict(test_images=1000)
    return Grid(
        (
            row(verdict="the baseline", latency_ms=4.0, size_bytes=12_000, times_faster=1.0, **more),
            row(variant="thin", latency_ms=0.2, size_bytes=1_000, only_baseline_right=16, **more),
            row(variant="thin", engine="int8", latency_ms=0.25, size_bytes=400, only_baseline_right=9, **more),
            row(variant="base", engine="int8", latency_ms=0.9, size_bytes=3_100, only_baseline_right=1, **more),
            row(variant="thin", device="cuda", latency_ms=0.1, size_bytes=1_000, only_baseline_right=10, **more),
        )
    )


@pytest.mark.parametrize(
    ("limits", "best"),
    [
        ({"device": "cpu"}, "thin · int8"),
        ({}, "thin · eager"),  # on the GPU, exactly one point
        ({"max_points_lost": 0.5}, "base · int8"),
        ({"max_points_lost": 2.0, "device": "cpu"}, "thin · eager"),
        ({"min_times_smaller": 12.5}, "thin · int8"),
        ({"max_points_lost": 0.0}, "base · eager"),
    ],
)
def test_the_best_is_the_fastest_that_keeps_to_every_limit(limits, best):
    assert limits_grid().best(1, **limits).name == best


def test_where_nothing_keeps_to_the_limits_that_is_said():
    grid = limits_grid()
    assert grid.best(1, min_times_smaller=100) is None
    assert grid.best(64) is None
    assert grid.bargain(None) == "no configuration keeps to these limits"


def test_a_bargain_tells_speed_size_and_what_they_cost():
    grid = limits_grid()
    told = grid.bargain(grid.find("thin", "int8", 1))
    assert "thin · int8 is 2 times as fast as the baseline (1.9 to 2.1) at batch size 1" in told
    assert "30 times smaller, for 0.9 points of accuracy (± 0.3, on the same images)" in told
