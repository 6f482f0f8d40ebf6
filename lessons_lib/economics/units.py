"""Quantities with units: a small registry in which money, predictions, runs and carbon are dimensions of their own.

So a price an hour cannot be added to an hour, nor a price of training be divided by the wrong kind of thing unnoticed.
Source: pint, https://pint.readthedocs.io
"""

from functools import lru_cache
from typing import Any

from lessons_lib.explained import Mistake

DEFINITIONS = (
    "second = [time] = s",
    "millisecond = 0.001 * second = ms",
    "minute = 60 * second",
    "hour = 3600 * second",
    "day = 24 * hour",
    "year = 365.25 * day",
    "month = year / 12",
    "USD = [money]",
    "prediction = [prediction]",
    "million_predictions = 1e6 * prediction",
    "run = [run]",
    "watt = [power] = W",
    "kilowatt = 1000 * watt = kW",
    "kWh = 1000 * watt * hour",
    "Wh = watt * hour",
    "kg_CO2 = [carbon]",
    "g_CO2 = 0.001 * kg_CO2",
    "FLOP = [arithmetic]",
    "GB = [data]",
    "MB = 0.001 * GB",
    "percent = 0.01",
)
SPOKEN = {
    "": "",
    "percent": "%",
    "ms": "ms",
    "second/prediction": "s a prediction",
    "ms/prediction": "ms a prediction",
    "hour/run": "hours a run",
    "prediction/day": "predictions a day",
    "prediction": "predictions",
    "run": "runs",
    "million_predictions": "million predictions",
    "watt": "W",
    "FLOP/second": "FLOP/s",
    "1/year": "a year",
    "1/month": "a month",
    "month": "months",
    "year": "years",
    "hour": "hours",
    "kg_CO2": "kg CO2",
    "g_CO2": "g CO2",
    "kg_CO2/kWh": "kg CO2 a kWh",
    "g_CO2/million_predictions": "g CO2 a million predictions",
    "Wh/million_predictions": "Wh a million predictions",
}
PLURALS = {"runs", "predictions", "seconds", "minutes", "hours", "days", "months", "years"}
LARGEST_WRITTEN_OUT, SMALLEST_WRITTEN_OUT = 1e15, 1e-4
HOURS_A_MONTH = 8766 / 12  # a year has 365.25 days
IN_A_MONTH = {
    "months": 1.0, "days": HOURS_A_MONTH / 24, "hours": HOURS_A_MONTH, "minutes": 60 * HOURS_A_MONTH,
    "seconds": 3600 * HOURS_A_MONTH,
}  # fmt: skip
FAR_APART = 30.0  # from this ratio on, two times are told in two units


@lru_cache(1)
def registry() -> Any:
    """The pint registry of the course; made when it is first needed."""
    import pint

    made: Any = pint.UnitRegistry(None)
    for line in DEFINITIONS:
        made.define(line)
    return made


def quantity(value: Any, unit: str) -> Any:
    """A pint quantity.

    Raises:
        Mistake: there is no such unit.
    """
    try:
        return registry().Quantity(value, unit)
    except Exception as error:
        raise Mistake(f"{unit!r} is no unit of this course ({error}).") from None


def number(found: Any, unit: str) -> float:
    """What a quantity is in a unit.

    Raises:
        Mistake: it is of another kind: money is not time.
    """
    import pint

    try:
        return float(found.to(unit).magnitude)
    except pint.DimensionalityError:
        raise Mistake(f"{found:.3g} cannot be given in {unit or 'a plain number'}: they are different kinds.") from None


def same_kind(unit: str, other: str) -> bool:
    """Whether one unit can be turned into the other."""
    return bool(quantity(1.0, unit).is_compatible_with(quantity(1.0, other)))


def in_words(value: float, unit: str) -> str:
    """A number with its unit as people say it: "$73.1 a month", "100,000 predictions a day"; three digits."""
    if unit.startswith("USD"):
        per = unit.removeprefix("USD").removeprefix("/").replace("_", " ")
        article = "an" if per == "hour" else "a"
        return f"{'-' * (value < 0)}${digits(abs(value))}" + (f" {article} {per}" if per else "")
    spoken = SPOKEN.get(unit, unit)
    if value == 1 and spoken.split(" ")[0] in PLURALS:
        spoken = spoken.replace("s", "", 1)
    return f"{digits(value)} {spoken}".rstrip()


def when(months: float) -> str:
    """A time after launch in the unit that suits it, to two digits: "40 seconds", "3.2 days", "5 months"."""
    unit = _unit_of(months)
    if 0 < months * IN_A_MONTH["seconds"] < 1:
        return "less than a second"
    return in_words(_two_digits(months * IN_A_MONTH[unit]), unit)


def between(first: float, last: float) -> str:
    """Two times after launch in one unit: "1 to 2.3 minutes"; in two where they are far apart."""
    if first <= 0 or last / first > FAR_APART:
        return f"{when(first)} to {when(last)}"
    low, high = (_two_digits(months * IN_A_MONTH[_unit_of(last)]) for months in (first, last))
    return when(last) if low == high else f"{digits(low)} to {in_words(high, _unit_of(last))}"


def _unit_of(months: float) -> str:
    """The largest unit of which it is two or more."""
    return next((unit for unit, each in IN_A_MONTH.items() if months * each >= 2), "seconds")


def _two_digits(value: float) -> float:
    return float(round(value)) if value >= 10 else float(f"{value:.2g}")


def digits(value: float) -> str:
    """Three digits, thousands set apart: "1,230,000", "0.0123", "9 x 10^23", "4.33 x 10^-5"."""
    short = float(f"{value:.3g}")
    if short and not SMALLEST_WRITTEN_OUT <= abs(short) < LARGEST_WRITTEN_OUT:
        mantissa, _, power = f"{short:.2e}".partition("e")
        return f"{float(mantissa):g} x 10^{int(power)}"
    return f"{short:,.0f}" if abs(short) >= 1000 else f"{short:g}"
