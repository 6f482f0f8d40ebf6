"""Accuracy against what it costs, for the variants of one model: which are worth having?"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from lessons_lib.plots.picture import COLOURS, Picture, draw
from lessons_lib.pruning_study.budgets import QUANTITIES, front
from lessons_lib.pruning_study.variants import Variant, rows_table, time_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# colour, marker and filling of a kind: zeros leave the arrays as large as they were, so they are drawn hollow
LOOK = {"dense": ("float32", "o", True), "zeros": ("pruned", "s", False), "channels": ("pruned", "^", True)}
UNITS = {"file": ("model file, KiB", 1024.0), "zipped file": ("model file, zipped, KiB", 1024.0)}
MARKER = 5.0  # points from the middle of a marker to its rim
DISTANCES = (8.0, 14.0, 22.0, 32.0, 44.0, 58.0, 76.0)  # points from a marker to its label, tried in this order
DIRECTIONS = ((1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
Box = tuple[float, float, float, float]  # left, bottom, right, top
Point = tuple[float, float]


def trade_off(
    rows: Sequence[Variant],
    across: str = "latency",
    *,
    chosen: Variant | None = None,
    budget: float | None = None,
    alt: str = "",
) -> Picture:
    """Accuracy against one quantity, with a line along those that nothing beats in it.

    Args:
        rows: one for each variant. across: "latency", "file" or "zipped file". chosen: ringed.
        budget: a dashed line, in ms or bytes; what lies to the right of it is too much. alt: says what the picture shows, in place
            of the sentence made here.
    """
    field, (label, unit) = QUANTITIES[across], _unit(rows, across)
    best = sorted(front(rows, (field,)), key=lambda row: getattr(row, field))

    def paint(axes: "Axes") -> None:
        places = [getattr(row, field) / unit for row in best]
        heights = [100 * row.accuracy for row in best]
        axes.step(places, heights, where="post", color=COLOURS["grey"], linewidth=1)
        for kind, (idea, marker, filled) in LOOK.items():
            shown = [row for row in rows if row.kind == kind]
            x, y = [getattr(row, field) / unit for row in shown], [100 * row.accuracy for row in shown]
            face = COLOURS[idea] if filled else "none"
            axes.scatter(x, y, s=60, marker=marker, facecolor=face, edgecolor=COLOURS[idea], linewidth=1.5, label=kind)
        if chosen is not None:
            at_x, at_y = getattr(chosen, field) / unit, 100 * chosen.accuracy
            axes.scatter(at_x, at_y, s=320, facecolor="none", edgecolor="black", linewidth=2)
        if budget is not None:
            axes.axvline(budget / unit, color=COLOURS["GPU"], linestyle="--", linewidth=1.5)
        axes.set(xlabel=f"{label} (log scale; left is better)", ylabel="accuracy, %", xscale="log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
        axes.margins(0.12, 0.15)
        left, right = axes.get_xlim()
        axes.set_xlim(left, right * (right / left) ** 0.18)  # room for the labels
        better = "faster" if across == "latency" else "smaller"
        axes.set_title(f"bold: no other variant is both {better} and more accurate", fontsize=9)
        axes.figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=len(LOOK))

        named = [((getattr(row, field) / unit, 100 * row.accuracy), row.name, row in best) for row in rows]
        _write_names(axes, named, list(zip(places, heights, strict=True)))

    names = ", ".join(row.name for row in best)
    told = alt or f"Accuracy against {label} of {len(rows)} variants. Nothing is better in both than: {names}."
    return draw(
        paint,
        alt=told,
        table=rows_table(rows, "All variants"),
        size=(7, 3.8),
    )


def _unit(rows: Sequence[Variant], across: str) -> tuple[str, float]:
    """The label of the axis, and by what to divide a row's value; times in the unit of the table."""
    if across != "latency":
        return UNITS[across]
    factor, name = time_unit(rows)
    return f"median latency, {name}", 1 / factor


def _write_names(axes: "Axes", named: Sequence[tuple[Point, str, bool]], corners: Sequence[Point]) -> None:
    """Write a name beside each point, bold where asked, with a thin line to its marker where it had to move.

    Args:
        named: place, name, and whether it is bold. corners: where the steps of the line begin; names rather stay off it.
    """
    from matplotlib.text import Text

    figure = cast("Figure", axes.figure)
    notes = [
        axes.annotate(
            name, at, xytext=(0, 0), textcoords="offset points", fontsize=7, fontweight="bold" if bold else "normal",
            arrowprops={"arrowstyle": "-", "color": COLOURS["grey"], "linewidth": 0.6, "shrinkA": 0, "shrinkB": MARKER},
        )
        for at, name, bold in named
    ]  # fmt: skip
    for note in notes:
        note.set_in_layout(False)  # the axes stay where they are while the names move
    figure.draw_without_rendering()
    points = 72 / figure.dpi
    extents = [Text.get_window_extent(note) for note in notes]  # of the words, without the arrow
    sizes = [(extent.width * points, extent.height * points) for extent in extents]

    def place(at: Point) -> Point:
        x, y = axes.transData.transform(at) * points
        return x, y

    markers = [place(at) for at, _, _ in named]
    left, bottom, right, top = (edge * points for edge in axes.bbox.extents)
    boxes = place_labels(markers, sizes, (left, bottom, right, top), _steps([place(corner) for corner in corners]))
    for note, box, own in zip(notes, boxes, markers, strict=True):
        note.set_position((box[0] - own[0], box[1] - own[1]))
        rivals = sum(_gap(box, other) < 2 * _gap(box, own) for other in markers) - 1
        if note.arrow_patch is not None:
            note.arrow_patch.set_visible(rivals > 0 or _gap(box, own) > DISTANCES[0] + 1)


def place_labels(markers: Sequence[Point], sizes: Sequence[Point], room: Box, lines: Sequence[Box] = ()) -> list[Box]:
    """Where labels go: each as near to its own marker as it can, without covering a marker, another label or a leader line.

    Args:
        markers: (x, y). sizes: (width, height) of each label. room: what no label should leave. lines: that labels rather stay off;
            all in points.

    Returns:
        A box for each label; where none fits, the one that gets least into the way.
    """
    taken: list[Box] = [_around(marker) for marker in markers]
    placed: list[Box] = []
    for own, size in zip(markers, sizes, strict=True):

        def cost(box: Box, own: Point = own) -> tuple[int, int, float]:
            hits = sum(_overlap(box, other) for other in taken)
            hits += sum(_overlap(part, other) for part in _leader(box, own) for other in placed)
            outside = box[0] < room[0] or box[1] < room[1] or box[2] > room[2] or box[3] > room[3]
            nearer = sum(_gap(box, other) < _gap(box, own) for other in markers)
            crossed = sum(_overlap(box, line) for line in lines)
            return hits + outside, nearer, _gap(box, own) + DISTANCES[2] * crossed

        best = min((box for distance in DISTANCES for box in _boxes(own, size, distance)), key=cost)
        placed.append(best)
        taken.extend([best, *_leader(best, own)])
    return placed


def _steps(corners: Sequence[Point]) -> list[Box]:
    """The line through the corners that goes right first and then up, as thin boxes."""
    found = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        found += [(x, y - 0.5, next_x, y + 0.5), (next_x - 0.5, y, next_x + 0.5, next_y)]
    return found


def _boxes(marker: Point, size: Point, distance: float) -> list[Box]:
    (x, y), (width, height) = marker, size
    found = []
    for across, up in DIRECTIONS:
        left = x + across * distance - (1 - across) * width / 2
        bottom = y + up * distance - (1 - up) * height / 2
        found.append((left, bottom, left + width, bottom + height))
    return found


def _around(point: Point, reach: float = MARKER) -> Box:
    return point[0] - reach, point[1] - reach, point[0] + reach, point[1] + reach


def _leader(box: Box, marker: Point) -> list[Box]:
    """The line from a label to its marker, as small boxes."""
    end = _nearest(box, marker)
    parts = [part / 12 for part in range(1, 12)]
    return [
        _around((end[0] + part * (marker[0] - end[0]), end[1] + part * (marker[1] - end[1])), 0.5) for part in parts
    ]


def _nearest(box: Box, point: Point) -> Point:
    return min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])


def _gap(box: Box, point: Point) -> float:
    return math.dist(_nearest(box, point), point)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
