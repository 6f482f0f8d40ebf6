"""The claims ledger: what is said about training and inference, held against what this learner measured.

Reading order: `claims`, `events`, `judged`, `earlier`, `rows`, `table`, `figures`, `questions`, `glance`.
"""

from lessons_lib.ledger.glance import at_a_glance
from lessons_lib.ledger.questions import usual_questions
from lessons_lib.ledger.rows import Row, ledger
from lessons_lib.ledger.table import ledger_table

__all__ = ["Row", "at_a_glance", "ledger", "ledger_table", "usual_questions"]
