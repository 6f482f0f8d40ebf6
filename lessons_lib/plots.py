"""Result in, picture out: every picture carries an alternative text and a table of the same numbers.

The only user of matplotlib; figures are made without pyplot, so that nothing is shown twice and no backend is chosen.
"""

import base64
import html
import io
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

    from lessons_lib.grid import Row
    from lessons_lib.history import History

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
MARKERS = {"float32": "o", "int8": "s", "pruned": "^", "both": "D"}
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


def contact_sheet(
    images: "Tensor", captions: Sequence[str], *, title: str = "Images", columns: int = 8, colours: Sequence[str] = ()
) -> Picture:
    """Images uint8 (n, c, h, w) in rows, each with its caption beneath; `colours` tint the captions."""
    if not len(images):
        raise ValueError("there are no images to show.")
    from matplotlib.figure import Figure

    shown = list(zip(images, captions, colours or ["black"] * len(captions), strict=True))
    columns = min(columns, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(columns * 1.15, rows * 1.5), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for axes, (image, caption, colour) in zip(figure.axes, shown, strict=False):
        pixels = image.permute(1, 2, 0).numpy()
        axes.imshow(pixels if pixels.shape[2] == 3 else pixels[:, :, 0], cmap="gray", vmin=0, vmax=255)
        axes.set_xlabel(caption, fontsize=8, color=colour, parse_math=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    table = Table(title, [{"image": i + 1, "caption": " ".join(c.split())} for i, c in enumerate(captions)])
    alt = f"{title}: {len(shown)} images, captioned {', '.join(' '.join(c.split()) for c in captions)}."
    return Picture(stream.getvalue(), alt, table, round(columns * 1.15 * 96))


def learning_curves(history: "History", title: str = "Training") -> Picture:
    """Loss of every step with its running mean, and validation accuracy after each epoch."""
    smooth = running_mean(history.loss)
    steps = [step for step, _ in history.accuracy]
    shares = [share for _, share in history.accuracy]

    def paint(left: "Axes", right: "Axes") -> None:
        left.plot(history.loss, color="#BBBBBB", linewidth=0.6)
        left.plot(smooth, color=COLOURS["float32"], linewidth=2)
        left.set(title="loss on training batches", xlabel="step", ylabel="cross-entropy")
        right.plot(steps, [100 * share for share in shares], "o-", color=COLOURS["float32"])
        right.set(title="accuracy on validation images", xlabel="step", ylabel="%")

    rows = [
        {
            "step": step,
            "loss (mean of the last 25 steps)": f"{smooth[step - 1]:.3f}",
            "validation accuracy": f"{share:.1%}",
        }
        for step, share in history.accuracy
    ]
    reached = f"validation accuracy reaches {shares[-1]:.1%}" if shares else "no epoch was finished"
    alt = (
        f"{title}. Left: the loss goes from {history.loss[0]:.2f} to {smooth[-1]:.2f} in {len(history.loss)} steps. "
        f"Right: {reached}."
    )
    return draw(paint, alt=alt, table=Table(title, rows), panels=2)


def running_mean(values: Sequence[float], window: int = 25) -> list[float]:
    """The mean of each value and up to `window` - 1 values before it."""
    return [sum(values[max(0, i - window + 1) : i + 1]) / min(i + 1, window) for i in range(len(values))]


def lines(
    series: dict[str, Sequence[float]], *, title: str, xlabel: str, ylabel: str, top: float | None = None
) -> Picture:
    """One labelled line for each series of values; the table holds first, lowest and last value."""
    palette = cycle(COLOURS[name] for name in ("float32", "GPU", "pruned", "both", "int8", "CPU"))

    def paint(axes: "Axes") -> None:
        for (name, values), colour, style in zip(series.items(), palette, cycle(("-", "--", "-.", ":")), strict=False):
            axes.plot(values, style, color=colour, linewidth=2)
            end = min(values[-1], top) if top is not None else values[-1]
            axes.annotate(f" {name}", (len(values) - 1, end), color=colour, va="center")
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        axes.margins(x=0.2)
        if top is not None:
            axes.set_ylim(top=top)

    rows = [
        {"line": name, "first": f"{v[0]:.3g}", "lowest": f"{min(v):.3g}", "last": f"{v[-1]:.3g}"}
        for name, v in series.items()
    ]
    told = "; ".join(f"{row['line']} goes from {row['first']} to {row['last']}" for row in rows)
    return draw(paint, alt=f"{title}: {told}.", table=Table(title, rows))


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


def idea_of(variant: str) -> str:
    """Which colour and marker a model variant has."""
    return {"base": "float32", "int8": "int8", "channels -50 %": "pruned", "both": "both"}.get(variant, "float32")


def pareto(
    rows: Sequence["Row"], best: Sequence["Row"], chosen: "Row | None" = None, others: Sequence["Row"] = ()
) -> Picture:
    """Accuracy against latency, area of a marker by size in bytes; those that nothing beats are joined by a line.

    Args:
        rows: one batch size. best: the rows on the Pareto front. chosen: ringed. others: recorded rows, drawn hollow.
    """

    from matplotlib.ticker import LogLocator, NullFormatter

    def paint(axes: "Axes") -> None:
        front = sorted(best, key=lambda row: row.latency_ms)
        axes.step(
            [r.latency_ms for r in front],
            [100 * r.accuracy for r in front],
            where="post",
            color=COLOURS["grey"],
            linewidth=1,
        )
        for row in [*rows, *others]:
            idea = idea_of(row.variant)
            axes.hlines(100 * row.accuracy, row.latency_ms, row.p95_ms, color=COLOURS[idea], linewidth=1)
            axes.scatter(
                row.latency_ms, 100 * row.accuracy, s=30 + row.size_bytes / 8192, marker=MARKERS[idea], alpha=0.85,
                color=COLOURS[idea] if row in rows else "none", edgecolor=COLOURS[idea], linewidth=1.5,
            )  # fmt: skip
        for place, row in enumerate(sorted(rows, key=lambda row: row.latency_ms)):
            axes.annotate(
                row.engine + (" (front)" if row in front else ""),
                (row.latency_ms, 100 * row.accuracy),
                xytext=(0, 12 + 11 * (place % 3)),  # neighbours one above the other
                textcoords="offset points",
                ha="center",
                fontsize=7,
                fontweight="bold" if row in front else "normal",
            )
        if chosen is not None:
            axes.scatter(
                chosen.latency_ms, 100 * chosen.accuracy, s=420, facecolor="none", edgecolor="black", linewidth=2
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(
            title="left is faster; larger is more bytes; a line reaches to the 95th percentile",
            xlabel="median latency of a batch, ms (log scale)",
            ylabel="accuracy, %",
        )
        axes.title.set_fontsize(9)
        for idea in MARKERS:
            axes.scatter([], [], marker=MARKERS[idea], color=COLOURS[idea], label=idea)
        axes.figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(MARKERS))
        axes.margins(0.15, 0.4)
        axes.set_ylim(top=min(axes.get_ylim()[1], 101))

    from lessons_lib.grid import in_words

    batch = rows[0].batch if rows else 0
    names = ", ".join(row.name for row in sorted(best, key=lambda row: row.latency_ms))
    ringed = f" Chosen: {chosen.name}, {chosen.latency_ms:.3g} ms, {chosen.accuracy:.1%}." if chosen else ""
    alt = (
        f"Accuracy against latency of {len(rows)} configurations at batch size {batch}. Nothing beats: {names}.{ringed}"
    )
    table = Table(
        f"Batch size {batch}",
        [in_words(row) | {"on the front": "yes" if row in best else ""} for row in [*rows, *others]],
    )
    return draw(paint, alt=alt, table=table, size=(7, 4))
