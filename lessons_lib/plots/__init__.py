"""Result in, picture out: every picture carries an alternative text and a table of the same numbers.

The only user of matplotlib; figures are made without pyplot, so that nothing is shown twice and no backend is chosen.
Reading order: `picture`; then `images`, `mistakes`, `confusion`, `effects`, `curves`, `levels`, `race`,
`bars`, `bands`, `latencies`, `load`, `roofline`, `pareto` and `trade_off`, each a kind of picture.
"""

from lessons_lib.plots.bands import bands
from lessons_lib.plots.bars import bars
from lessons_lib.plots.confusion import confusion
from lessons_lib.plots.curves import learning_curves, lines, running_mean
from lessons_lib.plots.effects import effects
from lessons_lib.plots.images import contact_sheet
from lessons_lib.plots.latencies import latencies
from lessons_lib.plots.levels import levels
from lessons_lib.plots.load import load, simulated_load
from lessons_lib.plots.mistakes import mistakes
from lessons_lib.plots.pareto import MARKERS, idea_of, pareto
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.plots.race import race
from lessons_lib.plots.roofline import roofline
from lessons_lib.plots.trade_off import trade_off
from lessons_lib.tables import Table

__all__ = [
    "COLOURS", "MARKERS", "Picture", "Table", "bands", "bars", "confusion", "contact_sheet", "draw", "effects",
    "idea_of", "latencies", "learning_curves", "levels", "lines", "load", "mistakes", "pareto", "race", "roofline", "running_mean", "simulated_load", "trade_off",
]  # fmt: skip
