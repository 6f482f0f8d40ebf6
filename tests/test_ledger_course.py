"""`run.py course` ends with the whole ledger, in the terminal and in its page."""

import pytest
from learner import EVERYTHING, keep
from test_course import Resources, notebook, results

from lessons_lib import course, record
from lessons_lib.headless import page, preparation
from lessons_lib.ledger.claims import CLAIMS


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose only lesson writes what a whole course would."""
    import nbformat

    folder = tmp_path / "project"
    (folder / "notebooks").mkdir(parents=True)
    monkeypatch.setattr(course, "PROJECT", folder)
    monkeypatch.setattr(preparation, "PROJECT", folder)
    monkeypatch.setattr(course, "check_dataset", lambda name: None)
    path = keep(EVERYTHING, tmp_path / "home")
    cell = f"import os, pathlib, shutil\nshutil.copy({str(path)!r}, pathlib.Path(os.environ['LESSONS_HOME']) / 'record.jsonl')"
    nbformat.write(notebook("# The real engine", cell), folder / "notebooks/06_quantization.ipynb")
    return folder


def test_a_course_ends_with_the_ledger_in_the_terminal_and_in_its_page(project, tmp_path, capsys):
    output = tmp_path / "out"
    assert course.main(["run", "--profile", "smoke", "--output", str(output)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "The claims ledger: 19 of 19 claims measured" in printed
    assert "not measured yet" not in printed
    text = (output / "course.html").read_text(encoding="utf-8")
    found = Resources()
    found.feed(text)
    assert text.rindex('<section class="lesson" id="ledger">') > text.rindex('id="06_quantization"')
    assert all(f'id="claim-{claim.key}"' in text for claim in CLAIMS)
    assert "#06_quantization.The-real-engine" in found.targets
    assert all(target[1:] in found.ids for target in found.targets if target.startswith("#"))
    assert len(found.ids) == len(set(found.ids))
    assert [row["key"] for row in results(output)["ledger"]] == [claim.key for claim in CLAIMS]


def test_the_page_of_an_earlier_version_s_run_can_still_be_written(project, tmp_path):
    assert "has no claims ledger" in page.ledger_section([], [])


def test_the_ledger_of_a_course_is_that_of_its_own_record(project, tmp_path):
    record.append("measurement", name="08.batching", claim="does not hold here: mine")
    course.main(["run", "--profile", "smoke", "--output", str(tmp_path / "out")])
    assert "mine" not in (tmp_path / "out/course.html").read_text(encoding="utf-8")
