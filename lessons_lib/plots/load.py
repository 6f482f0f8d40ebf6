"""Latency against load, for several servers, beside a deadline."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons_lib.plots.bands import LINES
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from lessons_lib.serving.points import Point

SHARES = (50, 95, 99)


def load(points: Sequence["Point"], deadline_ms: float, title: str = "Latency against load") -> Picture:
    """Half of the requests, 95 and 99 of a hundred: three panels with one line a server; a triangle at the top means no answer.

    The lines leave out loads without an answer.

    Args:
        points: of one server or several. deadline_ms: drawn across.
    """
    names = list(dict.fromkeys(point.name for point in points))
    found = {share: [point.load.percentile(share) for point in points] for share in SHARES}
    finite = [value for values in found.values() for value in values if math.isfinite(value)]
    top = 3 * max([*finite, deadline_ms])
    bottom = min([*finite, deadline_ms]) / 2

    def paint(*panels: "Axes") -> None:
        for axes, share in zip(panels, SHARES, strict=True):
            for name, (idea, style, marker) in zip(names, LINES, strict=False):
                own = sorted((p.per_second, p.load.percentile(share)) for p in points if p.name == name)
                rates, values = (
                    [rate for rate, _ in own],
                    [value if math.isfinite(value) else math.nan for _, value in own],
                )
                axes.plot(rates, values, style, marker=marker, color=COLOURS[idea], label=name, clip_on=False)
                lost = [rate for rate, value in own if not math.isfinite(value)]
                if lost:
                    axes.plot(lost, [top] * len(lost), "^", color=COLOURS[idea], markersize=10, clip_on=False)
            axes.axhline(deadline_ms, color="black", linestyle=":", linewidth=1)
            axes.set_yscale("log")
            plain_numbers(axes.yaxis)
            axes.set_ylim(bottom, top)
            axes.set(title=f"{share} of 100 requests", xlabel="requests/s")
        panels[0].set_ylabel("answered within, ms")
        lowest = min(point.per_second for point in points)
        panels[0].annotate("deadline", (lowest, deadline_ms), va="bottom", fontsize=8)
        if len(finite) < len(points) * len(SHARES):
            panels[0].plot(
                [], [], "^", color=COLOURS["grey"], markersize=10, label="at the top: too many got no answer"
            )
        handles, labels = panels[0].get_legend_handles_labels()
        panels[0].figure.legend(handles, labels, frameon=False, fontsize=9, loc="outside lower center", ncols=3)

    rows = [point.row(deadline_ms) for point in points]
    told = "; ".join(
        f"{name}: " + ", ".join(f"p99 {row['p99']} at {row['requests/s']}/s" for row in rows if row["server"] == name)
        for name in names
    )
    alt = f"{title}, deadline {deadline_ms:.3g} ms. {told}."
    return draw(paint, alt=alt, table=Table(title, rows), size=(9.0, 3.4), panels=3)


def plain_numbers(axis: "Axis") -> None:
    """Write 0.1, 1, 10 on a logarithmic axis rather than powers."""
    from matplotlib.ticker import NullFormatter

    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def simulated_load(
    rates: Sequence[float],
    p99_ms: dict[str, list[float]],
    measured_ms: dict[float, float],
    *,
    chosen: tuple[float, float],
    deadline_ms: float,
    alt: str,
    table: Table,
) -> Picture:
    """Simulated p99 against load as lines, the first in grey; measured ones as filled squares; the chosen load is ringed.

    Args:
        rates: requests a second. p99_ms: by name of the setting, one for each rate. measured_ms: by rate.
        chosen: rate and p99 to ring. deadline_ms: drawn across. alt, table: the twins of the picture.
    """

    def paint(axes: "Axes") -> None:
        for (name, values), (idea, style) in zip(p99_ms.items(), (("grey", "--"), ("float32", "-")), strict=False):
            axes.plot(rates, values, style, color=COLOURS[idea], linewidth=2, label=f"{name}, simulated")
        axes.plot(
            list(measured_ms), list(measured_ms.values()), "s", color=COLOURS["GPU"], label="this setting, measured"
        )
        axes.plot(*chosen, "o", color="black", markersize=13, fillstyle="none")
        axes.axhline(deadline_ms, color="black", linestyle=":", linewidth=1)
        axes.annotate("deadline", (rates[0], deadline_ms), va="bottom", fontsize=8)
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
        axes.set(title="99 of 100 requests are answered within", xlabel="requests/s", ylabel="ms")
        axes.legend(frameon=False, fontsize=8)

    return draw(paint, alt=alt, table=table)
