"""Evidence that may be looked at after every request: a gambler's capital.

Somebody who believes that a hypothesis is wrong bets against it, with games that are fair or unfavourable if it is true. Nobody
multiplies their money in such games: with probability 1 - level the capital never reaches 1 / level, however long it goes on and
however often one looks (Ville's inequality). So a capital of 50 is evidence at a level of 2 %, at any time.

How much to stake is not known beforehand, so the money is spread over twelve stakes and each part plays on its own.

Sources: Ville, Étude critique de la notion de collectif, 1939; Robbins, Statistical methods related to the law of the iterated
logarithm, 1970 (mixtures); Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86, 2024.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

STAKES = np.geomspace(0.01, 0.95, 12)  # the shares of its money that each part stakes on a request
RATES = 12  # of failures that are tried against the tolerated one

Floats = NDArray[np.float64]


def log_worse(lost: ArrayLike, won: ArrayLike) -> Floats:
    """The logarithm of the capital against "the new version is wrong no more often than the live one".

    Of each request the game pays +1 where only the live version was right, -1 where only the new one was, and 0 where both or
    none were. If the hypothesis is true this is at most 0 on average.

    Args:
        lost, won: requests that only the live version got right, and only the new one; numbers or arrays of one shape.
    """
    return _mean_capital((lost, np.log1p(STAKES)), (won, np.log1p(-STAKES)))


def log_not_worse(lost: ArrayLike, won: ArrayLike, same: ArrayLike, margin: float) -> Floats:
    """The logarithm of the capital against "the new version is wrong more often by `margin` or more".

    The same game from the other side, with `margin` (0 to 1) added to what each request pays.

    Args:
        same: requests that both got right or both got wrong; others as in `log_worse`.
    """
    pays = ((lost, margin - 1), (won, margin + 1), (same, margin))
    return _mean_capital(*((count, np.log1p(STAKES * gain)) for count, gain in pays))


def log_failing(failures: ArrayLike, requests: ArrayLike, tolerated: float) -> Floats:
    """The logarithm of the capital against "no more than a share `tolerated` of the requests fails".

    A likelihood ratio against higher rates, averaged over twelve of them. Source: Wald, Sequential tests of statistical hypotheses,
    1945, with Robbins' mixture.
    """
    halfway = (1 + tolerated) / 2
    rates = np.geomspace(min(2 * tolerated, halfway), max(0.95, halfway), RATES)
    answered = np.asarray(requests) - np.asarray(failures)
    return _mean_capital(
        (failures, np.log(rates / tolerated)), (answered, np.log((1 - rates) / (1 - tolerated)))
    )  # fmt: skip


def log_needed(level: float) -> float:
    """The logarithm of the capital that is evidence at a level such as 0.02."""
    return float(-np.log(level))


def _mean_capital(*games: tuple[ArrayLike, Floats]) -> Floats:
    """log of the mean over all stakes of exp(sum of count x log factor); safe from overflow."""
    parts = sum(np.asarray(count, dtype=float)[..., None] * factors for count, factors in games)
    assert isinstance(parts, np.ndarray)
    top = parts.max(axis=-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(parts - top).mean(axis=-1))
