"""The set-up cell in a bare environment that stands for Colab: much is installed there, the course is not."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import sample_course
from building import setup_cell

PREINSTALLED = {
    "torch": "2.11.0+cpu",
    "numpy": "2.1.3",
    "matplotlib": "3.10.0",
    "ipywidgets": "7.7.1",
    "onnx": "1.20",
    "pillow": "11.0",
    "psutil": "5.9.5",
    "onnxruntime": "1.20",
}


class Machine:
    """A virtual environment with pip, setuptools and the metadata of some packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder / "venv")
        self.python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.packages = Path(self.run("import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
        for name in ("pip", "setuptools"):
            copy_distribution(name, self.packages)
        for name, version in PREINSTALLED.items():
            write_metadata(self.packages, name, version)

    def run(self, code: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "LESSONS_"))
        }
        return subprocess.run(
            [self.python, "-c", code], cwd=cwd or self.folder, env=kept | environment, capture_output=True, text=True
        )

    def version(self, name: str) -> str:
        return self.run(f"import importlib.metadata as m; print(m.version({name!r}))").stdout.strip()


def copy_distribution(name: str, folder: Path) -> None:
    distribution = importlib.metadata.distribution(name)
    if int(distribution.version.split(".")[0]) < {"pip": 21, "setuptools": 77}[name]:
        pytest.skip(f"{name} {distribution.version} cannot build the course offline")
    tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        source = Path(str(distribution.locate_file(top)))
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / top)


def write_metadata(folder: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {line}" for line in requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    return info


def write_wheel(folder: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
    info = write_metadata(folder / "unpacked", name, version, requires)
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    names = [f"{info.name}/{file}" for file in ("METADATA", "WHEEL", "RECORD")]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for name in names:
            wheel.write(folder / "unpacked" / name, name)


def commit_working_tree(folder: Path) -> str:
    """A git repository of the library as it is now.

    Returns:
        Its address.
    """
    shutil.copytree(
        sample_course.ROOT / "lessons_lib", folder / "lessons_lib", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "README.md").write_text("The course\n")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(sample_course.ROOT / name, folder / name)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-C", str(folder)]
    for step in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "The course"]):
        subprocess.run([*git, *step], check=True)
    return folder.as_uri()


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    return Machine(tmp_path_factory.mktemp("machine"))


def without_library(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lessons_lib" else find(name))
    monkeypatch.delenv("LESSONS_REPOSITORY", raising=False)


def test_it_does_nothing_where_the_library_is_there(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_: pytest.fail("nothing should be run"))
    before = list(sys.path)
    exec(setup_cell.source("https://example.org/course"), {})
    assert sys.path == before


def test_a_clone_that_is_not_installed_is_put_on_the_path(machine, tmp_path):
    (tmp_path / "lessons_lib").mkdir()
    (tmp_path / "lessons_lib" / "__init__.py").write_text("here = __file__")
    (tmp_path / "notebooks").mkdir()
    told = machine.run(
        setup_cell.source("") + "\nimport lessons_lib; print(lessons_lib.here)", cwd=tmp_path / "notebooks"
    )
    assert Path(told.stdout.strip()).resolve() == (tmp_path / "lessons_lib" / "__init__.py").resolve()


def test_without_an_address_a_sentence_says_what_to_do_and_no_traceback_shows(monkeypatch, tmp_path, capsys):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    without_library(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    result = InteractiveShell(config=Config(HistoryManager={"enabled": False})).run_cell(setup_cell.source(""))
    assert not result.success
    shown = capsys.readouterr().out.strip()
    assert shown.startswith("The library of the course is not installed and cannot be fetched from anywhere.")
    assert "LESSONS_REPOSITORY" in shown
    assert "Traceback" not in shown
    assert "\n" not in shown


def test_an_address_that_git_cannot_reach_is_named(machine, tmp_path):
    address = (tmp_path / "nowhere").as_uri()
    told = machine.run(setup_cell.source(""), LESSONS_REPOSITORY=address)
    assert told.returncode == 1
    assert f"cannot be fetched from {address}" in told.stderr


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_elsewhere_it_fetches_the_course_and_only_what_is_absent(machine, tmp_path):
    (tmp_path / "course").mkdir()
    wheels = tmp_path / "wheels"
    write_wheel(wheels, "safetensors", "0.5")
    write_wheel(wheels, "torch_pruning", "1.6")
    write_wheel(wheels, "scipy", "1.15")
    write_wheel(wheels, "pint", "0.25")
    write_wheel(wheels, "jsonschema", "4.25")
    write_wheel(wheels, "tornado", "6.5")
    write_wheel(wheels, "onnxscript", "0.8", ("numpy>=1.20",))
    write_wheel(wheels, "onnxscript", "0.9", ("numpy>=2.5",))  # would replace the numpy of the session
    write_wheel(wheels, "numpy", "2.9")
    code = (
        setup_cell.source(commit_working_tree(tmp_path / "course"))
        + "\nimport lessons_lib; print(lessons_lib.__file__)"
    )
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_BUILD_ISOLATION": "0"}
    told = machine.run(code, **offline)
    assert told.returncode == 0, told.stderr
    assert Path(told.stdout.strip().splitlines()[-1]).is_relative_to(machine.packages)
    assert {name: machine.version(name) for name in PREINSTALLED} == PREINSTALLED
    assert (machine.version("safetensors"), machine.version("onnxscript")) == ("0.5", "0.8")
    assert (machine.packages / "lessons_lib" / "setup_missing.py").exists()
    assert machine.run(code, PATH="").returncode == 0  # the second time nothing is run
