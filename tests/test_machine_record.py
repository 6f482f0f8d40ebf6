"""The recorder: every part in turn, kept as soon as it is finished, and whatever goes wrong in one stays in it."""

import json
import math
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lessons_lib import checkpoints, machine, machine_file
from lessons_lib.bootstrap import installation
from lessons_lib.explained import NotHere
from lessons_lib.machine_record import command, plain, private, recorder
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import MOST_SAMPLES, Findings, series_of
from lessons_lib.machine_record.kept import open_kept, path_beside
from lessons_lib.machine_record.part import Part
from lessons_lib.machine_record.parts import PARTS
from lessons_lib.tables import Table
from lessons_lib.timing import Measurement

ROOT = Path(__file__).resolve().parents[1]
FOUND = Findings((series_of(Measurement("it", (0.001, 0.002, 0.003)), batch=1),), {"answer": 42})


def part(name, measure=lambda context: FOUND):
    return Part(name, name.capitalize(), measure, lambda found: [Table(name, [found.facts])])


def raises(error):
    def measure(context):
        raise error

    return measure


def parts(**measures):
    return {f"05.{name}": part(f"05.{name}", measure or (lambda context: FOUND)) for name, measure in measures.items()}


def run(folder, made, *options):
    """Record fake parts on the CPU; the exit status, and the content of the file where there is one."""
    output = folder / "record.json"
    status = command.main(["--device", "cpu", "--profile", "smoke", "--output", str(output), *options], made)
    if not output.is_file():
        return status, None
    return status, machine_file.parse(output.read_text(encoding="utf-8"), "record.json").content


def test_a_record_holds_what_the_parts_found(tmp_path, capsys):
    status, content = run(tmp_path, parts(one=None, two=None))
    assert status == 0
    assert content["parts"]["05.one"]["facts"] == {"answer": 42}
    assert content["parts"]["05.one"]["series"][0] == {
        "batch": 1, "samples_ms": [1, 2, 3], "median_ms": 2, "p25_ms": 1.5, "p75_ms": 2.5, "count": 3,
    }  # fmt: skip
    assert content["device"]["kind"] == "cpu"
    assert content["clocks"]["note"].startswith("The clocks of a CPU")
    told = capsys.readouterr().out
    assert "[1/2] 05.one: 05.one ..." in told
    assert f"The record lies in {tmp_path / 'record.json'}" in told
    assert list(tmp_path.iterdir()) == [tmp_path / "record.json"], "the work file is gone"


def timed(*ratios):
    """A measurement with a series for each ratio of its upper to its lower quartile."""
    made = tuple(FOUND.series[0] | {"p25_ms": 1, "p75_ms": ratio, "batch": n} for n, ratio in enumerate(ratios))
    return lambda context: Findings(made)


def test_a_quiet_record_can_be_handed_in(tmp_path, capsys):
    run(tmp_path, parts(one=timed(1.1, 1.1)), "--profile", "quick")
    told = capsys.readouterr().out
    assert "Let nothing else run meanwhile." in told
    assert "docs/record.md says how to hand it in." in told


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--profile", "quick", "--only", "05.one"], "It cannot be handed in: it lacks 05.two; leave --only out"),
        (["--profile", "smoke"], "It cannot be handed in: the profile smoke only shows that it works"),
        (["--profile", "smoke", "--only", "05.one"], "the default. Also, it lacks 05.two"),
    ],
)
def test_what_is_not_whole_says_what_is_missing(tmp_path, capsys, options, reason):
    run(tmp_path, parts(one=None, two=None), *options)
    told = capsys.readouterr().out
    assert reason in told
    assert "hand it in." not in told


def test_a_disturbed_record_says_so_and_cannot_be_handed_in(tmp_path, capsys):
    run(tmp_path, parts(one=timed(1.1, 1.1), two=timed(2.4, 1.5)), "--profile", "quick")
    told = capsys.readouterr().out
    assert "the times of 05.two vary too much; run it again with nothing else running." in told
    assert "hand it in." not in told


ERRORS = {
    "the GPU's memory": (torch.cuda.OutOfMemoryError("CUDA out of memory"), "needs more memory than is free"),
    "a library's memory": (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "needs more memory"),
    "the CPU's memory": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "needs more memory"),
    "not here": (NotHere("There is no GPU of this kind."), r"^There is no GPU of this kind\.$"),
    "a bug": (KeyError("rows"), r"could not be measured: KeyError: 'rows' \(one_part.py, line \d+\)$"),
    "silence": (ValueError(), "could not be measured: ValueError: "),
}


@pytest.mark.parametrize(("error", "reason"), ERRORS.values(), ids=ERRORS.keys())
def test_a_part_that_fails_does_not_stop_the_others(tmp_path, error, reason, capsys):
    status, content = run(tmp_path, parts(bad=raises(error), good=None))
    assert status == 0
    (note,) = content["parts"]["05.bad"]["notes"]
    assert content["parts"]["05.bad"]["series"] == []
    assert re.search(reason, note)
    assert content["parts"]["05.good"]["facts"] == {"answer": 42}
    assert f"not measured: {note}" in capsys.readouterr().out


def test_what_slows_down_the_rest_is_measured_last_and_stands_in_its_place(tmp_path):
    order = []

    def noting(name):
        return lambda context: order.append(name) or FOUND

    made = {name: replace(part(name, noting(name)), last=name == "05.b") for name in ("05.a", "05.b", "05.c")}
    _, content = run(tmp_path, made)
    assert order == ["05.a", "05.c", "05.b"]
    assert list(content["parts"]) == ["05.a", "05.b", "05.c"]


def test_the_part_with_the_profiler_is_the_last_one():
    assert [name for name, one in PARTS.items() if one.last] == ["05.precision"]


def test_a_stop_loses_only_the_part_in_hand(tmp_path, capsys):
    done = []
    made = parts(one=lambda context: done.append("one") or FOUND, two=raises(KeyboardInterrupt()), three=None)
    assert run(tmp_path, made) == (130, None)
    assert "1 of 3 parts are kept in" in capsys.readouterr().out
    status, content = run(tmp_path, made | parts(two=lambda context: done.append("two") or FOUND))
    assert (status, done) == (0, ["one", "two"])
    assert list(content["parts"]) == ["05.one", "05.two", "05.three"]
    assert "measured before the stop" in capsys.readouterr().out


def test_a_part_that_takes_ctrl_c_for_less_work_is_not_kept(tmp_path):
    def trains(context):
        signal.signal(signal.SIGINT, lambda *_: None)  # as training does, which stops early and returns
        signal.raise_signal(signal.SIGINT)
        return FOUND

    before = signal.getsignal(signal.SIGINT)
    try:
        assert run(tmp_path, parts(one=None, two=trains, three=None)) == (130, None)
    finally:
        signal.signal(signal.SIGINT, before)
    kept = json.loads(path_beside(tmp_path / "record.json").read_text())
    assert list(kept["parts"]) == ["05.one"]


def test_a_stop_in_the_first_part_keeps_nothing_and_says_so(tmp_path, capsys):
    run(tmp_path, parts(one=raises(KeyboardInterrupt())))
    assert "No part was finished yet. Start the same command again" in capsys.readouterr().out


def test_another_profile_begins_anew(tmp_path):
    counted = []
    made = parts(one=lambda context: counted.append(context.profile) or FOUND, two=raises(KeyboardInterrupt()))
    run(tmp_path, made)
    run(tmp_path, made, "--profile", "quick")
    assert counted == ["smoke", "quick"]


def test_a_damaged_work_file_begins_anew(tmp_path):
    output = tmp_path / "record.json"
    run(tmp_path, parts(one=None, two=raises(KeyboardInterrupt())))
    path = path_beside(output)
    path.write_text(path.read_text().replace("42", "43"))
    assert open_kept(path, json.loads(path.read_text())["key"]).parts == {}


SLOW = """
import sys, time, pathlib, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may have it ignored
from lessons_lib.machine_record import command
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.part import Part
log = pathlib.Path(sys.argv[1], "log")
def measure(name, seconds):
    def it(context):
        with open(log, "a") as file: file.write(name + " ")
        time.sleep(seconds)
        return Findings(facts={"answer": 42})
    return it
parts = {n: Part(n, n, measure(n, s), lambda found: []) for n, s in [("05.a", 0), ("05.b", 0 if len(sys.argv) > 2 else 60), ("05.c", 0)]}
sys.exit(command.main(["--device", "cpu", "--profile", "smoke", "--output", sys.argv[1] + "/record.json"], parts))
"""


BARE = """
import os, runpy, socket, sys
ALLOWED = set(sys.stdlib_module_names) | {
    "lessons_lib", "run", "torch", "torchgen", "functorch", "numpy", "matplotlib", "mpl_toolkits", "pylab", "_distutils_hack",
    # what these three bring along
    "typing_extensions", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "filelock", "fsspec", "setuptools", "pkg_resources",
    "packaging", "pyparsing", "cycler", "dateutil", "six", "kiwisolver", "contourpy", "fontTools", "PIL", "triton", "nvidia", "cuda", "pip",
}
class Bare:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ALLOWED or name.startswith("_sysconfigdata"):
            return self.finder.find_spec(name, path, target)
def refuse(*_, **__):
    raise OSError("this machine is offline")
sys.meta_path[:] = map(Bare, sys.meta_path)
socket.getaddrinfo = refuse
sys.argv[0] = "run.py"
sys.path.insert(0, os.getcwd())
runpy.run_path("run.py", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_recorder_that_is_killed_goes_on_where_it_was(tmp_path, sent, status):
    command_line = [sys.executable, "-c", SLOW, str(tmp_path)]
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    first = subprocess.Popen(command_line, env=environment, stdout=subprocess.PIPE, text=True)
    log = tmp_path / "log"
    deadline = time.monotonic() + 120
    while "b" not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(sent)
    text, _ = first.communicate(timeout=60)
    assert first.returncode == status
    assert sent == signal.SIGKILL or "Start the same command again to go on." in text
    assert not (tmp_path / "record.json").exists()
    subprocess.run([*command_line, "quickly"], env=environment, check=True, stdout=subprocess.DEVNULL, timeout=120)
    assert log.read_text().split() == ["05.a", "05.b", "05.b", "05.c"]
    content = json.loads((tmp_path / "record.json").read_text())
    assert list(content["parts"]) == ["05.a", "05.b", "05.c"]


def test_only_some_parts_or_lessons_can_be_asked_for(tmp_path, capsys):
    made = parts(one=None, two=None) | {"06.three": part("06.three")}
    assert list(run(tmp_path, made, "--only", "06", "05.two")[1]["parts"]) == ["05.two", "06.three"]
    assert run(tmp_path, made, "--only", "07.four")[0] == 2
    assert "There is no part '07.four'; there are 05.one, 05.two, 06.three." in capsys.readouterr().err


def test_a_device_that_is_not_there_is_refused_in_a_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine, "output_of", lambda *words: "")  # nor does nvidia-smi see a GPU
    for name, reason in {
        "cuda": "was asked for, but",
        "tpu": "choose auto, cpu or cuda",
    }.items():
        assert command.main(["--device", name, "--output", str(tmp_path / "r.json")], parts(one=None)) == 2
        assert reason in capsys.readouterr().err


def test_a_folder_is_no_output(tmp_path, capsys):
    assert command.main(["--device", "cpu", "--output", str(tmp_path)], parts(one=None)) == 2
    assert "give the name of a file" in capsys.readouterr().err


def test_an_earlier_record_is_kept_beside_the_new_one(tmp_path, capsys):
    run(tmp_path, parts(one=None))
    first = (tmp_path / "record.json").read_bytes()
    run(tmp_path, parts(two=None))
    assert "will be kept as record-previous.json." in capsys.readouterr().out
    assert (tmp_path / "record-previous.json").read_bytes() == first
    status, content = run(tmp_path, parts(three=None))
    assert (status, list(content["parts"])) == (0, ["05.three"])
    assert "05.two" in (tmp_path / "record-previous.json").read_text(encoding="utf-8")


def test_a_stop_leaves_the_earlier_record_where_it_is(tmp_path):
    run(tmp_path, parts(one=None))
    status, content = run(tmp_path, parts(one=None, two=raises(KeyboardInterrupt())))
    assert (status, list(content["parts"])) == (130, ["05.one"])


@pytest.mark.parametrize("name", ["record.json", "record-previous.json"])
@pytest.mark.parametrize("text", ["", "my thesis", '{"format": "report"}'])
def test_a_file_that_is_no_record_is_not_replaced(tmp_path, capsys, name, text):
    run(tmp_path, parts(one=None))
    (tmp_path / name).write_text(text)
    options = ["--device", "cpu", "--output", str(tmp_path / "record.json")]
    assert command.main(options, parts(one=raises(AssertionError("measured")))) == 2
    assert f"{name} exists and is no machine record" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == text


def test_a_place_that_cannot_be_written_is_said_before_anything_is_measured(tmp_path, capsys):
    (tmp_path / "file").touch()
    made = parts(one=raises(AssertionError("measured")))
    assert command.main(["--device", "cpu", "--output", str(tmp_path / "file" / "r.json")], made) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_part_leaves_no_settings_behind(tmp_path):
    def careless(context):
        torch.set_num_threads(1 + torch.get_num_threads())
        torch.set_grad_enabled(False)
        torch.set_float32_matmul_precision("medium")
        return FOUND

    threads, seen = torch.get_num_threads(), []
    look = lambda context: seen.append((torch.get_num_threads(), torch.is_grad_enabled())) or FOUND  # noqa: E731
    run(tmp_path, parts(one=careless, two=look))
    assert seen == [(threads, True)]
    assert torch.get_float32_matmul_precision() == "highest"


def test_every_part_starts_from_the_same_random_numbers(tmp_path):
    seen = []
    draw = lambda context: seen.append(torch.rand(1).item()) or FOUND  # noqa: E731
    run(tmp_path, parts(one=draw, two=draw))
    assert seen[0] == seen[1]


def test_a_gpu_that_stopped_answering_ends_the_run_with_what_is_kept(tmp_path, capsys, monkeypatch):
    made = parts(one=raises(RuntimeError("CUDA error: an illegal memory access was encountered")), two=None)
    with monkeypatch.context() as broken:
        broken.setattr(recorder.one_part, "answers", lambda device: False)
        assert run(tmp_path, made) == (1, None)
    assert "1 of 2 parts are kept: start the same command again" in capsys.readouterr().err
    status, content = run(tmp_path, made)
    assert status == 0
    assert "illegal memory access" in content["parts"]["05.one"]["notes"][0]


def test_a_record_stays_small(tmp_path):
    many = series_of(Measurement("it", tuple(0.001 + i * 1e-7 for i in range(1000))), batch=1)
    found = Findings(tuple(many | {"batch": batch} for batch in range(700)))
    _, content = run(tmp_path, parts(one=lambda context: found))
    assert (tmp_path / "record.json").stat().st_size < 200_000
    samples = content["parts"]["05.one"]["series"][0]["samples_ms"]
    assert 3 <= len(samples) < MOST_SAMPLES
    assert (samples[0], samples[-1]) == (many["samples_ms"][0], many["samples_ms"][-1])


def test_a_series_keeps_forty_samples_and_figures_of_all():
    measurement = Measurement("it", tuple(0.001 + i * 1e-5 for i in range(100)))
    made = series_of(measurement, precision="float16", batch=8, compiled=True, limit=None)
    assert made["precision"] == "float16"
    assert len(made["samples_ms"]) == MOST_SAMPLES
    assert made["samples_ms"] == sorted(made["samples_ms"])
    assert (made["samples_ms"][0], made["samples_ms"][-1], made["count"]) == (1.0, 1.99, 100)
    assert made["median_ms"] == pytest.approx(measurement.median_ms, rel=1e-3)


def test_numbers_that_are_not_finite_become_notes():
    import numpy as np

    good = FOUND.series[0]
    found = Findings(
        (good, good | {"batch": 2, "median_ms": math.nan}, {"batch": 3}),
        {"ratio": math.inf, "many": [1.0, math.nan], "numpy": np.float32(0.5), "tuple": (1, 2), 8: "eight"},
    )
    content = plain.content(found)
    assert [series["batch"] for series in content["series"]] == [1]
    assert content["facts"] == {"ratio": None, "many": [1.0, None], "numpy": 0.5, "tuple": [1, 2], "8": "eight"}
    assert len(content["notes"]) == 4
    assert "The times of batch 2 are not whole, and left out." in content["notes"]
    assert json.dumps(content, allow_nan=False)


def test_nothing_in_a_record_tells_whose_machine_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(private, "names", lambda: ["geraldine", "workhorse"])
    monkeypatch.setattr(plain, "names", private.names)
    path = Path.home() / "projects" / "model.pt"
    told = f"No file {path} or C:\\Users\\geraldine\\x.txt on workhorse; GPU-12345678-abcd-ef01-2345-6789abcdef01 of geraldine."
    found = Findings(FOUND.series, {"where": str(path)}, (told,))
    made = parts(one=lambda context: found, two=raises(FileNotFoundError(2, "No such file", str(path))))
    run(tmp_path, made)
    text = (tmp_path / "record.json").read_text(encoding="utf-8")
    for secret in (str(path), "projects", "geraldine", "workhorse", "12345678", str(tmp_path), str(ROOT)):
        assert secret not in text
    home, host = str(Path.home()), socket.gethostname()
    assert len(home) < 3 or home not in text
    assert host not in text


@pytest.mark.parametrize(
    "harmless",
    [
        "images/s",
        "3.5 GB/s",
        "https://pytorch.org/docs/stable/a/b.html",
        "1/2 of it",
        "no RAPL under /sys/class/powercap",
        "float16 and int8/fp8",
    ],
)
def test_harmless_texts_stay(harmless):
    assert private.scrubbed(harmless, ["geraldine"]) == harmless


def test_names_that_are_nobodys_are_not_looked_for(monkeypatch):
    monkeypatch.setattr(private.getpass, "getuser", lambda: "root")
    monkeypatch.setattr(private.socket, "gethostname", lambda: "workhorse.example.org")
    assert "root" not in private.names()
    assert {"workhorse", "workhorse.example.org"} <= set(private.names())


@pytest.mark.parametrize("name", ["vgg", "small"])
def test_the_shipped_networks_need_no_package_to_be_read(name):
    pytest.importorskip("safetensors", reason="the oracle is the safetensors package")
    expected = checkpoints.shipped(name).state_dict()
    network = Context(torch.device("cpu"), "smoke").network(name)
    assert not network.training
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())
    assert network.state_dict().keys() == expected.keys()


def test_data_and_networks_are_made_once():
    context = Context(torch.device("cpu"), "smoke")
    assert context.data(train=60, test=24) is context.data(train=60, test=24)
    assert context.data(train=60, test=24, size=64).image_shape == (3, 64, 64)
    assert context.network() is context.network("vgg")


def records_itself(folder, device):
    """The parts of a record in the smoke profile, made on a bare machine: only the standard library, torch with what it
    needs, numpy and matplotlib can be imported there, and nothing is fetched."""
    program = [sys.executable, "-c", BARE, "record", "--profile", "smoke", "--device", device, "--output"]
    environment = dict(os.environ, LESSONS_DATA=str(folder / "none"))
    done = subprocess.run(
        [*program, str(folder / "r.json")], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = machine_file.parse((folder / "r.json").read_text(encoding="utf-8"), "r.json").content
    assert content["device"]["kind"] == device
    assert list(content["parts"]) == list(command.PARTS)
    notes = [note for part in content["parts"].values() for note in part["notes"]]
    assert not [note for note in notes if "could not be measured: " in note]
    for name, found in content["parts"].items():
        if found["series"] or found["facts"]:
            assert all(map(repr, command.PARTS[name].tables(plain.findings(found))))
    return content["parts"]


def test_a_bare_machine_records_itself_to_the_end(tmp_path):
    assert records_itself(tmp_path, "cpu")["09.devices"]["facts"]["rows"]


@pytest.mark.gpu
def test_a_bare_machine_with_a_gpu_records_itself_to_the_end(tmp_path):
    measured = records_itself(tmp_path, "cuda")
    assert {"cpu", "cuda"} == {row["device"] for row in measured["09.devices"]["facts"]["rows"]}
    assert measured["05.precision"]["series"]


def run_py(monkeypatch, needs):
    """`record` of run.py, in which the recorder needs these packages; and what it does instead of really doing it."""
    done = []
    record = runpy.run_path(str(ROOT / "run.py"))["record"]
    monkeypatch.setitem(record.__globals__, "BARE_MACHINE", needs)
    monkeypatch.setitem(record.__globals__, "call", lambda *words: done.append(words) or 0)
    monkeypatch.setattr(installation, "set_up", lambda requirements: done.append(requirements))
    monkeypatch.setattr(command, "main", lambda arguments: done.append(("here", *arguments)) or 0)
    assert record(["--device", "cpu"]) == 0
    return done


def test_run_py_records_in_the_python_that_started_it_where_that_has_everything(monkeypatch):
    assert run_py(monkeypatch, ("torch", "numpy")) == [("here", "--device", "cpu")]


def test_run_py_records_in_the_virtual_environment_where_something_lacks(monkeypatch):
    expected = ["requirements.txt", ("-m", "lessons_lib.machine_record", "--device", "cpu")]
    assert run_py(monkeypatch, ("torch", "no_such_package")) == expected
