"""Verdicts read from what lessons 03 to 09 leave in the record: their fields are older than the ledger.

Each reader returns None where its lesson has not measured yet, and may raise what looking into odd fields raises.
"""

from collections.abc import Callable
from math import inf
from statistics import median

from lessons_lib import record
from lessons_lib.ledger.events import Event, Events
from lessons_lib.ledger.judged import (
    HOLDS,
    NOT_HERE,
    ONLY_IF,
    UNTESTED,
    Judged,
    finite,
    split,
    standing_alone,
    together,
)

WRONG_LABELS = "40 % wrong labels"
KEEPING_OUT = ("augmentation", "dropout", "weight decay")  # beginnings of the names of the claim's remedies


def int8(events: Events) -> Judged | None:
    """Lesson 06 judges the three parts itself."""
    if not (event := events.measured("06.int8")):
        return None
    word, condition = standing_alone(event["verdict"])
    parts = [f"{part}: {figures}" for part, figures in event["parts"].items()]
    return Judged(word, "; ".join(filter(None, [condition, *parts])), event)


def pruning(events: Events) -> Judged | None:
    """Lesson 07 judges two kinds of pruning: the claim names no kind, so it holds if both do."""
    if not (event := events.measured("07.pruning")):
        return None
    kinds = {"weights set to zero": event["verdicts"]["zeros"], "channels taken out": event["verdicts"]["channels"]}
    words = {name: split(kind["word"])[0] for name, kind in kinds.items()}
    told = "; ".join(f"{name}: {kind['word']}, {kind['reason']}" for name, kind in kinds.items())
    holding = [name for name, word in words.items() if word == HOLDS]
    if len(holding) == 1:
        return Judged(ONLY_IF, f"it holds of {holding[0]} alone; {told}", event)
    return Judged(together(*words.values()), told, event)


def batching(events: Events) -> Judged | None:
    """Lesson 08 judges it in one text."""
    if not (event := events.measured("08.batching")):
        return None
    return Judged(*standing_alone(event["claim"]), event)


def transfer(events: Events) -> Judged | None:
    """Lesson 04 judges each way; the claim says "up to", so the best of them counts."""
    if not (event := events.measured("04.transfer")):
        return None
    words = [split(verdict)[0] for verdict in event["verdicts"].values()]
    word = next(word for word in (HOLDS, ONLY_IF, UNTESTED, NOT_HERE) if word in words)
    return Judged(word, "; ".join(f"{way}: {verdict}" for way, verdict in event["verdicts"].items()), event)


def cannot_skip(events: Events) -> Judged | None:
    """Lesson 04: did a trained network shorten the training, at every number of images?"""
    if not (event := events.measured("04.transfer")):
        return None
    best: dict[str, float] = {}
    for shares in event["saved"].values():
        for images, seeds in shares.items():
            best[images] = max(best.get(images, -inf), median(map(finite, seeds)))
    shorter = [images for images, share in best.items() if share > 0]
    word = HOLDS if len(shorter) == len(best) else ONLY_IF if shorter else NOT_HERE
    told = ", ".join(f"{share:.0%} at {images} images a class" for images, share in best.items())
    few = f"it holds with {' or '.join(shorter)} images a class; " if word == ONLY_IF else ""
    paid = f"the pre-training, about {finite(event['pretraining_seconds']):.0f} s here, was paid by somebody else"
    return Judged(word, f"{few}less training time by {told}; even frozen features train a head, and {paid}", event)


def regularisation(events: Events) -> Judged | None:
    """Lesson 03 compares each remedy with none, seed by seed."""
    tried = {name: event for name, event in _effects(events).items() if name.startswith(KEEPING_OUT)}
    if not tried:
        return None
    told = "; ".join(f"{name}: {event['word']}, {event['figures']}" for name, event in tried.items())
    helped = [kind for kind in KEEPING_OUT if _any(tried, kind, "helped")]
    event = list(tried.values())[-1]
    if len(helped) == len(KEEPING_OUT):
        return Judged(HOLDS, told + _gap(events), event)
    if helped:
        return Judged(ONLY_IF, f"it holds of {' and '.join(helped)}; on new images, {told}{_gap(events)}", event)
    hurt = any(_any(tried, kind, "hurt") for kind in KEEPING_OUT)
    return Judged(NOT_HERE if hurt else UNTESTED, f"on new images, {told}{_gap(events)}", event)


def data_quality(events: Events) -> Judged | None:
    """Lesson 03 makes labels wrong and looks at new images with right ones."""
    if not (event := _effects(events).get(WRONG_LABELS)):
        return None
    word = {"hurt": HOLDS, "helped": NOT_HERE}.get(event["word"], UNTESTED)
    return Judged(word, f"{WRONG_LABELS}, accuracy on new images: {event['figures']} ({event['word']})", event)


def training_memory(events: Events) -> Judged | None:
    """Lesson 05 judges it in one text."""
    if not (event := events.measured("05.inference")):
        return None
    return Judged(*standing_alone(event["claims"]["training needs far more memory"]), event)


def inference_faster(events: Events) -> Judged | None:
    """Lesson 05 judges both halves."""
    if not (event := events.measured("05.inference")):
        return None
    names = ("a single prediction takes milliseconds", "inference is always faster than training")
    halves = {name: event["claims"][name] for name in names}
    word = together(*(split(verdict)[0] for verdict in halves.values()))
    both = "; ".join(f"“{name}” {verdict}" for name, verdict in halves.items())
    return Judged(word, both, event)


def delay(events: Events) -> Judged | None:
    """Lesson 09 says who keeps the deadlines; lesson 05 does, where 09 has not been run."""
    if event := events.measured("09.claims"):
        return Judged(UNTESTED, event["verdicts"]["deadlines"], event)
    if event := events.measured("05.inference"):
        return Judged(UNTESTED, split(event["claims"]["100 ms hurt, a vehicle wants less than 1 ms"])[1], event)
    return None


def same_hardware(events: Events) -> Judged | None:
    """Lesson 09: without a GPU only the half about inference can be tested, so the claim as a whole cannot."""
    if not (event := events.measured("09.claims")):
        return None
    told = event["verdicts"]["devices"]
    if told.startswith("its half about inference holds"):
        return Judged(UNTESTED, told, event)
    return Judged(*standing_alone(told), event)


def _effects(events: Events) -> dict[str, Event]:
    """The effect of each change of lesson 03: that of the fullest profile, the last of equals."""
    found: dict[str, Event] = {}
    for event in events.named("measurement", "03.effect"):
        change = str(event.get("change"))
        found[change] = record.fullest([found.get(change, event), event]) or event
    return found


def _any(tried: dict[str, Event], kind: str, word: str) -> bool:
    return any(event["word"] == word for name, event in tried.items() if name.startswith(kind))


def _gap(events: Events) -> str:
    """How the gap between training and new images changed with augmentation, where lesson 03 kept it."""
    gaps = (events.measured("03.gaps") or {}).get("points", {})
    if not {"nothing", "augmentation"} <= set(gaps):
        return ""
    before, after = (finite(gaps[name]) for name in ("nothing", "augmentation"))
    return f"; gap between training and new images {before:.1f} points without, {after:.1f} with augmentation"


READERS: dict[str, Callable[[Events], Judged | None]] = {
    "int8_claim": int8,
    "pruning_claim": pruning,
    "batching_claim": batching,
    "transfer_saves": transfer,
    "regularisation": regularisation,
    "data_quality": data_quality,
    "training_memory": training_memory,
    "inference_faster": inference_faster,
    "delay_hurts": delay,
    "same_hardware": same_hardware,
    "cannot_skip_training": cannot_skip,
}
