"""How an attempt can end other than well. Each outcome carries the sentence that the learner reads."""


class Outcome(Exception):
    """An attempt that did not pass; `word` is its verdict.

    Args:
        message: what was given, what was expected and what to do, with code between backticks.
    """

    word = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotYet(Outcome):
    """The answer ran and is not right."""

    word = "not yet"


class Raised(Outcome):
    """The learner's code raised an exception."""

    word = "error"


class Stopped(Outcome):
    """The learner's code ran past the time limit."""

    word = "stopped"


class NotAttempted(Outcome):
    """The stub of the exercise is still there."""

    word = "not attempted"

    def __init__(self, message: str = "Replace `raise NotImplementedError` by your code.") -> None:
        super().__init__(message)
