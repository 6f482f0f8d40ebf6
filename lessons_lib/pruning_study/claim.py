"""The claim "pruning gives leaner models that run faster and keep their performance", judged for each kind of pruning."""

from collections.abc import Mapping, Sequence

from lessons_lib.paired import Effect
from lessons_lib.pruning_study.variants import DENSE, Variant, kib
from lessons_lib.timing import Verdict
from lessons_lib.transfer.claim import Judgement

SOURCE = "With far longer training the fresh start often catches up (Liu et al., Rethinking the Value of Network Pruning, 2019)."
TOLERATED = 0.01  # of the accuracy: a loss up to it is said to keep the performance
NOTICEABLE = 1.05  # times faster: below it nobody would call a model faster, however surely it was measured


def judge(rows: Sequence[Variant], kind: str, tolerated: float = TOLERATED) -> Judgement:
    """Are the variants of a kind leaner and faster, and do they keep their accuracy?

    Args:
        rows: measured in one run, the dense variant among them. kind: "zeros" or "channels".
        tolerated: the loss of accuracy (a share) that still counts as keeping it.

    Returns:
        "holds" where one variant does all three, "does not hold here" with what is missing, "cannot tell" where only the speed is open.
    """
    dense = next(row for row in rows if row.kind == DENSE)
    pruned = [row for row in rows if row.kind == kind]
    if not pruned:
        return Judgement("cannot tell", "no such variant was measured")
    keeping = [row for row in pruned if _keeps(row.accuracy, dense.accuracy, tolerated)]
    if not keeping:
        best = max(pruned, key=lambda row: row.accuracy)
        return Judgement(
            "does not hold here", f"every variant loses more than {_points(tolerated)}; {_told(best, dense)}"
        )
    faster = [row for row in keeping if row.low > NOTICEABLE]
    if faster:
        best = max(faster, key=lambda row: row.times_faster)
        if best.file_bytes < dense.file_bytes:
            return Judgement("holds", _told(best, dense))
        return Judgement("does not hold here", f"faster, but not leaner; {_told(best, dense)}")
    leanest = min(keeping, key=lambda row: row.zipped_bytes)
    if leanest.high < NOTICEABLE or leanest.file_bytes >= 0.99 * dense.file_bytes:
        return Judgement("does not hold here", f"it keeps its accuracy, {_too_slow(leanest)}; {_told(leanest, dense)}")
    return Judgement("cannot tell", f"the speed is within the noise; {_told(leanest, dense)}")


def _keeps(accuracy: float, dense: float, tolerated: float) -> bool:
    """Is no more lost than is tolerated? A loss of just that much may come out larger by its last binary digits."""
    return dense - accuracy <= tolerated + 1e-6


def _too_slow(row: Variant) -> str:
    """Why a variant does not count as faster, in a few words."""
    if 1 < row.times_faster < NOTICEABLE:
        ratio = Verdict(row.times_faster, row.low, row.high).figures.split(",")[0]
        return f"but {ratio} is below the {NOTICEABLE - 1:.0%} that count as faster".replace("%", " %")
    return "but is no faster" if row.high < NOTICEABLE else "but is not surely faster"


def _points(share: float) -> str:
    return f"{100 * share:g} point{'s' * (100 * share != 1)}"


def _told(row: Variant, dense: Variant) -> str:
    """A variant against the dense one, in a few words."""
    noticed = row.times_faster > NOTICEABLE
    speed = row.verdict if noticed else row.verdict.removeprefix("faster, ")
    return (
        f"{row.name}: {speed}; model file {kib(row.file_bytes)} of {kib(dense.file_bytes)}, zipped {kib(row.zipped_bytes)} of "
        f"{kib(dense.zipped_bytes)}; accuracy {100 * (row.accuracy - dense.accuracy):+.1f} points"
    )


def mask_speed_in_words(verdicts: Mapping[str, Verdict]) -> str:
    """What zeros did to the speed on each engine, in a sentence."""
    told = "; ".join(f"on {engine} **{verdict}**" for engine, verdict in verdicts.items())
    words = {verdict.word for verdict in verdicts.values()}
    if "faster" in words:
        worth = "Mind the size of the difference: had the work shrunk with the weights, it would be about tenfold."
    elif "slower" in words:
        worth = "Zeros save nothing here; what small difference there is may lie in how the two models happen to sit in memory."
    else:
        worth = "Nine of ten weights are gone, and no clock on this machine notices."
    return f"Against the dense model the one with zeros is, {told}. {worth}"


def bearable_in_words(after: Mapping[float, float], dense: float, tolerated: float = TOLERATED) -> str:
    """How many zeros the network bears, in a sentence.

    Args:
        after: accuracy (0 to 1) by share of zeros. dense: accuracy of the unpruned network. tolerated: the loss that is borne.
    """
    if not after:
        return "No run is finished."
    borne = [level for level, accuracy in after.items() if _keeps(accuracy, dense, tolerated)]
    if not borne:
        return f"None of these shares costs less than {_points(tolerated)} here."
    most = max(borne)
    loss = 100 * (after[most] - dense)
    last = ", the most that was tried" if most == max(after) else ""
    return (
        f"**{most:.0%}** of the weights can go{last}: {after[most]:.1%}, {loss:+.1f} points against the dense network."
    )


def guided_in_words(found: Effect) -> str:
    """Whether it paid to take less where it hurts, both shapes distilled, in a sentence."""
    if not found.differences:
        return "Guided and uniform pruning cannot be compared: run the cell above to its end."
    lesson = {
        "helped": "So it paid to look at the layers first",
        "hurt": "So what hurts before training is no good guide to what can be won back",
        "cannot tell": "So looking at the layers first made no difference that these seeds can show",
    }[found.word]
    return f"Guided against the same share everywhere, both distilled, seed by seed: **{found}**. {lesson}."


def recovery_in_words(found: Mapping[str, Effect]) -> str:
    """Which ways of winning accuracy back were better or worse than fine-tuning, and what a fresh start says, in sentences."""
    there = {name: one for name, one in found.items() if one.differences}
    if not there:
        return "No two runs can be compared: run the cell above to its end."
    told = [f"{name}: **{one}**." for name, one in there.items()]
    fresh = there.get("from scratch")
    if fresh is None:
        return " ".join(told)
    lessons = {
        "hurt": "So the old weights were of use: at this number of steps, starting small from scratch is worse.",
        "helped": "So the old weights were of no use here: the small shape alone, trained afresh, does better.",
        "cannot tell": "Whether the old weights were of any use cannot be told from these seeds; the small shape may be what counts.",
    }
    return " ".join([*told, lessons[fresh.word], SOURCE])
