"""How many predictions are slower than this? The tail of latencies, on logarithmic axes."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from lessons_lib.latencies import Latencies, percentile_table
from lessons_lib.plots.bands import LINES
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.timing.table import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def latencies(
    found: Mapping[str, Latencies], deadlines_ms: Sequence[float], *, title: str, percent: float | None = None
) -> Picture:
    """One line for each engine: the share of its predictions that took longer than the time on the horizontal axis.

    Args:
        found: by name. deadlines_ms: each a dashed upright line. title: what is shown.
        percent: a promise; a dotted level line at the share that may miss it.
    """

    def paint(axes: "Axes") -> None:
        for (name, one), (idea, style, _) in zip(found.items(), cycle(LINES), strict=False):
            times, shares = tail(one)
            axes.step(times, shares, style, where="post", color=COLOURS[idea], linewidth=2, label=name)
        for deadline in deadlines_ms:
            axes.axvline(deadline, color=COLOURS["grey"], linestyle="--", linewidth=1)
            axes.annotate(
                f" {deadline:g} ms", (deadline, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", fontsize=8, color=COLOURS["grey"],
            )  # fmt: skip
        if percent is not None and percent < 100:
            axes.axhline(100 - percent, color=COLOURS["grey"], linestyle=":", linewidth=1.5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("latency of one image, ms (log scale)")
        axes.set_ylabel("slower than this, % (log scale)")
        axes.set_title(title, pad=16)
        axes.legend(frameon=False, fontsize=9)

    told = "; ".join(
        f"{name} has a median of {duration(one.percentile_ms(50))} and p99 of {duration(one.percentile_ms(99))}"
        for name, one in found.items()
    )
    return draw(paint, alt=f"{title}. {told}.", table=percentile_table(found, deadlines_ms), size=(7, 3.8))


def tail(one: Latencies) -> tuple[list[float], list[float]]:
    """Times in milliseconds, rising, and the percentage of samples that took as long or longer: from 100 down to one sample."""
    count = len(one.ordered_ms)
    return list(one.ordered_ms), [100 * (count - place) / count for place in range(count)]
