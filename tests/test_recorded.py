import json
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import row

from lessons_lib import recorded

GOOD = {
    "format": 1,
    "device": "A GPU",
    "date": "2026-11-20",
    "versions": {"torch": "2.13.0", "cuda": "13.0"},
    "dataset": "road_signs",
    "rows": [row(device="cuda", threads=None, engine="GPU half").as_dict()],
}


def write(folder, name, content):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def without(key):
    return {name: value for name, value in GOOD.items() if name != key}


def with_row(**changed):
    return GOOD | {"rows": [GOOD["rows"][0] | changed]}


def test_where_nothing_was_recorded_that_is_said(tmp_path):
    told = "No results of other machines are shown: the folder holds none."
    assert recorded.load(tmp_path) == ([], told)
    found, told = recorded.load(tmp_path / "absent")
    assert found == []
    assert "the folder holds none. There is no folder " in told
    assert recorded.load("")[1].startswith(
        ("Shown beside", "No results of other machines are shown: none have been recorded")
    )


def test_a_recording_comes_back_with_its_label(tmp_path):
    write(tmp_path, "gpu.json", GOOD)
    (found,), told = recorded.load(tmp_path)
    assert found.rows == (row(device="cuda", threads=None, engine="GPU half"),)
    assert found.label == "recorded on A GPU, 2026-11-20, torch 2.13.0, cuda 13.0"
    assert told == f"Shown beside yours: {found.label}."


def test_recordings_come_oldest_first(tmp_path):
    write(tmp_path, "a.json", GOOD)
    write(tmp_path, "b.json", GOOD | {"date": "2026-01-01"})
    assert [recording.date for recording in recorded.load(tmp_path)[0]] == ["2026-01-01", "2026-11-20"]


DAMAGED = {
    "not JSON": ("{", "Expecting property name"),
    "a list": ([], "list indices"),
    "another format": (GOOD | {"format": 2}, "its format is 2, this course reads 1"),
    "no format": (without("format"), "it lacks 'format'"),
    "no rows": (GOOD | {"rows": []}, "it holds no rows"),
    "no date": (without("date"), "it lacks 'date'"),
    "date as a number": (GOOD | {"date": 2026}, "should be text"),
    "versions as text": (GOOD | {"versions": "torch"}, "dictionary"),
    "half a row": (GOOD | {"rows": [{"batch": 1}]}, "fields differ"),
    "one field more": (with_row(colour="red"), r"fields differ .*\['colour'\]"),
    "latency as text": (with_row(latency_ms="4 ms"), "wrong kind: latency_ms"),
    "a latency of nothing": (with_row(latency_ms=0), "number that cannot be"),
    "a latency that is no number": (json.dumps(with_row(latency_ms=1.0)).replace(": 1.0,", ": NaN,", 1), "wrong kind"),
    "an endless latency": (json.dumps(with_row(latency_ms=1.5)).replace(": 1.5,", ": 1e999,", 1), "wrong kind"),
    "accuracy in per cent": (with_row(accuracy=99.0), "number that cannot be"),
    "yes as a number": (with_row(batch=True), "wrong kind: batch"),
    "a novel for a name": (GOOD | {"device": "x" * 201}, "longer than 200 characters"),
    "a novel in a row": (with_row(variant="x" * 201), "wrong kind: variant"),
    "batch missing its value": (with_row(batch=None), "wrong kind: batch"),
}


@pytest.mark.parametrize(("content", "reason"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_named_with_what_is_wrong(content, reason):
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(ValueError, match=rf"gpu\.json is no recording of this course: .*{reason}"):
        recorded.parse(text, "gpu.json")


def test_damaged_files_do_not_hide_the_good_ones(tmp_path):
    write(tmp_path, "good.json", GOOD)
    write(tmp_path, "broken.json", "{")
    (tmp_path / "noise.json").write_bytes(bytes(range(256)))
    (tmp_path / "folder.json").mkdir()
    found, told = recorded.load(tmp_path)
    assert len(found) == 1
    assert told.startswith("Shown beside yours: recorded on A GPU")
    for name in ("broken.json", "noise.json", "folder.json"):
        assert name in told


def test_ones_own_rows_are_not_shown_a_second_time(tmp_path):
    write(tmp_path, "own.json", GOOD)
    write(tmp_path, "other.json", with_row(latency_ms=7.0))
    own = recorded.parse(json.dumps(GOOD), "own.json")
    (found,), _ = recorded.load(str(tmp_path), own=own)
    assert found.rows[0].latency_ms == 7.0


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "LARGEST_BYTES", 1000)
    write(tmp_path, "huge.json", json.dumps(GOOD) + " " * 1000)
    assert "huge.json is no recording of this course: it is larger" in recorded.load(tmp_path)[1]


def test_deep_nesting_does_not_hide_the_good_ones(tmp_path):
    write(tmp_path, "deep.json", "[" * 200_000)
    write(tmp_path, "good.json", GOOD)
    assert len(recorded.load(tmp_path)[0]) == 1


@given(st.from_regex(r"[^\x00-\x1f]{1,30}", fullmatch=True), st.floats(1e-6, 1e6), st.integers(1, 10**6))
def test_what_is_written_is_what_is_read(name, latency, size):
    wrote = recorded.Recording(
        name, "2026-11-20", {"torch": "2.13"}, "road_signs", (row(latency_ms=latency, size_bytes=size, variant=name),)
    )
    assert recorded.parse(wrote.as_json(), "file") == wrote


def test_whole_numbers_may_stand_for_fractions():
    assert recorded.parse(json.dumps(with_row(latency_ms=4)), "gpu.json").rows[0].latency_ms == 4


def test_everything_that_ships_can_be_read():
    folder = Path(str(resources.files("lessons_lib") / "records"))
    found, told = recorded.load()
    assert len(found) == len(list(folder.glob("*.json")))
    assert "is no recording" not in told
