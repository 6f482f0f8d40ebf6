import logging
import math
import subprocess
import sys
import time

import pytest
import torch
from samples import Outline, row, split

from lessons_lib import live, plots
from lessons_lib.live import Live
from lessons_lib.plots.bands import apart
from lessons_lib.tables import Table
from lessons_lib.training import History

HISTORY = History([2.5, 2.0, 1.2, 0.8], [0.1] * 4, [(2, 0.5), (4, 0.875)], finished=True)
ROWS = [
    row(variant="base", engine="eager", latency_ms=4.0, accuracy=0.99),
    row(variant="int8", engine="ONNX Runtime int8", latency_ms=1.0, accuracy=0.98, size_bytes=450_000),
    row(variant="channels -50 %", engine="ONNX Runtime", latency_ms=0.5, accuracy=0.97, size_bytes=440_000),
    row(variant="both", engine="ONNX Runtime int8", latency_ms=0.6, accuracy=0.96, size_bytes=130_000),
    row(variant="<b>my & own", engine="eager", latency_ms=5.0, accuracy=0.5),
]
SIGNS = split(16, (3, 32, 32), 4, seed=0).images
GREY = split(5, (1, 28, 28), 4, seed=0).images
EVIL = r"""<script>"&' $\frac$"""

PICTURES = {
    "learning curves": (lambda: plots.learning_curves(HISTORY), 2),
    "training stopped before an epoch": (lambda: plots.learning_curves(History([2.5, 2.0], [0.1] * 2)), 0),
    "lines": (lambda: plots.lines({"a": [3, 2, 1], "b": [1, 9, 2]}, title=EVIL, xlabel="x", ylabel="y", top=5), 2),
    "many lines": (lambda: plots.lines({f"line {i}": [i, 1] for i in range(9)}, title="t", xlabel="x", ylabel="y"), 9),
    "bars": (
        lambda: plots.bars([{"n": EVIL, "v": 1.5}, {"n": "b", "v": 2}], name="n", value="v", title="t", xlabel="ms"),
        2,
    ),
    "pareto": (lambda: plots.pareto(ROWS, ROWS[:3], ROWS[4]), 5),
    "pareto of one": (lambda: plots.pareto(ROWS[:1], ROWS[:1]), 1),
    "pareto with recorded rows": (lambda: plots.pareto(ROWS, ROWS[:3], others=[row(device="cuda", threads=None)]), 6),
    "contact sheet": (lambda: plots.contact_sheet(SIGNS, [f"sign {i}\n(is {EVIL})" for i in range(16)]), 16),
    "grey contact sheet": (lambda: plots.contact_sheet(GREY, list("abcde"), columns=3, colours=["red"] * 5), 5),
    "one image": (lambda: plots.contact_sheet(GREY[:1], ["a"]), 1),
}


@pytest.fixture(scope="module", params=PICTURES.values(), ids=PICTURES.keys())
def picture_and_rows(request):
    make, rows = request.param
    return make(), rows


def test_every_picture_has_an_alternative_text(picture_and_rows):
    picture, _ = picture_and_rows
    (image,) = Outline(picture._repr_html_()).all("img")
    assert len(picture.alt) > 10
    assert image["alt"] == picture.alt
    assert image["src"].startswith("data:image/png;base64,")


def test_every_picture_has_a_table_with_the_same_numbers(picture_and_rows):
    picture, rows = picture_and_rows
    outline = Outline(picture._repr_html_())
    assert len(picture.table.rows) == rows
    assert len(outline.all("tr")) == (1 + rows if rows else 0)
    assert len(outline.all("details")) == len(outline.all("summary")) == 1
    assert repr(picture) == f"[picture: {picture.alt}]\n{picture.table!r}"


def test_every_picture_is_small_enough_to_be_stored_in_a_notebook(picture_and_rows):
    picture, _ = picture_and_rows
    assert picture.png.startswith(b"\x89PNG")
    assert len(picture.png) < 150_000
    width, height = (int.from_bytes(picture.png[at : at + 4], "big") for at in (16, 20))
    assert picture.width <= width <= 1000
    assert height <= 1000


def test_what_others_wrote_cannot_become_markup(picture_and_rows):
    picture, _ = picture_and_rows
    assert not Outline(picture._repr_html_()).all("script")
    assert "<b>" not in picture._repr_html_()


def test_the_alternative_text_says_what_there_is_to_see():
    assert "from 2.50 to 1.62 in 4 steps" in plots.learning_curves(HISTORY).alt
    assert "reaches 87.5%" in plots.learning_curves(HISTORY).alt
    assert "no epoch was finished" in plots.learning_curves(History([2.5], [0.1])).alt
    told = plots.pareto(ROWS, ROWS[:3], ROWS[4]).alt
    assert "5 configurations at batch size 1" in told
    assert "Nothing beats: channels -50 % · ONNX Runtime, int8 · ONNX Runtime int8, base · eager." in told
    assert "Chosen: <b>my & own · eager, 5 ms, 50.0%." in told
    assert plots.bars([{"n": "a", "v": 2.0}], name="n", value="v", title="t", xlabel="ms").alt == "t (ms): a 2."


def test_pictures_are_drawn_without_a_word(caplog, recwarn, capfd):
    with caplog.at_level(logging.WARNING):
        plots.lines({"diverging": [1.0, 1e30, math.inf, math.nan]}, title="t", xlabel="x", ylabel="y", top=5)
        plots.pareto(ROWS, ROWS[:3], ROWS[0])
        plots.contact_sheet(GREY, list("abcde"))
    assert not caplog.records
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")


def test_without_images_there_is_no_contact_sheet():
    with pytest.raises(ValueError, match="no images to show"):
        plots.contact_sheet(GREY[:0], [])


def test_a_caption_for_each_image_is_asked_for():
    with pytest.raises(ValueError, match="shorter"):
        plots.contact_sheet(GREY, ["a"])


def test_a_running_mean_looks_back_only():
    assert plots.running_mean([1, 2, 3, 4], window=2) == [1, 1.5, 2.5, 3.5]
    assert plots.running_mean([], window=2) == []


def test_every_variant_has_a_colour_and_a_marker_of_its_own():
    ideas = [plots.idea_of(variant) for variant in ("base", "int8", "channels -50 %", "both")]
    assert len({plots.COLOURS[idea] for idea in ideas}) == len({plots.MARKERS[idea] for idea in ideas}) == 4
    assert plots.idea_of("anything else") in plots.MARKERS


IMPORTS = """
import sys
import lessons_lib.plots as plots
assert not any(name.startswith("matplotlib") for name in sys.modules), "importing plots imports matplotlib"
picture = plots.bars([{"n": "a", "v": 1}], name="n", value="v", title="t", xlabel="x")
assert "matplotlib.pyplot" not in sys.modules, "drawing imports pyplot"
assert "ipywidgets" not in sys.modules
"""


def test_matplotlib_is_imported_when_something_is_drawn_and_pyplot_never():
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)


def test_a_table_lines_up_in_a_terminal_and_names_its_parts_for_a_screen_reader():
    table = Table("Sizes & more", [{"model": "base", "KiB": 1686}, {"model": "int8 <b>", "note": None, "KiB": 455}])
    assert repr(table) == "Sizes & more\nmodel     KiB   note\nbase      1686\nint8 <b>  455"
    outline = Outline(table._repr_html_())
    assert len(outline.all("caption")) == 1
    assert [cell["scope"] for cell in outline.all("th")] == ["col", "col", "col", "row", "row"]
    assert not outline.all("b")
    assert "Sizes & more" in outline.text


def test_an_empty_table_is_its_caption():
    table = Table("Nothing yet", [])
    assert repr(table).strip() == "Nothing yet"
    assert Outline(table._repr_html_()).text == ["Nothing yet"]


@pytest.fixture
def notebook(monkeypatch):
    """A notebook whose display is this list of (new or update, bundle)."""
    import IPython.display

    shown = []

    class Handle:
        def update(self, bundle, raw):
            shown.append(("update", bundle))

    def display(bundle, raw, display_id):
        shown.append(("new", bundle))
        return Handle()

    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr(live, "REDRAW_EVERY_S", 0.0)
    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def test_progress_in_a_notebook_is_one_output_redrawn_in_place(notebook):
    job = Live("Training <small>", 3)
    for step, loss in enumerate((2.0, 1.0, 0.5), start=1):
        job.update(step, loss)
    job.close("3 steps in 1 s")
    assert [kind for kind, _ in notebook] == ["new", "update", "update", "update"]
    outlines = [Outline(bundle["text/html"]) for _, bundle in notebook]
    assert [len(outline.all("progress")) for outline in outlines] == [1, 1, 1, 0]
    assert outlines[1].all("progress")[0]["value"] == "2"
    assert outlines[1].all("progress")[0]["aria-label"] == "progress"
    assert [len(outline.all("svg")) for outline in outlines] == [0, 1, 1, 1]
    assert outlines[2].all("svg")[0]["aria-label"] == "loss from 2.00 to 0.50"
    assert not outlines[0].all("small")
    assert notebook[1][1]["text/plain"].startswith("Training <small>: step 2 of 3, loss 1.000, ")
    assert notebook[3][1]["text/plain"] == "Training <small>: 3 steps in 1 s, loss 0.500"


def test_progress_in_a_notebook_is_not_redrawn_too_often(notebook, monkeypatch):
    monkeypatch.setattr(live, "REDRAW_EVERY_S", 60)
    job = Live("Training", 1000)
    for step in range(1, 1001):
        job.update(step, 1.0)
    assert len(notebook) == 1


def test_progress_in_a_terminal_is_a_line_at_each_tenth(capsys, monkeypatch):
    monkeypatch.setattr(live, "REDRAW_EVERY_S", 0.0)
    job = Live("Training", 100)
    for step in range(1, 101):
        job.update(step, 1.0)
    job.close("done")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[1].startswith("Training: step 10 of 100, loss 1.000, ")
    assert lines[-1] == "Training: done, loss 1.000"


def test_the_time_left_counts_from_where_a_run_went_on(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    job = Live("Training", 100, quiet=True)
    job.update(61, 1.0)
    job.update(62, 1.0)
    assert job.sentence(70, seconds=10.0, note="") == "Training: step 70 of 100, loss 1.000, 30 s left"


def test_a_quiet_job_shows_nothing(capsys, notebook):
    job = Live("Training", 1, quiet=True)
    job.update(1, 1.0)
    job.close("done")
    assert not notebook
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("values", [[1.0, 1.0], [float(i % 7) for i in range(10_000)], [1e-30, 1e30]])
def test_a_curve_stays_within_its_frame_and_small(values):
    markup = live.curve_svg(values, "loss")
    points = [tuple(map(float, p.split(","))) for p in Outline(markup).all("polyline")[0]["points"].split()]
    assert 2 <= len(points) <= 2 * live.WIDTH
    assert all(0 <= x <= live.WIDTH and 0 <= y <= live.HEIGHT for x, y in points)
    assert len(markup) < 10_000


def test_one_value_is_no_curve():
    assert live.curve_svg([], "loss") == live.curve_svg([1.0], "loss") == ""


def test_images_are_not_changed_by_being_shown():
    before = GREY.clone()
    plots.contact_sheet(GREY, list("abcde"))
    assert torch.equal(GREY, before)


def test_bands_show_medians_and_spread_and_tell_them_in_words_and_in_a_table():
    series = {"plain": {100.0: [0.5, 0.7, 0.6], 1000.0: [0.9]}, "augmented": {100.0: [0.8, 0.6]}}
    picture = plots.bands(series, title="Gap", xlabel="images", ylabel="accuracy", log=True, words="{:.0%}".format)
    assert "plain 60% at 100, 90% at 1000" in picture.alt
    assert "augmented 70% at 100" in picture.alt
    assert picture.table.rows[0] == {
        "line": "plain",
        "images": "100",
        "accuracy": "60%",
        "lowest to highest": "50% to 70%",
    }
    assert picture.table.rows[1]["lowest to highest"] == ""
    once = plots.bands({"plain": {1.0: [0.5], 2.0: [0.6]}}, title="Gap", xlabel="images", ylabel="accuracy")
    assert once.table.rows == [{"line": "plain", "images": x, "accuracy": y} for x, y in (("1", "0.5"), ("2", "0.6"))]


def test_places_too_near_to_each_other_get_no_label_of_their_own():
    assert apart([36.4, 37.3, 48.2, 93.1, 94.2], log=False) == [36.4, 48.2, 93.1]
    assert apart([1, 2, 4, 8, 128], log=True) == [1, 2, 4, 8, 128]
    assert apart([5], log=True) == [5]
