import importlib.metadata
import time

import pytest
import torch

from lessons_lib import doctor, machine
from lessons_lib.doctor import machine_checks, package_checks
from lessons_lib.doctor.finding import Finding

GIB = 2**30


@pytest.mark.parametrize(("limit_gib", "word"), [(1, "problem"), (2, "warning"), (4, "ok")])
def test_memory_of_the_container_decides(monkeypatch, limit_gib, word):
    monkeypatch.setattr(machine, "memory_limit_bytes", lambda: limit_gib * GIB)
    monkeypatch.setattr(machine, "total_memory_bytes", lambda: 16 * GIB)
    finding = machine_checks.memory()
    assert finding.word == word
    assert f"{limit_gib}.0 GiB of memory of 16.0 GiB (limited by the container)" in finding.sentence
    assert bool(finding.remedy) is (word != "ok")


def test_a_quota_of_the_container_is_named(monkeypatch):
    monkeypatch.setattr(machine, "cpu_limit", lambda: 1.5)
    monkeypatch.setattr(machine_checks.os, "cpu_count", lambda: 8)
    finding = machine_checks.processors()
    assert finding.word == "warning"
    assert "1.5 CPU cores of 8 (limited by the container" in finding.sentence


@pytest.mark.parametrize(
    ("version", "word"), [((3, 10, 4), "problem"), ((3, 11, 0), "ok"), ((3, 13, 9), "ok"), ((3, 15, 0), "warning")]
)
def test_the_version_of_python_is_judged(monkeypatch, version, word):
    monkeypatch.setattr(machine_checks.sys, "version_info", version)
    assert machine_checks.python().word == word


def test_a_gpu_without_a_fitting_build_of_pytorch_gets_a_remedy(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "nvidia_gpu", lambda: {"name": "NVIDIA T4", "driver": "580.1"})
    monkeypatch.setattr(torch.version, "cuda", None)
    finding = package_checks.gpu()
    assert finding.word == "warning"
    assert "build for the CPU" in finding.sentence
    assert finding.remedy
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "driver" in package_checks.gpu().remedy
    monkeypatch.setattr(machine, "nvidia_gpu", lambda: None)
    assert package_checks.gpu().word == "ok"


def installed(monkeypatch, versions: dict[str, str]) -> None:
    """Pretend that these packages are installed and no others."""

    def version(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(importlib.metadata, "version", version)


@pytest.mark.parametrize(
    ("versions", "word"),
    [
        (("8.1.9", "3.0.17", "4.0.16"), "ok"),
        (("7.7.1", "1.1.11", "3.6.10"), "ok"),
        (("8.1.9", "1.1.11", "4.0.16"), "warning"),
        (("7.7.1", "3.0.17", "3.6.10"), "warning"),
    ],
)
def test_the_halves_of_the_widgets_must_belong_together(monkeypatch, versions, word):
    names = ("ipywidgets", "jupyterlab_widgets", "widgetsnbextension")
    installed(monkeypatch, dict(zip(names, versions, strict=True)))
    assert package_checks.widgets().word == word


def test_packages_are_held_against_the_pins(monkeypatch):
    pins = package_checks.pins()
    installed(monkeypatch, pins | {"torch": pins["torch"] + "+cpu"})
    assert package_checks.packages().word == "ok"
    installed(monkeypatch, pins | {"numpy": "1.0"})
    assert "numpy 1.0 instead of" in package_checks.packages().sentence
    installed(monkeypatch, {name: pin for name, pin in pins.items() if name != "onnx"})
    found = package_checks.packages()
    assert (found.word, found.sentence) == ("problem", "Packages are missing: onnx.")
    assert "`python run.py course` or `python run.py lab` installs them" in found.remedy
    installed(monkeypatch, {})
    assert package_checks.packages().word == "warning"


def test_a_folder_that_cannot_be_written_is_found(monkeypatch, tmp_path):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    assert machine_checks.writable(tmp_path / "not/there/yet", "x", "problem", "do this").word == "ok"
    monkeypatch.setattr(machine_checks.tempfile, "TemporaryFile", refuse)
    finding = machine_checks.writable(tmp_path, "your record", "warning", "do this")
    assert (finding.word, finding.remedy) == ("warning", "do this")
    assert "Permission denied" in finding.sentence
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_is_a_problem(monkeypatch):
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2 * GIB}))
    assert machine_checks.disk(installed=False).word == "problem"
    assert machine_checks.disk(installed=True).word == "ok"


def hang(*_, **__):
    time.sleep(30)
    raise OSError


def test_looking_for_the_internet_is_bounded(monkeypatch):
    monkeypatch.setattr(machine_checks.socket, "create_connection", hang)
    began = time.monotonic()
    assert machine_checks.answers("example.org", 443, seconds=0.1) is False
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("words", "status"), [(["ok", "warning"], 0), (["ok", "problem"], 1)])
def test_only_a_problem_makes_the_exit_status_one(monkeypatch, capsys, words, status):
    monkeypatch.setattr(doctor, "findings", lambda: iter([Finding(word, "A sentence.", "Act.") for word in words]))
    assert doctor.main() == status
    assert "What to do: Act." in capsys.readouterr().out
