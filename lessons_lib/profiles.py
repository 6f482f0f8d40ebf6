"""How much work a lesson does: smoke (seconds, for tests), quick (the default) or full (a patient learner, a GPU).

The profile chosen last is remembered, so that the record can say with which one something was measured.
"""

from typing import Any, TypeVar

from lessons_lib.explained import Mistake

NAMES = ("smoke", "quick", "full")  # from the least work to the most
UNKNOWN = "quick"  # what something counts as that does not say
_chosen: list[str] = []
Value = TypeVar("Value")


def choose(profile: str, *, smoke: Value, quick: Value, full: Value) -> Value:
    """Return the value that belongs to `profile`.

    Raises:
        Mistake: `profile` is none of smoke, quick and full.
    """
    values = {"smoke": smoke, "quick": quick, "full": full}
    if profile not in values:
        raise Mistake(f"PROFILE is {profile!r}; choose one of {', '.join(NAMES)}.")
    _chosen[:] = [profile]
    return values[profile]


def chosen() -> str | None:
    """The profile for which a value was chosen last in this process; None before the first."""
    return _chosen[0] if _chosen else None


def fullness(profile: Any) -> int:
    """How much work a profile stands for: 0 smoke, 1 quick, 2 full; whatever is none of them counts as quick."""
    return NAMES.index(profile if profile in NAMES else UNKNOWN)
