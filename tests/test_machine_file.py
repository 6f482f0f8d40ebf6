"""The file of a machine record: written whole, read only where it is whole."""

import builtins
import json

import machine_records
import pytest

from lessons_lib import machine_file
from lessons_lib.canonical import checksum


def text_of(content):
    """A file with a right checksum, whatever is in it."""
    return json.dumps(content | {"checksum": checksum(content)})


def test_what_is_written_is_what_is_read():
    content = machine_records.content()
    read = machine_file.parse(machine_file.as_text(content), "gpu.json")
    assert {key: value for key, value in read.content.items() if key != "checksum"} == content
    assert read.label == "recorded on A GPU, 2026-11-20, torch 2.13.0, cuda 13.0"
    assert read.is_gpu


def test_a_record_of_a_cpu_says_so():
    read = machine_records.record(device=machine_records.CPU)
    assert read.label == "recorded on the CPU A CPU, 2026-11-20, torch 2.13.0"


def test_a_hasty_record_says_so():
    assert machine_records.record(profile="smoke").label.endswith("profile smoke, which only shows that it works")


def series(*ratios):
    """A part with a series for each ratio of its upper to its lower quartile."""
    return machine_records.part(series=[machine_records.SERIES | {"p25_ms": 1.0, "p75_ms": ratio} for ratio in ratios])


DISTURBED = {
    "quiet": ({"05.a": series(1.1, 1.1), "06.b": series(1.1)}, []),
    "copies, which vary": ({"05.a": series(*[1.1] * 20), "09.b": series(1.1, 1.1, 1.1, 1.1, 1.6)}, []),
    "one part": ({"05.a": series(*[1.1] * 20), "06.b": series(1.1, 1.5, 2.4)}, ["06.b"]),
    "a bit of everything": ({"05.a": series(*[1.1] * 7, 1.5, 1.5), "06.b": series(*[1.1] * 6, 2, 2)}, ["05.a", "06.b"]),
    "one series": ({"05.a": series(2.4)}, []),
    "nothing was timed": ({"05.a": series()}, []),
}


@pytest.mark.parametrize(("parts", "expected"), DISTURBED.values(), ids=DISTURBED.keys())
def test_disturbed_parts_are_named(parts, expected):
    assert machine_records.record(parts=parts).disturbed == expected


def test_a_shipped_record_measured_under_load_would_be_disturbed():
    quiet = machine_file.load()[0][0].content
    (loaded := json.loads(json.dumps(quiet))).pop("checksum")
    for one in loaded["parts"]["02.steps"]["series"]:
        one.update(p25_ms=279.8, median_ms=400.0, p75_ms=665.9)
    assert "02.steps" in machine_file.parse(machine_file.as_text(loaded), "loaded.json").disturbed


def test_the_file_is_one_part_a_line():
    lines = machine_file.as_text(machine_records.content()).splitlines()
    assert sum(line.startswith('  "0') for line in lines) == 2


def test_an_altered_figure_is_found_out():
    text = machine_file.as_text(machine_records.content())
    with pytest.raises(ValueError, match=r"^gpu\.json was altered .* never by hand\.$"):
        machine_file.parse(text.replace('"median_ms":1.5', '"median_ms":0.5', 1), "gpu.json")


def test_spaces_and_line_ends_do_not_count():
    text = machine_file.as_text(machine_records.content())
    again = json.dumps(json.loads(text), indent=4).replace("\n", "\r\n")
    assert machine_file.parse(again, "gpu.json").label


VIOLATIONS = {
    "no device": (lambda c: c.pop("device"), "it lacks device"),
    "a strange device": (lambda c: c["device"].update(kind="abacus"), r"\$\.device\.kind"),
    "a device without a name": (lambda c: c["device"].update(name=""), r"\$\.device\.name"),
    "a field more": (lambda c: c.update(owner="me"), "owner"),
    "a date without a time": (lambda c: c.update(date="2026-11-20"), r"\$\.date"),
    "no parts": (lambda c: c.update(parts={}), r"\$\.parts"),
    "a part without notes": (lambda c: c["parts"]["05.fake"].pop("notes"), "notes"),
    "a series without samples": (lambda c: c["parts"]["05.fake"]["series"][0].update(samples_ms=[]), "samples_ms"),
    "a time below 0": (lambda c: c["parts"]["05.fake"]["series"][0].update(median_ms=-1), "median_ms"),
    "too many samples": (lambda c: c["parts"]["05.fake"]["series"][0].update(samples_ms=[1.0] * 41), "samples_ms"),
    "clocks as text": (lambda c: c["clocks"].update(before="fast"), r"\$\.clocks\.before"),
    "another profile": (lambda c: c.update(profile="thorough"), r"\$\.profile"),
}


@pytest.mark.parametrize(("change", "reason"), VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_what_leaves_the_schema_is_named(change, reason):
    pytest.importorskip("jsonschema", reason="the schema is checked with the package jsonschema")
    content = machine_records.content()
    change(content)
    with pytest.raises(ValueError, match=rf"gpu\.json does not fit the schema of machine records: .*{reason}"):
        machine_file.parse(text_of(content), "gpu.json")


def test_the_schema_itself_is_valid():
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with the package jsonschema")
    jsonschema.Draft202012Validator.check_schema(machine_file.schema())


def test_without_jsonschema_the_checksum_still_holds(monkeypatch):
    usual = builtins.__import__

    def without(name, *rest):
        if name == "jsonschema":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    text = machine_file.as_text(machine_records.content())
    assert machine_file.parse(text, "gpu.json").label
    with pytest.raises(ValueError, match="was altered"):
        machine_file.parse(text.replace("A GPU", "My GPU"), "gpu.json")


OTHER = {
    "no JSON": ("{", "no machine record"),
    "a list": ("[]", "does not say that it is one"),
    "another format": ('{"format": 1}', "does not say that it is one"),
    "a later schema": ('{"format": "machine record", "schema": 2}', "of schema 2; this course reads 1"),
    "not a number": ('{"format": "machine record", "seconds": NaN}', "NaN is no JSON"),
    "a key twice": ('{"format": "machine record", "format": "machine record"}', "twice"),
    "deep nesting": ("[" * 200_000, "no machine record"),
}


@pytest.mark.parametrize(("text", "reason"), OTHER.values(), ids=OTHER.keys())
def test_other_files_are_refused_in_a_sentence(text, reason):
    with pytest.raises(ValueError, match=rf"^gpu\.json is .*{reason}"):
        machine_file.parse(text, "gpu.json")


def test_an_endless_number_is_refused():
    text = machine_file.as_text(machine_records.content()).replace('"seconds":1.0', '"seconds":1e999')
    with pytest.raises(ValueError, match=r"gpu\.json"):
        machine_file.parse(text, "gpu.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nothing_endless_is_written(value):
    with pytest.raises(ValueError, match=r"JSON compliant|Out of range"):
        machine_file.as_text(machine_records.content(seconds=value))


def test_what_is_too_large_is_not_written():
    with pytest.raises(machine_file.TooLarge, match="200,000"):
        machine_file.as_text(machine_records.content(parts={"05.fake": machine_records.part(notes=["x" * 200_000])}))


def test_a_folder_of_files_gives_its_records_oldest_first(tmp_path):
    machine_records.write(tmp_path, "a.json")
    machine_records.write(tmp_path, "b.json", date="2026-01-01T00:00:00Z")
    (tmp_path / "other.json").write_text('{"format": 1}')
    (tmp_path / "damaged.json").write_text('{"format": "machine record", "schema": 1}')
    (tmp_path / "huge.json").write_text(" " * 300_000)
    found, problems = machine_file.load(tmp_path)
    assert [record.day for record in found] == ["2026-01-01", "2026-11-20"]
    assert ["damaged.json" in problems[0], "huge.json" in problems[1]] == [True, True]


def test_a_folder_that_is_not_there_holds_none(tmp_path):
    assert machine_file.load(tmp_path / "absent") == ([], [])


@pytest.mark.parametrize("path", sorted(machine_file.shipped_folder().glob("*.json")), ids=lambda path: path.name)
def test_every_record_that_ships_is_whole_and_can_be_shown(path):
    from lessons_lib.machine_record import plain
    from lessons_lib.machine_record.parts import PARTS

    assert path.stat().st_size < 200_000
    record = machine_file.parse(path.read_text(encoding="utf-8"), path.name)
    assert record.content["profile"] != "smoke"
    assert record.disturbed == [], "something else ran meanwhile: record that machine again"
    assert record.part("09.devices"), "lesson 09 shows every machine"
    for name in record.content["parts"]:
        if found := record.part(name):
            for table in PARTS[name].tables(plain.findings(found)):
                assert repr(table)
                assert table._repr_html_()
