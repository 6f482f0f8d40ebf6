"""Images in rows, each with its caption."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lessons_lib.plots.picture import Picture
from lessons_lib.tables import Table

if TYPE_CHECKING:
    from torch import Tensor


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
    alt = f"{title}: {len(shown)} image{'s' * (len(shown) > 1)}, captioned {', '.join(' '.join(c.split()) for c in captions)}."
    return Picture(stream.getvalue(), alt, table, round(columns * 1.15 * 96))
