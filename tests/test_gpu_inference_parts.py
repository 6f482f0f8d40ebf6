"""The parts of a machine record that are about inference: on the CPU, on a pretended GPU, and on a bare machine."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from pretended_gpu import CALLS, pretend
from samples import dataset, learnt

from lessons_lib import compare, engines, models
from lessons_lib.configuration import Row
from lessons_lib.gpu_inference import copies, errors, launches
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.parts import batching, devices, precision, transfers
from lessons_lib.recorded import Recording, parse

PARTS = {module.PART.name: module.PART for module in (precision, batching, devices, transfers)}
DATA = dataset(size=32, test=24)


def stand_in(device, make=None):
    """A context whose data and network are small, and already there."""
    network = make or (lambda name="vgg": learnt(name, 3, 32))
    return SimpleNamespace(
        device=torch.device(device),
        profile="smoke",
        seed=0,
        say=lambda _: None,
        data=lambda *_, **__: DATA,
        network=network,
    )


@pytest.fixture(scope="module", params=list(PARTS))
def on_cpu(request):
    part = PARTS[request.param]
    return part, part.measure(stand_in("cpu"))


def test_a_part_measures_a_cpu_and_its_findings_are_json(on_cpu):
    _, findings = on_cpu
    again = json.loads(json.dumps(findings.facts))
    assert again == json.loads(json.dumps(json.loads(json.dumps(findings.facts))))
    assert all(one["samples_ms"] and one["median_ms"] > 0 for one in findings.series)
    assert all(isinstance(note, str) and note.endswith((".", "`.")) for note in findings.notes)


def test_the_tables_of_a_part_need_nothing_but_what_json_kept(on_cpu):
    part, findings = on_cpu
    kept = type(findings)(
        tuple(json.loads(json.dumps(findings.series))), json.loads(json.dumps(findings.facts)), findings.notes
    )
    shown = [repr(table) for table in part.tables(kept)]
    assert shown
    assert shown == [repr(table) for table in part.tables(findings)]


def test_precisions_tell_times_errors_and_what_holds_them_up():
    findings = PARTS["05.precision"].measure(stand_in("cpu"))
    assert {(one["precision"], one["batch"], one["copies"]) for one in findings.series} >= {
        ("float32", 1, False), ("bfloat16", 4, True),
    }  # fmt: skip
    assert findings.facts["errors"]["float32"]["largest"] < 1e-5 < findings.facts["errors"]["bfloat16"]["median"]
    times, _, _, bounds = PARTS["05.precision"].tables(findings)
    assert list(times.rows[0]) == ["batch", "float32", "bfloat16", "float16"]
    assert "overhead-bound" in bounds.rows[0]["what holds it up"]
    assert int(bounds.rows[0]["launched at batch 1"].removesuffix(" pieces")) > 10


def test_rows_of_lesson_09_can_be_read_back_as_a_recording():
    findings = PARTS["09.devices"].measure(stand_in("cpu"))
    rows = tuple(Row(**row) for row in findings.facts["rows"])
    assert {row.engine for row in rows} >= {"eager", "eager, folded"}
    recording = Recording("a CPU", "2026-11-23", {"torch": torch.__version__}, findings.facts["dataset"], rows)
    assert parse(recording.as_json(), "here").rows == rows


def test_a_batch_that_does_not_fit_is_told_in_the_table(monkeypatch):
    def hungry(self, x):
        if len(x) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return x

    monkeypatch.setattr(batching.memory, "allocated_bytes", lambda _: 0)
    monkeypatch.setattr(batching, "Resident", lambda *_: lambda x: hungry(None, x))
    context = stand_in("cpu")
    monkeypatch.setattr(context, "data", lambda *_: dataset(size=32, test=2))
    findings = PARTS["08.batching"].measure(context)
    assert {one["problem"] for one in findings.facts["problems"]} == {"a batch of 4 does not fit into the memory"}
    (table,) = PARTS["08.batching"].tables(findings)
    assert table.rows[-1]["small, float32"] == "a batch of 4 does not fit into the memory"


# Two wrong orders of the same answers
def test_answers_that_differ_between_one_stream_and_two_are_an_error():
    right = [torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])]
    assert transfers._difference(right, [r + 1e-4 for r in right]) < 1e-3
    for wrong in ([right[1], right[0]], [r * float("nan") for r in right]):
        with pytest.raises(RuntimeError, match="a batch was used too early"):
            transfers._difference(right, wrong)


@pytest.fixture
def pretended(monkeypatch):
    """Everything on a pretended GPU that does not ask for numbers."""
    mode = pretend(monkeypatch)
    monkeypatch.setattr(copies, "_check", lambda *_: None)
    monkeypatch.setattr(transfers, "_difference", lambda *_: 0.0)
    monkeypatch.setattr(errors, "measure", lambda *_, **__: [])
    monkeypatch.setattr(launches, "profile", lambda *_: launches.Launches(20.0, 0.05))
    monkeypatch.setattr(compare, "line_up", lambda *_, **__: ({}, []))
    monkeypatch.setattr(compare, "measure_grid", lambda *_, **__: SimpleNamespace(rows=(), notes=()))
    monkeypatch.setattr(engines.presence, "lacking", lambda *_: [])
    monkeypatch.setattr(engines.presence.shutil, "which", lambda *_: "gcc")
    monkeypatch.setattr(torch, "compile", lambda model, **_: model)
    with mode:
        pixels = torch.zeros(24, 3, 32, 32, dtype=torch.uint8)
        data = SimpleNamespace(
            name="fake", test=SimpleNamespace(images=pixels), image_shape=(3, 32, 32), classes=range(4)
        )
        context = stand_in("cuda:1", lambda name="vgg": models.build(name, classes=4).eval())
        context.data = lambda *_, **__: data
        yield context


@pytest.mark.parametrize("name", list(PARTS))
def test_on_a_gpu_every_tensor_is_where_it_is_needed(pretended, name):
    """Fake tensors refuse what real ones refuse: operations between the CPU and a GPU, or in different precisions."""
    findings = PARTS[name].measure(pretended)
    assert json.dumps(findings.facts)
    assert PARTS[name].tables(findings)
    if name == "05.precision":
        assert [*dict.fromkeys(one["precision"] for one in findings.series)] == [
            "float32", "TF32", "float16", "bfloat16", "float16, CUDA graph",
        ]  # fmt: skip
        bounds = PARTS[name].tables(findings)[-2]
        assert "launch-bound" in bounds.rows[0]["what holds it up"]
        assert bounds.rows[0]["launched at batch 64"].startswith("20 pieces, busy ")
        captured = [call[1] for call in CALLS if call[0] == "capture"]
        assert len(captured) == len(set(captured)), "each capture has a stream of its own"
        assert {call[2] for call in CALLS if call[0] == "stream"} == {"cuda", "cuda:1"}, "the first is the current one"
    if name == "08.batching":
        assert {one["allowed_mib"] for one in findings.series} == {None, 1024}
        shares = [call[1:] for call in CALLS if call[0] == "fraction"]
        assert shares == [(1024 * 2**20 / 2**34, "1"), (1.0, "1")] * 3
    if name == "09.devices":
        assert {one["place"] for one in findings.facts["break_even"]} == {
            "GPU, copies included",
            "GPU, images already there",
        }


BARE = """
import sys
BLOCKED = {"safetensors", "psutil", "IPython", "ipywidgets", "onnx", "onnxruntime", "onnxscript", "scipy", "pint", "torch_pruning",
           "PIL", "openvino", "nncf", "torchao", "triton", "matplotlib", "ray"}
class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Bare())
import importlib.util, torch
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in BLOCKED else found(name, *rest)
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.parts import batching, devices, precision, transfers
context = Context(torch.device("cpu"), "smoke", 0, lambda _: None)
for module in (precision, batching, devices, transfers):
    findings = module.PART.measure(context)
    assert findings.series or findings.facts["rows"], module
    assert module.PART.tables(findings)
    print(*findings.notes, sep="\\n")
"""


def test_all_of_it_runs_where_only_torch_and_numpy_are_installed():
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "ONNX Runtime: onnx and onnxscript and onnxruntime not installed" in done.stdout


@pytest.mark.gpu
@pytest.mark.parametrize("name", list(PARTS))
def test_on_a_real_gpu_every_part_measures(name):
    lines: list[str] = []
    context = Context(torch.device("cuda", torch.cuda.device_count() - 1), "smoke", 0, lines.append)
    findings = PARTS[name].measure(context)
    assert len(json.dumps([findings.series, findings.facts])) < 80_000
    assert PARTS[name].tables(findings)
    if name == "05.precision":
        assert findings.facts["errors"]["float32"]["largest"] < 1e-4
    if name == "09.devices":
        assert {row["device"] for row in findings.facts["rows"]} == {"cpu", "cuda"}
