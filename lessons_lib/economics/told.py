"""What the costs say, in sentences that are true whatever came out."""

import math
from collections.abc import Sequence

from lessons_lib.economics.crossing import CURRENCIES, Crossing, curves, overtakes
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.savings import Saving
from lessons_lib.economics.sensitivity import Swing
from lessons_lib.economics.units import between, digits, in_words, when
from lessons_lib.tables import Table

IN = {"USD": "money", "kWh": "energy", "kg_CO2": "carbon"}
TIMES_FASTER = 10  # a network so much faster, to show what that saves
SAME = 0.01  # two moments that differ by less are called the same


def filled_or_not(inputs: Inputs) -> str:
    """Do the machines that always run suffice, and what does that do to the price?"""
    trace, fewest = costs(inputs), inputs.numbers()["fewest_machines"]
    prices = f"{trace['price_filled'].told} where machines are filled, {trace['price_launch'].told} at your traffic"
    if trace.value("machines_busy") >= fewest:
        return f"Your traffic fills {digits(trace.value('machines_busy'))} machines, so the two prices agree: {prices}."
    return (
        f"Your traffic keeps {digits(trace.value('machines_busy'))} machines busy, but at least {digits(fewest)} must run at all times: {prices}. "
        "The rest of what you pay for is waiting."
    )


def crossing(found: Crossing, currency: str = "USD", spread: tuple[float, float] | None = None) -> str:
    """When serving overtakes training, in a sentence.

    Args:
        spread: months after launch, earliest and latest within what was measured: `ends.within`.
    """
    if found.months is None:
        return f"Counted in {IN[currency]}, serving never overtakes training: retraining costs more than serving does."
    month = f", in month {int(found.months) + 1:,}" if found.months >= 2 else ""
    return f"Counted in {IN[currency]}, serving has cost as much as training {when(found.months)} after launch{month}.{_spread(spread)}"


def _spread(spread: tuple[float, float] | None) -> str:
    """Between which moments, in a sentence; empty where nothing was measured."""
    if spread is None or spread[0] == spread[1]:
        return ""
    first, last = spread
    found = f"{when(first)} or more, if ever" if math.isinf(last) else between(first, last)
    return (
        f" Within the range of what was measured in this run it is {found}; another run, with other programs on the machine, may "
        "lie outside."
    )


def matters_most(swings: Sequence[Swing], unit: str) -> str:
    """The three widest swings; and that none is, where nothing moves."""
    if not swings:
        return "No input moves this figure within its range."
    parts = [f"{swing.label} ({_from_to(swing, unit)})" for swing in swings[:3]]
    return f"What matters most: {'; then '.join(parts)}."


def _from_to(swing: Swing, unit: str) -> str:
    """Its lowest and highest outcome: "$0.101 to $1,010 a million predictions"."""
    low, high = sorted((swing.at_low, swing.at_high))
    return f"{in_words(low, unit.partition('/')[0])} to {in_words(high, unit)}"


def latency_matters(swings: Sequence[Swing], inputs: Inputs, unit: str) -> str:
    """How far the speed of the network moves the price of its predictions, and why it does not where it does not."""
    place = next((place for place, swing in enumerate(swings, 1) if swing.name == "latency"), None)
    if place is not None:
        swing = swings[place - 1]
        ends = f"{in_words(swing.at_low, unit)} at {swing.low}, {in_words(swing.at_high, unit)} at {swing.high}"
        return f"How fast the network is stands in place {place}: {ends}."
    faster = costs(inputs.changed(latency=inputs["latency"].value / TIMES_FASTER))
    price = f"a network {TIMES_FASTER} times as fast would come to {faster['price_life'].told}"
    if inputs.numbers()["fewest_machines"] > costs(inputs).value("machines_busy"):
        why = "the machines that always run are not filled, and a faster network only makes them wait more"
    else:
        why = "its range is narrow, for it was measured"
    return f"How fast the network is moves nothing within its range: {why}; {price}."


def worth(found: Sequence[Saving], inputs: Inputs) -> str:
    """What the changes save a million predictions, and whether the bill notices.

    Args:
        inputs: those that the savings were worked out with.
    """
    if not found:
        return "There are no two configurations to compare."
    best = max([one for one in found if one.as_good] or found, key=lambda saving: saving.share)
    unmoved = [s for s in found if abs(s.after_bill - s.before_bill) < 0.005 * s.before_bill]
    first = (
        f"**{best.change}** saves most: {best.share:.0%} of the price of a prediction, from {in_words(best.before_usd, 'USD')} to "
        f"{in_words(best.after_usd, 'USD')} a million."
        if best.word == "saves" and best.as_good
        else "None of the changes certainly saves anything here without losing accuracy."
    )
    if len(unmoved) < len(found):
        return (
            f"{first} Where the machines are filled, the bill falls with the price: in small steps where they are paid by the minute, "
            "in whole machines where each is rented for long."
        )
    return (
        f"{first} Your bill does not change by any of them: a machine that always runs costs the same, however little it has to do. "
        f"Savings count from the traffic on that fills it, {_filling(best, inputs)} before that change."
    )


def _filling(saving: Saving, inputs: Inputs) -> str:
    """The traffic that fills the machines that always run."""
    plain, seconds = inputs.numbers(), 1 / saving.before.images_per_second
    return in_words(plain["fewest_machines"] * plain["utilisation"] / seconds * 86_400, "prediction/day")


def device(found: Sequence[Saving], inputs: Inputs, gpu_price: float) -> str:
    """How much faster a GPU would have to be to be worth its price.

    Args:
        found: of `savings`; may hold a GPU. gpu_price: USD an hour.
    """
    times = gpu_price / inputs.numbers()["serving_price"]
    needed = f"At {in_words(gpu_price, 'USD/hour')}, a GPU has to make {digits(times)} times the predictions of one machine here to cost the same"
    gpu = next((saving for saving in found if saving.change == "a GPU instead"), None)
    if gpu is None:
        return f"{needed}. None was measured, so whether it does cannot be told."
    faster = gpu.after.images_per_second / gpu.before.images_per_second
    return f"{needed}; the one that was measured makes {digits(faster)} times as many: it {gpu.word.replace('cannot tell', 'may save or not')}."


def energy(inputs: Inputs) -> str:
    """What a million predictions use and emit, and where the power comes from."""
    trace = costs(inputs)
    return (
        f"Training included, a million predictions take {in_words(trace.value('energy_price'), 'Wh')} and emit "
        f"{in_words(trace.value('carbon_price'), 'g_CO2')}. "
        f"The power of the machine that serves: {inputs['serving_power'].brief or inputs['serving_power'].source}."
    )


def other_currencies(inputs: Inputs) -> str:
    """Whether serving overtakes training at another time where energy is counted, and why."""
    price, power = _ratio(inputs, "price"), _ratio(inputs, "power")
    told = f"The machine that trains costs {price}as much an hour as one that serves, and draws {power}as much power"
    money, energy = (overtakes(curves(inputs, currency)).months for currency in ("USD", "kWh"))
    if money is None and energy is None:
        return f"{told}; serving never overtakes training, whatever you count in."
    if money is not None and energy is not None and math.isclose(money, energy, rel_tol=SAME):
        return f"{told}, so the curves cross at the same time, whatever you count in."
    moments = ["never" if months is None else f"after {when(months)}" for months in (money, energy)]
    return f"{told}, so the curves cross elsewhere: in money {moments[0]}, in energy and carbon {moments[1]}."


def _ratio(inputs: Inputs, kind: str) -> str:
    """Of the machine that trains to one that serves: "2 times "; empty where they are the same."""
    train, serve = (inputs.numbers()[f"{machine}_{kind}"] for machine in ("training", "serving"))
    if train == serve:
        return ""
    return f"{digits(train / serve)} times " if serve else "infinitely "


def currencies(inputs: Inputs) -> Table:
    """Training, serving and their crossing, in money, energy and carbon."""
    life, rows = inputs.numbers()["lifetime"], []
    for currency in CURRENCIES:
        found = curves(inputs, currency)
        months = overtakes(found).months
        rows.append(
            {
                "counted in": IN[currency],
                "training, whole life": in_words(float(found.training(life)), currency),
                "serving, whole life": in_words(float(found.serving(life)), currency),
                "serving overtakes training": "never" if months is None else f"after {when(months)}",
            }
        )
    return Table("Three currencies", rows)
