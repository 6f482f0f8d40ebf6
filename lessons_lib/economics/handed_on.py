"""What lesson 10 hands on to lesson 11: the price of a machine-hour, and how many runs a retraining takes."""

from dataclasses import dataclass

from lessons_lib import record
from lessons_lib.economics.inputs import KINDS, Input
from lessons_lib.economics.refusing import NOT_BELOW_0, require
from lessons_lib.economics.units import in_words, number

ASSUMED_PRICE = 0.10  # USD an hour: where neither lesson 10 nor the learner says otherwise
NAMES = ("training_price", "retraining_runs", "failed_share")


@dataclass(frozen=True)
class Machine:
    """The machine that trains anew.

    price_per_hour: in USD. runs: that have to end well for one retraining. failed_share: of the runs that are started.
    told: all of it in a sentence, with where it comes from.
    """

    price_per_hour: float
    runs: float
    failed_share: float
    told: str


def machine(device: str, price_per_hour: float | None = None) -> Machine:
    """What lesson 10 assumed of the machine that trains; without it one run, none of which fails, at an assumed price.

    Args:
        device: "cpu" or "cuda". price_per_hour: USD, in place of lesson 10's.

    Raises:
        Mistake: the price is no number, or below 0.
    """
    if price_per_hour is not None:
        require("MACHINE_HOUR", price_per_hour, NOT_BELOW_0)
    found = from_record(device)
    price, whence = _price(found) if price_per_hour is None else (price_per_hour, "your MACHINE_HOUR")
    told = f"A machine-hour costs {in_words(price, 'USD')} ({whence})"
    if not found:
        return Machine(price, 1.0, 0.0, f"{told}.")
    runs, failed = (_number(found[name]) for name in ("retraining_runs", "failed_share"))
    planned = f"a retraining takes {in_words(runs, 'run')} that end well, and {failed:.0%} of those started fail"
    return Machine(price, runs, failed, f"{told}; {planned} (lesson 10).")


def from_record(device: str) -> dict[str, Input] | None:
    """The inputs of the fullest run of lesson 10 on such a device.

    Returns:
        None where there is no run, or none that can be used.
    """
    measured = (event for event in record.events("measurement") if event.get("name") == "10.costs")
    event = record.fullest(event for event in measured if str(event.get("device")).partition(":")[0] == device)
    try:
        return {name: Input(**(event["inputs"][name] | {"name": name})) for name in NAMES} if event else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _price(found: dict[str, Input] | None) -> tuple[float, str]:
    """USD an hour, and where that comes from."""
    if not found:
        return ASSUMED_PRICE, "an assumption: your record holds no price of lesson 10 for this device"
    one = found["training_price"]
    return _number(one), f"training_price of lesson 10: {one.source.partition(';')[0]}"


def _number(one: Input) -> float:
    return number(one.quantity, KINDS[one.name].unit)
