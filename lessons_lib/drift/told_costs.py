"""What drift and its alarms cost, and what a year of retraining does, in tables and in sentences."""

from collections.abc import Mapping, Sequence

from lessons_lib.drift.alarms import rate
from lessons_lib.drift.cost import Choice, Stakes, cheapest, choices
from lessons_lib.drift.retraining import Retrained
from lessons_lib.drift.told import CLEARLY, costs_words, listed
from lessons_lib.drift.weeks import Place, Watched
from lessons_lib.drift.year import TOLERATED, Year
from lessons_lib.tables import Table


def choice_table(watched: Watched, place: Place, stakes: Stakes) -> Table:
    """The cheapest threshold of each detector for one drift."""
    rows = []
    for name in watched.without_labels:
        best = cheapest(choices(watched, name, place, stakes))
        rows.append({
            "detector": name, "cheapest threshold, false alarms a year": f"{best.a_year:g}",
            "measured": f"{best.false_alarms:.1f}", "rings in": f"{best.chance:.0%} of the weeks",
            "weeks unseen": f"{best.weeks:.1f}", "looking": money(best.looking), "errors": money(best.unseen),
            "a year": money(best.total),
        })  # fmt: skip
    return Table(f"The cheapest threshold of each detector: {place[0]} at strength {place[1]:g}", rows)


def cheapest_detector(watched: Watched, place: Place, stakes: Stakes) -> tuple[str, Choice]:
    """The detector without labels whose cheapest threshold costs least."""
    found = {name: cheapest(choices(watched, name, place, stakes)) for name in watched.without_labels}
    name = min(found, key=lambda one: found[one].total)
    return name, found[name]


def choice_told(watched: Watched, place: Place, stakes: Stakes) -> str:
    """The cheapest detector and threshold, and what the wrong one would cost."""
    name, best = cheapest_detector(watched, place, stakes)
    dearest = max(choices(watched, name, place, stakes), key=lambda one: one.total)
    told = (
        f"A drift that {costs_words(watched, place)} ({place[0]}, strength {place[1]:g}) is cheapest to watch for with **{name}**, its "
        f"threshold set for {best.a_year:g} false alarms a year: {money(best.total)} a year."
    )
    if dearest.total <= best.total:
        return told
    return f"{told} The same detector set for {dearest.a_year:g} costs {money(dearest.total)}."


def blind_told(watched: Watched, name: str, limit: float) -> str:
    """Which harmful kinds a detector that was chosen for one drift would miss; empty where it misses none."""
    full = watched.strengths[-1]
    missed = [kind for kind in watched.kinds
              if watched.harmful((kind, full)) and rate(watched.drifted[kind, full][name], limit).share < CLEARLY]  # fmt: skip
    if not missed:
        return ""
    return f"It was chosen for this drift alone, and misses {listed(missed)} even at full strength: in production it needs others beside it."


def look_told(tolerated: float = TOLERATED) -> str:
    """What a look decides, and what a retraining does to the calendar."""
    point = "a percentage point" if tolerated == 1 else f"{tolerated:g} percentage points"
    return (
        f"After an alarm somebody looks: where {point} of accuracy or more is lost, the model is trained anew, and where it is less, the look was all; "
        "so a detector that goes on ringing for what does little harm costs a look each week. "
        "A retraining sets the calendar back to its first week: where alarms bring retrainings more often than the calendar would, the calendar "
        "is never reached, and both policies together cost the same as the alarm alone."
    )


def retrained_told(found: Retrained, parts: Mapping[str, float]) -> str:
    """What a retraining brought back, and what it costs."""
    total = sum(parts.values())
    most = max(parts, key=lambda part: parts[part])
    told = (
        f"{found.kind.capitalize()} at full strength: {found.before:.1%} right before, **{found.after:.1%}** after {found.seconds:.1f} s of training on "
        f"{found.labelled:,} labelled images of today, and {found.still:.1%} on images as they used to be (before: {found.quiet:.1%}). "
    )
    back = (
        f"That is {found.recovered:.0%} of what was lost." if found.before < found.quiet else "Nothing was lost before."
    )
    return told + (
        f"{back} It costs {money(total)}: {', '.join(f'{money(p)} for {n}' for n, p in parts.items())}. "
        f"Most of it goes to {most}."
    )


def year_table(years: Sequence[Year], world: str) -> Table:
    """One row for each policy."""
    rows = [
        {
            "train anew": str(one.policy), "looks": f"{one.looks:.1f}", "retrainings": f"{one.retrainings:.1f}",
            "accuracy lost on average, points": f"{one.points_lost.mean():.1f}",
            **{f"{part}, cost": money(cost) for part, cost in one.costs.items()}, "a year": money(one.cost),
        }
        for one in years
    ]  # fmt: skip
    return Table(f"A year in a world that {world}", rows)


def years_told(years: Sequence[Year], world: str) -> str:
    """The cheapest policy of a year, beside never."""
    best = min(years, key=lambda one: one.cost)
    never = next((one for one in years if str(one.policy) == "never"), None)
    beside = f"; never to train anew costs {money(never.cost)}" if never and never is not best else ""
    return f"In a world that {world}, **{best.policy}** is the cheapest of these: {money(best.cost)} a year{beside}."


def looks_told(years: Sequence[Year], world: str) -> str:
    """How many looks an alarm alone takes for each retraining."""
    one = next((one for one in years if str(one.policy) == "on alarm"), None)
    if one is None or one.looks < 1:
        return f"In a world that {world}, the alarm hardly rings."
    told = f"On alarm alone, a world that {world} takes {one.looks:.1f} looks and {one.retrainings:.1f} retrainings. "
    if one.looks > 2 * one.retrainings:
        return told + "This detector also hears what does no harm yet, and each look has its price."
    return told + "Most of its alarms are worth the look."


def money(amount: float) -> str:
    """In dollars: whole ones, with cents below ten."""
    if 0 < amount < 0.005:
        return "less than a cent"
    return f"${amount:,.2f}" if 0 < amount < 9.995 else f"${amount:,.0f}"
