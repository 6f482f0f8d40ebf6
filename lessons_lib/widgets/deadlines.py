"""Lesson 05: choose a deadline and a promise, and look up which engine keeps it; no slider starts a measurement."""

from collections.abc import Mapping
from functools import partial

from lessons_lib import plots
from lessons_lib.latencies import Latencies, chance_of_a_slow_one
from lessons_lib.timing.table import duration
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets

DEADLINES_MS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
PROMISES = (50.0, 90.0, 95.0, 99.0, 99.9)
CALLS = 100  # of a page that needs many predictions


def describe(found: Mapping[str, Latencies], deadline_ms: float, percent: float) -> str:
    """Which engines keep the promise that so many of a hundred predictions are in time, and what each one does.

    Args:
        found: by name. deadline_ms: the longest wait. percent: of the predictions, that have to be in time.
    """
    keeping = [name for name, one in found.items() if one.keeps(deadline_ms, percent)]
    kept = f"kept by {', '.join(keeping)}" if keeping else "kept by none of them"
    each = "; ".join(
        f"{name} {one.share_within(deadline_ms):.1%} in time, p{percent:g} {duration(one.percentile_ms(percent))}"
        for name, one in found.items()
    )
    chance = chance_of_a_slow_one(CALLS, percent)
    return (
        f"{percent:g} % within {deadline_ms:g} ms: {kept}. {each}. A page of {CALLS} such predictions that keeps this promise only just "
        f"still has a late one in {chance:.0%} of the cases."
    )


def deadline_explorer(found: Mapping[str, Latencies]) -> None:
    """Two sliders, over deadlines and over promises; a sentence and a picture look the samples up.

    Args:
        found: from `latencies.collect`.

    Raises:
        ValueError: no latencies.
    """
    if not found:
        raise ValueError("there are no latencies to look at: run the cell that collects them first.")
    if not have_widgets():
        print(*(describe(found, deadline, 99.0) for deadline in (1.0, 100.0)), sep="\n")
        return
    import ipywidgets

    wide = {"width": "32em"}
    deadline = ipywidgets.SelectionSlider(
        options=[(f"{ms:g} ms", ms) for ms in DEADLINES_MS], value=1.0, description="deadline", layout=wide
    )
    promise = ipywidgets.SelectionSlider(
        options=[(f"{percent:g} %", percent) for percent in PROMISES], value=99.0, description="promise", layout=wide
    )
    text = "\n".join(describe(found, ms, 99.0) for ms in (1.0, 100.0))
    explorer([deadline, promise], partial(describe, found), partial(_picture, found), name="deadline", text=text)


def _picture(found: Mapping[str, Latencies], deadline_ms: float, percent: float) -> str:
    title = f"{percent:g} % within {deadline_ms:g} ms"
    return plots.latencies(found, [deadline_ms], title=title, percent=percent)._repr_html_()
