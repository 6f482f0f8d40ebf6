"""Lesson 11: choose a drift, a detector and a threshold, and look up how often it would ring and what that costs."""

from lessons_lib import plots
from lessons_lib.drift.cost import A_YEAR, Choice, Stakes, cheapest, choices
from lessons_lib.drift.told import costs_words
from lessons_lib.drift.told_costs import money
from lessons_lib.drift.weeks import Place, Watched
from lessons_lib.explained import Mistake
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets
from lessons_lib.widgets.keyboard import choice


def describe(watched: Watched, detector: str, place: Place, a_year: float, stakes: Stakes) -> str:
    """What a detector with one threshold does in quiet weeks and after a drift, what a year of it costs, and the cheapest threshold.

    Args:
        place: the kind and strength of the drift. a_year: false alarms that the threshold is set for.
    """
    found = choices(watched, detector, place, stakes)
    one, best = _set_for(found, a_year), cheapest(found)
    cheaper = (
        "the cheapest threshold"
        if one.total <= best.total
        else f"set for {best.a_year:g} it would be {money(best.total)}"
    )
    return (
        f"{place[0].capitalize()}, strength {place[1]:g}, {costs_words(watched, place)}. With {detector}, set for "
        f"{a_year:g} false alarm{'s' * (a_year != 1)} a year: {one.false_alarms:.1f} on other quiet weeks, and an alarm in {one.chance:.0%} of the weeks "
        f"after the drift, {one.weeks:.1f} weeks to the first. A year costs {money(one.looking)} for looking and {money(one.unseen)} in errors, "
        f"together {money(one.total)}: {cheaper}."
    )


def _set_for(found: list[Choice], a_year: float) -> Choice:
    return next(one for one in found if one.a_year == a_year)


def drift_explorer(watched: Watched, stakes: Stakes | None = None) -> None:
    """Buttons for the drift and the detector, sliders over its strength and over thresholds; a sentence and a picture.

    Args:
        watched: from `weeks.watch`. stakes: what alarms and errors cost.

    Raises:
        Mistake: no drift was watched.
    """
    if not watched.drifted:
        raise Mistake("There is no drift to look at: run the cell that watches the weeks first.")
    stakes = stakes or Stakes()
    names, middle = watched.without_labels, watched.strengths[(len(watched.strengths) - 1) // 2]
    text = "\n".join(describe(watched, name, (watched.kinds[0], middle), 1.0, stakes) for name in names)
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    kind, detector = choice("drift", watched.kinds), choice("detector", names)
    wide = {"width": "32em"}
    strength = ipywidgets.SelectionSlider(
        options=[(f"{value:g}", value) for value in watched.strengths],
        value=middle,
        description="strength",
        layout=wide,
    )
    often = ipywidgets.SelectionSlider(
        options=[(f"{value:g} a year", value) for value in A_YEAR], value=1.0, description="false alarms", layout=wide
    )
    for slider in (strength, often):
        slider.style.description_width = "6em"
    explorer(
        [kind, detector, strength, often],
        lambda kind, name, strength, a_year: describe(watched, name, (kind, strength), a_year, stakes),
        lambda kind, name, strength, a_year: _picture(watched, name, (kind, strength), a_year, stakes),
        name="drift",
        text=text,
    )


def _picture(watched: Watched, detector: str, place: Place, a_year: float, stakes: Stakes) -> str:
    limit = _set_for(choices(watched, detector, place, stakes), a_year).limit
    title = f"{detector}: {place[0]} at strength {place[1]:g}, set for {a_year:g} a year"
    scores = watched.quiet[detector], watched.drifted[place][detector]
    return plots.week_scores(*scores, limit, title=title, xlabel="score of a week")._repr_html_()
