"""Errors whose message says everything: a notebook shows the sentence, not the way through the library to it."""

import re

COLOUR_CODE = re.compile(r"\x1b\[[0-9;]*m")  # what a terminal shows as colour, and a notebook as "[96m"


class Explained(Exception):
    """Its message names what was given, what was expected and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


class Mistake(Explained, ValueError):
    """A setting or argument of the learner's that cannot be used."""


class NotHere(Explained, RuntimeError):
    """Something that this machine does not have, or cannot reach."""


def in_short(error: BaseException, length: int = 200) -> str:
    """What an error comes down to, on one line: the kind of its innermost cause, and the first line that this says."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [" ".join(line.split()) for line in COLOUR_CODE.sub("", str(error)).splitlines()]
    said = next(filter(None, lines), "")
    told = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return told if len(told) <= length else told[: length - 3] + "..."
