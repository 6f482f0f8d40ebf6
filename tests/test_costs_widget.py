"""The sliders over the inputs of the cost model change the sentence, the picture and the formulas."""

import pytest
from front import VIEW
from samples import Outline

from lessons_lib import plots
from lessons_lib.economics import sensitivity, shares
from lessons_lib.economics.assumptions import assumed
from lessons_lib.economics.crossing import curves, overtakes
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.units import in_words, when
from lessons_lib.explained import Mistake
from lessons_lib.widgets.costs import MOVED, _on_slider, cost_explorer, describe, picture, stops

SHOW = """
from lessons_lib.economics.assumptions import assumed
from lessons_lib.widgets.costs import cost_explorer
cost_explorer(assumed())
"""


def test_the_sentence_has_price_shares_energy_and_crossing():
    told = describe(assumed())
    trace = costs(assumed())
    for name in ("total", "price_life", "energy", "emissions"):
        assert trace[name].told in told
    assert f"{shares.inference_share(assumed()):.1%} of it for inference" in told
    assert told.endswith(f"serving overtakes training {when(overtakes(curves(assumed())).months)} after launch.")
    never = assumed().changed(retrainings=52, training_time=1000, requests=1000, growth=0)
    assert describe(never, "kWh").endswith("Counted in energy, serving never overtakes training.")


def test_a_slider_stops_within_its_range_and_at_its_value():
    for name in MOVED:
        one = assumed()[name]
        places = stops(one)
        assert places == sorted(places)
        assert (places[0], places[-1]) == (one.low, one.high)
        assert one.value in places
    requests = stops(assumed()["requests"])
    assert requests[1] / requests[0] == pytest.approx(3.73, abs=0.01)  # equal ratios: 10,000 in seven steps
    assert len(stops(assumed()["batch"])) == 1


def test_machines_come_whole_on_the_slider_and_its_text_is_short():
    assert stops(assumed()["fewest_machines"]) == [0, 1, 2]
    assert all(place == int(place) for place in stops(assumed()["retrainings"]))
    assert 1.5 in stops(assumed().changed(fewest_machines=1.5)["fewest_machines"])  # the learner's own
    for name in MOVED:
        assert max(len(_on_slider(assumed()[name], value)) for value in stops(assumed()[name])) <= 18


def test_the_tornado_writes_the_amount_beside_each_bar(monkeypatch):
    from matplotlib.figure import Figure

    drawn_on = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn_on.append(figure))
    swings = sensitivity.tornado(assumed())
    picture = plots.tornado(
        swings, 10.0, title="Which?", xlabel="$", words=lambda value: in_words(value, "USD"),
        table=sensitivity.table(swings, "USD", "Swings"), still=sensitivity.still(swings),
    )  # fmt: skip
    assert "Moves nothing (less than 0.5% of it)" in picture.alt
    axes = drawn_on[0].axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"{swing.label}: {in_words(swing.width, 'USD')}" for swing in swings[:8]]
    assert "latency of a batch" in " ".join(axes.get_xlabel().split())


def test_without_a_notebook_sentence_and_formulas_are_printed(capsys):
    cost_explorer(assumed())
    printed = capsys.readouterr().out
    assert printed.startswith(describe(assumed()))
    assert "training_time * training_price" in printed


def test_unknown_names_are_refused():
    with pytest.raises(Mistake, match="no input 'speed'"):
        cost_explorer(assumed(), moved=["speed"])
    with pytest.raises(Mistake, match="no currency 'EUR'"):
        cost_explorer(assumed(), currency="EUR")


def test_every_slider_changes_the_sentence_and_the_formulas(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    start = front.readout("costs-readout")
    assert start == describe(assumed())
    seen = {start}
    for name in MOVED:
        front.choose(name.replace("_", " "), front.options(name.replace("_", " "))[-1])
        seen.add(front.readout("costs-readout"))
    assert len(seen) == 1 + len(MOVED)
    most = assumed().changed(**{name: assumed()[name].high for name in MOVED})
    assert front.readout("costs-readout") == describe(most)
    (markup,) = [has["value"] for has in front.models.values() if "<figure" in str(has.get("value"))]
    assert costs(most)["price_life"].told in "".join(Outline(markup).text)


def test_the_currency_is_a_button_and_changes_the_picture(front):
    front.run(SHOW)
    money = front.image()
    front.choose("counted in", "carbon")
    assert "Counted in carbon" in front.readout("costs-readout")
    assert front.image()["alt"].startswith("Training against serving, counted in carbon: training reaches")
    assert front.image()["src"] != money["src"]


def test_a_picture_says_where_the_curves_meet():
    drawn = picture(assumed())
    meet = when(overtakes(curves(assumed())).months)
    assert f"They meet after {meet}." in drawn.alt
    assert meet in [row["after launch"] for row in drawn.table.rows]
    never = assumed().changed(retrainings=52, training_time=1000, requests=1000, growth=0)
    assert "Serving does not overtake training." in picture(never).alt
    free = assumed().changed(training_price="0 USD/hour")
    assert "training reaches $0" in picture(free).alt
    assert picture(free).alt.endswith("They meet after 0 seconds.")


def test_the_tornado_names_the_widest_swing_first():
    swings = sensitivity.tornado(assumed())
    unit = "USD/million_predictions"
    drawn = plots.tornado(
        swings, 10.0, title="Which input matters most?", xlabel="$", words=lambda value: in_words(value, unit),
        table=sensitivity.table(swings, unit, "Swings"),
    )  # fmt: skip
    assert swings[0].label in drawn.alt.split(";")[0]
    assert [row["input"] for row in drawn.table.rows] == [swing.label for swing in swings]
    assert drawn.table.caption == f"Swings; {sensitivity.still(swings)}"
    assert drawn.table.rows[0]["moves it by"] == in_words(swings[0].width, unit)
    assert "No input moves it" in plots.tornado([], 1.0, title="", xlabel="", words=str, table=drawn.table).alt


def test_the_shares_are_told_from_first_to_last():
    drawn = plots.bill_shares({"yours": [0.1, 0.5, 0.9]}, [1, 2, 3], when, (0.8, 0.9))
    assert drawn.alt == "Inference's share of the bill from 30 days to 3 months after launch: yours from 10% to 90%."
    assert [row["yours"] for row in drawn.table.rows] == ["10.0%", "50.0%", "90.0%"]
