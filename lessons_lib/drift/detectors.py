"""Detectors: each turns a week of images into one number, the larger the further the week lies from the reference."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessons_lib.drift import ks, mmd, psi
from lessons_lib.drift.signals import Signals

Weeks = NDArray[np.integer]  # (r, w): which images of a pool each week holds
Scores = NDArray[np.float64]  # (r,)


@dataclass(frozen=True)
class Detector:
    """A name, and what it makes of the weeks of a pool.

    watches: "inputs", "features", "answers" or "labels". scores: called with a pool and weeks (r, w), gives float64 (r,).
    """

    name: str
    watches: str
    scores: Callable[[Signals, Weeks], Scores]


def detectors(reference: Signals, classes: int) -> dict[str, Detector]:
    """The detectors of the lesson, by name, with the reference they compare with; the last one needs labels.

    Args:
        reference: images from before the launch on which the model was not trained: it knows its training images too well.
        classes: of the model.
    """
    made = [
        _input_psi(reference), _input_ks(reference), _feature_ks(reference), _feature_mmd(reference),
        _answer_psi(reference, classes), _confidence(reference), _accuracy(reference),
    ]  # fmt: skip
    return {one.name: one for one in made}


def without_labels(found: dict[str, Detector]) -> list[str]:
    """The names of the detectors that can ring before anyone has labels."""
    return [name for name, one in found.items() if one.watches != "labels"]


def _input_psi(reference: Signals) -> Detector:
    """The largest index of the statistics of the images."""
    inner = [psi.edges(column) for column in reference.inputs.T]
    own = [np.bincount(_bins(*pair), minlength=psi.BINS) for pair in zip(inner, reference.inputs.T, strict=True)]

    def scores(pool: Signals, weeks: Weeks) -> Scores:
        seen = [psi.counts(_bins(*pair), weeks, psi.BINS) for pair in zip(inner, pool.inputs.T, strict=True)]
        return np.max([psi.psi(before, now) for before, now in zip(own, seen, strict=True)], axis=0)

    return Detector("PSI of inputs", "inputs", scores)


def _bins(inner: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.int64]:
    return np.searchsorted(inner, values).astype(np.int64)


def _input_ks(reference: Signals) -> Detector:
    """The largest distance of the statistics of the images."""
    known = ks.Reference(reference.inputs)
    return Detector("KS of inputs", "inputs", lambda pool, weeks: known.distances(pool.inputs, weeks).max(1))


def _feature_ks(reference: Signals) -> Detector:
    """The largest distance of the features."""
    known = ks.Reference(reference.features)
    return Detector("KS of features", "features", lambda pool, weeks: known.distances(pool.features, weeks).max(1))


def _feature_mmd(reference: Signals) -> Detector:
    known = mmd.Reference(reference.features)
    return Detector("MMD of features", "features", lambda pool, weeks: known.discrepancies(pool.features, weeks))


def _answer_psi(reference: Signals, classes: int) -> Detector:
    """How far the shares of the classes that the model names have moved."""
    own = np.bincount(reference.predicted, minlength=classes)

    def scores(pool: Signals, weeks: Weeks) -> Scores:
        return psi.psi(own, psi.counts(pool.predicted, weeks, classes))

    return Detector("PSI of answers", "answers", scores)


def _confidence(reference: Signals) -> Detector:
    """How far the mean confidence has fallen."""
    usual = float(reference.confidence.mean(dtype=np.float64))

    def scores(pool: Signals, weeks: Weeks) -> Scores:
        return usual - pool.confidence[weeks].mean(1, dtype=np.float64)

    return Detector("mean confidence", "answers", scores)


def _accuracy(_reference: Signals) -> Detector:
    """The share of wrong answers: what one would know with a label for each image."""
    return Detector("accuracy (needs labels)", "labels", lambda pool, weeks: 1 - pool.correct[weeks].mean(1))
