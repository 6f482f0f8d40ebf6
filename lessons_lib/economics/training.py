"""What training costs, the runs that fail included."""

from lessons_lib.economics.refusing import ABOVE_0, BELOW_1, NOT_BELOW_0, require


def training_cost(hours: float, price_per_hour: float, runs: float = 1, failed_share: float = 0.0) -> float:
    """The price of so many finished runs, in the currency of the price.

    A run that fails is paid for like one that ends well: of `started` runs `started * (1 - failed_share)` are finished.

    Args:
        hours: machine time of one run. price_per_hour: of the machine. runs: that have to end well.
        failed_share: of the runs that are started, 0 or more and below 1.

    Raises:
        ValueError: a number that cannot be; named.
    """
    require("hours", hours, NOT_BELOW_0)
    require("price_per_hour", price_per_hour, NOT_BELOW_0)
    require("runs", runs, ABOVE_0)
    require("failed_share", failed_share, BELOW_1)
    return hours * price_per_hour * runs / (1 - failed_share)
