"""The comparison laboratory of lesson 09: choose a configuration by keyboard or mouse, look it up, see where it lies."""

from collections.abc import Sequence

from lessons_lib import plots
from lessons_lib.explained import Mistake
from lessons_lib.grid import Grid, Row, in_words
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table
from lessons_lib.widgets.explorer import status
from lessons_lib.widgets.fallback import have_widgets, show
from lessons_lib.widgets.keyboard import choice

HERE = {"cpu": "this machine's CPU", "cuda": "this machine's GPU"}


def places(grid: Grid, recordings: Sequence[Recording] = ()) -> dict[str, Grid]:
    """The rows by where they were measured: this machine's CPU, its GPU, and every recording under its label."""
    found = {HERE[kind]: Grid(tuple(r for r in grid.rows if r.device == kind)) for kind in HERE}
    for recording in recordings:
        alike = sum(place.startswith(recording.label) for place in found)
        found[f"{recording.label} ({alike + 1})" if alike else recording.label] = Grid(recording.rows)
    return {place: rows for place, rows in found.items() if rows.rows}


def describe(row: Row, place: str) -> str:
    """One configuration in two sentences."""
    told = in_words(row)
    against = "It is the baseline." if row.verdict == "the baseline" else f"Against the baseline: {row.verdict}."
    return (
        f"{row.name} at batch size {row.batch}{_where(row, place)}: {told['latency']} a batch (p95 {told['p95']}), "
        f"{told['images/s']} images/s, {told['accuracy']} right, {told['size']}. {against}"
    )


def _where(row: Row, place: str) -> str:
    """The place and the threads, to follow a configuration: " on this machine's CPU, on 2 threads"."""
    threads = "" if row.threads is None else f" on {row.threads} thread{'s' * (row.threads > 1)}"
    if place in HERE.values():
        return f" on {place}" + (threads and f",{threads}")
    return f"{threads}, {place}"


def laboratory(
    grid: Grid,
    recordings: Sequence[Recording] = (),
    *,
    place: str | None = None,
    variant: str | None = None,
    engine: str | None = None,
    batch: int | None = None,
) -> None:
    """Show the controls, the sentence, the picture and its table; without widgets, the sentence and the tables.

    Args:
        grid: from `compare.measure_grid`. recordings: results of other machines to choose from as well.
        place, variant, engine, batch: what is chosen at first, in the words of the buttons; the first of each unless
            given. Whatever the buttons reach can be reached by these too.

    Raises:
        ValueError: the grid holds no rows. Mistake: a choice that was not measured; names those that were.
    """
    where = places(grid, recordings)
    if not where:
        raise ValueError("the grid holds no rows: run the cell that measures it first.")
    at = pick(where, place=place, variant=variant, engine=engine, batch=batch)
    if not have_widgets():
        print(describe(at[1], at[0]), repr(where[at[0]]), sep="\n\n")
        return
    bench = Bench(where, *at)
    show(bench.widget, html=bench.readout.value + bench.picture.value, text=bench.text)


def pick(
    where: dict[str, Grid], *, place: str | None, variant: str | None, engine: str | None, batch: int | None
) -> tuple[str, Row]:
    """The place and the row that are asked for; where something is left open, the first that was measured.

    Raises:
        Mistake: a choice that was not measured; names those that were.
    """
    chosen = _one_of("place", place, list(where))
    rows = list(where[chosen].rows)
    for name, wanted in (("variant", variant), ("engine", engine), ("batch", batch)):
        value = _one_of(name, wanted, [getattr(row, name) for row in rows])
        rows = [row for row in rows if getattr(row, name) == value]
    return chosen, rows[0]


def _one_of(name, wanted, offered: list):
    offered = list(dict.fromkeys(offered))
    if wanted is None:
        return offered[0]
    if wanted not in offered:
        raise Mistake(f"{name} is {wanted!r}; what was measured is {', '.join(map(repr, offered))}.")
    return wanted


class Bench:
    """The widget: four choices on the left-hand side of every redraw, what they select on the other."""

    def __init__(self, where: dict[str, Grid], place: str, row: Row):
        import ipywidgets

        self.where = where
        self.place = choice("Device", list(where))
        self.place.value = place
        self.variant, self.engine, self.batch = choice("Variant"), choice("Engine"), choice("Batch size")
        self.readout, self.picture = ipywidgets.HTML(), ipywidgets.HTML()
        self.readout.add_class("lab-readout")
        self.picture.add_class("lab-picture")
        self.text = ""
        self._drawn: dict[Row, str] = {}
        self._offering = False
        self._offer_choices(row)
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

    def _offer_choices(self, first: Row | None = None) -> None:
        """Only what was measured can be chosen; a choice that is still there stays chosen, `first` is chosen at first."""
        rows = list(self._grid.rows)
        for control, name in ((self.variant, "variant"), (self.engine, "engine"), (self.batch, "batch")):
            _offer(control, [getattr(row, name) for row in rows], getattr(first, name, None))
            rows = [row for row in rows if getattr(row, name) == control.value]

    def _redraw(self) -> None:
        row = self._grid.find(self.variant.value, self.engine.value, self.batch.value)
        assert row is not None, "only what was measured can be chosen"
        self.text = describe(row, self.place.value)
        self.readout.value = status(self.text)
        if row not in self._drawn:
            self._drawn[row] = self._draw(row)
        self.picture.value = self._drawn[row]

    def _draw(self, row: Row) -> str:
        picture = plots.pareto(self._grid.at(row.batch), self._grid.pareto(row.batch), row)
        return picture.img + _twin(picture.table)


def _twin(table: Table) -> str:
    return f"<details><summary>The same as a table</summary>{table._repr_html_()}</details>"


def _offer(control, values: list, wanted=None) -> None:
    options = tuple(dict.fromkeys(values))
    kept = control.value if wanted is None else wanted
    if options and control.options != options:
        control.options = options
    if options:
        control.value = kept if kept in options else options[0]
