"""Two claims, judged by what was measured: accuracy decays and monitoring detects it; drift decides how often to train anew."""

from collections.abc import Sequence
from dataclasses import replace

from lessons_lib.drift import told
from lessons_lib.drift.alarms import Thresholds, power
from lessons_lib.drift.told import CLEARLY, best_detector
from lessons_lib.drift.weeks import HARMLESS, TOO_FEW, Watched
from lessons_lib.drift.year import PERIODS, SPEEDS, Measured, Prices, World, best_calendar
from lessons_lib.tables import Table

Verdict = dict[str, str]  # word and said
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
    figures = (
        f"{len(harmful)} of {len(lost)} kinds of drift cost accuracy, up to {max(lost.values()):.0f} points; {len(found)} of those "
        "ring within a week at full strength without a label"
    )
    if len(found) < len(harmful):
        missed = ", ".join(kind for kind in harmful if kind not in found)
        if not found:
            return _verdict("does not hold here", f"{figures}; not found that soon: {missed}.")
        return _verdict("holds only if", f"the drift is none of {missed}, which take longer to find: {figures}.")
    blind = [
        n for n in watched.without_labels if any(power(watched, limits, (k, full))[n].share < CLEARLY for k in harmful)
    ]
    if blind or len(harmful) < len(lost):
        condition = "you watch the right signals" if blind else "the drift touches what the model goes by"
        why = f"; {', '.join(blind)} would have missed some" if blind else ""
        return _verdict("holds only if", f"{condition}: {figures}{why}.")
    return _verdict("holds", f"{figures}.")


def rhythm(measured: Measured, prices: Prices, worlds: Sequence[World] = SPEEDS) -> Verdict:
    """Of "data drift decides how often to retrain": the cheapest calendar by speed of drift and by price of an error."""
    if max(measured.points_lost.values()) < HARMLESS:
        return _verdict("cannot be tested here", "this drift costs less than a percentage point of accuracy.")
    if measured.recovered < LITTLE:
        return _verdict(
            "cannot be tested here",
            f"the retraining brought the model {measured.recovered:.0%} of the way to the world of today.",
        )
    usual, dear, cheap = (_calendars(measured, prices, worlds, factor) for factor in (1, FACTOR, 1 / FACTOR))
    periods = told.listed([str(period) for period in PERIODS])
    said = f"in a simulated year on measured curves, of never and calendars of {periods} weeks the cheapest is {_where(worlds, usual)}"
    if len(set(usual)) == 1:
        return _verdict("does not hold here", f"{said}; at these prices the speed of the drift changes nothing.")
    if usual == dear == cheap:
        return _verdict("holds", f"{said}; with errors {FACTOR:g} times as dear, or as cheap, it is the same.")
    others = [
        f"with errors {factor} it is {_where(worlds, found, usual)}"
        for factor, found in ((f"{FACTOR:g} times as dear", dear), (f"a {FACTOR:g}th as dear", cheap))
        if found != usual
    ]
    return _verdict("holds only if", "; ".join([f"the price of an error is counted as well: {said}", *others]) + ".")


def rhythm_table(measured: Measured, prices: Prices, worlds: Sequence[World] = SPEEDS) -> Table:
    """The cheapest calendar by speed of the world and price of an error."""
    columns = {
        f"errors a {FACTOR:g}th as dear": 1 / FACTOR,
        "at your prices": 1,
        f"errors {FACTOR:g} times as dear": FACTOR,
    }
    found = {name: _calendars(measured, prices, worlds, factor) for name, factor in columns.items()}
    rows = [{"the world": world.name} | {name: row[i] for name, row in found.items()} for i, world in enumerate(worlds)]
    return Table("The cheapest calendar", rows)


def _calendars(measured: Measured, prices: Prices, worlds: Sequence[World], factor: float) -> list[str]:
    paid = replace(prices, point_week=factor * prices.point_week)
    return [str(best_calendar(world, measured, paid).policy) for world in worlds]


def _where(worlds: Sequence[World], found: Sequence[str], usual: Sequence[str] | None = None) -> str:
    """Which calendar in which world: of all, or of those in which it is not the usual one."""
    names: dict[str, list[str]] = {}
    for world, policy, before in zip(worlds, found, usual or [""] * len(found), strict=True):
        if policy != before:
            names.setdefault(policy, []).append(world.name)
    return told.listed([f"{policy} where the world {' or '.join(where)}" for policy, where in names.items()])


def _verdict(word: str, said: str) -> Verdict:
    """A condition goes on after "holds only if", and anything else begins with a capital."""
    return {"word": word, "said": said if word == "holds only if" else said[:1].upper() + said[1:]}
