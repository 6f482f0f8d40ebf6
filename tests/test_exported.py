import csv
import io
import json
import os

import pytest
from samples import row

from lessons_lib import exported, pooled, recorded
from lessons_lib.grid import Grid
from lessons_lib.recorded import Recording

GRID = Grid(
    (
        row(verdict="the baseline", times_faster=1.0, low=1.0, high=1.0, size_bytes=12_000),
        row(
            variant="int8",
            engine="ONNX Runtime int8",
            latency_ms=1.25,
            times_faster=3.2,
            low=3.1,
            high=3.3,
            size_bytes=3_000,
        ),
        row(engine="ONNX Runtime", latency_ms=2.0, size_bytes=12_000),
    )
)


def recording(device="A CPU", grid=GRID, **more):
    return Recording(device, "2026-11-20", {"torch": "2.13.0"}, "road_signs", grid.rows, **more)


def test_what_was_measured_here_comes_with_the_machine_and_the_versions():
    own = exported.of_this_machine(GRID, "road_signs")
    assert own.rows == GRID.rows
    assert own.device == own.machine["cpu"]
    assert set(own.versions) <= {"torch", "onnxruntime"}
    assert own.machine["cores"] == os.cpu_count()


def test_a_folder_of_ones_own_is_not_named_to_others():
    assert exported.of_this_machine(GRID, "folder:/home/somebody/cats").dataset == "folder"


def test_the_json_file_is_read_back_as_it_was_written(tmp_path):
    own = exported.of_this_machine(GRID, "road_signs")
    told = exported.write(own, tmp_path / "new")
    (found,), _ = recorded.load(tmp_path / "new")
    assert found == own
    assert found.machine["cpu"] == own.machine["cpu"]
    assert "which this course reads again" in told
    (path,) = (tmp_path / "new").glob("*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == recorded.FORMAT


def test_a_class_pools_by_putting_all_files_into_one_folder(tmp_path):
    for ms in (1.0, 2.0, 3.0):
        exported.write(recording(grid=Grid((row(latency_ms=ms),))), tmp_path)
    found, _ = recorded.load(tmp_path)
    assert sorted(r.rows[0].latency_ms for r in found) == [
        1.0,
        2.0,
        3.0,
    ]  # one machine and day, and nothing overwritten


def test_without_a_folder_it_is_kept_in_the_learners_record(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path))
    exported.write(recording())
    assert len(list((tmp_path / "laboratory").glob("lesson_09-A_CPU-2026-11-20-*.csv"))) == 1


def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert exported.write(recording(), tmp_path / "file").startswith("The table could not be written to ")


def cells(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_holds_every_field_of_every_row():
    lines = cells(exported.as_csv([recording(), recording("another")]))
    assert len(lines) == 6
    assert [line["machine"] for line in lines] == ["A CPU"] * 3 + ["another"] * 3
    assert float(lines[1]["latency_ms"]) == 1.25
    assert lines[1]["variant"] == "int8"
    for got, want in zip(lines, GRID.rows, strict=False):
        assert {key: got[key] for key in want.as_dict()} == {key: str(value) for key, value in want.as_dict().items()}


@pytest.mark.parametrize("hostile", ["=cmd|'/C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\tx", 'a,"b"\n=c', "ü, Ω"])
def test_a_text_is_never_a_formula_and_stays_readable(hostile):
    (line,) = cells(exported.as_csv([recording(hostile, Grid((row(variant=hostile),)))]))
    for cell in (line["machine"], line["variant"]):
        assert not cell.startswith(exported.FORMULA_SIGNS)
        assert cell.removeprefix("'") == hostile


def test_the_csv_file_is_utf8_with_the_mark_that_spreadsheets_want(tmp_path):
    exported.write(recording("Prozessor ü"), tmp_path)
    (path,) = tmp_path.glob("*.csv")
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfmachine,date,dataset,variant")
    assert content.count(b"\r\n") == 4
    assert "Prozessor ü" in content.decode("utf-8-sig")


@pytest.mark.parametrize("device", ["../../etc/passwd", "", "a" * 300, "CON: <x>|?*", "Ω"])
def test_a_file_name_is_plain_whatever_the_machine_is_called(device):
    name = exported.file_name(recording(device))
    assert name.replace("-", "").replace("_", "").isalnum()
    assert name.isascii()
    assert len(name) < 90


def test_the_pool_has_a_line_for_each_measurement_against_its_own_baseline():
    slow = Grid((row(verdict="the baseline", latency_ms=40.0, size_bytes=12_000), *GRID.rows[1:]))
    lines = pooled.table([recording("B"), recording("B"), recording("B", slow)]).rows
    recorded_b = "recorded on B, 2026-11-20"
    assert [line["measured"] for line in lines] == ["this machine (B)", recorded_b, f"{recorded_b} (2)"]
    assert [line["baseline"] for line in lines] == ["4 ms", "4 ms", "40 ms"]
    assert lines[0]["best there"] == "int8 · ONNX Runtime int8"
    assert lines[0]["times smaller"] == "4.0"


def test_the_pool_says_on_how_many_threads_and_from_how_many_variants_the_best_was_chosen():
    two = Grid((row(verdict="the baseline", threads=2), row(engine="ONNX Runtime", threads=2, latency_ms=2.0)))
    mixed = Grid((row(verdict="the baseline"), row(device="cuda", threads=None, engine="GPU half", latency_ms=0.1)))
    lines = pooled.table([recording(), recording("B", two), recording("C", mixed)]).rows
    assert [line["threads"] for line in lines] == ["1", "2", "1, the best on a GPU"]
    assert [line["chosen from"] for line in lines] == ["2 variants", "1 variant", "1 variant"]


def test_a_machine_that_did_not_measure_the_batch_size_is_listed_without_figures():
    (line,) = pooled.table([recording()], batch=64).rows
    assert line == {"measured": "this machine (A CPU)", "data": "road_signs", "baseline": "not measured"}


def machine(ratio, low, high, device="A CPU", **more):
    other = row(variant="int8", engine="ONNX Runtime int8", times_faster=2 * ratio, low=2 * low, high=2 * high)
    return recording(device, Grid((row(engine="ONNX Runtime", times_faster=2.0, low=1.99, high=2.01), other)), **more)


def test_a_configuration_that_is_slower_for_its_overhead_is_told():
    pair = ("int8", "ONNX Runtime int8"), ("base", "ONNX Runtime")
    slower = Grid(machine(0.8, 0.7, 0.9).rows).added_overhead(*pair)
    assert slower == (
        "Here int8 · ONNX Runtime int8 is even slower than base · ONNX Runtime: 1.6 times as fast as the baseline against 2 times."
    )
    assert Grid(machine(1.0, 0.9, 1.1).rows).added_overhead(*pair) == ""
    assert Grid(()).added_overhead(*pair) == ""


def test_agreement_counts_the_measurements_in_which_one_is_faster():
    machines = [
        machine(1.5, 1.4, 1.6, "A"),
        machine(1.2, 1.1, 1.3, "B"),
        machine(0.8, 0.7, 0.9, "C"),
        machine(1.0, 0.9, 1.1, "D"),
        recording("x", Grid(())),
    ]
    told = pooled.agreement(machines, ("int8", "ONNX Runtime int8"), ("base", "ONNX Runtime"))
    assert "is faster than base · ONNX Runtime in 2 of 4 measurements, slower in 1, and in 1 it cannot be told" in told
    assert told.endswith("the middle ratio is 1.10.")
    alone = pooled.agreement(machines[:1], ("int8", "ONNX Runtime int8"), ("base", "ONNX Runtime"))
    assert alone == (
        "On this machine int8 · ONNX Runtime int8 is 1.50 times as fast as base · ONNX Runtime; pool more machines to see "
        "whether that travels."
    )
    equal = pooled.agreement(machines[3:4], ("int8", "ONNX Runtime int8"), ("base", "ONNX Runtime"))
    assert "1.00 times as fast as base · ONNX Runtime, which cannot be told from equal; pool" in equal
    assert pooled.agreement([], ("a", "b"), ("c", "d")) == "No machine measured both a · b and c · d."


def test_the_same_kind_of_machine_twice_is_no_independent_evidence():
    pair = ("int8", "ONNX Runtime int8"), ("base", "ONNX Runtime")
    fast = (1.5, 1.4, 1.6)
    told = pooled.agreement([machine(*fast), machine(*fast, "A GPU", machine={"cpu": "A CPU"})], *pair)
    assert told.endswith(
        " They come from one kind of machine, so they are fewer independent witnesses than measurements."
    )
    told = pooled.agreement([machine(*fast), machine(*fast), machine(*fast, "B")], *pair)
    assert "in 3 of 3 measurements" in told
    assert "They come from 2 kinds of machine" in told
