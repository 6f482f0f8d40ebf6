"""Lesson 10: move the inputs of the cost model; the costs, their crossing and every formula follow at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lessons_lib import plots
from lessons_lib.economics.crossing import CURRENCIES, curves, overtakes
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Input, Inputs
from lessons_lib.economics.shares import inference_share
from lessons_lib.economics.told import IN
from lessons_lib.economics.units import in_words, when
from lessons_lib.widgets.explorer import explorer
from lessons_lib.widgets.fallback import have_widgets
from lessons_lib.widgets.keyboard import choice

MOVED = ("requests", "growth", "utilisation", "serving_price", "fewest_machines", "retrainings", "lifetime")
STOPS = 8
WHOLE = ("fewest_machines", "retrainings", "redundancy", "training_runs", "retraining_runs", "batch", "lifetime")
WIDE = 10.0  # high over low from which the stops of a slider are equal ratios apart


def stops(one: Input) -> list[float]:
    """Where the slider of an input can stand: over its range, its own value among them; three digits, or whole."""
    wide = one.low > 0 and one.high / one.low >= WIDE
    spread = np.geomspace if wide else np.linspace
    places = spread(one.low, one.high, STOPS)
    between = {float(round(value) if one.name in WHOLE else f"{value:.3g}") for value in places}
    return sorted({*(value for value in between if one.low <= value <= one.high), one.low, one.value, one.high})


def describe(inputs: Inputs, currency: str = "USD") -> str:
    """Price, crossing and shares of a set of inputs.

    Args:
        currency: in which training and serving are compared.
    """
    trace, months = costs(inputs), overtakes(curves(inputs, currency)).months
    life = inputs["lifetime"].told(inputs["lifetime"].value)
    meets = "never overtakes training" if months is None else f"overtakes training {when(months)} after launch"
    return (
        f"Over {life}: {trace['total'].told} in all, {trace['price_life'].told}, {inference_share(inputs):.1%} of it for inference; "
        f"{trace['energy'].told} and {trace['emissions'].told}. Counted in {IN[currency]}, serving {meets}."
    )


def cost_explorer(inputs: Inputs, moved: Sequence[str] = MOVED, currency: str = "USD") -> None:
    """A slider for each moved input and a choice of currency; a sentence, a picture and every formula with its figures.

    Args:
        inputs: to start from. moved: names of inputs. currency: "USD", "kWh" or "kg_CO2".

    Raises:
        Mistake: an input or a currency that does not exist.
    """
    ranges = {name: inputs[name] for name in moved}
    curves(inputs, currency)
    text = f"{describe(inputs, currency)}\n{costs(inputs).table()!r}"
    if not have_widgets():
        print(text)
        return
    import ipywidgets

    wide, style = {"width": "38em"}, {"description_width": "14em"}
    sliders: dict[str, Any] = {
        name: ipywidgets.SelectionSlider(
            options=[(_on_slider(one, value), value) for value in stops(one)], value=one.value, description=_short(name),
            layout=wide, style=style,
        )
        for name, one in ranges.items()
    }  # fmt: skip
    counted = choice("counted in", [(IN[name], name) for name in CURRENCIES])
    counted.value = currency

    def chosen(values: Sequence[float]) -> Inputs:
        return inputs.changed(**dict(zip(sliders, values, strict=True)))

    def draw(*values: Any) -> str:
        *moved_to, unit = values
        return picture(chosen(moved_to), unit)._repr_html_() + costs(chosen(moved_to)).folded()._repr_html_()

    explorer(
        [*sliders.values(), counted],
        lambda *values: describe(chosen(values[:-1]), values[-1]),
        draw,
        name="costs",
        text=text,
    )


def picture(inputs: Inputs, currency: str = "USD") -> plots.Picture:
    """Training and serving over the lifetime, and where they cross."""
    found, life = curves(inputs, currency), inputs.numbers()["lifetime"]
    return plots.costs_over_time(
        found, life, overtakes(found).months, title=f"Training against serving, counted in {IN[currency]}",
        unit=currency.replace("_", " "), words=lambda value: in_words(value, currency), times=when,
    )  # fmt: skip


def _on_slider(one: Input, value: float) -> str:
    """A value in few words: beside a slider there is room for some twenty characters."""
    return one.told(value).replace("predictions ", "")


def _short(name: str) -> str:
    return name.replace("_", " ")
