"""CIFAR-10: 60,000 colour photographs, 32 x 32, in ten classes, from the binary version, so that nothing is unpickled.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import tarfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessons_lib.datasets.cache import DatasetUnavailable, RemoteFile, candidates
from lessons_lib.datasets.official import Arrays, carve, obtain
from lessons_lib.datasets.split import Dataset

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin"
TRAINING_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
BATCHES = (*TRAINING_BATCHES, "test_batch.bin")
LAYOUTS = ("cifar10", "cifar-10", "cifar_10", "CIFAR10", ".")
SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32  # the label, then the red, the green and the blue plane
RECORDS = 10_000  # in each batch

ARCHIVE = RemoteFile(
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c32a1d4ab5d03f1284b67883e8d87530",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
    ),
)


def load(
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    size: int | None = None,
    seed: int = 0,
    archive: RemoteFile = ARCHIVE,
    records: int = RECORDS,
) -> Dataset:
    """Load CIFAR-10, downloaded once (170 MB).

    Args:
        train, validation, test, size, seed: as for `datasets.load`.
        archive: the file that holds the six batches.
        records: how many images a batch has.

    Raises:
        DatasetUnavailable: the files are neither here nor to be had.
        ValueError: there are fewer images than were asked for.
    """
    batches, provenance, notes = _batches(archive, records)
    return carve(
        "cifar10",
        _images(batches[: len(TRAINING_BATCHES)]),
        _images(batches[len(TRAINING_BATCHES) :]),
        CLASSES,
        provenance,
        notes,
        train=train,
        validation=validation,
        test=test,
        size=size,
        seed=seed,
    )


def _batches(archive: RemoteFile, records: int) -> tuple[NDArray[np.uint8], str, list[str]]:
    """The six batches, where they come from, and what to note."""
    notes: list[str] = []
    for folder in candidates(FOLDER, LAYOUTS):
        try:
            unpacked = _read_folder(folder, records)
        except OSError as error:
            notes.append(f"{folder} was not used: {error}")
            continue
        notes.append(f"The batches in {folder} have the right size; no official checksum exists for single batches.")
        return unpacked, f"CIFAR-10 (Krizhevsky, 2009), the binary version, in {folder}.", notes
    paths, problems = obtain((archive,), LAYOUTS)
    path = paths[archive.name]
    provenance = f"CIFAR-10 (Krizhevsky, 2009), the official binary version, checked, {path}."
    return read_archive(path, records), provenance, notes + problems


def _read_folder(folder: Path, records: int) -> NDArray[np.uint8]:
    batches = np.empty((len(BATCHES), records, RECORD_BYTES), np.uint8)
    for batch, name in zip(batches, BATCHES, strict=True):
        if (folder / name).stat().st_size != batch.nbytes:
            raise OSError(f"{name} has not the {batch.nbytes:,} bytes of a batch.")
        batch[:] = np.fromfile(folder / name, np.uint8).reshape(batch.shape)
    return batches


def read_archive(path: Path, records: int = RECORDS) -> NDArray[np.uint8]:
    """The six batches of the archive; nothing else in it is read, and nothing is written to disk.

    Args:
        path: of the archive.
        records: how many images each batch has.

    Returns:
        Labels and pixels as they lie in the files, uint8 (6, records, 3073), the test batch last.

    Raises:
        DatasetUnavailable: the archive is damaged, or a batch is missing or has another length.
    """
    batches = np.empty((len(BATCHES), records, RECORD_BYTES), np.uint8)
    missing = {f"{FOLDER}/{name}": batch for batch, name in zip(batches, BATCHES, strict=True)}
    try:
        with tarfile.open(path, "r|gz") as archive:  # read as a stream, once
            for member in archive:
                batch = missing.get(member.name)
                stream = archive.extractfile(member) if member.isreg() and batch is not None else None
                if stream is not None and batch is not None and member.size == batch.nbytes:
                    batch[:] = np.frombuffer(stream.read(batch.nbytes), np.uint8).reshape(batch.shape)
                    del missing[member.name]
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise DatasetUnavailable(f"{path} cannot be unpacked: {error}. Delete it and load again.") from error
    if missing:
        raise DatasetUnavailable(f"{path} holds no {', '.join(missing)} of {records * RECORD_BYTES:,} bytes.")
    return batches


def _images(batches: NDArray[np.uint8]) -> Arrays:
    """Images uint8 (n, 3, 32, 32) and labels uint8 (n,) of some batches, as views."""
    records = batches.reshape(-1, RECORD_BYTES)
    labels = records[:, 0]
    if labels.max() >= len(CLASSES):
        raise DatasetUnavailable(
            f"The batches contain the label {labels.max()}; CIFAR-10 has 0 to 9. They are damaged."
        )
    return records[:, 1:].reshape(-1, *SHAPE), labels
