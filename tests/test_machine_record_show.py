"""Records beside a lesson's own figures: which is the nearest, what is shown, and what is said where there is none."""

import json

import machine_records
import pytest
import torch
from samples import Outline, row

from lessons_lib import break_even, machine_file, pooled, recorded
from lessons_lib.explained import Mistake, NotHere
from lessons_lib.grid import Grid
from lessons_lib.machine_record import show
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.nearest import nearest
from lessons_lib.machine_record.part import Part
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table
from lessons_lib.widgets import laboratory

GIB = 2**30
LIVE = machine_records.GPU | {"name": "My GPU"}


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    """One part, whose table shows its facts, measured or recorded."""
    made = Part(
        "05.fake",
        "A fake",
        lambda context: Findings(facts={"answer": 7}),
        lambda found: [Table("Answers", [found.facts])],
    )
    monkeypatch.setattr(show, "PARTS", {"05.fake": made})
    monkeypatch.setattr(show.device_block, "block", lambda device: LIVE)
    return made


def gpu(name="A GPU", capability="8.0", gib=40, **changed):
    device = {"name": name, "compute_capability": capability, "memory_bytes": gib * GIB}
    return machine_records.record(device=device, **changed)


CPU = machine_records.record(device=machine_records.CPU)


def test_without_records_there_is_no_nearest():
    assert nearest([]) is None


def test_without_a_gpu_the_smallest_is_shown_since_it_is_the_likeliest():
    small, large = gpu("T4", "7.5", 15), gpu("H100", "9.0", 80)
    assert nearest([large, CPU, small]) is small


def test_a_cpu_is_shown_only_where_no_gpu_was_recorded():
    assert nearest([CPU]) is CPU
    assert nearest([CPU], LIVE) is CPU


def test_the_same_name_is_nearer_than_the_same_capability_and_that_nearer_than_memory():
    same_name = gpu("My GPU", "8.6", 8)
    same_capability = gpu("A100", "8.0", 80)
    same_memory = gpu("L40S", "8.9", 40)
    far = gpu("H100", "9.0", 80)
    records = [far, same_memory, same_capability, same_name]
    for expected in (same_name, same_capability, same_memory, far):
        assert nearest(records, LIVE) is expected
        records.remove(expected)


def test_of_equally_near_records_the_newest_is_taken():
    old, new = gpu(date="2026-01-01T00:00:00Z"), gpu(date="2026-02-01T00:00:00Z")
    assert nearest([new, old]) is nearest([old, new]) is new


def test_without_records_the_command_is_named(tmp_path):
    shown = show.beside("05.fake", "cpu", folder=tmp_path)
    assert shown.tables == ()
    assert "`python3 run.py record`" in repr(shown)
    Outline(shown._repr_html_())


def test_a_record_is_shown_with_its_machine_in_every_caption(tmp_path):
    shown = show.beside("05.fake", torch.device("cpu"), folder=machine_records.write(tmp_path))
    (table,) = shown.tables
    assert table.caption == "Answers (recorded on A GPU, 2026-11-20, torch 2.13.0, cuda 13.0)"
    assert "42" in repr(shown)
    assert Outline(shown._repr_html_()).all("table")


def test_a_cpu_that_stands_in_says_so(tmp_path):
    shown = show.beside("05.fake", "cpu", folder=machine_records.write(tmp_path, device=machine_records.CPU))
    assert shown.sentence.startswith("No GPU has been recorded for this course yet, so these figures of a CPU stand in")


def test_a_folder_without_records_leaves_those_that_ship_and_a_missing_one_is_named(tmp_path, monkeypatch):
    (ships := tmp_path / "ships").mkdir()
    (empty := tmp_path / "empty").mkdir()
    monkeypatch.setattr(machine_file, "shipped_folder", lambda: ships)
    shipped = show.beside("05.fake", "cpu", folder=machine_records.write(ships)).sentence
    assert show.beside("05.fake", "cpu", folder=empty).sentence == shipped
    missing = tmp_path / "no such folder"
    assert show.beside("05.fake", "cpu", folder=missing).sentence == f"{shipped} There is no folder {missing}."


def test_a_record_that_lacks_the_part_is_passed_over(tmp_path):
    empty = machine_records.part(series=[], facts={}, notes=["Not here."])
    machine_records.write(tmp_path, "small.json", device={"memory_bytes": 1}, parts={"05.fake": empty})
    machine_records.write(tmp_path, "large.json", device={"name": "Large"})
    assert "Large" in show.beside("05.fake", "cpu", folder=tmp_path).sentence


def test_where_no_recorded_gpu_could_a_cpu_stands_in_or_nobody(tmp_path):
    empty = machine_records.part(series=[], facts={}, notes=["Not here."])
    machine_records.write(tmp_path, "gpu.json", parts={"05.fake": empty})
    assert show.beside("05.fake", "cpu", folder=tmp_path).sentence == show.NOBODY_COULD
    machine_records.write(tmp_path, "cpu.json", device=machine_records.CPU)
    assert show.beside("05.fake", "cpu", folder=tmp_path).sentence.startswith("None of the recorded GPUs could")


def test_notes_and_damaged_files_are_told(tmp_path):
    machine_records.write(tmp_path, parts={"05.fake": machine_records.part(notes=["fp8 needs 8.9."])})
    (tmp_path / "bad.json").write_text('{"format": "machine record"}')
    told = show.beside("05.fake", "cpu", folder=tmp_path).sentence
    assert "fp8 needs 8.9." in told
    assert "bad.json" in told


def test_facts_of_another_version_do_not_break_a_lesson(tmp_path, monkeypatch):
    broken = Part(
        "05.fake", "A fake", lambda context: Findings(), lambda found: [Table("x", [{"a": found.facts["gone"]}])]
    )
    monkeypatch.setattr(show, "PARTS", {"05.fake": broken})
    shown = show.beside("05.fake", "cpu", folder=machine_records.write(tmp_path))
    assert shown.tables == ()
    assert "the course has changed since" in shown.sentence


def test_a_part_that_does_not_exist_is_a_mistake():
    with pytest.raises(Mistake, match=r"There is no part '06.no'; there are 05\.fake\."):
        show.beside("06.no")


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: type("P", (), {"name": "My GPU"}))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)


def test_a_live_gpu_takes_the_place_of_a_recorded_one(tmp_path, live):
    shown = show.beside("05.fake", "cuda", "smoke", folder=machine_records.write(tmp_path))
    (table,) = shown.tables
    assert table.caption == "Answers (measured just now on My GPU)"
    assert "7" in repr(shown)
    assert "42" not in repr(shown)


def test_where_the_live_gpu_cannot_a_record_stands_in(tmp_path, live, monkeypatch):
    def measure(context):
        raise NotHere("This GPU is too old for fp8.")

    old = Part("05.fake", "A fake", measure, lambda found: [Table("Answers", [found.facts])])
    monkeypatch.setattr(show, "PARTS", {"05.fake": old})
    shown = show.beside("05.fake", "cuda", "smoke", folder=machine_records.write(tmp_path))
    assert shown.sentence.startswith("This GPU is too old for fp8. The figures were recorded on A GPU")
    assert "42" in repr(shown)


# Lesson 09: the part 09.devices of a record is one of its recordings.


def test_a_machine_record_is_a_recording_of_lesson_09(tmp_path):
    machine_records.write(tmp_path)
    (found,), told = recorded.load(tmp_path)
    assert found.device == "A GPU"
    assert found.label == "recorded on A GPU, 2026-11-20, torch 2.13.0, cuda 13.0"
    assert [one.device for one in found.rows] == ["cpu", "cuda"]
    assert told == f"Shown beside yours: {found.label}."


def test_the_laboratory_and_the_tables_of_lesson_09_show_it(tmp_path):
    recordings, _ = recorded.load(machine_records.write(tmp_path))
    mine = (row(), row(engine="ONNX Runtime", latency_ms=2.0))
    place = f"the GPU {recordings[0].label}"
    assert recordings[0].label in laboratory.places(Grid(mine), recordings)
    (duel,) = break_even.against_all(mine, recordings)[place]
    assert (duel.cpu.latency_ms, duel.gpu.latency_ms) == (2.0, 0.5)
    assert "A GPU" in repr(pooled.table(recordings))


def test_the_order_of_the_keys_does_not_matter(tmp_path):
    path = machine_records.write(tmp_path) / "gpu.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert len(recorded.load(tmp_path)[0]) == len(machine_file.load(tmp_path)[0]) == 1


def test_a_record_without_lesson_09_is_no_recording(tmp_path):
    machine_records.write(tmp_path, parts={"05.fake": machine_records.part()})
    assert recorded.load(tmp_path) == ([], "No results of other machines are shown: the folder holds none.")
    with pytest.raises(recorded.NoRows):
        recorded.of_record(machine_file.load(tmp_path)[0][0])


def test_rows_that_cannot_be_are_named(tmp_path):
    rows = [machine_records.ROWS[0] | {"accuracy": 99.0}]
    machine_records.write(tmp_path, parts={"09.devices": machine_records.part(facts={"rows": rows})})
    assert "a row holds a number that cannot be" in recorded.load(tmp_path)[1]


def test_an_altered_record_is_no_recording(tmp_path):
    path = machine_records.write(tmp_path) / "gpu.json"
    path.write_text(path.read_text().replace('"latency_ms":0.5', '"latency_ms":0.1'))
    found, told = recorded.load(tmp_path)
    assert found == []
    assert "gpu.json was altered" in told


def test_a_gpu_of_ones_own_takes_the_place_of_those_that_ship(tmp_path, monkeypatch):
    machine_records.write(tmp_path)
    monkeypatch.setattr(machine_file, "shipped_folder", lambda: tmp_path / "shipped")
    machine_records.write(tmp_path / "shipped")
    cpu = Recording("me", "2026-11-21", {}, "road_signs", (row(latency_ms=3.0),))
    mine = Recording("me", "2026-11-21", {}, "road_signs", (row(device="cuda", latency_ms=3.0),))
    assert len(recorded.load(own=cpu)[0]) == 1
    found, told = recorded.load(own=mine)
    assert found == []
    assert told.endswith("this machine's own GPU takes the place of those recorded.")
    assert len(recorded.load(tmp_path, own=mine)[0]) == 1, "a folder was asked for"


@pytest.mark.gpu
def test_a_live_gpu_is_measured_and_labelled(tmp_path):
    shown = show.beside("05.fake", "cuda", "smoke", folder=tmp_path)
    assert shown.tables[0].caption == f"Answers (measured just now on {torch.cuda.get_device_name(0)})"
