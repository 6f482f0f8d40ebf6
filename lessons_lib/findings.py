"""What a study found, in tables, in series to draw and in sentences that are true whatever came out."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from lessons_lib import confusion
from lessons_lib.explained import NotHere
from lessons_lib.paired import Effect, effect
from lessons_lib.study import Run, mean, validations
from lessons_lib.tables import Table

Found = Mapping[Any, Mapping[int, Run]]  # runs by name of the trial and seed
HARDLY = 0.01  # of an accuracy: a change below it is called none


def finished(found: Found) -> dict[Any, Mapping[int, Run]]:
    """The trials of which at least one run is there.

    Raises:
        NotHere: none is.
    """
    there = {name: runs for name, runs in found.items() if runs}
    if not there:
        raise NotHere("No run of this study is finished: run the cell above to its end.")
    return there


def accuracies(found: Found) -> dict[str, dict[float, list[float]]]:
    """Accuracy in per cent on training and on validation images, for `plots.bands`; the trials are named by numbers."""
    there = finished(found)
    return {
        "training images": {x: [100 * run.training for run in runs.values()] for x, runs in there.items()},
        "new images": {x: [100 * run.validation for run in runs.values()] for x, runs in there.items()},
    }


def table(found: Found, caption: str) -> Table:
    """A row for each trial: means over its seeds, and the lowest and highest validation accuracy."""
    rows = []
    for name, runs in finished(found).items():
        shares = list(validations(runs).values())
        rows.append(
            {
                "trial": name,
                "training images": f"{mean(run.training for run in runs.values()):.1%}",
                "new images": f"{mean(shares):.1%}",
                "lowest to highest": f"{min(shares):.1%} to {max(shares):.1%}",
                "gap, points": f"{100 * mean(run.gap for run in runs.values()):.1f}",
                "seeds": len(shares),
            }
        )
    return Table(caption, rows)


def effects(found: Found, baseline: Any, images: int) -> dict[Any, Effect]:
    """What each trial did to the validation accuracy of the baseline, seed by seed.

    Args:
        baseline: the name of one of the trials. images: how many validation images there are.

    Raises:
        NotHere: no seed has both a run of the baseline and one of another trial.
    """
    before = validations(found[baseline])
    pairs = {name: effect(before, validations(runs), 1 / images) for name, runs in found.items() if name != baseline}
    there = {name: one for name, one in pairs.items() if one.differences}
    if not there:
        raise NotHere("No two runs of this study can be compared yet: run the cell above to its end.")
    return there


def gap_in_words(found: Found) -> str:
    """How the gap between training and new images changes from the smallest number of images to the largest."""
    there = finished(found)
    few, many = min(there), max(there)
    before, after = (mean(run.gap for run in there[count].values()) for count in (few, many))
    told = f"With {few:,} images the gap is **{100 * before:.1f} points**, with {many:,} it is **{100 * after:.1f}**: "
    if after < before - HARDLY:
        return told + "more data narrows it"
    return told + ("here it widens" if after > before + HARDLY else "here it hardly changes")


def quality_in_words(one: Effect, share: float) -> str:
    """The verdict on "the quality of the data sets the quality of the model", from what wrong labels did."""
    told = f"With {share:.0%} wrong labels the accuracy on new images changes by **{one.figures}**. "
    verdicts = {
        "hurt": "it **holds** here",
        "helped": "it **does not hold** here",
        "cannot tell": "**cannot tell** here",
    }
    return told + f'"The quality of the data sets the quality of the model": {verdicts[one.word]}.'


def remedies_in_words(found: Mapping[str, Effect]) -> str:
    """Which changes helped, which hurt, and of which nothing can be said."""
    words = {
        word: [name for name, one in found.items() if one.word == word] for word in ("helped", "hurt", "cannot tell")
    }
    told = [f"**{word.capitalize()}**: {', '.join(names)}." for word, names in words.items() if names]
    best = max(found, key=lambda name: found[name].mean)
    gain = 100 * found[best].mean
    last = f"The largest mean gain is that of {best} ({gain:+.1f} points)." if gain > 0 else "In the mean, none gained."
    return " ".join([*told, last])


def gaps_in_words(found: Found, baseline: Any, name: Any) -> str:
    """The gap between training and new images without a change and with it."""
    there = finished(found)
    if baseline not in there or name not in there:
        return "The runs to compare are not finished."
    before, after = (100 * mean(run.gap for run in there[key].values()) for key in (baseline, name))
    return f"With {name} the gap is {after:.1f} points, with {baseline} {before:.1f}."


def confused_in_words(counts: Tensor, classes: Sequence[str]) -> str:
    """The most frequent mistake of a confusion matrix int64 (classes, classes), in a sentence."""
    mistakes = confusion.largest(counts, 1)
    if not mistakes:
        return "It makes no mistake."
    truth, said, images = mistakes[0]
    of_all = int(counts[truth].sum())
    return f'Most often it takes "{classes[truth]}" for "{classes[said]}": {images} of {of_all}.'
