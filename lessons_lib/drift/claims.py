"""Two claims, judged by what was measured: accuracy decays and monitoring detects it; drift decides how often to train anew."""

from collections.abc import Sequence
from dataclasses import replace

from lessons_lib.drift.alarms import Thresholds, power
from lessons_lib.drift.told import CLEARLY, best_detector
from lessons_lib.drift.weeks import HARMLESS, Watched
from lessons_lib.drift.year import PERIODS, SPEEDS, Measured, Prices, World, best_calendar

Verdict = dict[str, str]  # word and said
TOO_FEW = 20  # images a week
FACTOR = 10.0  # how much dearer or cheaper errors may be
LITTLE = 0.1  # of the way to the world of today


def decays(watched: Watched, limits: Thresholds) -> Verdict:
    """Of "accuracy decays as production data drifts; monitoring detects it"."""
    full = watched.strengths[-1]
    lost = {kind: watched.points_lost((kind, full)) for kind in watched.kinds}
    harmful = [kind for kind in lost if watched.harmful((kind, full))]
    if watched.size < TOO_FEW:
        return _verdict("cannot be tested here", f"a week has {watched.size} images; with so few, chance rules.")
    if not harmful:
        return _verdict(
            "does not hold here", "none of the drifts cost a percentage point of accuracy, or more than chance makes."
        )
    found = [kind for kind in harmful if best_detector(watched, limits, (kind, full))[1] >= CLEARLY]
    told = (
        f"{len(harmful)} of {len(lost)} kinds of drift cost accuracy, up to {max(lost.values()):.0f} points; {len(found)} of those "
        "ring within a week at full strength without a label"
    )
    if len(found) < len(harmful):
        missed = ", ".join(kind for kind in harmful if kind not in found)
        word = "holds only if" if found else "does not hold here"
        return _verdict(word, f"{told}; not found that soon: {missed}.")
    blind = [
        n for n in watched.without_labels if any(power(watched, limits, (k, full))[n].share < CLEARLY for k in harmful)
    ]
    if blind or len(harmful) < len(lost):
        condition = "you watch the right signals" if blind else "the drift touches what the model goes by"
        why = f"; {', '.join(blind)} would have missed some" if blind else ""
        return _verdict("holds only if", f"{condition}: {told}{why}.")
    return _verdict("holds", f"{told}.")


def rhythm(measured: Measured, prices: Prices, worlds: Sequence[World] = SPEEDS) -> Verdict:
    """Of "data drift decides how often to retrain": the cheapest calendar by speed of drift and by price of an error."""
    if max(measured.points_lost.values()) < HARMLESS:
        return _verdict("cannot be tested here", "this drift costs less than a percentage point of accuracy.")
    if measured.recovered < LITTLE:
        return _verdict(
            "cannot be tested here",
            f"the retraining brought the model {measured.recovered:.0%} of the way to the world of today.",
        )
    usual, dear, cheap = (_calendars(measured, replace(prices, point_week=factor * prices.point_week), worlds)
                          for factor in (1, FACTOR, 1 / FACTOR))  # fmt: skip
    told = ", ".join(f"{policy} where the world {world.name}" for world, policy in zip(worlds, usual, strict=True))
    said = f"in a simulated year on measured curves, of calendars of {PERIODS[0]} to {PERIODS[-1]} weeks the cheapest is {told}"
    if len(set(usual)) == 1:
        return _verdict("does not hold here", f"{said}; at these prices the speed of the drift changes nothing.")
    if usual == dear == cheap:
        return _verdict("holds", f"{said}; with errors {FACTOR:g} times as dear, or as cheap, it is the same.")
    others = f"with errors {FACTOR:g} times as dear {', '.join(dear)}; as cheap {', '.join(cheap)}"
    return _verdict("holds only if", f"the price of an error is counted as well: {said}; {others}.")


def _calendars(measured: Measured, prices: Prices, worlds: Sequence[World]) -> list[str]:
    return [str(best_calendar(world, measured, prices).policy) for world in worlds]


def _verdict(word: str, said: str) -> Verdict:
    return {"word": word, "said": said[:1].upper() + said[1:]}
