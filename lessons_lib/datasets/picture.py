"""Reads one image file of any common kind as a small square picture; whatever is wrong with it becomes a sentence.

Source: Pillow's handbook, "Security": formats that start other programs stay closed, and so do decompression bombs.
"""

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

LARGEST_PIXELS = 80_000_000  # more than any camera's picture; decoded it takes a quarter of a gigabyte
CLOSED_FORMATS = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"}  # they start other programs, or need them
WHITE = (255, 255, 255, 255)


class Unreadable(ValueError):
    """Why a file cannot be used, in a few words."""


@cache
def formats() -> tuple[str, ...]:
    """The kinds of image that may be opened, by Pillow's names."""
    from PIL import Image

    Image.init()  # fills the list
    return tuple(name for name in Image.OPEN if name not in CLOSED_FORMATS)


@cache
def endings() -> frozenset[str]:
    """How the names of images end, in small letters; also "", since a name need not say."""
    from PIL import Image

    return frozenset(end for end, name in Image.registered_extensions().items() if name in formats()) | {""}


def read(path: Path, size: int) -> NDArray[np.uint8]:
    """The middle square of an image, upright, in red, green and blue.

    Args:
        path: of the image; of an animation the first frame is taken.
        size: height and width of the result.

    Returns:
        uint8 (3, size, size); transparent parts are white.

    Raises:
        Unreadable: the file is damaged, too large, or no image.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, which is not ours to judge
            with Image.open(path, formats=formats()) as image:
                return _small_square(image, size)
    except Unreadable:
        raise
    except UnidentifiedImageError as error:
        raise Unreadable("is no image that can be read") from error
    except Image.DecompressionBombError as error:
        raise Unreadable("has far too many pixels") from error
    except (Exception, MemoryError) as error:  # Pillow's readers raise nearly anything on damaged files
        raise Unreadable(f"cannot be decoded ({str(error).strip() or type(error).__name__})") from error


def _small_square(image: "PillowImage", size: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    if image.width * image.height > LARGEST_PIXELS:
        raise Unreadable(f"has {image.width:,} x {image.height:,} pixels, more than {LARGEST_PIXELS:,}")
    image.draft(None, (2 * size, 2 * size))  # JPEG: decode at a fraction of the size, many times faster
    upright = _colours(ImageOps.exif_transpose(image))
    side = min(upright.size)
    left, top = (upright.width - side) // 2, (upright.height - side) // 2
    middle = upright.crop((left, top, left + side, top + side))
    square = middle.resize((size, size), Image.Resampling.BILINEAR)  # smooths as it shrinks
    return np.asarray(square, np.uint8).transpose(2, 0, 1)


def _colours(image: "PillowImage") -> "PillowImage":
    """Red, green and blue from grey, 16 bits, palettes, printing colours and transparency."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, WHITE)
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring fractions up to 1, levels up to 255 and levels of 16 bits to 0 to 255; anything else is stretched to fit."""
    levels = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    lowest, highest = levels.min(), levels.max()
    is_fraction, is_sixteen_bit = values.dtype.kind == "f" and highest <= 1, values.dtype == np.uint16
    for whole, fits in ((1, is_fraction), (255, not is_sixteen_bit and highest <= 255), (65535, highest <= 65535)):
        if fits and lowest >= 0:
            return (levels * (255 / whole)).round().astype(np.uint8)
    return ((levels - lowest) * (255 / max(highest - lowest, 1e-12))).round().astype(np.uint8)
