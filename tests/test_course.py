import json
import os
import signal
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from lessons_lib import course, record
from lessons_lib.bootstrap import options
from lessons_lib.headless import page, page_lesson, preparation
from lessons_lib.headless.memory import MemoryWatch
from lessons_lib.headless.progress import Progress, TimeLeft
from lessons_lib.headless.runner import run_notebook
from lessons_lib.report.verify import verify

PARAMETERS = 'PROFILE, DATASET, DEVICE, SEED = "quick", "road_signs", "auto", 0'


def notebook(*cells: str, **metadata):
    """A lesson whose cells are Markdown where they begin with "# " and a heading, else code."""
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    )
    made.metadata.update(metadata)
    made.cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    for text in cells:
        kind = nbformat.v4.new_markdown_cell if text.startswith("#") else nbformat.v4.new_code_cell
        made.cells.append(kind(text))
    return made


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with no lessons yet; returns a function that adds one."""
    (tmp_path / "project/notebooks").mkdir(parents=True)
    monkeypatch.setattr(course, "PROJECT", tmp_path / "project")
    monkeypatch.setattr(preparation, "PROJECT", tmp_path / "project")
    monkeypatch.setattr(course, "check_dataset", lambda name: None)

    def add(name: str, *cells: str, **metadata) -> Path:
        path = tmp_path / "project/notebooks" / f"{name}.ipynb"
        nbformat.write(notebook(*cells, **metadata), path)
        return path

    return add


def results(folder: Path) -> dict:
    return json.loads((folder / "course.json").read_text(encoding="utf-8"))


def test_a_run_writes_the_record_of_every_lesson_and_ends_with_the_comparison(project, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    project(
        "00_start", "# Look", "import os; assert os.getcwd().endswith('notebooks')", "print(PROFILE, DATASET, DEVICE)"
    )
    project(
        "09_end",
        "# Measure",
        "from lessons_lib import record\n"
        "record.append('measurement', name='01.accuracy', accuracy=0.95, model='small')\n"
        "record.append('measurement', name='09.headline', sentence='int8 is 4.7x faster',"
        " rows=[{'what': 'base', 'value': '1x'}])",
        "import os; print(os.environ['LESSONS_DATA'], 'MPLBACKEND' in os.environ)",
    )
    output = tmp_path / "out"
    status = course.main(["run", "--profile", "smoke", "--device", "cpu", "--output", str(output)])
    found = results(output)
    assert status == 0
    assert (found["profile"], found["dataset"], found["device"]) == ("smoke", "road_signs", "cpu")
    assert [(row["name"], row["status"]) for row in found["notebooks"]] == [
        ("00_start", "passed"),
        ("09_end", "passed"),
    ]
    assert all(row["seconds"] > 0 and row["peak_mb"] > 20 for row in found["notebooks"])
    assert found["notebooks"][0]["cells"][-1]["heading"] == "Look"
    assert found["headline"]["sentence"] == "int8 is 4.7x faster"
    assert found["accuracies"] == {"small": 0.95}
    assert found["fingerprint"]["python"]
    executed = (output / "notebooks/00_start.ipynb").read_text()
    assert "smoke road_signs cpu" in executed
    assert str(tmp_path / "mine" / "data") in (output / "notebooks/09_end.ipynb").read_text()
    assert "int8 is 4.7x faster" in (output / "course.html").read_text(encoding="utf-8")
    assert "int8 is 4.7x faster" in capsys.readouterr().out
    assert not (tmp_path / "mine").exists(), "a headless run leaves the learner's own record alone"
    assert os.environ["LESSONS_HOME"] == str(tmp_path / "mine")


def test_a_failing_lesson_is_reported_and_the_others_still_run(project, tmp_path, capsys):
    project("00_bad", "# First", "1 + 1", "# The **step**", "int('seven')")
    project("01_shows_an_error", "# Caught", "get_ipython().run_cell('1 / 0').success")
    output = tmp_path / "out"
    assert course.main(["run", "--output", str(output)]) == 1
    bad, good = results(output)["notebooks"]
    assert bad["status"] == "failed"
    assert "ValueError: invalid literal for int() with base 10: 'seven'" in bad["error"]
    assert "The step" in bad["error"]
    assert good["status"] == "passed"
    assert "error" not in good
    assert "invalid literal" in capsys.readouterr().out
    assert "invalid literal" in (output / "course.html").read_text(encoding="utf-8")


def test_the_peak_sees_memory_that_a_cell_holds_briefly(project, tmp_path):
    lesson = project("00_large", "block = bytearray(b'x') * (300 * 2**20)", "import time; time.sleep(0.5)", "del block")
    assert 330 < run_notebook(lesson, tmp_path / "out.ipynb", {}).peak_mb < 550  # the kernel itself takes 60 to 100


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what processes share")
def test_memory_that_processes_share_counts_once():
    program = """
import os, time
shared = bytearray(b"x") * 200_000_000
if os.fork() and os.fork():
    time.sleep(1.5)
else:
    time.sleep(1.5)
"""
    with MemoryWatch() as watch:
        subprocess.run([sys.executable, "-c", program], check=True)
    assert 190e6 < watch.peak_bytes < 300e6  # three times as much where each is counted on its own


def test_a_cell_that_never_ends_and_a_kernel_that_dies_are_failures_with_a_sentence(project, tmp_path):
    endless = project("00_endless", "# Wait", "while True: pass")
    dying = project("01_dying", "# Die", "import os; os._exit(1)")
    outcome = run_notebook(endless, tmp_path / "a.ipynb", {}, timeout_s=2)
    assert outcome.status == "failed"
    assert outcome.error == "a cell took longer than 2 s (step 'Wait')"
    outcome = run_notebook(dying, tmp_path / "b.ipynb", {})
    assert outcome.status == "failed"
    assert "memory" in outcome.error


@pytest.mark.skipif(sys.platform == "win32", reason="signals work differently on Windows")
def test_an_interrupt_keeps_what_is_done_and_leaves_no_kernel_behind(project, tmp_path, monkeypatch):
    project("00_quick", "1 + 1")
    project(
        "01_slow",
        "import os",
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))",
        "import time; time.sleep(60)",
    )
    project("02_never", "1")

    def interrupt_when_slow():
        while not (tmp_path / "pid").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt_when_slow, daemon=True).start()
    status = course.main(["run", "--output", str(tmp_path / "out")])
    found = results(tmp_path / "out")
    assert status == 130
    assert found["status"] == "interrupted"
    assert [row["status"] for row in found["notebooks"]] == ["passed", "interrupted"]
    assert (tmp_path / "out/course.html").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "07"], "There is no lesson 07; --only takes 00, 01."),
        (["--device", "cuda"], "--device cuda"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_before_anything_runs(
    project, tmp_path, capsys, monkeypatch, arguments, words
):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    project("00_a", "1")
    project("01_b", "1")
    assert course.main(["run", "--output", str(tmp_path / "out"), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out/course.json").exists()


def test_only_runs_the_lessons_that_were_asked_for(project):
    paths = [project(name, "1") for name in ("00_a", "01_b", "09_c")]
    assert preparation.select(paths[0].parent, options.lesson_numbers("9,00")) == [paths[0], paths[2]]


def test_an_unknown_data_set_is_refused_with_a_sentence():
    with pytest.raises(preparation.Refusal, match="--dataset road_sings: "):
        preparation.check_dataset("road_sings")


def test_the_path_of_a_folder_of_images_counts_from_where_the_caller_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert preparation.absolute_dataset("folder:mine/images") == f"folder:{tmp_path.resolve() / 'mine/images'}"
    assert preparation.absolute_dataset("cifar10") == "cifar10"


def test_a_folder_of_somebody_else_is_never_emptied(tmp_path):
    theirs = tmp_path / "learner"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work")
    with pytest.raises(preparation.Refusal, match="did not make"):
        preparation.learner_folder(theirs)
    assert (theirs / "thesis.txt").read_text() == "years of work"


def test_the_folder_of_an_earlier_run_is_emptied(tmp_path, monkeypatch):
    folder = preparation.empty(preparation.learner_folder(tmp_path / "learner"))
    monkeypatch.setenv("LESSONS_HOME", str(folder))
    record.append("measurement", name="09.headline", sentence="old")
    preparation.empty(preparation.learner_folder(folder))
    assert record.latest("measurement", "09.headline") is None


@pytest.mark.parametrize("arguments", [["--dataset", "mnist"], ["--only", "07"], ["--device", "cuda"]])
def test_a_refused_run_takes_nothing_of_the_last_one_away(project, tmp_path, monkeypatch, arguments):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(course, "check_dataset", preparation.check_dataset)
    project("00_a", "from lessons_lib import record\nrecord.append('measurement', name='01.accuracy')")
    output = tmp_path / "out"
    assert course.main(["run", "--output", str(output)]) == 0
    files = [path for path in output.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    assert output / "learner/record.jsonl" in before
    assert course.main(["run", "--output", str(output), *arguments]) == 2
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


def test_the_page_of_the_run_before_is_kept_and_what_can_be_verified_is_said(project, tmp_path, capsys):
    lesson = project("00_a", "print('the first run')")
    output = tmp_path / "out"
    course.main(["run", "--output", str(output)])
    assert "of the run before" not in capsys.readouterr().out
    lesson.write_text(lesson.read_text().replace("first", "second"))
    course.main(["run", "--output", str(output)])
    printed = capsys.readouterr().out
    assert "the first run" in (output / "course-previous.html").read_text(encoding="utf-8")
    assert "the second run" in (output / "course.html").read_text(encoding="utf-8")
    assert f"That of the run before: {output / 'course-previous.html'}" in printed
    assert f"python3 run.py report --record {output / 'learner'}" in printed
    assert "one that `run.py report` writes can be verified" in str(verify(output / "course.html"))


def test_the_projects_own_notebooks_cannot_be_overwritten(project):
    with pytest.raises(preparation.Refusal, match="choose another"):
        preparation.output_folder(str(preparation.PROJECT))


def test_time_left_is_scaled_by_what_has_been_measured():
    left = TimeLeft({"a": 10.0, "b": 30.0, "c": 20.0})
    assert left.seconds("a", 4.0) == pytest.approx(56)
    left.measured_s["a"] = 20.0  # twice as slow as where the notebooks were built
    assert left.seconds("b", 10.0) == pytest.approx(50 + 40)
    assert left.seconds("b", 1000.0) == pytest.approx(40)


def test_time_left_is_silent_until_there_is_something_to_go_by():
    assert TimeLeft({"a": None, "b": None}).seconds("a", 1.0) is None
    other_profile = TimeLeft({"a": 10.0, "b": 30.0}, comparable=False)
    assert other_profile.seconds("a", 1.0) is None
    other_profile.measured_s["a"] = 2.0
    assert other_profile.seconds("b", 1.0) == pytest.approx(5)


class Terminal:
    """A stream that keeps what is written."""

    def __init__(self, live: bool):
        self.live, self.text = live, ""

    def isatty(self) -> bool:
        return self.live

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("live", [True, False])
def test_progress_names_lesson_step_and_time_left(live):
    now = [0.0]
    screen = Terminal(live)
    progress = Progress(["00_a", "01_b"], TimeLeft({"00_a": 60.0, "01_b": 120.0}), screen, lambda: now[0])
    progress.start("00_a")
    now[0] = 30.0
    progress.step("Measure")
    progress.tick()
    assert "[1/2] 00_a · Measure · 30 s · about 2 min left" in screen.text
    progress.finish("passed")
    assert "[1/2] 00_a: passed" in screen.text
    assert screen.text.count("\n") == (1 if live else 3)
    assert ("\r" in screen.text) is live


class Resources(HTMLParser):
    """Collects what a browser would load, and whether the tags nest."""

    VOID = ("meta", "img", "br", "hr", "link", "input", "source", "wbr", "col")

    def __init__(self):
        super().__init__()
        self.loads, self.scripts, self.open, self.headings, self.ids, self.targets = [], [], [], [], [], []
        self.without_alt = 0

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("script", "iframe", "link", "object", "embed"):
            self.scripts.append(tag)
        if tag == "img" and not found.get("alt"):
            self.without_alt += 1
        if tag == "a":
            self.targets.append(found.get("href", ""))
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.scripts += [key for key in found if key.startswith("on")]
        self.loads += [value for key, value in found.items() if key in ("src", "srcset", "poster", "data")]
        self.loads += [value for key, value in found.items() if key == "style" and "url(" in value]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


HOSTILE = """<script src="https://example.org/a.js"></script><img src="https://example.org/p.png">
<iframe src="http://example.org"></iframe><p onclick="alert(1)" style="background:url(http://example.org/b.png)">kept</p>
<style>@import url(http://example.org/c.css);</style><table><caption>Speed</caption><tr><td>1</td></tr></table>"""


def hostile_lesson():
    made = notebook(
        "# Will it be faster?\n[next](../notebooks/01_b.ipynb), [do it](../exercises/00_a.ipynb), [read](https://example.org/paper)",
        "show()",
    )
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    outputs = [
        nbformat.v4.new_output("stream", text="\x1b[31mred\x1b[0m text <b>"),
        nbformat.v4.new_output("display_data", {"text/html": HOSTILE, "text/plain": ""}),
        nbformat.v4.new_output("display_data", {"image/png": pixel, "text/plain": "figure"}),
        nbformat.v4.new_output("display_data", {"application/javascript": "fetch('http://example.org')"}),
        nbformat.v4.new_output("display_data", {page_lesson.WIDGET_VIEW: {"model_id": "box"}, "text/plain": "VBox()"}),
    ]
    made.cells[-1].outputs = outputs
    state = {
        "box": {"state": {"_model_name": "VBoxModel", "children": ["IPY_MODEL_text"]}},
        "text": {"state": {"_model_name": "HTMLModel", "value": "<p>Pareto picture</p>"}},
    }
    made.metadata["widgets"] = {page_lesson.WIDGET_STATE: {"state": state, "version_major": 2, "version_minor": 0}}
    return made


def test_the_page_loads_nothing_and_keeps_what_can_be_read(tmp_path):
    nbformat.write(hostile_lesson(), tmp_path / "00_a.ipynb")
    nbformat.write(notebook("# Second", "1"), tmp_path / "01_b.ipynb")
    rows = [
        {"name": name, "status": "passed", "seconds": 1.0, "peak_mb": 100.0, "cells": []} for name in ("00_a", "01_b")
    ]
    summary = {"profile": "quick", "dataset": "<road_signs>", "device": "cpu", "started": "now", "seconds": 2.0}
    summary |= {"status": "passed", "fingerprint": {"memory_limit_bytes": 2**31, "gpu": None}, "notebooks": rows}
    text = page.page(summary, tmp_path)
    found = Resources()
    found.feed(text)
    assert found.open == []
    assert found.scripts == []
    assert all(value.startswith("data:image/") for value in found.loads)
    assert len(found.loads) == 1
    assert found.without_alt == 0
    assert "@import" not in text
    assert "\x1b" not in text
    assert "¶" not in text
    assert "red text &lt;b&gt;" in text
    assert "Pareto picture" in text
    assert "<caption>Speed</caption>" in text
    assert "&lt;road_signs&gt;" in text
    assert "2.0 GiB" in text
    assert '<html lang="en-GB">' in text
    assert found.headings.count("h1") == 1
    assert len(found.ids) == len(set(found.ids))
    assert "#01_b" in found.targets
    assert "https://example.org/paper" in found.targets
    assert not any("exercises" in target for target in found.targets)
    assert all(target[1:] in found.ids for target in found.targets if target.startswith("#"))


def test_a_lesson_that_cannot_be_read_leaves_a_sentence_in_the_page(tmp_path):
    assert "cannot be shown" in page.lesson_section("00_a", tmp_path, ["00_a"])


def test_the_report_can_be_written_again_and_says_where_there_is_no_run(project, tmp_path, capsys):
    assert course.main(["report", "--output", str(tmp_path / "empty")]) == 2
    assert "no earlier run" in capsys.readouterr().err


def test_the_doctor_answers_with_the_standard_library_alone():
    program = (
        "import sys; sys.modules['torch'] = sys.modules['psutil'] = None; from lessons_lib import doctor; doctor.main()"
    )
    root = Path(course.__file__).resolve().parents[1]
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60)
    assert result.returncode == 0, result.stderr
    words = {line.split()[0] for line in result.stdout.splitlines() if line and not line.startswith((" ", "This"))}
    assert words <= {"ok", "warning", "problem"}
