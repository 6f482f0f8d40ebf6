"""How far a figure can be relied on: worked out again at both ends of everything that was measured.

What was measured ranges between quartiles, or from the median to p95. The figures of the model rise or fall throughout with
each input, so that their lowest and highest values lie at such ends. Assumptions stay as they are: they are a choice.
"""

import math
from collections.abc import Callable
from itertools import product

from lessons_lib.economics.inputs import Inputs


def ends(inputs: Inputs) -> list[Inputs]:
    """The inputs as they are, then with every combination of the low and high ends of those that were measured."""
    ranges = {name: {one.low, one.high} for name, one in inputs.items() if one.measured}
    return [inputs, *(inputs.changed(**dict(zip(ranges, values, strict=True))) for values in product(*ranges.values()))]


def within(inputs: Inputs, figure: Callable[[Inputs], float | None]) -> tuple[float, float]:
    """The lowest and the highest value of a figure at these ends; None counts as infinite: it is never reached."""
    values = [figure(one) for one in ends(inputs)]
    reached = [math.inf if value is None else value for value in values]
    return min(reached), max(reached)
