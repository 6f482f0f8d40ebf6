"""What a study found, in tables, in series to draw and in sentences that are true whatever came out."""

import math
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
CLEARLY = 0.05  # of an accuracy: what lies further above a bound is no accident


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
    told = (
        f"With {few:,} images the gap is **{100 * before:.1f} points** (mean of the seeds), "
        f"with {many:,} it is **{100 * after:.1f}**: "
    )
    if after < before - HARDLY:
        return told + "more data narrows it"
    return told + ("here it widens" if after > before + HARDLY else "here it hardly changes")


def more_in_words(found: Found, images: int) -> str:
    """What the largest number of images did for new ones, beside the second largest, in equally many steps.

    Args:
        found: the trials are named by how many images they train on. images: how many validation images there are.
    """
    sizes = sorted(finished(found))[-2:]
    if len(sizes) < 2:
        return "What still more images would do cannot be told: only one size is finished."
    before, after = (validations(found[size]) for size in sizes)
    one = effect(before, after, 1 / images)
    told = f"From {sizes[0]:,} to {sizes[1]:,} images the accuracy on new images changes by {_with_interval(one)}: "
    if one.word == "helped":
        return told + "the larger set is **better**."
    often, seldom = (mean(run.history.images for run in found[size].values()) / size for size in sizes)
    word = "worse" if one.word == "hurt" else "not clearly better"
    return told + (
        f"the larger set is **{word}** here. The number of steps is the same, so each image is seen {seldom:.1f} times "
        f"instead of {often:.1f}. Extra images tend to pay off in a longer training; the full profile takes one."
    )


def quality_in_words(one: Effect, share: float) -> str:
    """The verdict on "the quality of the data sets the quality of the model", from what wrong labels did."""
    told = f"With {share:.0%} wrong labels the accuracy on new images changes by {_with_interval(one)}. "
    verdicts = {
        "hurt": "it **holds** here",
        "helped": "it **does not hold** here",
        "cannot tell": "**cannot tell** here",
    }
    return told + f'"The quality of the data sets the quality of the model": {verdicts[one.word]}.'


def by_heart_in_words(runs: Mapping[int, Run], share: float) -> str:
    """Whether wrong labels were learned by heart: who knows only the right ones agrees with no more than 1 - `share`.

    Args:
        runs: by seed, trained with wrong labels. share: of the labels that are wrong, 0 to 1.
    """
    if not runs:
        return "Whether wrong labels are learned by heart cannot be told yet."
    agrees, right = mean(run.training for run in runs.values()), 1 - share
    steps = max(len(run.history.loss) for run in runs.values())
    told = f"The network agrees with {agrees:.1%} of the labels that it was given, of which {right:.0%} are right: "
    if agrees > right + CLEARLY:
        return told + f"it has learned wrong ones **by heart** in {steps:,} steps."
    return told + f"no sign that it learned the wrong ones by heart in {steps:,} steps."


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


def change_in_words(found: Mapping[str, Effect], name: str) -> str:
    """Whether the accuracy on new images rose or fell with a change, or cannot be told."""
    if name not in found:
        return f"What {name} did to them is not measured yet."
    one = found[name]
    unknown = "may have risen or fallen, these seeds **cannot tell**"
    verdict = {"helped": "**rose**", "hurt": "**fell**", "cannot tell": unknown}[one.word]
    return f"With {name} the accuracy on new images {verdict}: {_with_interval(one)}."


def _with_interval(one: Effect) -> str:
    """The mean difference in bold, then its interval where there is one."""
    if math.isinf(one.margin):
        return f"**{one.figures}**"
    return f"**{100 * one.mean:+.1f} points** (95 % interval {100 * one.low:+.1f} to {100 * one.high:+.1f})"


def confused_in_words(counts: Tensor, classes: Sequence[str]) -> str:
    """The most frequent mistake of a confusion matrix int64 (classes, classes), in a sentence."""
    mistakes = confusion.largest(counts, 1)
    if not mistakes:
        return "It makes no mistake."
    truth, said, images = mistakes[0]
    of_all = int(counts[truth].sum())
    return f'Most often it takes "{classes[truth]}" for "{classes[said]}": {images} of {of_all}.'
