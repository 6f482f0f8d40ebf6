"""A rollout: how the evidence grew while the share of the traffic did, and what a policy makes of better and worse versions."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.rollout.evidence import log_needed
from lessons_lib.rollout.replay import Replay
from lessons_lib.rollout.simulation import Outcomes
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST, HIGHEST = 1e-2, 10.0  # a capital below is drawn here, and one above that times what is needed


def evidence(done: Replay) -> Picture:
    """Both capitals of a rollout against the requests that were compared, with the share of the traffic written above.

    Args:
        done: a finished rollout; it needs at least one look.
    """
    looks, policy = done.router.looks, done.router.policy
    compared = [look.compared for look in looks]
    needed = np.exp(log_needed(policy.level))
    lines = {
        "it is worse": [look.log_worse for look in looks],
        "it is not worse": [look.log_not_worse for look in looks],
    }
    changes = [looks[0], *(b for a, b in pairwise(looks) if a.share != b.share)] if looks else []

    almost = _almost(done, needed)

    def paint(axes: "Axes") -> None:
        for (name, values), idea, style in zip(lines.items(), ("GPU", "float32"), ("--", "-"), strict=True):
            capital = np.clip(np.exp(np.minimum(values, 30)), LOWEST, HIGHEST * needed)
            axes.plot(compared, capital, style, color=COLOURS[idea], linewidth=2)
            more = " (and more)" if values[-1] > np.log(HIGHEST * needed) else ""
            axes.annotate(f" {name}{more}", (compared[-1], capital[-1]), color=COLOURS[idea], va="center")
        axes.axhline(needed, color="black", linewidth=1, linestyle=":")
        axes.annotate("enough", (0, needed), xytext=(4, 3), textcoords="offset points", fontsize=9)
        for place, look in enumerate(changes):
            since = look.compared if place else 0
            axes.axvline(since, color=COLOURS["grey"], linewidth=0.6)
            axes.annotate(
                f"{look.share:.0%}", (since, 14 * needed), xytext=(2, 0), textcoords="offset points", fontsize=8
            )
        axes.set(xlabel="compared requests", ylabel="evidence (capital)", yscale="log", ylim=(LOWEST, 30 * needed))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_title(f"{done.name}: {done.router.word}{almost}")
        axes.margins(x=0.25)
        axes.set_xlim(left=0)

    last = looks[-1] if looks else None
    told = (
        f"Rollout of {done.name}: {done.router.word} after {last.compared:,} compared requests, at {done.highest_share:.0%} of the "
        f"traffic. Evidence that it is worse: {_capital(last.log_worse)}; that it is not worse: {_capital(last.log_not_worse)}; "
        f"{needed:.0f} is enough{almost}."
        if last
        else f"Rollout of {done.name}: {done.router.word} before two versions could be compared. {done.router.why}"
    )
    rows = [
        {
            "compared requests": f"{look.compared:,}", "share of the traffic": f"{look.share:.0%}",
            "evidence: worse": _capital(look.log_worse), "evidence: not worse": _capital(look.log_not_worse),
        }
        for look in [*changes, *looks[-1:]]
    ]  # fmt: skip
    return draw(
        paint if looks else _nothing,
        alt=told,
        table=Table(f"Rollout of {done.name}", rows or [{"why": done.router.why}]),
    )


def fates(
    differences: Sequence[float],
    outcomes: Sequence[Outcomes],
    margin: float,
    before: float,
    chosen: float | None = None,
) -> Picture:
    """What becomes of versions that are better or worse: how many are promoted, and how many are rolled back early.

    Args:
        differences: how much more often each is wrong, -1 to 1. outcomes: its simulated rollouts. margin: of the policy.
        before: early is before this share of the traffic. chosen: one of the differences, marked.
    """
    points = [100 * value for value in differences]
    up = [100 * found.promoted_share for found in outcomes]
    back = [100 * found.rolled_back_before(before) for found in outcomes]

    def paint(axes: "Axes") -> None:
        axes.axvspan(0, 100 * margin, color="#EEEEEE")
        axes.plot(points, up, "o-", color=COLOURS["float32"], linewidth=2)
        axes.plot(points, back, "s--", color=COLOURS["GPU"], linewidth=2)
        axes.annotate(
            "promoted", (points[0], up[0]), xytext=(0, -14), textcoords="offset points", color=COLOURS["float32"]
        )
        axes.annotate(
            f"rolled back before {before:.0%}", (points[-1], back[-1]), xytext=(0, -14), textcoords="offset points",
            color=COLOURS["GPU"], ha="right",
        )  # fmt: skip
        if chosen is not None:
            axes.axvline(100 * chosen, color="black", linewidth=1.5)
        axes.set(
            xlabel="how much more often the new version is wrong, points (grey: below the margin)",
            ylabel="% of the rollouts",
        )
        axes.set_ylim(-5, 108)

    rows = [
        {
            "difference, points": f"{point:+.1f}", "promoted": f"{share:.0f}%", f"rolled back before {before:.0%}": f"{early:.0f}%",
            "compared requests, median": f"{np.median(found.compared):,.0f}",
        }
        for point, share, early, found in zip(points, up, back, outcomes, strict=True)
    ]  # fmt: skip
    told = "; ".join(f"{row['difference, points']} points: {row['promoted']} promoted" for row in rows)
    return draw(
        paint,
        alt=f"Simulated rollouts with a margin of {100 * margin:g} points. {told}.",
        table=Table("Simulated rollouts", rows),
    )


def _almost(done: Replay, needed: float) -> str:
    """How near the evidence came to a roll back before there was enough, where a line in the picture would hide it."""
    before = max((look.log_worse for look in done.router.looks[:-1]), default=-np.inf)
    if done.router.word != "rolled back" or before < np.log(needed / 2):
        return ""
    return f" (before, at most {_capital(before)} of {needed:.0f})"


def _capital(log_capital: float) -> str:
    """A capital in few digits: "0.02", "7.3", "14,467"."""
    if log_capital > np.log(1e6):
        return "over 1,000,000"
    value = float(np.exp(log_capital))
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.01 else "below 0.01"


def _nothing(axes: "Axes") -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, "no request was compared", ha="center")
