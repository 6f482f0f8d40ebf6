"""Fashion-MNIST: 70,000 grey pictures of clothes, 28 x 28, in ten classes.

Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST", 2017, https://github.com/zalandoresearch/fashion-mnist (MIT licence).
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessons_lib.datasets.cache import DatasetUnavailable, RemoteFile
from lessons_lib.datasets.official import Arrays, carve, obtain
from lessons_lib.datasets.split import Dataset

CLASSES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
MIRROR = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
LAYOUTS = ("fashion-mnist", "fashion_mnist", "FashionMNIST/raw", "data/fashion", ".")
LARGEST_BYTES = 10**8  # unpacked; the training images are 47 MB


def _file(name: str, size_bytes: int, md5: str, sha256: str) -> RemoteFile:
    return RemoteFile(name, size_bytes, md5, sha256, (HOME + name, MIRROR + name))


FILES = (
    _file(
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    _file(
        "train-labels-idx1-ubyte.gz",
        29_515,
        "25c81989df183df01b3e8a0aad5dffbe",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    _file(
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "bef4ecab320f06d8554ea6380940ec79",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    _file(
        "t10k-labels-idx1-ubyte.gz",
        5_148,
        "bb300cfdad3c16e7a12a480ee83cd310",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
)


def load(
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    size: int | None = None,
    seed: int = 0,
    files: tuple[RemoteFile, ...] = FILES,
) -> Dataset:
    """Load Fashion-MNIST, downloaded once (31 MB).

    Args:
        train, validation, test, size, seed: as for `datasets.load`.
        files: training images and labels, test images and labels.

    Raises:
        DatasetUnavailable: the files are neither here nor to be had.
        ValueError: there are fewer images than were asked for.
    """
    paths, notes = obtain(files, LAYOUTS)
    found = [paths[file.name] for file in files]
    provenance = f"Fashion-MNIST (Zalando, MIT licence), the official files, checked, in {found[0].parent}."
    return carve(
        "fashion_mnist",
        _pair(found[0], found[1]),
        _pair(found[2], found[3]),
        CLASSES,
        provenance,
        notes,
        train=train,
        validation=validation,
        test=test,
        size=size,
        seed=seed,
    )


def _pair(images_path: Path, labels_path: Path) -> Arrays:
    images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
    if len(images) != len(labels) or labels.max() >= len(CLASSES):
        raise DatasetUnavailable(f"{images_path} and {labels_path} do not belong together.")
    return images[:, None], labels


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read a gzipped array of bytes in the idx format: a magic number, the size of each dimension, the values.

    Args:
        path: of the file.
        dimensions: how many the array has.

    Raises:
        DatasetUnavailable: the file is no such array.

    Source: LeCun, "The MNIST database", section "File formats".
    """
    try:
        with gzip.open(path) as stream:
            data = stream.read(LARGEST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetUnavailable(f"{path} cannot be unpacked: {error}. Delete it and load again.") from error
    header_bytes = 4 + 4 * dimensions
    shape = [int.from_bytes(data[start : start + 4], "big") for start in range(4, header_bytes, 4)]
    if data[:4] != bytes([0, 0, 8, dimensions]) or not shape[0] or len(data) != header_bytes + math.prod(shape):
        raise DatasetUnavailable(
            f"{path} is no idx file of bytes in {dimensions} dimension(s). Delete it and load again."
        )
    return np.frombuffer(data, np.uint8, offset=header_bytes).reshape(shape)
