"""What the learner sees: a word, a sentence and perhaps a block of text, as plain text and as HTML.

Only the rule at the left is coloured (Okabe and Ito's palette); text keeps the colour of the theme, light or dark.
"""

import html
import re
from dataclasses import dataclass

COLOURS = {
    "passed": "#009E73",
    "not yet": "#E69F00",
    "error": "#D55E00",
    "stopped": "#CC79A7",
    "not attempted": "#999999",
    "hint": "#56B4E9",
    "solution": "#0072B2",
    "note": "#999999",
}
BLOCK_STYLE = "margin:.4em 0 0;background:transparent;color:inherit;white-space:pre-wrap"


def to_html(text: str) -> str:
    """Escape a text; what stands between backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


@dataclass(frozen=True, repr=False)
class Card:
    """One message of the checker.

    Args:
        word: a key of COLOURS; shown as the label.
        exercise: such as "01.1".
        message: sentences, code between backticks.
        block: text shown as it stands: what the learner's code printed, or a solution.
    """

    word: str
    exercise: str
    message: str = ""
    block: str = ""

    def __repr__(self) -> str:
        line = f"[{self.exercise}] {self.word.capitalize()}. {self.message}".rstrip()
        return f"{line}\n{self.block}" if self.block else line

    def _repr_html_(self) -> str:
        block = f'<pre style="{BLOCK_STYLE}">{html.escape(self.block)}</pre>' if self.block else ""
        return (
            f'<div role="status" style="border-left:4px solid {COLOURS[self.word]};padding:.3em .8em;margin:.3em 0">'
            f"<strong>{self.word.capitalize()}</strong> <code>{html.escape(self.exercise)}</code> "
            f"{to_html(self.message)}{block}</div>"
        )


@dataclass(frozen=True, repr=False)
class Verdict(Card):
    """What `check` returns: true where the exercise is passed."""

    def __bool__(self) -> bool:
        return self.word == "passed"
