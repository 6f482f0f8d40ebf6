"""Which share of the bill is training's, and when: the two claims of 80 to 90 % in one picture."""

import math
from dataclasses import dataclass

from lessons_lib.economics.crossing import curves, overtakes
from lessons_lib.economics.inputs import Inputs
from lessons_lib.economics.units import between, digits, when
from lessons_lib.tables import Table

CLAIMED = (0.8, 0.9)
FEWEST, MOST = 1e-3, 1e15  # requests a day


@dataclass(frozen=True)
class Windows:
    """Months after launch in which a claim holds, from and to; None: never reached.

    training: the bill so far is 80 to 90 % training. inference: it is 80 to 90 % inference.
    """

    training: tuple[float | None, float | None]
    inference: tuple[float | None, float | None]


def months_of(inputs: Inputs, share: float) -> float | None:
    """When inference first has this share of all that was paid so far; None where it never has."""
    return overtakes(curves(inputs), share / (1 - share)).months


def windows(inputs: Inputs) -> Windows:
    """When each of the two claims holds."""
    low, high = CLAIMED
    return Windows(
        (months_of(inputs, 1 - high), months_of(inputs, 1 - low)), (months_of(inputs, low), months_of(inputs, high))
    )


def inference_share(inputs: Inputs, months: float | None = None) -> float:
    """Inference's share of the bill until `months` after launch, or of the whole life."""
    found, life = curves(inputs), inputs.numbers()["lifetime"] if months is None else months
    served, trained = float(found.serving(life)), float(found.training(life))
    return served / (served + trained) if served + trained else math.nan


def requests_for(inputs: Inputs, share: float) -> float | None:
    """Requests a day at which inference has this share of the bill of the whole life.

    Returns:
        None where it has more at any traffic, because some machines always run.
    """
    from scipy.optimize import brentq

    def beyond(logarithm: float) -> float:
        return inference_share(inputs.changed(requests=f"{math.exp(logarithm)!r} prediction/day")) - share

    low, high = math.log(FEWEST), math.log(MOST)
    if not beyond(low) < 0 < beyond(high):
        return None
    return math.exp(brentq(beyond, low, high, xtol=1e-9))


def table(inputs: Inputs) -> Table:
    """Both claims with the months and the traffic at which they hold."""
    found, life = windows(inputs), inputs["lifetime"]
    low, high = CLAIMED
    rows = []
    for name, months, shares in (
        ("80 to 90 % is training", found.training, (1 - high, 1 - low)),
        ("80 to 90 % is inference", found.inference, (low, high)),
    ):
        rows.append(
            {
                "claim": name,
                "at this traffic, counted from launch on": _months_between(*months),
                f"over {life.told(life.value)}, if launched with": _requests_between(
                    *(requests_for(inputs, share) for share in shares)
                ),
            }
        )
    return Table("Both claims, and when each holds", rows)


def _months_between(first: float | None, last: float | None) -> str:
    if first is None:
        return "never"
    return f"from {when(first)} on" if last is None else f"from {between(first, last)}"


def _requests_between(first: float | None, last: float | None) -> str:
    if last is None:
        return "at no traffic: the machines that always run cost more"
    start = "up to" if first is None else f"{digits(first)} to"
    return f"{start} {digits(last)} requests a day"
