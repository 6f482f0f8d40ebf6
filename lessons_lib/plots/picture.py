"""The style of the course's pictures, and what every picture is: pixels, an alternative text and a table."""

import base64
import html
import io
from collections.abc import Callable
from typing import Any

from lessons_lib.tables import Table

# Okabe and Ito's palette: one colour per idea, the same in every lesson
COLOURS = {
    "CPU": "#56B4E9",
    "GPU": "#D55E00",
    "float32": "#0072B2",
    "int8": "#E69F00",
    "pruned": "#009E73",
    "both": "#CC79A7",
    "grey": "#666666",
}
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "figure.facecolor": "white",
    "text.parse_math": False,  # a class may be called "$"
}


class Picture:
    """A drawn figure with its twins: `alt` says what it shows, `table` holds the numbers. Shows itself in a notebook."""

    def __init__(self, png: bytes, alt: str, table: Table, width: int):
        self.png, self.alt, self.table, self.width = png, alt, table, width

    @property
    def img(self) -> str:
        """The picture as one HTML element with the figure inside it."""
        data = base64.b64encode(self.png).decode()
        return f'<img alt="{html.escape(self.alt, quote=True)}" width="{self.width}" style="max-width:100%" src="data:image/png;base64,{data}">'

    def _repr_html_(self) -> str:
        twin = f"<details><summary>The same as a table</summary>{self.table._repr_html_()}</details>"
        return f"<figure style='margin:0'>{self.img}</figure>{twin}"

    def __repr__(self) -> str:
        return f"[picture: {self.alt}]\n{self.table!r}"


def draw(
    paint: Callable[..., None], *, alt: str, table: Table, size: tuple[float, float] = (7.0, 3.2), panels: int = 1
) -> Picture:
    """Make a picture in the style of the course.

    Args:
        paint: called with one matplotlib Axes for each panel. alt: what the picture shows, in a sentence or two.
        table: the same numbers. size: inches. panels: side by side.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        paint(*axes)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=110)
    return Picture(stream.getvalue(), alt, table, round(size[0] * 96))
