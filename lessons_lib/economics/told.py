"""What the costs say, in sentences that are true whatever came out."""

from collections.abc import Sequence

from lessons_lib.economics.crossing import CURRENCIES, Crossing, curves, overtakes
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.savings import Saving
from lessons_lib.economics.sensitivity import Swing
from lessons_lib.economics.units import digits, in_words, when
from lessons_lib.tables import Table

IN = {"USD": "money", "kWh": "energy", "kg_CO2": "carbon"}


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


def crossing(found: Crossing, currency: str = "USD") -> str:
    """When serving overtakes training, in a sentence."""
    if found.months is None:
        return f"Counted in {IN[currency]}, serving never overtakes training: retraining costs more than serving does."
    month = int(found.months) + 1
    return (
        f"Counted in {IN[currency]}, serving has cost as much as training {when(found.months)} after launch, in month {month:,} "
        f"(found by: {found.how})."
    )


def matters_most(swings: Sequence[Swing], unit: str) -> str:
    """The three widest swings; and that none is, where nothing moves."""
    if not swings:
        return "No input moves this figure within its range."
    parts = [
        f"{swing.label} ({in_words(min(swing.at_low, swing.at_high), unit)} to {in_words(max(swing.at_low, swing.at_high), unit)})"
        for swing in swings[:3]
    ]
    return f"What matters most: {'; then '.join(parts)}."


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
        return f"{first} Where the machines are filled, the bill falls with the price."
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
        f"The power of the machine that serves: {inputs['serving_power'].source}."
    )


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
