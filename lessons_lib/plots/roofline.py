"""The roof that memory and arithmetic make, and how near to it models come as their batch grows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons_lib.plots.bands import LINES
from lessons_lib.plots.load import plain_numbers
from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lessons_lib.roofline import Machine, Spot


def roofline(machine: "Machine", found: Sequence["Spot"], title: str = "Roofline") -> Picture:
    """A line for each model from its smallest batch to its largest, under the roof; both axes are logarithmic.

    Args:
        machine: its peak arithmetic and bandwidth. found: from `roofline.spots`, of one model or several.
    """
    names = list(dict.fromkeys(spot.name for spot in found))

    def paint(axes: "Axes") -> None:
        places = [spot.intensity for spot in found] + [machine.ridge]
        ends = (min(places) / 2, max(places) * 3)
        corner = [ends[0], machine.ridge, ends[1]]
        axes.plot(corner, [machine.roof(x) / 1e9 for x in corner], color=COLOURS["grey"], linewidth=2)
        axes.annotate("memory", (ends[0], machine.roof(ends[0]) / 1e9), xytext=(6, 10), textcoords="offset points")
        axes.annotate(
            "arithmetic", (ends[1], machine.flop_per_s / 1e9), xytext=(-4, 4), textcoords="offset points", ha="right"
        )
        for name, (idea, style, marker) in zip(names, LINES, strict=False):
            own = [spot for spot in found if spot.name == name]
            speeds = [spot.flop_per_s / 1e9 for spot in own]
            axes.plot([spot.intensity for spot in own], speeds, style, marker=marker, color=COLOURS[idea], label=name)
            for spot in (own[0], own[-1]):
                axes.annotate(
                    f"batch {spot.batch}", (spot.intensity, spot.flop_per_s / 1e9), xytext=(4, -11),
                    textcoords="offset points", fontsize=8, color=COLOURS[idea],
                )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.margins(y=0.12)  # room for what stands below the lowest point
        plain_numbers(axes.xaxis)
        plain_numbers(axes.yaxis)
        axes.set(title=title, xlabel="operations for each byte moved", ylabel="GFLOP/s")
        axes.legend(frameon=False, fontsize=9, loc="lower right")

    rows = [
        {
            "model": spot.name,
            "batch": str(spot.batch),
            "operations a byte": f"{spot.intensity:.3g}",
            "GFLOP/s": f"{spot.flop_per_s / 1e9:.3g}",
            "the roof there": f"{spot.roof / 1e9:.3g}",
            "reached": f"{spot.share:.0%}",
            "what rules": spot.bound,
        }
        for spot in found
    ]
    told = "; ".join(f"{name} from {_spot(found, name, 0)} to {_spot(found, name, -1)}" for name in names)
    return draw(paint, alt=f"{title}: {machine}. Reached: {told}.", table=Table(title, rows), size=(7.0, 3.8))


def _spot(found: Sequence["Spot"], name: str, which: int) -> str:
    spot = [spot for spot in found if spot.name == name][which]
    return f"{spot.share:.0%} of the roof at batch {spot.batch} ({spot.bound} rules)"
