"""run.py in a small project of its own, with stand-ins for venv, pip and pytest that take milliseconds."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lessons_lib.bootstrap import installation, options
from lessons_lib.bootstrap.environment import Failed

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for venv makes symbolic links")

VENV = """
import os, pathlib, sys
here = pathlib.Path(os.environ["STAND_INS"])
with open(here / "log", "a") as log:
    print("venv", *sys.argv[1:-1], file=log)
if (here / "no-venv").exists() or ((here / "no-ensurepip").exists() and "--without-pip" not in sys.argv):
    sys.exit(1)
folder = pathlib.Path(sys.argv[-1]) / "bin"
folder.mkdir(parents=True, exist_ok=True)
(folder / "python").exists() or (folder / "python").symlink_to(sys.executable)
"""
PIP = """
import os, pathlib, sys, time
here = pathlib.Path(os.environ["STAND_INS"])
if "config" in sys.argv:
    print(f"global.find-links='{here}'")
elif "install" in sys.argv:
    with open(here / "log", "a") as log:
        print("pip", *sys.argv[1:], file=log)
    print("  Downloading torch-2.13.0-cp311.whl (196.0 MB)", flush=True)
    if (here / "slow").exists():
        time.sleep(1.5)
    if (here / "fails").exists():
        sys.exit("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
"""
PYTEST = """
import os, pathlib, sys
print("pytest", *sys.argv[1:], flush=True)
sys.exit(0 if (pathlib.Path(os.environ["STAND_INS"]) / "passes").exists() else 5)
"""


class Project:
    """A copy of run.py and what it imports, with its own requirements."""

    def __init__(self, folder: Path):
        self.root, self.stand_ins = folder / "project", folder / "stand-ins"
        shutil.copytree(ROOT / "lessons_lib", self.root / "lessons_lib", ignore=shutil.ignore_patterns("checkpoints"))
        shutil.copy(ROOT / "run.py", self.root)
        for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
            (self.root / name).write_text("# nothing to install\n")
        for name, program in {"venv": VENV, "virtualenv": "raise SystemExit(1)", "pip": PIP, "pytest": PYTEST}.items():
            (self.stand_ins / name).mkdir(parents=True)
            (self.stand_ins / name / "__init__.py").touch()
            (self.stand_ins / name / "__main__.py").write_text(program)
        (self.stand_ins / "torch-2.13.0+cpu-cp311-none-any.whl").touch()

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start run.py with these arguments."""
        extra = {"PYTHONPATH": str(self.stand_ins), "STAND_INS": str(self.stand_ins)}
        environment = {key: value for key, value in os.environ.items() if key != "LESSONS_VENV"} | extra
        command = [sys.executable, str(self.root / "run.py"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run run.py; its exit status and what it printed."""
        process = self.start(*arguments)
        text, _ = process.communicate(timeout=60)
        return process.returncode, text

    def log(self) -> list[str]:
        """The calls of venv and pip since the last time this was asked."""
        path = self.stand_ins / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def say(self, what: str) -> None:
        """Make a stand-in behave: no-venv, no-ensurepip, slow, fails, passes."""
        (self.stand_ins / what).touch()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_the_first_start_installs_and_the_second_does_nothing_twice(project):
    status, text = project.run("test", "-k", "something", "--maxfail=1")
    assert status == 5, "the exit status is that of pytest"
    assert "pytest -k something --maxfail=1" in text
    assert "fetching torch, 196.0 MB" in text
    assert project.log()[-1].endswith("-r requirements-dev.txt -e .")
    began = time.monotonic()
    status, text = project.run("test")
    assert (status, project.log()) == (5, [])
    assert "Install" not in text
    assert time.monotonic() - began < 5


def test_every_test_is_in_one_of_two_runs(project):
    project.say("passes")
    status, text = project.run("test")
    assert status == 0
    chosen = [line.partition("-m ")[2] for line in text.splitlines() if line.startswith("pytest ")]
    assert len(chosen) == 2
    assert chosen[0] == f"not ({chosen[1]})"


def test_what_is_for_another_system_is_not_missed(project):
    with open(project.root / "requirements-dev.txt", "a") as file:
        file.write('nothing-at-all==1.0; platform_system == "Elsewhere"\n')
    project.run("test")
    project.log()
    assert (project.run("test")[0], project.log()) == (5, [])


def test_changed_requirements_are_installed_into_the_same_environment(project):
    project.run("test")
    project.log()
    with open(project.root / "requirements.txt", "a") as file:
        file.write("# and one more line\n")
    project.run("test")
    assert [line.split()[0] for line in project.log()] == ["pip"]


def test_a_package_that_was_taken_out_is_installed_again(project):
    with open(project.root / "requirements-dev.txt", "a") as file:
        file.write("no-such-package-xyz==1.0\n")
    project.run("test")
    project.log()
    project.run("test")
    assert [line.split()[0] for line in project.log()] == ["pip"]


def test_an_installation_that_fails_says_why_and_the_next_start_begins_anew(project):
    project.say("fails")
    status, text = project.run("test")
    assert status == 1
    assert "No space left on device" in text
    assert "The disk is full" in text
    assert "Traceback" not in text
    (project.stand_ins / "fails").unlink()
    project.log()
    status, text = project.run("test")
    assert status == 5
    assert "Removing an environment that is unfinished" in text
    assert [line.split()[0] for line in project.log()] == ["venv", "pip"]


def test_an_installation_that_is_killed_is_noticed(project):
    project.say("slow")
    process = project.start("test")
    for line in process.stdout:
        if "fetching torch" in line:
            break
    process.kill()
    process.wait()
    project.log()
    status, text = project.run("test")
    assert status == 5
    assert "Another start is setting the course up" in text, "the pip that was left behind still holds the lock"
    assert "Removing an environment that is unfinished" in text


def test_a_removal_that_is_interrupted_leaves_the_mark_until_the_end(project):
    project.run("test")
    mark = project.root / ".venv/made-by-run.py.txt"
    program = (
        "import shutil; from lessons_lib.bootstrap import environment\n"
        "def stop(*_): raise KeyboardInterrupt\n"
        "shutil.rmtree = stop\n"
        "environment.remove_environment()"
    )
    subprocess.run([sys.executable, "-c", program], cwd=project.root, capture_output=True)
    assert mark.exists()
    assert not list(mark.parent.glob("*.installed"))


@pytest.mark.parametrize("damage", ["moved", "python is gone"])
def test_an_environment_that_cannot_work_is_made_anew(project, damage):
    project.run("test")
    project.log()
    if damage == "moved":
        project.root = project.root.rename(project.root.with_name("elsewhere"))
    else:
        (project.root / ".venv/bin/python").unlink()
    status, text = project.run("test")
    assert status == 5
    assert "Removing an environment that is unfinished, moved or broken" in text
    assert [line.split()[0] for line in project.log()] == ["venv", "pip"]


def test_a_folder_of_somebody_else_is_left_alone(project):
    (project.root / ".venv").mkdir()
    (project.root / ".venv/thesis.txt").write_text("years of work")
    status, text = project.run("test")
    assert status == 1
    assert "was not made by run.py" in text
    assert project.run("clean")[0] == 1
    assert (project.root / ".venv/thesis.txt").exists()


def test_clean_removes_what_run_py_made(project):
    project.run("test")
    assert project.run("clean")[0] == 0
    assert not (project.root / ".venv").exists()


def test_two_starts_at_once_install_once(project):
    project.say("slow")
    first = project.start("test")
    time.sleep(0.3)
    second = project.start("test")
    texts = [process.communicate(timeout=60)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [5, 5]
    assert len([line for line in project.log() if line.startswith("pip")]) == 1
    assert sum("Another start" in text for text in texts) == 1


def test_without_ensurepip_the_pip_of_the_system_helps(project):
    project.say("no-ensurepip")
    status, _ = project.run("test")
    assert status == 5
    calls = project.log()
    assert calls[:2] == ["venv", "venv --without-pip"]
    assert calls[2].startswith("pip --python ")
    assert calls[2].endswith("/.venv/bin/python install pip")


def test_where_no_environment_can_be_made_a_sentence_says_what_to_install(project):
    project.say("no-venv")
    status, text = project.run("test")
    assert status == 1
    assert "apt install python3-venv" in text


def test_help_explains_each_command_and_installs_nothing(project):
    status, text = project.run("--help")
    assert status == 0
    assert all(f"    {name} " in text for name in ("course", "test", "lab", "doctor", "clean"))
    status, text = project.run("course", "--help")
    assert all(option in text for option in ("--profile", "--dataset", "--device", "--only", "--output"))
    assert not (project.root / ".venv").exists()


@pytest.mark.parametrize("arguments", [["--profile", "fast"], ["--only", "first"], ["--profil", "quick"], ["what"]])
def test_a_typing_error_is_told_before_anything_is_installed(project, arguments):
    status, text = project.run("course", *arguments)
    assert status == 2
    assert "usage: run.py course" in text
    assert not (project.root / ".venv").exists()


def test_the_doctor_works_before_anything_is_installed(project):
    status, text = project.run("doctor")
    assert status == 0, text
    assert "CPU cores" in text
    assert not (project.root / ".venv").exists()


def test_an_old_python_can_read_the_file_and_is_told_what_is_needed():
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    before_the_check = source[: source.index("sys.version_info < (3, 11)")]
    assert "lessons_lib" not in "".join(line for line in before_the_check.splitlines() if "import" in line)
    assert "def " not in before_the_check


def test_starting_needs_the_standard_library_alone():
    program = (
        "import sys; from lessons_lib.bootstrap import environment, installation, options\n"
        "import lessons_lib.doctor\n"
        "names = {name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names\n"
        "print(sorted(name for name in names if not name.startswith(('_', 'lessons_lib', 'sitecustomize', 'distutils'))))"
    )
    result = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("WARNING: Retrying ... NewConnectionError(': Failed to establish a new connection')", "offline"),
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403'))", "proxy"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))", "certificate"),
        ("ERROR: No matching distribution found for torch==2.13.0", "Python 3.11, 3.12 or 3.13"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "cannot be written"),
        ("ERROR: something new", "doctor"),
    ],
)
def test_each_failure_of_pip_gets_a_plain_sentence(line, words):
    text = installation.explain(["Collecting torch", line])
    assert line in text
    assert words in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("gpu", "wheel", "online", "expected"),
    [
        ({"name": "T4"}, False, True, []),
        (None, True, True, []),
        (None, False, True, ["--extra-index-url", installation.CPU_WHEELS]),
        (None, False, False, []),
    ],
)
def test_torch_is_the_cpu_build_where_there_is_no_gpu(monkeypatch, gpu, wheel, online, expected):
    monkeypatch.setattr(installation.sys, "platform", "linux")
    monkeypatch.setattr(installation, "nvidia_gpu", lambda: gpu)
    monkeypatch.setattr(installation, "has_local_cpu_wheel", lambda: wheel)
    monkeypatch.setattr(installation, "reachable", lambda url: online)
    assert installation.torch_source() == expected


def test_asking_whether_an_address_answers_is_bounded(monkeypatch):
    over = threading.Event()

    def never(*_, **__):
        over.wait(30)
        raise OSError

    monkeypatch.setattr(installation.urllib.request, "urlopen", never)
    began = time.monotonic()
    assert installation.reachable("https://example.org", seconds=0.2) is False
    assert time.monotonic() - began < 5
    over.set()  # the thread shall not end in the middle of another test


def test_a_full_disk_is_told_before_installing(monkeypatch, tmp_path):
    monkeypatch.setattr(installation, "VENV", tmp_path / "deep/.venv")
    monkeypatch.setattr(installation, "nvidia_gpu", lambda: None)
    monkeypatch.setattr(installation, "stamp", lambda name: tmp_path / "no stamp")
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 2**30))
    with pytest.raises(installation.Failed, match=r"1\.0 GiB free and the packages need 3"):
        installation.check_disk()


def test_lesson_numbers_may_be_written_short():
    assert options.lesson_numbers("1, 09,") == ["01", "09"]


@pytest.mark.parametrize(
    ("arguments", "opened", "passed_on"),
    [
        ([], "00_start_here.ipynb", []),
        (["--no-browser"], "00_start_here.ipynb", ["--no-browser"]),
        (["01", "--no-browser"], "01_training.ipynb", ["--no-browser"]),
        (["9"], "09_cpu_vs_gpu.ipynb", []),
    ],
)
def test_lab_opens_the_lesson_that_is_asked_for(arguments, opened, passed_on):
    assert runpy.run_path(str(ROOT / "run.py"))["lesson_to_open"](arguments) == (opened, passed_on)


def test_lab_names_the_lessons_where_a_number_is_wrong():
    with pytest.raises(Failed, match="There is no lesson 42; there are 00, 01"):
        runpy.run_path(str(ROOT / "run.py"))["lesson_to_open"](["42"])


def test_jupyterlab_is_opened_at_the_lesson_and_asks_nothing_about_news(monkeypatch):
    from jupyterlab.labapp import LabApp

    program = runpy.run_path(str(ROOT / "run.py"))
    given = []
    space = program["lab"].__globals__
    monkeypatch.setitem(space, "call", lambda *arguments: given.extend(arguments) or 0)
    monkeypatch.setattr(installation, "set_up", lambda _: None)
    assert program["lab"](["01", "--no-browser"]) == 0
    assert given[:2] == ["-m", "jupyterlab"]
    assert "--no-browser" in given
    app = LabApp()
    app.parse_command_line([one for one in given if one.startswith("--LabApp.")])
    assert app.news_url is None
    assert app.default_url == "/lab/tree/notebooks/01_training.ipynb"
