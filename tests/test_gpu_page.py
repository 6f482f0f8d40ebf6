"""The page about GPUs: from a record that the recorder wrote here, from records made for the test, and from none."""

import json

import machine_records
import pytest
import sample_course  # noqa: F401  (puts tools/ on the path)
from gpu_page import NO_GPU, PAGE, main, markdown, page, shipped

from lessons_lib import device, machine_file
from lessons_lib.economics.assumptions import GPU_PRICE
from lessons_lib.machine_record import command
from lessons_lib.tables import Table


@pytest.fixture(scope="module")
def recorded_here(tmp_path_factory):
    """What `run.py record` writes on this CPU, for the quickest parts."""
    output = tmp_path_factory.mktemp("record") / "here.json"
    names = ["06.low_precision", "07.sparsity", "09.energy"]
    assert command.main(["--device", "cpu", "--profile", "smoke", "--only", *names, "--output", str(output)]) == 0
    return output


def a_run(**changed):
    """What course.json holds after two lessons."""
    lessons = [
        {"name": "00_start_here", "status": "passed", "seconds": 12.34, "peak_mb": 610.2, "cells": []},
        {
            "name": "01_training",
            "status": "failed",
            "seconds": 3.0,
            "peak_mb": 900.0,
            "cells": [],
            "error": "KeyError: 'x'",
        },
    ]
    usual = {
        "profile": "quick", "dataset": "road_signs", "device": "cuda", "started": "2026-11-20T10:00:00+00:00", "seconds": 15.3,
        "status": "failed", "notebooks": lessons,
    }  # fmt: skip
    gpu = {"name": "A GPU", "driver": "580.1"}
    return usual | {"fingerprint": device.fingerprint() | {"gpu": gpu}} | changed


def test_a_record_of_this_cpu_becomes_a_page_with_its_tables(recorded_here, tmp_path):
    output = tmp_path / "gpu.md"
    assert main([str(recorded_here), "--output", str(output)]) == 0
    text = output.read_text(encoding="utf-8")
    assert NO_GPU in text
    assert "int8 and fp8 on a vision transformer (06.low_precision" in text
    assert "| batch | precision | time | images a second | against float32 |" in text
    assert "- 2:4 sparsity needs an NVIDIA GPU" in text
    assert "python3 run.py record" in text
    assert "python3 run.py course --device cuda" in text


def test_without_any_record_the_page_says_what_to_do():
    text = page([], [])
    assert NO_GPU in text
    assert "## How to make this page" in text
    assert "What follows" not in text


def test_a_gpu_comes_first_with_its_driver_versions_and_prices():
    text = page([machine_records.record(device=machine_records.CPU), machine_records.record()], [])
    assert NO_GPU not in text
    assert text.index("## A GPU") < text.index("## A CPU")
    assert "Recorded on A GPU, 2026-11-20, torch 2.13.0, cuda 13.0." in text
    for line in (
        "| driver | 580.1 |",
        "| which GPU | cuda:0, of 1 |",
        "| slice of a GPU (MIG) | no |",
        "| memory | 40.0 GiB |",
    ):
        assert line in text
    assert "### What a million predictions cost" in text
    assert f"${GPU_PRICE.value:g} an hour, {GPU_PRICE.low:g} to {GPU_PRICE.high:g}" in text
    assert GPU_PRICE.source in text


def test_the_page_in_the_docs_is_that_of_the_records_that_ship():
    written = PAGE.read_text(encoding="utf-8").strip().split("\n\n")
    assert [one for one in page(shipped(), []).strip().split("\n\n") if one not in written] == []


def test_figures_of_another_version_of_the_course_are_told_and_the_rest_is_shown():
    strange = machine_records.part(facts={"rows": [{"device": "cpu"}]}, notes=["A note."])
    text = page([machine_records.record(parts={"09.energy": strange})], [])
    assert "These figures cannot be shown: the course has changed since they were recorded." in text
    assert "- A note." in text


def test_the_lessons_run_on_a_gpu_are_a_table():
    text = page([], [a_run()])
    assert "Run on A GPU, driver 580.1, 2026-11-20, device cuda, profile quick, road_signs; " in text
    assert "| 00_start_here | 12.3 | 610 MB | passed |" in text
    assert "| 01_training | 3.0 | 900 MB | failed: KeyError: 'x' |" in text
    assert "1 of 2 lessons passed, in 15 s together." in text


def test_lessons_run_on_a_cpu_are_labelled_as_such():
    run = a_run(device="cpu")
    assert f"Run on {run['fingerprint']['cpu']}, 2026-11-20, device cpu" in page([], [run])


def test_a_file_that_cannot_be_used_is_named_and_nothing_is_written(recorded_here, tmp_path, capsys):
    output = tmp_path / "gpu.md"
    content = json.loads(recorded_here.read_text(encoding="utf-8"))
    (tmp_path / "altered.json").write_text(json.dumps(content | {"seconds": 0.5}), encoding="utf-8")
    for name in ("altered.json", "absent.json"):
        assert main([str(tmp_path / name), "--output", str(output)]) == 2
        assert name in capsys.readouterr().err
    assert main(["--course", str(recorded_here), "--output", str(output)]) == 2
    assert not output.exists()


def test_a_table_in_markdown_keeps_its_columns():
    lines = markdown(Table("Two", [{"a": "x|y", "b": None}, {"a": 1}])).splitlines()
    assert lines == ["Two:", "", "| a | b |", "| --- | --- |", "| x\\|y |  |", "| 1 |  |"]


def test_the_page_of_the_course_is_the_one_that_its_records_make():
    """docs/benchmarks/gpu.md without a run of the lessons: a forgotten rebuild after a new record is noticed."""
    from gpu_page import PAGE, shipped

    written = PAGE.read_text(encoding="utf-8")
    records = [record.device["name"] for record in shipped() if record.is_gpu]
    assert all(f"## {name}" in written for name in records)
    assert (NO_GPU in written) is (not records)


def test_a_record_is_read_by_the_course_as_well(recorded_here):
    record = machine_file.parse(recorded_here.read_text(encoding="utf-8"), "here.json")
    assert record.part("06.low_precision") is not None
    assert record.part("07.sparsity") is None
