"""The explorer of budgets looks finished measurements up, by keyboard or mouse."""

import pytest
from front import VIEW
from test_capstone import POOL, judged_pool

from lessons_lib.capstone import choosing
from lessons_lib.explained import Mistake
from lessons_lib.widgets.capstone import budget_explorer, describe

SHOW = """
from test_capstone import POOL
from lessons_lib.capstone import choosing
from lessons_lib.widgets.capstone import budget_explorer
budget_explorer(choosing.every(POOL), "phone", POOL[0].name)
"""


def test_a_candidate_is_told_beside_the_cheapest():
    judged = judged_pool()
    assert describe(judged, 1).endswith(f"The cheapest that meets all: {POOL[3].name}.")
    assert describe(judged, 3).endswith("is used. No other that does so costs less.")
    assert describe(judged[:1], 0).endswith("No candidate meets all of them.")


def test_without_a_notebook_every_scenario_is_printed_the_chosen_one_first(capsys):
    budget_explorer(choosing.every(POOL), "nightly")
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told] == [
        "For a nightly batch",
        "For a vehicle",
        "For a phone app",
        "For a web service",
    ]


def test_what_there_is_not_is_named():
    found = choosing.every(POOL)
    with pytest.raises(Mistake, match="no scenario 'car'; choose one of vehicle, phone, nightly, web service"):
        budget_explorer(found, "car")
    with pytest.raises(Mistake, match="no candidate 'best'; choose one of: base · eager · batch 1; "):
        budget_explorer(found, "phone", "best")
    with pytest.raises(ValueError, match="run the cell that measures them first"):
        budget_explorer({}, "phone")


def test_buttons_and_slider_change_sentence_and_picture(front):
    bundle = front.run(SHOW)
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert front.options("Scenario") == ["vehicle", "phone", "nightly", "web service"]
    assert front.chosen("Scenario") == "phone"
    assert front.chosen("candidate") == POOL[0].name
    for scenario, title in (("web service", "a web service"), ("vehicle", "a vehicle")):
        for one in POOL[:2]:
            front.choose("Scenario", scenario)
            front.choose("candidate", one.name)
            assert front.readout("budget-readout").startswith(f"For {title}: {one.name} m")
            assert front.image()["alt"].startswith(f"Budgets used by {one.name}, for {title}. Accuracy: met")
