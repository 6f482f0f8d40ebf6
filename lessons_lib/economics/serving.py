"""What predictions cost on machines that are paid by the hour."""

from lessons_lib.economics.refusing import ABOVE_0, AT_LEAST_1, NOT_BELOW_0, SHARE, require

SECONDS_PER_HOUR = 3600.0


def price_per_million(
    seconds_per_prediction: float, price_per_hour: float, utilisation: float = 1.0, redundancy: float = 1.0
) -> float:
    """The price of a million predictions where the machines are filled, in the currency of the price.

    Args:
        seconds_per_prediction: machine time; the latency of a batch divided by its size. price_per_hour: of one machine.
        utilisation: share of the paid time in which the machine predicts, above 0 and at most 1.
        redundancy: machines paid for each machine that is needed, 1 or more.

    Raises:
        ValueError: a number that cannot be; named.
    """
    require("seconds_per_prediction", seconds_per_prediction, ABOVE_0)
    require("price_per_hour", price_per_hour, NOT_BELOW_0)
    require("utilisation", utilisation, SHARE)
    require("redundancy", redundancy, AT_LEAST_1)
    return 1e6 * seconds_per_prediction / SECONDS_PER_HOUR * price_per_hour / utilisation * redundancy
