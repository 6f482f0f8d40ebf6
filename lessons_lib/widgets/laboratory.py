"""The comparison laboratory of lesson 09: choose a configuration by keyboard or mouse, look it up, see where it lies."""

import html
from collections.abc import Sequence

from lessons_lib import plots
from lessons_lib.grid import Grid, Row, in_words
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table
from lessons_lib.widgets.fallback import have_widgets, show
from lessons_lib.widgets.keyboard import choice

HERE = {"cpu": "this machine's CPU", "cuda": "this machine's GPU"}


def places(grid: Grid, recordings: Sequence[Recording] = ()) -> dict[str, Grid]:
    """The rows by where they were measured: this machine's CPU, its GPU, and every recording under its label."""
    found = {HERE[kind]: Grid(tuple(r for r in grid.rows if r.device == kind)) for kind in HERE}
    found |= {recording.label: Grid(recording.rows) for recording in recordings}
    return {place: rows for place, rows in found.items() if rows.rows}


def describe(row: Row, place: str) -> str:
    """One configuration in two sentences."""
    told = in_words(row)
    against = "It is the baseline." if row.verdict == "the baseline" else f"Against the baseline: {row.verdict}."
    return (
        f"{row.name} at batch size {row.batch} on {place}: {told['latency']} a batch (p95 {told['p95']}), "
        f"{told['images/s']} images/s, {told['accuracy']} right, {told['size']}. {against}"
    )


def laboratory(grid: Grid, recordings: Sequence[Recording] = ()) -> None:
    """Show the controls, the sentence, the picture and its table; without widgets, the table of every batch size.

    Args:
        grid: from `compare.measure_grid`. recordings: results of other machines to choose from as well.

    Raises:
        ValueError: the grid holds no rows.
    """
    where = places(grid, recordings)
    if not where:
        raise ValueError("the grid holds no rows: run the cell that measures it first.")
    if not have_widgets():
        print(repr(grid))
        return
    bench = Bench(where)
    show(bench.widget, html=bench.readout.value + bench.picture.value, text=bench.text)


class Bench:
    """The widget: four choices on the left-hand side of every redraw, what they select on the other."""

    def __init__(self, where: dict[str, Grid]):
        import ipywidgets

        self.where = where
        self.place = choice("Device", list(where))
        self.variant, self.engine, self.batch = choice("Variant"), choice("Engine"), choice("Batch size")
        self.readout, self.picture = ipywidgets.HTML(), ipywidgets.HTML()
        self.readout.add_class("lab-readout")
        self.picture.add_class("lab-picture")
        self.text = ""
        self._drawn: dict[Row, str] = {}
        self._offering = False
        self._offer_choices()
        for control in self._controls:
            control.observe(self._changed, "value")
        self._redraw()
        self.widget = ipywidgets.VBox([*self._controls, self.readout, self.picture])

    @property
    def _controls(self) -> tuple:
        return self.place, self.variant, self.engine, self.batch

    @property
    def _grid(self) -> Grid:
        return self.where[self.place.value]

    def _changed(self, change: dict) -> None:
        if self._offering:  # what the offering itself changes is drawn once, when it is over
            return
        self._offering = True
        try:
            self._offer_choices()
        finally:
            self._offering = False
        self._redraw()

    def _offer_choices(self) -> None:
        """Only what was measured can be chosen; a choice that is still there stays chosen."""
        rows = self._grid.rows
        _offer(self.variant, [row.variant for row in rows])
        rows = tuple(row for row in rows if row.variant == self.variant.value)
        _offer(self.engine, [row.engine for row in rows])
        _offer(self.batch, [row.batch for row in rows if row.engine == self.engine.value])

    def _redraw(self) -> None:
        row = self._grid.find(self.variant.value, self.engine.value, self.batch.value)
        assert row is not None, "only what was measured can be chosen"
        self.text = describe(row, self.place.value)
        self.readout.value = f'<p role="status">{html.escape(self.text)}</p>'
        if row not in self._drawn:
            self._drawn[row] = self._draw(row)
        self.picture.value = self._drawn[row]

    def _draw(self, row: Row) -> str:
        picture = plots.pareto(self._grid.at(row.batch), self._grid.pareto(row.batch), row)
        return picture.img + _twin(picture.table)


def _twin(table: Table) -> str:
    return f"<details><summary>The same as a table</summary>{table._repr_html_()}</details>"


def _offer(control, values: list) -> None:
    options = tuple(dict.fromkeys(values))
    if options and control.options != options:
        kept = control.value if control.value in options else options[0]
        control.options = options
        control.value = kept
