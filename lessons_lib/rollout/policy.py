"""When a new version sees more of the traffic, when it becomes the live one, and when it has to go."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lessons_lib.explained import Mistake
from lessons_lib.rollout.evidence import log_failing, log_needed, log_not_worse, log_worse


@dataclass(frozen=True)
class Policy:
    """The rules of a rollout.

    shares: of the traffic, stage by stage, each from 0 to 1. margin: by how much more often (0 to 1) the new version may be
    wrong for "not worse" to be true; nothing is ever known to be exactly equal. level: of each test, the probability to be misled.
    prove_before: no stage with this share or more begins until "not worse by the margin" is shown. least: compared requests in
    each stage. patience: compared requests after which a version that has shown nothing has to go. look_every: compared requests
    between two looks. tolerated: the share of requests that may fail. slower: how many times the live version's time the
    new one may take in half of the requests; None: its time is not judged.
    """

    shares: Sequence[float] = (0.01, 0.05, 0.20, 0.50, 1.00)
    margin: float = 0.02
    level: float = 0.02
    prove_before: float = 0.20
    least: int = 100
    patience: int = 20_000
    look_every: int = 10
    tolerated: float = 0.01
    slower: float | None = None

    def __post_init__(self) -> None:
        shares = list(self.shares) if isinstance(self.shares, Sequence) else []
        rise = all(map(_is_number, shares)) and all(low < high for low, high in pairwise([0, *shares]))
        if not rise or shares[-1:] != [1]:
            raise Mistake(f"shares is {self.shares!r}; give shares that rise to 1, such as (0.01, 0.1, 1.0).")
        for name in ("margin", "level", "tolerated"):
            if not _is_number(given := getattr(self, name)) or not 0 < given < 1:
                raise Mistake(f"{name} is {given!r}; give a number between 0 and 1.")
        for name in ("least", "patience", "look_every"):
            if not isinstance(given := getattr(self, name), int) or given < 1:
                raise Mistake(f"{name} is {given!r}; give a whole number of requests, 1 or more.")
        if not _is_number(self.prove_before) or not self.prove_before > shares[0]:  # nor where it is not finite
            raise Mistake(
                f"prove_before is {self.prove_before!r}; the first share has to be smaller, or nothing can be shown."
            )
        if self.slower is not None and not (_is_number(self.slower) and self.slower > 0):
            raise Mistake(f"slower is {self.slower!r}; give how many times as long, such as 2.0, or None.")

    @property
    def unproven_stages(self) -> int:
        """How many stages a version passes before it has to have shown that it is not worse."""
        return sum(share < self.prove_before for share in self.shares)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


@dataclass(frozen=True)
class Tally:
    """What is known of a new version. Compared requests, those with answers of both and a label: lost (only the live version was
    right), won (only the new one), same. Of all requests sent to it: failures, answered; slow, prompt: see `Policy.slower`."""

    lost: int = 0
    won: int = 0
    same: int = 0
    failures: int = 0
    answered: int = 0
    slow: int = 0
    prompt: int = 0

    @property
    def compared(self) -> int:
        """Requests on which both versions could be judged."""
        return self.lost + self.won + self.same

    @property
    def difference(self) -> float:
        """How much more often the new version was wrong, -1 to 1; 0 without any comparison."""
        return (self.lost - self.won) / max(1, self.compared)


@dataclass(frozen=True)
class Decision:
    """word: "stay", "advance" (to the next stage), "promote" or "roll back"; why: a sentence."""

    word: str
    why: str


def proven(tally: Tally, policy: Policy) -> bool:
    """True where the evidence shows that the version is not wrong more often by the margin. Once shown is shown."""
    return bool(log_not_worse(tally.lost, tally.won, tally.same, policy.margin) >= log_needed(policy.level))


def decide(tally: Tally, stage: int, seen_in_stage: int, policy: Policy, shown: bool) -> Decision:
    """What to do with a new version now.

    Args:
        stage: its place in `policy.shares`. seen_in_stage: compared requests since this stage began. shown: `proven` at some look.
    """
    reason = _alarm(tally, policy, log_needed(policy.level))
    if reason:
        return Decision("roll back", reason)
    if stage + 1 == policy.unproven_stages and not shown:
        if tally.compared >= policy.patience:
            return Decision(
                "roll back", f"After {tally.compared:,} compared requests it has not shown that it is not worse."
            )
        return Decision("stay", f"It has not shown yet that it is not worse by {100 * policy.margin:g} points.")
    if seen_in_stage < policy.least:
        return Decision("stay", f"{seen_in_stage} of {policy.least} compared requests of this stage.")
    if stage + 1 == len(policy.shares):
        return Decision("promote", f"No alarm in {tally.compared:,} compared requests: {_points(tally)}.")
    return Decision("advance", f"No alarm so far: {_points(tally)}.")


def _alarm(tally: Tally, policy: Policy, needed: float) -> str:
    """The first test that speaks against the version; empty where none does."""
    requests = tally.failures + tally.answered
    if log_failing(tally.failures, requests, policy.tolerated) >= needed:
        return f"It failed in {tally.failures} of {requests} requests; {100 * policy.tolerated:g}% is tolerated."
    if log_worse(tally.lost, tally.won) >= needed:
        return f"It is wrong more often: {_points(tally)}."
    if policy.slower is not None and log_worse(tally.slow, tally.prompt) >= needed:
        return f"It took over {policy.slower:g} times as long in {tally.slow} of {tally.slow + tally.prompt} requests."
    return ""


def _points(tally: Tally) -> str:
    return f"{tally.lost} lost, {tally.won} won of {tally.compared:,} ({100 * tally.difference:+.1f} points of error)"
