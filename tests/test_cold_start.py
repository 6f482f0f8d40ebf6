import subprocess
import sys

import pytest
from samples import dataset, engine, learnt

from lessons_lib import cold_start, engines, models
from lessons_lib.cold_start import ColdStart


@pytest.fixture(scope="module")
def started():
    """One fresh process for each engine."""
    data, model = dataset(), learnt("small")
    made = engines.build(
        ["eager", "ONNX Runtime"], model, data.image_shape, models.to_input(data.train.images), threads=1
    )
    return cold_start.measure(made, model, data, repeats=1)


def test_each_engine_starts_in_a_process_of_its_own_and_answers(started):
    assert [(one.engine, one.runs, one.problem) for one in started] == [("eager", 1, ""), ("ONNX Runtime", 1, "")]
    for one in started:
        assert min(one.start_s, one.import_s, one.load_s, one.first_s, one.next_s) > 0
        assert one.total_s == pytest.approx(one.start_s + one.import_s + one.load_s + one.first_s)
        assert one.next_s < one.total_s


def test_an_engine_with_a_file_needs_no_pytorch(tmp_path):
    data = dataset()
    made = engines.build(["ONNX Runtime"], learnt("small"), data.image_shape, models.to_input(data.train.images))
    for name, content in made["ONNX Runtime"].files.items():
        (tmp_path / name).write_bytes(content)
    code = (
        "import sys; from lessons_lib.cold_start.child import main;"
        f"main('ONNX Runtime', {str(tmp_path)!r}, '1', '3', '16', '16'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_process_that_fails_is_told_and_the_others_go_on():
    data, model = dataset(), learnt("small")
    broken = engine(None, name="ONNX Runtime")  # it has no file, so that its process finds nothing to load
    found = cold_start.measure({"ONNX Runtime": broken, "eager": engine(None)}, model, data, repeats=1)
    assert found[0].problem.startswith("ONNX Runtime: its process gave no answer")
    assert "NO_SUCHFILE" in found[0].problem or "model.onnx" in found[0].problem
    assert found[1].runs == 1
    lines = cold_start.table(found).rows
    assert [line["engine"] for line in lines] == ["eager", "ONNX Runtime"]


def test_most_is_said_only_of_more_than_half():
    even = ColdStart("eager", 1, start_s=0.2, import_s=0.4, load_s=0.3, first_s=0.1, next_s=0.01)
    assert "after 1.0 s, the largest part of which is importing" in cold_start.sentence([even])
    assert "most of which is importing" in cold_start.sentence([ColdStart("eager", 1, 0.1, 0.8, 0.0, 0.1, 0.01)])


def test_a_process_that_hangs_is_given_up(monkeypatch):
    def hang(*_, **__):
        raise subprocess.TimeoutExpired("python", 120)

    monkeypatch.setattr(subprocess, "run", hang)
    (one,) = cold_start.measure({"eager": engine(None)}, learnt("small"), dataset(), repeats=2)
    assert "timed out after 120 seconds" in one.problem


def parts(name, *seconds):
    return ColdStart(name, 2, *seconds)


def test_several_runs_are_summed_up_by_their_medians(monkeypatch):
    told = iter([1.0, 9.0, 2.0])
    monkeypatch.setattr(
        cold_start, "start",
        lambda *_: dict(start_s=next(told), import_s=1.0, load_s=1.0, first_s=1.0, next_s=0.5),
    )  # fmt: skip
    (one,) = cold_start.measure({"eager": engine(None)}, learnt("small"), dataset(), repeats=3)
    assert (one.runs, one.start_s, one.total_s) == (3, 2.0, 5.0)


def test_engines_take_turns(monkeypatch):
    order = []

    def start(name, *_):
        order.append(name)
        return dict(start_s=1.0, import_s=1.0, load_s=1.0, first_s=1.0, next_s=0.5)

    monkeypatch.setattr(cold_start, "start", start)
    cold_start.measure({"eager": engine(None), "other": engine(None)}, learnt("small"), dataset(), repeats=2)
    assert order == ["eager", "other", "eager", "other"]


def test_the_sentence_names_the_quickest_and_what_takes_longest():
    found = [parts("slow", 0.1, 2.0, 0.3, 0.1, 0.004), parts("quick", 0.1, 0.2, 0.6, 0.1, 0.002)]
    assert cold_start.sentence(found) == (
        "quick has its first answer after 1.0 s, most of which is loading the model: as long as 500 answers of a process "
        "that is already running. slow takes 2.5 s, most of it importing."
    )
    assert cold_start.sentence([ColdStart("x", problem="no")]) == "No engine could be started in a fresh process."


def test_the_table_has_the_quickest_first():
    found = [parts("slow", 0.1, 2.0, 0.3, 0.1, 0.004), parts("quick", 0.1, 0.2, 0.6, 0.1, 0.002)]
    first, second = cold_start.table(found).rows
    assert (first["engine"], second["engine"]) == ("quick", "slow")
    assert (first["together"], first["first answer"], first["each later answer"]) == ("1.00 s", "100 ms", "2 ms")
