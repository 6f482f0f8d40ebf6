"""Errors whose message says everything: a notebook shows the sentence, not the way through the library to it."""


class Explained(Exception):
    """Its message names what was given, what was expected and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


class Mistake(Explained, ValueError):
    """A setting or argument of the learner's that cannot be used."""


class NotHere(Explained, RuntimeError):
    """Something that this machine does not have, or cannot reach."""
