"""Lesson 12: choose a scenario and a candidate, and see which budgets are met; finished measurements are looked up."""

from collections.abc import Mapping, Sequence

from lessons_lib import plots
from lessons_lib.capstone.choosing import cheapest
from lessons_lib.capstone.judging import Judged
from lessons_lib.explained import Mistake
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets
from lessons_lib.widgets.keyboard import choice


def describe(judged: Sequence[Judged], place: int) -> str:
    """One candidate in one scenario, and which one is the cheapest that meets everything.

    Args:
        judged: every candidate in this scenario. place: which of them.
    """
    best, here = cheapest(judged), judged[place]
    if best is None:
        return f"{here.sentence()} No candidate meets all of them."
    if best is here:
        return f"{here.sentence()} No other that does so costs less."
    return f"{here.sentence()} The cheapest that meets all: {best.measured.name}."


def budget_explorer(found: Mapping[str, Sequence[Judged]], scenario: str, candidate: str | None = None) -> None:
    """A button for each scenario and a slider over the candidates; a sentence, a picture and a table follow them.

    Args:
        found: from `choosing.every`. scenario: which one is chosen at first. candidate: the name of the first one shown; None: the
            cheapest that meets all budgets of the scenario, else the base.

    Raises:
        ValueError: nothing was measured. Mistake: a scenario or a candidate that there is not; names those that there are.
    """
    if not found or not all(found.values()):
        raise ValueError("there are no candidates to look at: run the cell that measures them first.")
    names = [one.measured.name for one in next(iter(found.values()))]
    first = _first(found, names, scenario, candidate)
    text = "\n".join(describe(judged, first) for judged in _from(found, scenario).values())
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    jobs = choice("Scenario", list(found))
    jobs.value = scenario
    which = ipywidgets.SelectionSlider(
        options=[(name, place) for place, name in enumerate(names)], value=first, description="candidate",
        layout={"width": "44em"},
    )  # fmt: skip
    explorer(
        [jobs, which],
        lambda job, place: describe(found[job], place),
        lambda job, place: plots.budgets(found[job][place])._repr_html_(),
        name="budget",
        text=text,
    )


def _first(found: Mapping[str, Sequence[Judged]], names: Sequence[str], scenario: str, candidate: str | None) -> int:
    if scenario not in found:
        raise Mistake(f"There is no scenario {scenario!r}; choose one of {', '.join(found)}.")
    if candidate is None:
        best = cheapest(found[scenario])
        return found[scenario].index(best) if best else 0
    if candidate not in names:
        raise Mistake(f"There is no candidate {candidate!r}; choose one of: {'; '.join(names)}.")
    return names.index(candidate)


def _from(found: Mapping[str, Sequence[Judged]], scenario: str) -> dict[str, Sequence[Judged]]:
    """The same, with one scenario first."""
    return {scenario: found[scenario]} | dict(found)
