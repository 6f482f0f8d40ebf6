"""How much work a lesson does: smoke (seconds, for tests), quick (the default) or full (a patient learner, a GPU)."""

from typing import TypeVar

from lessons_lib.explained import Mistake

NAMES = ("smoke", "quick", "full")
Value = TypeVar("Value")


def choose(profile: str, *, smoke: Value, quick: Value, full: Value) -> Value:
    """Return the value that belongs to `profile`.

    Raises:
        Mistake: `profile` is none of smoke, quick and full.
    """
    values = {"smoke": smoke, "quick": quick, "full": full}
    if profile not in values:
        raise Mistake(f"PROFILE is {profile!r}; choose one of {', '.join(NAMES)}.")
    return values[profile]
