"""Five ways in which pictures go bad that need no renderer, for any images: noise, blur, contrast, brightness, compression.

Source: Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, 2019.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]  # (n, c, h, w)
Corruption = Callable[[Images, float, np.random.Generator], Images]
SIDE = 8  # of the squares that JPEG compresses one by one
# how coarsely JPEG rounds each frequency of a square; source: ITU-T T.81, table K.1
LUMINANCE = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
], np.float32)  # fmt: skip


def noise(images: Images, strength: float, random: np.random.Generator) -> Images:
    """Each pixel off by chance; at strength 1 the standard deviation is a quarter of black to white."""
    return _pixels(images + np.float32(64 * strength) * random.standard_normal(images.shape, np.float32))


def blur(images: Images, strength: float, _random: np.random.Generator) -> Images:
    """Out of focus: at strength 1 a Gaussian whose standard deviation is a twelfth of the width."""
    from scipy.ndimage import gaussian_filter

    sigma = strength * images.shape[-1] / 12
    return _pixels(gaussian_filter(images.astype(np.float32), (0, 0, sigma, sigma)))


def contrast(images: Images, strength: float, _random: np.random.Generator) -> Images:
    """All pixels drawn towards the mean of their image; at strength 1 a tenth of the contrast is left."""
    middle = images.mean((1, 2, 3), keepdims=True, dtype=np.float32)
    return _pixels(middle + np.float32(1 - 0.9 * strength) * (images - middle))


def brightness(images: Images, strength: float, _random: np.random.Generator) -> Images:
    """Overexposed: at strength 1 everything is brighter by six tenths of black to white, and white stays white."""
    return _pixels(images + np.float32(153 * strength))


def jpeg(images: Images, strength: float, _random: np.random.Generator) -> Images:
    """Compressed as JPEG does it: the frequencies of squares of 8 x 8 pixels are rounded, coarsely where it shows least.

    Every channel is treated as brightness, and nothing is stored; at strength 1 the steps are eight times those of quality 50.
    """
    from scipy.fft import dctn, idctn

    squares = _squares(images.astype(np.float32) - 128)
    steps = np.maximum(1, LUMINANCE * np.float32(8 * strength))
    rounded = np.round(dctn(squares, axes=(-2, -1), norm="ortho") / steps) * steps
    height, width = images.shape[2:]
    return _pixels(_unsquared(idctn(rounded, axes=(-2, -1), norm="ortho"))[:, :, :height, :width] + 128)


ALL: dict[str, Corruption] = {
    "noise": noise,
    "blur": blur,
    "low contrast": contrast,
    "overexposure": brightness,
    "compression": jpeg,
}


def _pixels(values: NDArray[np.floating]) -> Images:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _squares(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, c, h, w) to (n, c, rows, columns, 8, 8); the border is repeated where the sides are no multiples of 8."""
    height, width = planes.shape[2:]
    padded = np.pad(planes, ((0, 0), (0, 0), (0, -height % SIDE), (0, -width % SIDE)), mode="edge")
    n, c, high, wide = padded.shape
    return padded.reshape(n, c, high // SIDE, SIDE, wide // SIDE, SIDE).swapaxes(3, 4)


def _unsquared(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    n, c, rows, columns = squares.shape[:4]
    return squares.swapaxes(3, 4).reshape(n, c, rows * SIDE, columns * SIDE)
