"""Result in, picture out: every picture carries an alternative text and a table of the same numbers.

The only user of matplotlib; figures are made without pyplot, so that nothing is shown twice and no backend is chosen.
Reading order: `picture`; then `images`, `mistakes`, `confusion`, `effects`, `curves`, `levels`, `race`,
`bars`, `budgets`, `bands`, `latencies`, `load`, `roofline`, `pareto`, `costs`, `trade_off`, `rollout` and `drift`, each a kind of picture.
"""

from lessons_lib.plots.bands import bands
from lessons_lib.plots.bars import bars
from lessons_lib.plots.budgets import budgets
from lessons_lib.plots.confusion import confusion
from lessons_lib.plots.costs import bill_shares, costs_over_time, tornado
from lessons_lib.plots.curves import learning_curves, lines, running_mean
from lessons_lib.plots.drift import alarm_costs, alarm_map, policy_years, week_scores
from lessons_lib.plots.effects import effects
from lessons_lib.plots.images import contact_sheet
from lessons_lib.plots.latencies import latencies
from lessons_lib.plots.levels import levels
from lessons_lib.plots.load import load, simulated_load
from lessons_lib.plots.mistakes import mistakes
from lessons_lib.plots.pareto import MARKERS, idea_of, pareto
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.plots.race import race
from lessons_lib.plots.rollout import evidence, fates
from lessons_lib.plots.roofline import roofline
from lessons_lib.plots.trade_off import trade_off
from lessons_lib.tables import Table

__all__ = [
    "COLOURS", "MARKERS", "Picture", "Table", "alarm_costs", "alarm_map", "bands", "bars", "bill_shares", "budgets", "confusion", "contact_sheet", "costs_over_time", "draw", "effects", "evidence", "fates",
    "idea_of", "latencies", "learning_curves", "levels", "lines", "load", "mistakes", "pareto", "policy_years", "race", "roofline", "running_mean", "simulated_load", "tornado", "trade_off", "week_scores",
]  # fmt: skip
