"""What changes from step to step: learning curves and other lines."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lessons_lib.history import History


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
