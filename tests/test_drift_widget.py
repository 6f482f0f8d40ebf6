"""The pictures of lesson 11's first half, and the explorer of drift and thresholds, driven through real messages."""

import numpy as np
import pytest
from front import VIEW
from samples import Outline

from lessons_lib import plots
from lessons_lib.drift.cost import A_YEAR, Stakes, choices
from lessons_lib.drift.weeks import Watched
from lessons_lib.drift.year import Measured, Policy, Prices, World, simulate
from lessons_lib.explained import Mistake
from lessons_lib.widgets.drift import describe, drift_explorer

QUIET = np.arange(208) / 208.0


def watched() -> Watched:
    """Two kinds of drift; "sharp" hears both, "deaf" only the stronger one."""
    places = {
        (kind, s): {"sharp": QUIET + 4 * s, "deaf": QUIET + (s > 0.7)}
        for kind in ("fog", "<b>snow")
        for s in (0.5, 1.0)
    }
    names = {"sharp": "features", "deaf": "answers", "accuracy (needs labels)": "labels"}
    quiet = dict.fromkeys(names, QUIET)
    places = {place: found | {"accuracy (needs labels)": QUIET} for place, found in places.items()}
    return Watched(50, quiet, quiet, places, {place: 0.9 - place[1] / 10 for place in places}, 0.9, names)


SHOW = """
from test_drift_widget import watched
from lessons_lib.widgets.drift import drift_explorer
drift_explorer(watched())
"""


def test_a_choice_is_told_with_what_it_costs():
    told = describe(watched(), "sharp", ("fog", 0.5), 1.0, Stakes(200, 100, 2))
    assert told.startswith(
        "Fog, strength 0.5, costs 5.0 points. With sharp, set for 1 false alarm a year: 0.8 on other quiet weeks"
    )
    assert "an alarm in 100% of the weeks after the drift, 1.0 weeks to the first" in told
    assert told.endswith(
        "A year costs $150 for looking and $1,000 in errors, together $1,150: set for 0.25 it would be $1,000."
    )
    best = describe(watched(), "sharp", ("fog", 0.5), 0.25, Stakes(200, 100, 2))
    assert best.endswith("together $1,000: the cheapest threshold.")


def test_without_a_notebook_the_sentences_are_printed(capsys):
    drift_explorer(watched())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Fog", "Fog"]


def test_without_weeks_there_is_nothing_to_explore():
    with pytest.raises(Mistake, match="run the cell that watches the weeks first"):
        drift_explorer(Watched(50, {}, {}, {}, {}, 0.9, {}))


def test_impossible_stakes_are_refused():
    for bad in ({"false_alarm": -1}, {"point_week": -1}, {"drifts_a_year": 0}):
        with pytest.raises(Mistake, match="drifts_a_year is above 0"):
            Stakes(**bad)


def test_buttons_and_sliders_change_sentence_and_picture(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("drift") == ["fog", "<b>snow"]
    assert front.options("detector") == ["sharp", "deaf"]
    assert front.options("false alarms") == [f"{often:g} a year" for often in A_YEAR]
    pictures = set()
    for kind, detector, strength, often in (
        ("fog", "sharp", "0.5", "1 a year"),
        ("<b>snow", "sharp", "0.5", "1 a year"),
        ("<b>snow", "deaf", "0.5", "1 a year"),
        ("<b>snow", "deaf", "1", "1 a year"),
        ("<b>snow", "deaf", "1", "13 a year"),
    ):
        for description, label in (
            ("drift", kind),
            ("detector", detector),
            ("strength", strength),
            ("false alarms", often),
        ):
            front.choose(description, label)
        sentence = front.readout("drift-readout")
        assert sentence.startswith(f"{kind.capitalize()}, strength {strength}, costs")
        assert f"With {detector}, set for {often.split()[0]} false alarm" in sentence
        assert front.image()["alt"].startswith(f"{detector}: {kind} at strength {strength}")
        pictures.add(front.image()["src"])
    assert len(pictures) == 5
    assert "&lt;b&gt;snow" in front.of_class("drift-readout")["value"].lower()


FOUND = watched()
YEARS = [
    simulate(
        policy, World("jumps", jump=9), Measured({0.0: 0.0, 1.0: 40.0}, {0.0: 0.1, 1.0: 1.0}, 0.9), Prices(1, 2, 3)
    )
    for policy in (Policy(), Policy(4), Policy(on_alarm=True))
]
PICTURES = {
    "map": lambda: plots.alarm_map(
        {"fog": {"sharp": 1.0, "deaf": 0.1}, "<b>snow": {"sharp": 0.5, "deaf": 0.0}}, title="Alarms"
    ),
    "scores": lambda: plots.week_scores(QUIET, QUIET + 1, 0.9, title="<b>Fog", xlabel="score"),
    "equal scores": lambda: plots.week_scores(np.zeros(5), np.zeros(5), 0.0, title="Fog", xlabel="score"),
    "costs": lambda: plots.alarm_costs(choices(FOUND, "deaf", ("fog", 0.5), Stakes()), title="Costs"),
    "years": lambda: plots.policy_years(YEARS, title="A year"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_its_twins(name, recwarn):
    picture = PICTURES[name]()
    outline = Outline(picture._repr_html_())
    (image,) = outline.all("img")
    assert image["alt"] == picture.alt
    assert len(outline.all("tr")) == 1 + len(picture.table.rows)
    assert not outline.all("b")
    assert len(picture.png) < 150_000
    assert not recwarn.list


def test_the_pictures_say_what_there_is_to_see():
    assert "fog: sharp 100%, deaf 10%" in PICTURES["map"]().alt
    assert "weeks after the drift 1 to 2, 100.0% above" in PICTURES["scores"]().alt
    costs = choices(FOUND, "deaf", ("fog", 0.5), Stakes())
    assert PICTURES["costs"]().alt.endswith(f"Cheapest at {min(costs, key=lambda one: one.total).a_year:g}.")
    assert "never 33.1 on average, 40.0 at worst" in PICTURES["years"]().alt
