"""Many rollouts at once, as arrays of counts: how often does a policy decide right, and how soon?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessons_lib.explained import Mistake
from lessons_lib.rollout.evidence import log_needed, log_not_worse, log_worse
from lessons_lib.rollout.policy import Policy

CHUNK = 50  # rollouts at a time, so that the arrays fit into the cache
NEVER = np.iinfo(np.int64).max // 4

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Outcomes:
    """What became of each rollout; arrays (runs,).

    promoted: bool. highest_share: of the traffic that the new version got in its last stage. compared: requests that it answered.
    requests: all requests meanwhile.
    """

    promoted: NDArray[np.bool_]
    highest_share: NDArray[np.float64]
    compared: Counts
    requests: Counts

    def rolled_back_before(self, share: float) -> float:
        """The share of the rollouts that were rolled back before a stage with `share` or more of the traffic began."""
        return float((~self.promoted & (self.highest_share < share)).mean())

    @property
    def promoted_share(self) -> float:
        """The share of the rollouts that ended with the new version."""
        return float(self.promoted.mean())


def simulate(lost: float, won: float, policy: Policy | None = None, *, runs: int = 1000, seed: int = 0) -> Outcomes:
    """Roll out a version `runs` times.

    Args:
        lost, won: the probabilities, 0 to 1, that only the live version gets a request right, and that only the new one does.

    Raises:
        Mistake: they are no probabilities.
    """
    policy = policy or Policy()
    if not (lost >= 0 and won >= 0 and lost + won <= 1):  # nor where one is no number
        raise Mistake(f"lost is {lost!r} and won {won!r}; give probabilities of 0 or more whose sum is at most 1.")
    random = np.random.default_rng(seed)
    looks = _looks(policy.patience, policy) + len(policy.shares) * _looks(policy.least, policy)
    chunks = []
    for start in range(0, runs, CHUNK):
        shape = min(CHUNK, runs - start), looks
        lost_now = random.binomial(policy.look_every, lost, shape)
        won_now = random.binomial(policy.look_every - lost_now, min(1.0, won / (1 - lost)) if lost < 1 else 0.0)
        chunks.append(follow(lost_now.cumsum(axis=1), won_now.cumsum(axis=1), policy))
    fields = ("promoted", "highest_share", "compared", "requests")
    return Outcomes(*(np.concatenate([getattr(chunk, field) for chunk in chunks]) for field in fields))


def follow(lost: Counts, won: Counts, policy: Policy) -> Outcomes:
    """Apply the policy to finished records; decides as `Router` does.

    Args:
        lost, won: int (runs, looks), the counts at each look, that is after every `policy.look_every` compared requests.
    """
    every, needed = policy.look_every, log_needed(policy.level)
    compared = every * np.arange(1, lost.shape[1] + 1)
    worse = _first(log_worse(lost, won) >= needed)
    proven = _first(log_not_worse(lost, won, compared - lost - won, policy.margin) >= needed)
    stage = _looks(policy.least, policy) * every  # a stage ends at a look
    ends = _ends(proven * every, stage, policy)  # (runs, stages)
    out_of_patience = max(_looks(policy.patience, policy) * every, (policy.unproven_stages - 1) * stage + every)
    given_up = np.where(proven * every > out_of_patience, out_of_patience, NEVER)
    rolled_back = np.minimum(worse * every, given_up)
    promoted = ends[:, -1] < rolled_back
    over = np.where(promoted, ends[:, -1], rolled_back)
    return Outcomes(promoted, _share_at(over, ends, policy), over, _traffic(over, ends, policy))


def _looks(compared: int, policy: Policy) -> int:
    """How many looks there are until so many requests are compared."""
    return -(-compared // policy.look_every)


def _first(reached: NDArray[np.bool_]) -> Counts:
    """The look, counted from 1, at which each run gets there; a very large number where it never does."""
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, NEVER // 1000)


def _ends(proven: Counts, stage: int, policy: Policy) -> Counts:
    """After how many compared requests each stage is over, if no alarm comes."""
    unproven = policy.unproven_stages
    early = np.arange(1, unproven + 1) * stage
    ends = np.broadcast_to(early, (len(proven), unproven)).copy()
    ends[:, -1] = np.maximum(ends[:, -1], proven)
    later = stage * np.arange(1, len(policy.shares) - unproven + 1)
    return np.concatenate([ends, ends[:, -1:] + later], axis=1)


def _share_at(over: Counts, ends: Counts, policy: Policy) -> NDArray[np.float64]:
    stage = (over[:, None] > ends).sum(axis=1)
    return np.asarray(policy.shares)[stage]


def _traffic(over: Counts, ends: Counts, policy: Policy) -> Counts:
    """All requests, of which a stage sends its share to the new version."""
    until = np.minimum(ends, over[:, None])
    in_stage = np.diff(until, axis=1, prepend=0)
    return np.round((in_stage / np.asarray(policy.shares)).sum(axis=1)).astype(np.int64)
