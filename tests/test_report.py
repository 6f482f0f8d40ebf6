"""The learner's report: what it holds, that it is safe to open, and that a change to it is noticed."""

import json
import os
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from front import VIEW
from hypothesis import given, settings
from hypothesis import strategies as st
from learner import EVERYTHING, LAPTOP, SERVER, keep, measurement, prediction

from lessons_lib import record
from lessons_lib.explained import NotHere
from lessons_lib.report import __main__ as command
from lessons_lib.report import files
from lessons_lib.report.canonical import FORMAT, KIND, canonical, checksum
from lessons_lib.report.content import make_content
from lessons_lib.report.embedding import cut_out, page_checksum, sealed
from lessons_lib.report.files import write_report
from lessons_lib.report.measurements import measurements
from lessons_lib.report.plain import plain
from lessons_lib.report.verify import ALTERED, UNALTERED, UNKNOWN, verify

ROOT = Path(__file__).resolve().parent.parent
as_root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is read-only for root")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of a learner who ran everything: page and JSON file."""
    folder = tmp_path_factory.mktemp("written")
    return write_report(folder, keep(EVERYTHING, folder / "home"))


@pytest.fixture
def page(written, tmp_path):
    """A copy of the page to alter."""
    return Path(tmp_path / "report.html"), written[0].read_text(encoding="utf-8")


def content_of(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))["content"]


class Outline(HTMLParser):
    """What a page loads, its headings and anchors, and whether its tags nest."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.headings, self.ids, self.targets, self.loads, self.scripts, self.text = (
            [],
            [],
            [],
            [],
            [],
            [],
            [],
        )
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        if tag == "script":
            self.scripts.append(found.get("type"))
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"]] if "href" in found else []
        self.loads += [key for key in found if key in ("src", "srcset", "data") or key.startswith("on")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def test_the_report_holds_what_was_predicted_measured_and_tried(written):
    content = content_of(written[1])
    assert len(content["ledger"]) == 19
    assert all(row["measured"] for row in content["ledger"])
    assert len(content["measurements"]) == sum(event["kind"] == "measurement" for event in EVERYTHING)
    assert content["measurements"][0]["values"]["accuracy"] == 0.955
    assert [one["name"] for one in content["predictions"]] == ["04.saved", "06.int8", "07.zeros"]
    assert (content["predictions"][0]["answer"], content["predictions"][0]["times_given"]) == ("90 % or more", 2)
    tried = {one["name"]: one for one in content["exercises"]}
    assert (tried["01.1"]["verdict"], tried["01.1"]["attempts"], tried["01.1"]["hints"]) == ("passed", 2, 1)
    assert tried["01.1"]["passed_at"] == "2026-09-21T14:14:20+00:00"
    assert (tried["01.2"]["verdict"], tried["01.2"]["solution_seen"]) == ("error", True)
    assert tried["02.1"]["verdict"] == "not attempted"
    assert content["environment"]["python"] == sys.version.split()[0]
    assert "01.1" not in content["missing"]["exercises"]
    assert content["missing"]["claims"] == []
    assert "05" in content["missing"]["predictions"]


def test_what_was_shipped_is_shown_with_its_budgets(written):
    found = content_of(written[1])["shipped"]
    assert (found["job"], found["build"], found["meets"]) == ("phone", "channels -50 % in int8", False)
    assert found["budgets"][1]["verdict"] == "missed by 12%"
    page = written[0].read_text(encoding="utf-8")
    assert "<caption>The budgets of channels -50 % in int8, job: phone</caption>" in page
    assert "<td>missed by 12%</td>" in page
    assert "Only a smoke run" in page[page.index('id="shipped"') :].partition("</section>")[0]


@pytest.mark.parametrize("yours", [None, 5, {}, {"name": "a", "meets": True, "said": "It ships."}, {"budgets": [1]}])
def test_a_record_of_lesson_12_without_budgets_is_told_without_them(tmp_path, yours):
    event = measurement("12.capstone", scenario="phone", yours=yours)
    page, _ = write_report(tmp_path, keep([event], tmp_path / "home"))
    section = page.read_text(encoding="utf-8").partition('<section id="shipped">')[2].partition("</section>")[0]
    assert "<table" not in section
    assert ("It ships." in section) is (isinstance(yours, dict) and "said" in yours)


def test_an_answer_that_was_changed_after_the_result_is_marked(tmp_path):
    shown = {"kind": "result shown", "name": "04.saved"}
    events = [prediction("04.saved", "How?", "half"), shown, prediction("04.saved", "How?", "all")]
    page, data = write_report(tmp_path, keep(events, tmp_path / "home"))
    (found,) = content_of(data)["predictions"]
    assert (found["answer"], found["note"], found["times_given"]) == ("half", "(changed to “all” after the result)", 2)
    assert "<td>half (changed to “all” after the result)</td>" in page.read_text(encoding="utf-8")
    assert "1 prediction made" in page.read_text(encoding="utf-8")


def test_machines_are_told_apart(written):
    found = {one["machine"]: one for one in content_of(written[1])["machines"]}
    assert set(found) == {LAPTOP, SERVER}
    assert found[SERVER]["names"] == ["09.claims", "09.grid"]
    told = str(verify(written[0]))
    assert f"From {SERVER}: 2 measurements (09.claims, 09.grid)." in told
    assert f"From {LAPTOP}: 13 measurements (01.accuracy, 03.effect, " in told


def test_an_empty_record_makes_a_report_that_says_what_is_missing(tmp_path):
    page, data = write_report(tmp_path)
    missing = content_of(data)["missing"]
    assert len(missing["claims"]) == 19
    assert missing["lessons_to_run"] == ["03", "04", "05", "06", "07", "08", "09", "10", "11"]
    assert "not measured yet: run lesson 06" in page.read_text(encoding="utf-8")
    assert verify(page).status == UNALTERED
    assert "It holds no measurements." in str(verify(data))


def test_the_page_loads_nothing_nests_well_and_carries_the_json(written):
    text = written[0].read_text(encoding="utf-8")
    found = Outline(text)
    assert found.open == []
    assert found.loads == []
    assert found.scripts == ["application/json"]
    assert len(found.ids) == len(set(found.ids))
    assert all(target[1:] in found.ids for target in found.targets if target.startswith("#"))
    assert found.headings[0] == 1
    assert all(b - a <= 1 for a, b in zip(found.headings, found.headings[1:], strict=False))
    assert "default-src 'none'" in text
    assert json.loads(cut_out(text) or "") == json.loads(written[1].read_text(encoding="utf-8"))


def test_the_page_links_to_the_lessons_only_from_the_project(written, tmp_path, monkeypatch):
    assert not any(".ipynb" in target for target in Outline(written[0].read_text(encoding="utf-8")).targets)
    monkeypatch.setattr(files, "PROJECT", tmp_path)
    page, _ = write_report(tmp_path / "reports", keep(EVERYTHING, tmp_path / "home"))
    assert "../notebooks/06_quantization.ipynb#The-real-engine" in Outline(page.read_text(encoding="utf-8")).targets


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\x00\ud800&amp;"


def test_whatever_stands_in_the_record_is_shown_and_never_run(tmp_path):
    events = [
        prediction("04.saved", HOSTILE, HOSTILE),
        measurement("06.int8", HOSTILE, dataset=HOSTILE, verdict="holds", parts={HOSTILE: HOSTILE}),
        {"kind": "attempt", "name": HOSTILE, "verdict": HOSTILE},
        {"kind": ["odd"], "name": {"a": 1}},
        {"kind": "measurement", "name": None, "time": "noon", "machine": {"a": 1}, "dataset": 5},
    ]
    page, data = write_report(tmp_path, keep(events, tmp_path / "home"))
    found = Outline(page.read_text(encoding="utf-8"))
    assert (found.scripts, found.loads, found.open) == (["application/json"], [], [])
    assert "<img src=x onerror=alert(2)>" in "".join(found.text)
    assert (verify(page).status, verify(data).status) == (UNALTERED, UNALTERED)


def test_numbers_that_are_not_finite_are_words_in_strict_json(tmp_path):
    home = tmp_path / "home"
    keep([measurement("01.accuracy", accuracy=float("nan"), rows=[float("inf"), -float("inf")])], home)
    page, data = write_report(tmp_path, home / "record.jsonl")
    values = content_of(data)["measurements"][0]["values"]
    assert values == {"accuracy": "NaN", "rows": ["Infinity", "-Infinity"]}
    assert verify(page).status == verify(data).status == UNALTERED


def test_nobody_s_home_folder_is_in_the_report(tmp_path):
    own = f"folder:{Path.home()}/thesis of mine/pictures"
    keep([measurement("06.int8", dataset=own, verdict="holds", parts={"a": f"b {Path.home()}/c"})], tmp_path / "home")
    _, data = write_report(tmp_path, tmp_path / "home/record.jsonl")
    assert str(Path.home()) not in data.read_text(encoding="utf-8")
    assert plain("images/s") == "images/s"
    assert plain("folder:C:\\Users\\me\\signs") == "folder:signs"


@pytest.mark.parametrize("home", ["/", ""])
def test_a_container_without_a_home_changes_no_text(monkeypatch, home):
    monkeypatch.setattr("lessons_lib.report.plain._home", lambda: home)
    assert plain("1,758 images/s") == "1,758 images/s"


def test_a_huge_record_makes_a_report_of_bearable_size_in_bearable_time(tmp_path):
    many = [measurement("09.grid", rows=[{"a": i}] * 20) for i in range(20_000)]
    big = measurement("01.accuracy", text="x" * 3_000_000)
    path = keep([*many, big, *[prediction(f"99.{i}", "q", "a") for i in range(3_000)]], tmp_path / "home")
    began = time.monotonic()
    page, data = write_report(tmp_path, path)
    assert time.monotonic() - began < 30
    assert page.stat().st_size < 8_000_000
    content = content_of(data)
    assert content["record"]["events"] == 23_001
    assert content["record"]["measurements_left_out"] > 1_000
    assert content["measurements"][-1]["values"] == {"left out": "more than a report can hold"}
    assert len(content["predictions"]) == 1_000
    assert verify(page).status == UNALTERED


def test_the_newest_measurements_stay_where_not_all_fit():
    from lessons_lib.ledger.events import Events

    kept, left_out = measurements(Events([measurement("a", x=i) for i in range(9)]), most_bytes=500)
    assert [one["values"]["x"] for one in kept] == list(range(9 - len(kept), 9))
    assert left_out == 9 - len(kept) > 0


@as_root
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, capsys):
    tmp_path.chmod(0o500)
    with pytest.raises(NotHere, match=r"cannot be written to .*choose another folder"):
        write_report(tmp_path / "reports")
    assert command.main(["--output", str(tmp_path / "reports")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_in_the_way_is_a_sentence_and_leaves_nothing_half_written(tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    assert command.main(["--output", str(tmp_path / "taken")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    (tmp_path / "out/report.html").mkdir(parents=True)
    assert command.main(["--output", str(tmp_path / "out")]) == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]


def test_the_command_says_where_the_report_is_and_how_full(tmp_path, capsys):
    path = keep(EVERYTHING, tmp_path / "home")
    with open(path, "a") as file:
        file.write("{half a li\n")
    assert command.main(["--output", str(tmp_path), "--record", str(path.parent)]) == 0
    told = capsys.readouterr().out
    assert "19 of 19 claims measured." in told
    assert "1 damaged line of the record passed over." in told
    assert str(tmp_path / "report.html") in told


def test_the_command_says_what_to_do_where_there_is_no_record_yet(tmp_path, capsys):
    assert command.main(["--output", str(tmp_path)]) == 0
    assert "There is nothing in the record yet" in capsys.readouterr().out
    assert command.main(["--record", str(tmp_path / "nowhere")]) == 2
    assert "There is no record in" in capsys.readouterr().err
    keep(EVERYTHING, tmp_path / "learner")
    assert "--record reports/learner" in command.told(tmp_path / "none.jsonl", tmp_path / "learner")


def changed(text: str, place: int) -> str:
    other = "0" if text[place] != "0" else "1"
    return text[:place] + other + text[place + 1 :]


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True))
def test_any_character_changed_anywhere_is_noticed(written, tmp_path_factory, place):
    folder = tmp_path_factory.mktemp("changed")
    for path in written:
        text = path.read_text(encoding="utf-8")
        at = int(place * len(text))
        if path.suffix == ".json" and text[at] in " \n":
            continue  # spaces between the parts of JSON say nothing
        (folder / path.name).write_text(changed(text, at), encoding="utf-8")
        assert verify(folder / path.name).status != UNALTERED


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_report_that_breaks_off_is_not_whole(written, tmp_path, share):
    for path in written:
        text = path.read_text(encoding="utf-8")
        copy = tmp_path / path.name
        copy.write_text(text[: int(share * len(text))], encoding="utf-8")
        assert verify(copy).status == ALTERED
        assert "altered" in str(verify(copy))


def test_a_changed_figure_and_a_changed_page_are_told_apart(page):
    path, text = page
    path.write_text(text.replace("0.955", "0.999"), encoding="utf-8")
    assert "has been altered since it was written: its checksum is" in str(verify(path))
    path.write_text(text.replace("<h2>What is missing</h2>", "<h2>Nothing is missing</h2>"), encoding="utf-8")
    assert "the report in it is unaltered, but the page around it is not" in str(verify(path))
    assert verify(path).status == ALTERED


def test_a_second_report_within_the_page_is_noticed(page):
    path, text = page
    inside = cut_out(text) or ""
    doubled = text.replace("</body>", f'<script type="application/json" id="report">{inside}</script></body>')
    path.write_text(doubled, encoding="utf-8")
    assert verify(path).status == ALTERED


def test_a_key_that_stands_twice_is_noticed(written, tmp_path):
    copy = tmp_path / "report.json"
    text = written[1].read_text(encoding="utf-8")
    copy.write_text(text.replace('"content": {', '"content": {"written": "never", ', 1), encoding="utf-8")
    assert verify(copy).status == ALTERED


@pytest.mark.parametrize("added", ['"grade": "A"', '"grade": 1e999', '"": 0'])
def test_what_was_added_beside_the_content_is_noticed(written, tmp_path, added):
    told = written[1].read_text(encoding="utf-8").rstrip().removesuffix("}")
    (tmp_path / "more.json").write_text(f"{told}, {added}}}", encoding="utf-8")
    found = verify(tmp_path / "more.json")
    assert (found.status, "has been altered since it was written" in str(found)) == (ALTERED, True), str(found)


def test_line_ends_and_the_spelling_of_json_do_not_matter(written, tmp_path):
    page, data = written
    (tmp_path / "a.html").write_bytes(page.read_bytes().replace(b"\n", b"\r\n"))
    (tmp_path / "b.json").write_text("\ufeff" + json.dumps(json.loads(data.read_text("utf-8"))), encoding="utf-8")
    assert verify(tmp_path / "a.html").status == verify(tmp_path / "b.json").status == UNALTERED


def test_who_computes_the_checksum_anew_is_not_found_out_and_that_is_said(written, tmp_path):
    report = json.loads(written[1].read_text(encoding="utf-8"))
    report["content"]["measurements"][0]["values"]["accuracy"] = 1.0
    report["sha256"] = checksum(report["content"])
    (tmp_path / "forged.json").write_text(json.dumps(report), encoding="utf-8")
    assert verify(tmp_path / "forged.json").status == UNALTERED
    assert "no proof against somebody who computes the checksum anew" in str(verify(tmp_path / "forged.json"))


def of_content(text: str) -> bytes:
    return f'{{"kind": "{KIND}", "format": {FORMAT}, "content": {text}, "sha256": "0"}}'.encode()


NEWER = json.dumps({"kind": KIND, "format": FORMAT + 1, "content": {}, "sha256": ""})


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (NEWER.encode(), UNKNOWN, "written by a newer version of the course"),
        (b"", UNKNOWN, "is no report of this course"),
        (b"<html><body>Hello</body></html>", UNKNOWN, "is no report of this course"),
        (b'{"a": 1}', UNKNOWN, "is no report of this course"),
        (b"[1, 2", UNKNOWN, "is no report of this course"),
        (b"\x89PNG\r\n\x1a\n\xff", UNKNOWN, "it is not text"),
        (json.dumps({"kind": KIND}).encode(), ALTERED, "a part of it is missing"),
        (
            json.dumps({"kind": KIND, "format": 1, "content": [], "sha256": 7}).encode(),
            ALTERED,
            "a part of it is missing",
        ),
        (
            f'{{"kind": "{KIND}", "format": 1, "content": {{"a": NaN}}, "sha256": ""}}'.encode(),
            ALTERED,
            "cannot be read",
        ),
        (f'{{"kind": "{KIND}", "content": {"[" * 100_000}'.encode(), ALTERED, "cannot be read"),
        (f'{{"kind": "{KIND}", "content": {"9" * 9_000}}}'.encode(), ALTERED, "cannot be read"),
        (f"<p>{KIND}</p>".encode(), ALTERED, "a part of it is missing"),
        (of_content('{"a": 1e999}'), ALTERED, "no report holds such JSON"),
        (of_content('{"a": ' * 700 + "1" + "}" * 700), ALTERED, "altered or not whole"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_report_is_a_sentence(tmp_path, text, status, words):
    (tmp_path / "file").write_bytes(text)
    found = verify(tmp_path / "file")
    assert (found.status, words in str(found)) == (status, True), str(found)


def test_a_report_with_odd_measurements_is_still_judged(tmp_path):
    content = {
        "measurements": [7, {"machine": 5, "name": None}, {"machine": "\x1b[2J\nA", "name": "b"}],
        "written": [1],
    }
    report = {"kind": KIND, "format": 1, "content": content, "sha256": checksum(content)}
    (tmp_path / "odd.json").write_text(json.dumps(report))
    found = verify(tmp_path / "odd.json")
    assert found.status == UNALTERED
    assert "\x1b" not in str(found)


@pytest.mark.parametrize("name", ["missing.html", ".", "a\0b"])
def test_a_file_that_is_not_there_or_is_none_is_a_sentence(tmp_path, name):
    found = verify(f"{tmp_path}/{name}")
    assert found.status == UNKNOWN
    assert len(found.sentences) == 1


def test_a_home_that_nobody_has_is_a_sentence():
    found = verify("~nobody-of-this-name/report.html")
    assert (found.status, "There is no file" in str(found)) == (UNKNOWN, True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8))  # fmt: skip
def test_the_canonical_form_survives_being_read_and_written_again(content):
    again = json.loads(json.dumps(content))
    assert canonical(json.loads(canonical(content))) == canonical(again) == canonical(content)


def test_whole_numbers_have_one_spelling_and_order_does_not_matter():
    assert checksum({"a": 1.0, "b": [2]}) == checksum({"b": [2.0], "a": 1})
    assert checksum({"a": 1}) != checksum({"a": True}) != checksum({"a": "1"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        checksum({"a": float("nan")})


def test_the_seal_of_a_page_covers_everything_but_itself():
    made = sealed('<meta name="report-page-sha256" content="' + 64 * "0" + '"><p>text</p>')
    assert page_checksum(made) in made
    assert page_checksum(made) != page_checksum(made.replace("text", "next"))


def test_a_report_is_verified_by_the_standard_library_alone(written):
    program = f"import sys; sys.argv = ['run.py', 'verify', {str(written[0])!r}]; import runpy; runpy.run_path('run.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is whole and unaltered" in done.stdout


def test_run_py_verify_has_an_exit_status_and_a_sentence_for_every_case(written, tmp_path):
    (tmp_path / "bad.json").write_text(
        written[1].read_text(encoding="utf-8").replace("0.955", "0.999"), encoding="utf-8"
    )
    for name, status in ((tmp_path / "bad.json", 1), (tmp_path / "none.json", 2)):
        done = subprocess.run([sys.executable, "run.py", "verify", str(name)], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == status
        assert len(done.stderr.splitlines()) == 1
    done = subprocess.run([sys.executable, "run.py", "verify"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, "usage: run.py verify" in done.stderr) == (2, True)


def test_the_schema_names_every_field(written):
    schema = (ROOT / "docs/report.md").read_text(encoding="utf-8")
    content = content_of(written[1])
    lists = [
        content[name][0] for name in content if isinstance(content[name], list) and isinstance(content[name][0], dict)
    ]
    for name in {*content, *content["missing"], *content["record"], *(key for one in lists for key in one)}:
        assert f"`{name}`" in schema, name


def test_without_a_notebook_the_button_says_what_to_run(capsys):
    from lessons_lib.widgets.report_button import report_button

    report_button()
    assert "python3 run.py report" in capsys.readouterr().out


def test_the_button_writes_the_report_and_tells_where(front, home, tmp_path):
    keep(EVERYTHING, home)
    bundle = front.run(
        "from pathlib import Path\nfrom lessons_lib.report import files\n"
        f"files.PROJECT = Path({str(tmp_path)!r}); (files.PROJECT / 'run.py').touch()\n"
        "from lessons_lib.widgets.report_button import report_button\nreport_button()"
    )
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.readout("report-readout").startswith("Press the button to write the report")
    front.press("Write my report")
    assert front.readout("report-readout").startswith(
        "The claims ledger: 19 of 19 claims measured. Written: reports/report.html"
    )
    assert verify(tmp_path / "reports/report.html").status == UNALTERED
    front.run("files.default_folder = lambda: files.PROJECT / 'run.py'")  # a file, no folder
    front.press("Write my report")
    assert "cannot be written" in front.readout("report-readout")


def test_the_report_of_this_machine_names_it():
    record.append("measurement", name="01.accuracy", accuracy=0.9)
    content = make_content(record.read()[0])
    assert content["machines"][0]["machine"] == content["machine"]
