"""Drift: which detector rings for what, quiet weeks beside drifted ones, what a threshold costs, and a year of policies."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from lessons_lib.drift.cost import Choice, cheapest
from lessons_lib.drift.detectors import Scores
from lessons_lib.drift.told_costs import money
from lessons_lib.drift.year import Year
from lessons_lib.plots.bands import LINES
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def alarm_map(shares: Mapping[str, Mapping[str, float]], *, title: str) -> Picture:
    """A field for each kind of drift and detector; the darker, the more weeks ring; the number says how many of a hundred.

    Args:
        shares: 0 to 1, by kind, then by detector.
    """
    kinds, names = list(shares), list(next(iter(shares.values())))
    values = np.array([[100 * shares[kind][name] for name in names] for kind in kinds])

    def paint(axes: "Axes") -> None:
        axes.imshow(values, cmap="Blues", vmin=0, vmax=220, aspect="auto")
        for row, column in np.ndindex(*values.shape):
            axes.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center")
        axes.set_xticks(
            range(len(names)),
            [name.replace(" of ", " of\n").replace(" conf", "\nconf").replace(" (", "\n(") for name in names],
            fontsize=8,
        )
        axes.set_yticks(range(len(kinds)), kinds)
        axes.grid(False)
        axes.set_title(f"{title} (weeks of 100 with an alarm)")

    rows = [{"drift": kind} | {name: f"{shares[kind][name]:.0%}" for name in names} for kind in kinds]
    told = "; ".join(f"{kind}: " + ", ".join(f"{n} {shares[kind][n]:.0%}" for n in names) for kind in kinds)
    alt = f"{title}. Share of the weeks with an alarm. {told}."
    return draw(paint, alt=alt, table=Table(title, rows), size=(8.2, 1.2 + 0.38 * len(kinds)))


def week_scores(quiet: Scores, drifted: Scores, limit: float, *, title: str, xlabel: str) -> Picture:
    """How quiet and drifted weeks score, as two histograms, and the threshold between or among them."""
    low, high = min(quiet.min(), drifted.min(), limit), max(quiet.max(), drifted.max(), limit)
    places = np.linspace(low, high if high > low else low + 1, 41).tolist()
    seen = {"quiet weeks": (quiet, "float32", None), "weeks after the drift": (drifted, "GPU", "//")}

    def paint(axes: "Axes") -> None:
        for name, (scores, idea, hatch) in seen.items():
            share = np.full(len(scores), 100 / len(scores))
            axes.hist(
                scores,
                places,
                weights=share,
                color=COLOURS[idea],
                alpha=0.55,
                hatch=hatch,
                edgecolor="white",
                label=name,
            )
        axes.axvline(limit, color="black", linestyle="--", linewidth=1.5)
        axes.annotate(
            "alarm →",
            (limit, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -10),
            textcoords="offset points",
            fontsize=9,
        )
        axes.set(title=title, xlabel=xlabel, ylabel="% of the weeks")
        axes.legend(frameon=False, fontsize=9)

    rows = [
        {
            "weeks": name, "lowest": f"{scores.min():.3g}", "median": f"{np.median(scores):.3g}", "highest": f"{scores.max():.3g}",
            "above the threshold": f"{(scores > limit).mean():.1%}",
        }
        for name, (scores, _, _) in seen.items()
    ]  # fmt: skip
    told = "; ".join(
        f"{row['weeks']} {row['lowest']} to {row['highest']}, {row['above the threshold']} above" for row in rows
    )
    return draw(paint, alt=f"{title}. {xlabel}, threshold {limit:.3g}: {told}.", table=Table(title, rows))


def alarm_costs(choices: Sequence[Choice], *, title: str) -> Picture:
    """What a year costs at each threshold: looking after false alarms, and errors until the alarm; the cheapest is ringed."""
    often = [one.a_year for one in choices]
    parts = {
        "false alarms": [one.looking for one in choices],
        "errors until the alarm": [one.unseen for one in choices],
        "together": [one.total for one in choices],
    }
    best = cheapest(choices)

    def paint(axes: "Axes") -> None:
        for (name, values), (idea, style, marker) in zip(parts.items(), cycle(LINES), strict=False):
            axes.plot(often, values, style, marker=marker, color=COLOURS[idea], linewidth=2, label=name)
        axes.plot(best.a_year, best.total, "o", color="black", markersize=13, fillstyle="none")
        axes.set_xscale("log", base=2)
        axes.set_xticks(often, [f"{x:g}" for x in often])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: money(value))
        axes.set(title=title, xlabel="threshold, as false alarms a year that it was set for", ylabel="a year")
        axes.legend(frameon=False, fontsize=9)

    rows = [
        {
            "false alarms a year": f"{one.a_year:g}", "measured": f"{one.false_alarms:.1f}", "drifted weeks that ring": f"{one.chance:.0%}",
            "false alarms cost": money(one.looking), "errors cost": money(one.unseen), "together": money(one.total),
        }
        for one in choices
    ]  # fmt: skip
    told = ", ".join(f"{money(one.total)} at {one.a_year:g}" for one in choices)
    alt = f"{title}. Cost of a year by false alarms a year: {told}. Cheapest at {best.a_year:g}."
    return draw(paint, alt=alt, table=Table(title, rows))


def policy_years(years: Sequence[Year], *, title: str) -> Picture:
    """Points of accuracy lost in each week of a year, one line for each policy."""

    def paint(axes: "Axes") -> None:
        for one, (idea, style, _) in zip(years, cycle(LINES), strict=False):
            weeks = np.arange(1, len(one.points_lost) + 1)
            axes.plot(weeks, one.points_lost, style, color=COLOURS[idea], linewidth=2, label=str(one.policy))
        axes.set(title=title, xlabel="week after launch", ylabel="accuracy lost, points")
        axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))

    rows = [
        {
            "train anew": str(one.policy), "points lost, mean": f"{one.points_lost.mean():.1f}", "worst week": f"{one.points_lost.max():.1f}",
            "last week": f"{one.points_lost[-1]:.1f}", "retrainings": f"{one.retrainings:.1f}", "a year": money(one.cost),
        }
        for one in years
    ]  # fmt: skip
    told = "; ".join(
        f"{one.policy} {one.points_lost.mean():.1f} on average, {one.points_lost.max():.1f} at worst" for one in years
    )
    alt = f"{title}. Points of accuracy lost: {told}."
    return draw(paint, alt=alt, table=Table(title, rows), size=(8.6, 3.2))
