"""The benchmark of the fast training: it keeps its page for GPUs, and writes one about a CPU only where it is told to."""

import importlib

import pytest
import sample_course  # noqa: F401  (puts tools/ on the path)
import torch

from lessons_lib.machine_record.findings import Findings

bench = importlib.import_module("bench_gpu_training")


def test_without_a_gpu_the_page_is_left_alone(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(bench, "Context", lambda *args, **given: pytest.fail("something was measured"))
    before = bench.REPORT.read_bytes() if bench.REPORT.exists() else None
    assert bench.main([]) == 2
    assert "nothing was done" in capsys.readouterr().out
    assert bench.main(["--device", "cuda"]) == 2
    assert "was asked for" in capsys.readouterr().out
    assert (bench.REPORT.read_bytes() if bench.REPORT.exists() else None) == before


def test_a_page_about_a_cpu_goes_where_it_is_told_to(tmp_path, capsys):
    output = tmp_path / "page.md"
    assert bench.main(["--device", "cpu", "--profile", "smoke", "--output", str(output)]) == 0
    text = output.read_text(encoding="utf-8")
    assert text.startswith("# Fast training on one ")
    assert "| float32 |" in text
    assert "| road signs, 64 pixels |" in text
    assert "## Not measured" in text
    assert "Written to" in capsys.readouterr().out


def test_missing_the_target_on_a_gpu_is_a_failure():
    def found(seconds):
        return Findings((), {"tasks": [{"name": "CIFAR-10", "seconds_reached": seconds}]})

    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert [bench.status(gpu, found(seconds)) for seconds in (4.0, None)] == [0, 1]
    assert bench.status(cpu, found(None)) == 0
    assert bench.status(gpu, Findings((), {"tasks": []})) == 0
