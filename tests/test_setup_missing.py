import re
import subprocess
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from lessons_lib import setup_missing

REQUIRES = ["torch>=2.6", "onnxscript (>=0.3)", "safetensors>=0.4; python_version >= '3'", 'pytest>=8; extra == "dev"']


@pytest.fixture
def machine(monkeypatch):
    """A machine with torch and little else; pip records what it was asked for and what it may not touch."""
    asked = []
    installed = {"torch": "2.11.0+cpu", "NumPy": "2.1.3", "odd_one": "unknown", None: None}

    def pip(command):
        pins = command.index("--constraint") + 1
        asked.append((command[pins + 1 :], Path(command[pins]).read_text()))
        return SimpleNamespace(returncode=machine.status)

    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    machine = SimpleNamespace(asked=asked, status=0, installed=installed)
    found = [SimpleNamespace(metadata={"Name": name}, version=version) for name, version in installed.items()]
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(
        metadata, "distributions", lambda: iter([*found, SimpleNamespace(metadata={"Name": "Torch"}, version="1.0")])
    )
    monkeypatch.setattr(subprocess, "run", pip)
    return machine


def test_only_what_is_absent_is_installed_and_all_else_is_pinned(machine):
    assert setup_missing.install() == REQUIRES[1:3]
    ((requirements, pins),) = machine.asked
    assert requirements == REQUIRES[1:3]
    assert pins.splitlines() == ["NumPy==2.1.3", "torch==2.11.0+cpu"]


def test_pip_is_left_alone_where_nothing_is_absent(machine):
    machine.installed.update(onnxscript="0.1", safetensors="0.1")
    assert setup_missing.install() == []
    assert machine.asked == []


def test_a_failure_of_pip_names_what_is_absent_and_how_to_try_again(machine):
    machine.status = 1
    with pytest.raises(RuntimeError, match=r"onnxscript .*safetensors.*try again") as error:
        setup_missing.install()
    assert "install()" in str(error.value)


def test_every_requirement_of_the_course_is_found_by_its_name():
    required = setup_missing.metadata.requires(setup_missing.COURSE)
    assert required
    assert any(re.match(r"torch\b", line) for line in required)
    assert setup_missing.missing() == []


@pytest.mark.parametrize("version", ["1", "2.11.0+cpu", "1!2.0rc1", "0.1.dev3+g12ab.d2026", "1.0.post2"])
def test_versions_that_pip_reads_become_constraints(version):
    assert setup_missing.VERSION.fullmatch(version)


@pytest.mark.parametrize("version", ["unknown", "1.0-ubuntu", "2.0 beta", "", "1.0; x"])
def test_versions_that_would_stop_pip_do_not(version):
    assert not setup_missing.VERSION.fullmatch(version)
