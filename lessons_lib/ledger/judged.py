"""A verdict: one of four words, and what was measured in a sentence."""

import math
from typing import Any, NamedTuple

from lessons_lib.ledger.events import Event

HOLDS, ONLY_IF, NOT_HERE, UNTESTED = "holds", "holds only if", "does not hold here", "cannot be tested here"
WORDS = (HOLDS, ONLY_IF, NOT_HERE, UNTESTED)
# "cannot tell" is what a comparison says whose noise exceeds the effect.
BEGINNINGS = {ONLY_IF: ONLY_IF, HOLDS: HOLDS, NOT_HERE: NOT_HERE, UNTESTED: UNTESTED, "cannot tell": UNTESTED}


class Judged(NamedTuple):
    """The word of a verdict, the learner's figures in a sentence, and the event they come from."""

    word: str
    said: str
    event: Event


def split(verdict: str) -> tuple[str, str]:
    """The word that a verdict begins with, and the rest of it.

    Raises:
        ValueError: it begins with none of the words.
    """
    for beginning, word in BEGINNINGS.items():
        if verdict.startswith(beginning):
            return word, verdict.removeprefix(beginning).lstrip(" :")
    raise ValueError(f"{verdict[:60]!r} begins with none of the verdicts {', '.join(WORDS)}.")


def standing_alone(verdict: str) -> tuple[str, str]:
    """The word of a verdict, and the rest of it as something that can be read without the word."""
    word, rest = split(verdict)
    return word, with_condition(word, rest)


def with_condition(word: str, said: str) -> str:
    """What was said, where it begins with the condition of "holds only if"."""
    if word != ONLY_IF or said.lower().startswith("it holds"):
        return said
    return f"it holds if {lowered(said)}"


def lowered(text: str) -> str:
    """A text that goes on within a sentence: "The ..." and "A ..." begin small, and "ONNX ..." does not."""
    is_word = text[1:2].islower() or not text[1:2].strip()
    return text[:1].lower() + text[1:] if is_word else text


def together(*words: str) -> str:
    """The word for a claim of several parts, all of which have to hold."""
    return next((word for word in (NOT_HERE, UNTESTED, ONLY_IF) if word in words), HOLDS)


def sentence(text: str) -> str:
    """A text without signs of Markdown, beginning with a capital and ending with a full stop."""
    plain = " ".join(text.replace("**", "").split())
    first = plain.partition(" ")[0]
    capital = plain[:1].upper() + plain[1:] if first.isalpha() else plain
    return capital if capital.endswith((".", "!", "?")) or not capital else f"{capital}."


def finite(value: Any) -> float:
    """A number that can be shown.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number to show.")
    return float(value)
