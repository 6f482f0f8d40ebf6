import json
import re
import subprocess
import sys

import pytest
import torch
from front import VIEW
from samples import Outline, row

from lessons_lib import models, record
from lessons_lib.explained import Mistake
from lessons_lib.grid import Grid
from lessons_lib.recorded import Recording
from lessons_lib.widgets import laboratory, predict, rates, signs

LABORATORY = """
from samples import row
from lessons_lib.grid import Grid
from lessons_lib.recorded import Recording
from lessons_lib.widgets.laboratory import laboratory

grid = Grid((
    row(verdict="the baseline", latency_ms=4.0, accuracy=0.99),
    row(variant="int8", engine="ONNX Runtime int8", latency_ms=1.0, accuracy=0.98),
    row(engine="ONNX Runtime", latency_ms=1.5, accuracy=0.99),
    row(verdict="the baseline", batch=8, latency_ms=32.0, accuracy=0.99),
    row(engine="ONNX Runtime", batch=8, latency_ms=10.0, accuracy=0.99),
))
gpu = Recording("A GPU", "2026-11-20", {"torch": "2.13"}, "road_signs", (
    row(device="cuda", threads=None, engine="GPU half", batch=8, latency_ms=0.4),
    row(device="cuda", threads=None, engine="ONNX Runtime", batch=8, latency_ms=0.8),
    row(device="cuda", threads=None, variant="channels -50 %", engine="GPU half", batch=64, latency_ms=0.7),
))
"""
CPU, GPU = "this machine's CPU", "recorded on A GPU, 2026-11-20, torch 2.13"


def alternative_text(markup):
    return Outline(markup).all("img")[0]["alt"]


def newest_with(front, text):
    """The HTML of the newest widget that holds this text."""
    return [state["value"] for state in front.models.values() if text in str(state.get("value"))][-1]


@pytest.fixture
def bench(front):
    front.run(LABORATORY)
    return front, front.run("laboratory(grid, [gpu])")


def lab_picture(front):
    return alternative_text(front.of_class("lab-picture")["value"])


def test_the_laboratory_shows_a_widget_and_what_stands_in_for_it(bench):
    front, bundle = bench
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert bundle[VIEW]["model_id"] in front.models
    assert "Chosen: base · eager, 4 ms" in alternative_text(bundle["text/html"])
    assert Outline(bundle["text/html"]).all("table")
    assert (
        bundle["text/plain"]
        .strip("'")
        .startswith("base · eager at batch size 1 on this machine's CPU, on 1 thread: 4 ms a batch")
    )


def test_the_laboratory_opens_with_what_the_parameters_say(front):
    front.run(LABORATORY)
    front.run("laboratory(grid, [gpu], place=gpu.label, engine='ONNX Runtime', batch=8)")
    chosen = [front.chosen(name) for name in ("Device", "Variant", "Engine", "Batch size")]
    assert chosen == [GPU, "base", "ONNX Runtime", "8"]
    assert front.readout("lab-readout").startswith(f"base · ONNX Runtime at batch size 8, {GPU}: 0.8 ms")


def test_each_choice_changes_the_sentence_and_the_picture(bench):
    front, _ = bench
    assert front.readout("lab-readout").startswith(f"base · eager at batch size 1 on {CPU}, on 1 thread: 4 ms")
    seen = [lab_picture(front)]
    for description, label, told in (
        ("Engine", "ONNX Runtime", f"base · ONNX Runtime at batch size 1 on {CPU}, on 1 thread: 1.5 ms"),
        ("Batch size", "8", f"base · ONNX Runtime at batch size 8 on {CPU}, on 1 thread: 10 ms"),
        ("Variant", "int8", f"int8 · ONNX Runtime int8 at batch size 1 on {CPU}, on 1 thread: 1 ms"),
        ("Device", GPU, f"base · GPU half at batch size 8, {GPU}: 0.4 ms"),
    ):
        front.choose(description, label)
        assert front.readout("lab-readout").startswith(told)
        seen.append(lab_picture(front))
    assert len(set(seen)) == 5
    assert "Chosen: base · GPU half, 0.4 ms" in seen[-1]


def test_only_what_was_measured_can_be_chosen(bench):
    front, _ = bench
    assert front.options("Device") == [CPU, GPU]
    assert front.options("Variant") == ["base", "int8"]
    assert front.options("Engine") == ["eager", "ONNX Runtime"]
    assert front.options("Batch size") == ["1", "8"]
    front.choose("Variant", "int8")
    assert front.options("Engine") == ["ONNX Runtime int8"]
    assert front.options("Batch size") == ["1"]
    front.choose("Device", GPU)
    front.choose("Variant", "channels -50 %")
    assert front.options("Variant") == ["base", "channels -50 %"]
    assert (front.options("Engine"), front.options("Batch size")) == (["GPU half"], ["64"])


def test_a_choice_that_is_still_there_stays_chosen(bench):
    front, _ = bench
    front.choose("Engine", "ONNX Runtime")
    front.choose("Batch size", "8")
    front.choose("Device", GPU)
    assert [front.chosen(name) for name in ("Variant", "Engine", "Batch size")] == ["base", "ONNX Runtime", "8"]
    assert front.readout("lab-readout").startswith(f"base · ONNX Runtime at batch size 8, {GPU}: 0.8 ms")


def test_a_change_is_drawn_once_and_then_remembered(bench):
    front, _ = bench
    front.choose("Engine", "ONNX Runtime")
    front.choose("Batch size", "8")
    front.run("""
from lessons_lib import plots
drawn, original = [], plots.pareto
def pareto(*arguments, **more):
    drawn.append(1)
    return original(*arguments, **more)
plots.pareto = pareto
""")
    front.choose("Device", GPU)
    assert front.value("len(drawn)") == 1
    front.choose("Device", CPU)
    front.choose("Device", GPU)
    assert front.value("len(drawn)") == 1
    front.run("plots.pareto = original")


def test_the_laboratory_refuses_a_grid_without_rows(front):
    front.run(LABORATORY)
    with pytest.raises(AssertionError, match="the grid holds no rows: run the cell that measures it first"):
        front.run("laboratory(Grid(()))")
    front.log.clear()


ASK = """
from lessons_lib.widgets.predict import predict, predicted
predict("09.{name}", "Which is <faster>?", ["int8 & co", "half the channels"])
"""


def asked(front):
    """The newest question: its choice and what is said beneath."""
    box = front.models[[key for key, has in front.models.items() if has.get("_model_name") == "VBoxModel"][-1]]
    _, choice, kept = (child.removeprefix("IPY_MODEL_") for child in box["children"])
    return choice, front.models[kept]


def predictions(home, name):
    lines = (home / "record.jsonl").read_text(encoding="utf-8").splitlines() if (home / "record.jsonl").exists() else []
    return [event["answer"] for event in map(json.loads, lines) if event["name"] == name]


def test_a_prediction_is_kept_and_survives_running_the_cell_again(front, home):
    bundle = front.run(ASK.format(name="kept"))
    choice, kept = asked(front)
    assert front.models[choice]["index"] is None
    assert kept["value"] == "Choose one, or go on without."
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert Outline(bundle["text/html"]).text == ["Which is <faster>?", "int8 & co", "half the channels"]
    front.set(choice, index=1)
    assert predictions(home, "09.kept") == ["half the channels"]
    assert "half the channels" in kept["value"]
    assert "kept in your record" in kept["value"]
    front.run(ASK.format(name="kept"))
    choice, kept = asked(front)
    assert front.models[choice]["index"] == 1
    assert "half the channels" in kept["value"]
    assert predictions(home, "09.kept") == ["half the channels"]
    front.set(choice, index=0)
    assert predictions(home, "09.kept") == ["half the channels", "int8 & co"]
    assert "int8 &amp; co" in kept["value"]
    assert front.value("predicted('09.kept')") == "int8 & co"


def test_an_answer_can_be_given_without_the_mouse(front, home):
    bundle = front.run(ASK.format(name="typed").replace("])", "], answer='int8 & co')"))
    assert predictions(home, "09.typed") == ["int8 & co"]
    assert front.models[asked(front)[0]]["index"] == 0
    assert "Your prediction: int8 & co." in bundle["text/plain"]


def test_a_record_that_cannot_be_written_is_told(front, home):
    (home / "file").write_text("in the way")
    front.run(f"import os; os.environ['LESSONS_HOME'] = {str(home / 'file')!r}")
    front.run(ASK.format(name="lost"))
    choice, kept = asked(front)
    front.set(choice, index=0)
    front.run(f"os.environ['LESSONS_HOME'] = {str(home)!r}")
    assert "not kept: the folder of your record cannot be written" in kept["value"]


SIGNS = """
from lessons_lib import models
from lessons_lib.widgets.signs import sign_explorer
sign_explorer(models.build("small", seed=0).eval())
"""


def test_the_sign_explorer_renders_and_reads_the_chosen_sign(front):
    bundle = front.run(SIGNS)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    name = front.options("sign")[5]
    front.choose("sign", name)
    sentence = front.readout("sign-readout")
    moved, said = sentence.split(". ", 1)
    assert moved == f"sign {name}", "who cannot see the slider hears what was moved"
    assert re.fullmatch(rf"The model says .* and is \d+% sure: (right|wrong, it is {re.escape(name)})\.", said)
    assert alternative_text(newest_with(front, "Road sign")) == f"Road sign {name} as rendered. {said}"
    front.set(front.find(description="fog"), value=1.5)
    assert front.readout("sign-readout").startswith("fog 1.50. ")


def test_fog_changes_the_picture(front):
    front.run(SIGNS)
    pictures = []
    for value in (0.0, 1.5, 3.0):
        front.set(front.find(description="fog"), value=value)
        pictures.append(Outline(newest_with(front, "Road sign")).all("img")[0]["src"])
    assert len(set(pictures)) == 3
    assert {"fog", "dusk", "snow", "blur", "noise", "lens dirt"} <= {
        has.get("description") for has in front.models.values()
    }


RATES = """
from lessons_lib.widgets.rates import rate_explorer
runs = {0.03: [2.5, 2.0, 1.0], 3.0: [2.5, 9.0, 1e30, float("nan")], 0.0003: [2.5, 2.5, 2.49]}
rate_explorer(runs)
"""


def test_the_rate_explorer_looks_finished_runs_up(front):
    bundle = front.run(RATES)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("rate") == ["0.0003", "0.03", "3"]
    assert front.chosen("rate") == "0.03"
    assert "Learning rate 0.03: the mean loss of 1 step goes from 2.50" in bundle["text/html"]
    assert bundle["text/plain"].count("Learning rate") == 3
    for label, told in (("3", "no longer a number"), ("0.0003", "hardly moves"), ("0.03", "it falls")):
        front.choose("rate", label)
        sentence = front.readout("rate-readout")
        assert sentence.startswith(f"Learning rate {label}: ")
        assert told in sentence
        assert alternative_text(newest_with(front, "<figure")) == sentence


IMPORTS = """
import sys
from lessons_lib.widgets import laboratory, predict, rates, signs
assert not {"ipywidgets", "matplotlib", "onnxruntime"} & set(sys.modules)
"""


def test_widgets_are_only_imported_when_one_is_shown():
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)


GRID = Grid((row(verdict="the baseline"), row(variant="int8", latency_ms=1.0), row(device="cuda", threads=None)))


def test_without_a_notebook_the_laboratory_prints_its_tables(capsys):
    laboratory.laboratory(GRID)
    assert "Batch size 1, fastest first" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("threads", "place", "told"),
    [
        (1, CPU, f"base · eager at batch size 8 on {CPU}, on 1 thread: 4 ms"),
        (2, "recorded on B, 2026-11-20", "base · eager at batch size 8 on 2 threads, recorded on B, 2026-11-20: 4 ms"),
        (None, "this machine's GPU", "base · eager at batch size 8 on this machine's GPU: 4 ms"),
        (None, GPU, f"base · eager at batch size 8, {GPU}: 4 ms"),
    ],
)
def test_the_sentence_says_where_it_was_measured_and_on_how_many_threads(threads, place, told):
    assert laboratory.describe(row(batch=8, threads=threads, latency_ms=4.0), place).startswith(told)


def test_places_are_this_machine_and_every_recording():
    recording = Recording("A GPU", "2026-11-20", {"torch": "2.13"}, "road_signs", (row(device="cuda"),))
    where = laboratory.places(GRID, [recording])
    assert {place: len(grid.rows) for place, grid in where.items()} == {CPU: 2, "this machine's GPU": 1, GPU: 1}
    assert list(laboratory.places(Grid(GRID.rows[:2]))) == [CPU]


def test_two_alike_machines_can_be_told_apart():
    recording = Recording("A GPU", "2026-11-20", {"torch": "2.13"}, "road_signs", (row(device="cuda"),))
    assert list(laboratory.places(Grid(()), [recording, recording])) == [GPU, f"{GPU} (2)"]


def test_every_choice_can_be_given_as_a_parameter(capsys):
    laboratory.laboratory(GRID, place=CPU, variant="int8", engine="eager", batch=1)
    assert capsys.readouterr().out.startswith("int8 · eager at batch size 1 on this machine's CPU, on 1 thread: 1 ms")
    laboratory.laboratory(GRID, place="this machine's GPU")
    assert capsys.readouterr().out.startswith("base · eager at batch size 1 on this machine's GPU")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"batch": 64}, "batch is 64; what was measured is 1."),
        ({"variant": "INT8"}, "variant is 'INT8'; what was measured is 'base', 'int8'."),
        ({"place": "Mars"}, "place is 'Mars'; what was measured is \"this machine's CPU\", \"this machine's GPU\"."),
    ],
)
def test_a_choice_that_was_not_measured_is_named_with_those_that_were(wrong, told):
    with pytest.raises(Mistake) as error:
        laboratory.laboratory(GRID, **wrong)
    assert str(error.value) == told


def test_a_row_is_described_with_its_verdict():
    assert laboratory.describe(GRID.rows[0], CPU).endswith("90.0% ± 1.0 right, 1,660 KiB. It is the baseline.")
    assert laboratory.describe(GRID.rows[1], CPU).endswith("Against the baseline: faster, 2.0x, 1.9 to 2.1.")


def test_without_a_notebook_a_prediction_is_printed_and_can_be_given(capsys):
    predict.predict("01.x", "How much?", ["a", "b"])
    assert "How much?\n  - a\n  - b\nYour prediction: no prediction." in capsys.readouterr().out
    assert predict.predicted("01.x") == "no prediction"
    assert not record.events("prediction")
    predict.predict("01.x", "How much?", ["a", "b"], answer="b")
    assert "Your prediction: b." in capsys.readouterr().out
    assert predict.predicted("01.x") == "b"


def test_an_answer_that_is_none_is_refused_and_not_kept():
    with pytest.raises(ValueError, match=r"'c' is none of the answers to 01.x; choose one of: a; b\."):
        predict.predict("01.x", "How much?", ["a", "b"], answer="c")
    assert not record.events()


def test_without_a_notebook_the_explorers_print_sentences(capsys):
    signs.sign_explorer(models.build("small", seed=0).eval())
    assert capsys.readouterr().out.count("The model says") == 3
    rates.rate_explorer({0.1: [2.0, 1.0], 3.0: [2.0, 9.0]})
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Learning rate 0.1",
        "Learning rate 3",
    ]


def test_without_runs_there_are_no_rates_to_explore():
    with pytest.raises(ValueError, match="no runs to look at"):
        rates.rate_explorer({})


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ([2.0, 2.0], "from 2.00 at the start to 2.00 at the end: it hardly moves."),
        ([2.0, 0.8], "from 2.00 at the start to 0.80 at the end: it falls."),
        (
            [2.0] * 20 + [2.4] * 20,
            "the mean loss of 10 steps goes from 2.00 at the start to 2.40 at the end: it rises.",
        ),
        ([2.0, 9.0, 2.5, 1.0], "and in between it jumps to 9.00: steps overshoot."),
        ([2.0, float("inf")], "after 2 steps the loss is no longer a number: steps overshoot."),
        ([2.0, 1.0, float("nan")], "after 3 steps the loss is no longer a number"),
    ],
)
def test_a_run_is_told_in_a_sentence(losses, told):
    assert told in rates.describe(0.1, losses)


def test_the_same_sign_is_rendered_again_and_effects_reach_it():
    reader = models.build("small", seed=1).eval()
    first, sentence = signs.see(reader, 3, fog=0.5)
    again, _ = signs.see(reader, 3, fog=0.5)
    foggy, _ = signs.see(reader, 3, fog=3.0)
    assert torch.equal(first, again)
    assert not torch.equal(first, foggy)
    assert first.shape == (3, 32, 32)
    assert sentence.endswith(".")


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_becomes_an_element_with_an_alternative_text(channels):
    (image,) = Outline(signs.image_tag(torch.zeros(channels, 4, 4, dtype=torch.uint8), 'a "sign" & more')).all("img")
    assert image["alt"] == 'a "sign" & more'
    assert image["src"].startswith("data:image/png;base64,")
