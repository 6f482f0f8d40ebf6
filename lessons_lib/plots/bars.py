"""Horizontal bars with their values."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bars(rows: Sequence[dict[str, Any]], *, name: str, value: str, title: str, xlabel: str) -> Picture:
    """Horizontal bars with the value written at each; `rows` hold `name` (text) and `value` (a number)."""

    def paint(axes: "Axes") -> None:
        drawn = axes.barh([str(row[name]) for row in rows], [row[value] for row in rows], color=COLOURS["float32"])
        axes.bar_label(drawn, labels=[f" {_digits(row[value])}" for row in rows])
        axes.set(title=title, xlabel=xlabel)
        axes.invert_yaxis()
        axes.margins(x=0.15)

    told = ", ".join(f"{row[name]} {_digits(row[value])}" for row in rows)
    shown = [{name: row[name], xlabel: _digits(row[value])} for row in rows]
    return draw(paint, alt=f"{title} ({xlabel}): {told}.", table=Table(title, shown), size=(7, 0.6 + 0.4 * len(rows)))


def _digits(value: float) -> str:
    """Three digits, or whole numbers with thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
