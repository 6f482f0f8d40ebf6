"""Result in, picture out: every picture carries an alternative text and a table of the same numbers.

The only user of matplotlib; figures are made without pyplot, so that nothing is shown twice and no backend is chosen.
Reading order: `picture`; then `images`, `curves`, `bars`, `bands` and `pareto`, each a kind of picture.
"""

from lessons_lib.plots.bands import bands
from lessons_lib.plots.bars import bars
from lessons_lib.plots.curves import learning_curves, lines, running_mean
from lessons_lib.plots.images import contact_sheet
from lessons_lib.plots.pareto import MARKERS, idea_of, pareto
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

__all__ = [
    "COLOURS", "MARKERS", "Picture", "Table", "bands", "bars", "contact_sheet", "draw", "idea_of", "learning_curves", "lines",
    "pareto", "running_mean",
]  # fmt: skip
