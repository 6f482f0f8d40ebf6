"""Long tables that a notebook shows folded; as text they stay whole."""

import html
from dataclasses import dataclass

from lessons_lib.tables import Table


@dataclass(frozen=True, repr=False)
class Folded(Table):
    """A table behind its caption, which opens it; by keyboard too."""

    def _repr_html_(self) -> str:
        return f"<details><summary>{html.escape(self.caption)}</summary>{super()._repr_html_()}</details>"
