"""The weights of a layer as a histogram, and under it the few values that are left when they are stored in few bits."""

from typing import TYPE_CHECKING

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

    from lessons_lib.quantization import QType

Row = tuple[str, list[float]]  # what it is, and the values there are


def levels(weight: "Tensor", qtype: "QType", *, title: str, alt: str = "") -> Picture:
    """A histogram with a mark at each value that can be stored.

    Args:
        weight: float32 of any shape. qtype: how it is stored. With a scale for each channel, the marks of the channel with the
            smallest steps and of the one with the largest are drawn.
        alt: what to say instead of naming the steps.
    """
    values = weight.detach().flatten().float()
    reach = float(values.abs().max()) if len(values) else 1.0
    rows = _rows(weight, qtype)

    def paint(above: "Axes") -> None:
        above.hist(values.tolist(), bins=100, range=(-reach, reach), color=COLOURS["grey"])
        bottom = -above.get_ylim()[1] * 0.09
        for place, (name, marks) in enumerate(rows, 1):
            shown = [mark for mark in marks if abs(mark) <= 1.05 * reach]
            above.plot(
                shown, [place * bottom] * len(shown), "|", color=COLOURS["int8"], markersize=11, markeredgewidth=1.4
            )
            above.annotate(
                name, (1.0, place * bottom), xycoords=("axes fraction", "data"), ha="left", va="center", fontsize=8
            )
        above.axhline(0, color="black", linewidth=0.8)
        above.set(title=title, xlabel="value of a weight; the marks are the values left", ylabel="weights")
        above.set_yticks([tick for tick in above.get_yticks() if tick >= 0])
        above.set_ylim(bottom=(len(rows) + 0.8) * bottom)

    table = Table(title, [{"row": name, "values": len(marks), "step": f"{_step(marks):.4g}"} for name, marks in rows])
    told = "; ".join(f"{name}: {len(marks)} values, {_step(marks):.3g} apart" for name, marks in rows)
    return draw(paint, alt=alt or f"{title}. {told}.", table=table)


def _rows(weight: "Tensor", qtype: "QType") -> list[Row]:
    from lessons_lib.quantization import choose

    affine = choose(weight.detach(), qtype)
    scales, zeros = affine.scale.flatten().tolist(), affine.zero_point.flatten().tolist()
    by_size = sorted(range(len(scales)), key=scales.__getitem__)
    places = {" all": by_size[0]} if qtype.axis is None else {" finest": by_size[0], " coarsest": by_size[-1]}
    whole = range(qtype.lowest, qtype.highest + 1)
    return [(name, [scales[at] * (q - zeros[at]) for q in whole]) for name, at in places.items()]


def _step(marks: list[float]) -> float:
    return marks[1] - marks[0]
