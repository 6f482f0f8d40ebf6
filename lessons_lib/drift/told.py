"""What was found about drift, in tables and in sentences that are true whatever came out."""

import math
from collections.abc import Mapping, Sequence

from lessons_lib.drift.alarms import Rate, Thresholds, any_of, false_alarms, power, weeks_until
from lessons_lib.drift.kinds import OTHER_MIX
from lessons_lib.drift.psi import BINS
from lessons_lib.drift.weeks import TOO_FEW, Place, Watched
from lessons_lib.tables import Table

CLEARLY = 0.95  # of the weeks
OFTEN = 0.2  # of the weeks


def accuracy_series(watched: Watched) -> dict[str, dict[float, list[float]]]:
    """Accuracy in per cent by strength, for `plots.bands`."""
    return {
        kind: {0.0: [100 * watched.quiet_accuracy]}
        | {strength: [100 * watched.accuracies[kind, strength]] for strength in watched.strengths}
        for kind in watched.kinds
    }


def worst(watched: Watched) -> Place:
    """The drift that costs most accuracy."""
    return max(watched.drifted, key=watched.points_lost)


def falls_told(watched: Watched) -> str:
    """What the strongest drift of each kind does to the accuracy."""
    full = watched.strengths[-1]
    lost = {kind: watched.points_lost((kind, full)) for kind in watched.kinds}
    most = max(lost, key=lambda kind: lost[kind])
    harmless = [kind for kind in lost if not watched.harmful((kind, full))]
    if len(harmless) == len(lost):
        return (
            f"No drift here costs more than chance makes, or as much as a point: the most is {lost[most]:.1f} points, **{most}**, and with so "
            f"many images chance alone makes {watched.grain:.1f}."
        )
    told = (
        f"Without drift the model is right for {watched.quiet_accuracy:.1%} of the images. At full strength **{most}** costs most, "
        f"{lost[most]:.1f} percentage points"
    )
    if not harmless:
        return f"{told}; every kind costs some."
    return f"{told}; less than a point, or no more than chance makes, is lost to {', '.join(harmless)}."


def rules_table(rules: Mapping[str, Rate]) -> Table:
    """How often each rule rings in quiet weeks."""
    rows = [{"rule": rule, "quiet weeks with an alarm (95 % interval)": str(one), "false alarms a year": f"{one.a_year:.1f}"}
            for rule, one in rules.items()]  # fmt: skip
    return Table("Textbook rules in weeks in which nothing has changed", rows)


def rules_told(rules: Mapping[str, Rate]) -> str:
    """The most frequent false alarm of the rules."""
    rule, one = max(rules.items(), key=lambda item: item[1].share)
    told = (
        f'"{rule}" rings in {one.share:.0%} of the weeks in which nothing has changed, {one.a_year:.0f} times a year. '
    )
    if one.share > 0.25:
        return told + "Nobody answers such an alarm for long."
    return told + "That can be lived with, if each look is cheap."


def psi_told(size: int, reference: int) -> str:
    """How large the index is where nothing has changed; the usual approximation wants more than a few images in each bin."""
    if size < TOO_FEW or reference < 10 * BINS:
        return f"with so few images, {size} a week and {reference} in the reference, it can be anything"
    usual = (BINS - 1) * (1 / size + 1 / reference)
    return f"with {BINS} bins, {size:,} images a week and {reference:,} in the reference it is about {usual:.2f}"


def chance_of_any(rate: float, tests: int) -> float:
    """The probability that at least one of several independent tests rings: 1 - (1 - rate)^tests."""
    return 1 - (1 - rate) ** tests


def false_alarm_table(watched: Watched, limits: Thresholds) -> Table:
    """What each detector does in quiet weeks that its threshold was not chosen on."""
    rows = [
        {
            "detector": name,
            "threshold": f"{limits[name]:.3g}",
            "quiet weeks with an alarm (95 % interval)": str(one),
            "false alarms a year": f"{one.a_year:.1f}",
        }
        for name, one in false_alarms(watched, limits).items()
    ]
    return Table(f"Thresholds chosen on quiet weeks, tried on {len(next(iter(watched.quiet.values()))):,} others", rows)


def stated_told(watched: Watched, limits: Thresholds, a_year: float) -> str:
    """Whether each detector keeps the rate of false alarms that its threshold was set for."""
    rate = a_year / 52
    over = [name for name, one in false_alarms(watched, limits).items() if not one.within(rate)]
    told = f"Set for {a_year:g} false alarm{'s' * (a_year != 1)} a year, {rate:.1%} of the weeks: "
    if not over:
        return told + "**every detector keeps it**, as far as so many quiet weeks can tell."
    return (
        f"{told}**{', '.join(over)}** ring{'s' * (len(over) == 1)} more often on other images. The threshold knows the images it was chosen on; "
        "with few of them, other images already look new. More reference images help."
    )


def together_told(watched: Watched, alone: Thresholds, shared: Thresholds) -> str:
    """What several detectors do together, each with its own rate or with a share of it."""
    names = watched.without_labels
    apart, corrected = (any_of(watched.quiet, limits, names) for limits in (alone, shared))
    return (
        f"{len(names)} detectors without labels, each with that rate: in {apart.share:.1%} of the quiet weeks at least one rings, "
        f"{apart.a_year:.1f} times a year. With a rate of a {len(names)}th for each (**Bonferroni**) it is {corrected.share:.1%}, "
        f"{corrected.a_year:.1f} times a year."
    )


def alarm_shares(watched: Watched, limits: Thresholds, strength: float) -> dict[str, dict[str, float]]:
    """The share of weeks with an alarm by kind of drift and detector, at one strength."""
    return {
        kind: {name: one.share for name, one in power(watched, limits, (kind, strength)).items()}
        for kind in watched.kinds
    }


def best_detector(watched: Watched, limits: Thresholds, place: Place) -> tuple[str, float]:
    """The detector without labels that rings most often after a drift, and in which share of the weeks."""
    found = power(watched, limits, place)
    name = max(watched.without_labels, key=lambda one: found[one].share)
    return name, found[name].share


def delay_table(watched: Watched, limits: Thresholds) -> Table:
    """For each drift: what it costs, which detector finds it, and after how many weeks 95 of 100 such drifts are found."""
    rows = []
    for place in watched.drifted:
        name, chance = best_detector(watched, limits, place)
        with_labels = power(watched, limits, place)
        seen = next((with_labels[n].share for n, w in watched.watches.items() if w == "labels"), math.nan)
        rows.append({
            "drift": place[0], "strength": f"{place[1]:g}", "accuracy lost, points": f"{watched.points_lost(place):.1f}",
            "best without labels": name, "rings in": f"{chance:.0%} of the weeks", "found within": weeks_word(weeks_until(chance)),
            "with labels": weeks_word(weeks_until(seen)),
        })  # fmt: skip
    return Table("How soon 95 of 100 such drifts are found", rows)


def listed(names: Sequence[str]) -> str:
    """Names as one says them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def weeks_word(weeks: float) -> str:
    """A number of weeks, "1 week", or that it is more than a year."""
    return f"{weeks:g} week{'s' * (weeks != 1)}" if weeks <= 52 else "not in a year"


def noticed_told(watched: Watched, limits: Thresholds) -> str:
    """Which detectors see every harmful drift, which miss some, and whether a harmless one rings."""
    full = watched.strengths[-1]
    harmful = [kind for kind in watched.kinds if watched.harmful((kind, full))]
    if not harmful:
        return "No drift here costs as much as a point of accuracy and more than chance makes, so there is nothing that ought to ring."
    seeing = {
        name: [kind for kind in harmful if _first_clear(watched, limits, kind, name) is not None]
        for name in watched.without_labels
    }
    all_seen = [name for name, kinds in seeing.items() if len(kinds) == len(harmful)]
    told = [
        f"**{listed(all_seen)}** find every kind that costs accuracy, at full strength at the latest." if len(all_seen) > 1
        else f"Only **{all_seen[0]}** finds every kind that costs accuracy." if all_seen
        else "**No detector finds every kind** that costs accuracy: it takes several."
    ]  # fmt: skip
    blind = [f"{name} ({', '.join(k for k in harmful if k not in kinds)})" for name, kinds in seeing.items()
             if len(kinds) < len(harmful)]  # fmt: skip
    if blind:
        told.append(f"Not found even at full strength, in 95 of 100 weeks: {'; '.join(blind)}.")
    return " ".join([*told, _loudest_told(watched, limits, harmful), _harmless_told(watched, limits)]).strip()


def _loudest_told(watched: Watched, limits: Thresholds, harmful: Sequence[str]) -> str:
    """The detector that rings most often, over all strengths of the kinds that do harm."""
    found = [power(watched, limits, place) for place in watched.drifted if place[0] in harmful]
    shares = {name: sum(one[name].share for one in found) / len(found) for name in watched.without_labels}
    name = max(shares, key=lambda one: shares[one])
    return f"Over all these kinds and strengths **{name}** rings most often, in {shares[name]:.0%} of the weeks."


def _first_clear(watched: Watched, limits: Thresholds, kind: str, name: str) -> float | None:
    """The smallest strength at which a detector rings in nearly every week."""
    return next((s for s in watched.strengths if power(watched, limits, (kind, s))[name].share >= CLEARLY), None)


def _harmless_told(watched: Watched, limits: Thresholds) -> str:
    full = watched.strengths[-1]
    if OTHER_MIX not in watched.kinds or watched.harmful((OTHER_MIX, full)):
        return ""
    name, chance = best_detector(watched, limits, (OTHER_MIX, full))
    if chance < OFTEN:
        return ""
    return (
        f'Yet "{OTHER_MIX}" {costs_words(watched, (OTHER_MIX, full))} at full strength, and {name} rings in '
        f"{chance:.0%} of its weeks: an alarm says **different**, not **worse**."
    )


def costs_words(watched: Watched, place: Place) -> str:
    """What a drift does to the accuracy: "costs 5.0 points", or that it does no harm to speak of."""
    points = watched.points_lost(place)
    return (
        f"costs {points:.1f} points"
        if watched.harmful(place)
        else f"costs no more than chance makes, or less than a point ({points:.1f})"
    )
