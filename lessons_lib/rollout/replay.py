"""A rollout on predictions that were made beforehand: real answers to real images, in the order of drawn requests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lessons_lib.rollout.policy import Policy
from lessons_lib.rollout.router import Router


@dataclass(frozen=True)
class Replay:
    """A finished rollout. router: what decided. requests: all of them. seen: those that the new version answered. wrong: answers
    that were wrong. wrong_without: wrong answers had there been no rollout. highest_share: of the traffic, in the last stage."""

    name: str
    router: Router
    requests: int
    seen: int
    wrong: int
    wrong_without: int
    highest_share: float

    def row(self) -> dict[str, str]:
        """The figures for a table."""
        tally = self.router.tally
        return {
            "new version": self.name,
            "what became of it": self.router.word,
            "requests": f"{self.requests:,}",
            "answered by the new version": f"{self.seen:,} ({self.seen / max(1, self.requests):.1%})",
            "highest share": f"{self.highest_share:.0%}",
            "compared": f"{tally.compared:,}: {tally.lost} lost, {tally.won} won",
            "wrong answers more than without": f"{self.wrong - self.wrong_without:+d}",
        }


def replay(
    name: str,
    live: Sequence[int],
    new: Sequence[int],
    labels: Sequence[int],
    policy: Policy | None = None,
    *,
    seed: int = 0,
    most_requests: int = 1_000_000,
) -> Replay:
    """Send requests, each for one of the images at random, until the rollout is over. Labels come at once.

    Args:
        live, new, labels: the class that each version says and the right one, image by image, (n,).
        most_requests: stop then, whatever has become of it.

    Raises:
        ValueError: there are no images, or not the same ones.
    """
    if not len(labels) or not len(live) == len(new) == len(labels):
        raise ValueError(f"answers to the same images are needed; these are {len(live)}, {len(new)} and {len(labels)}.")
    old, young, right = ([int(value) for value in row] for row in (live, new, labels))
    router = Router(old.__getitem__, young.__getitem__, policy, salt=f"{name} {seed}")
    random = np.random.default_rng(seed)
    done = seen = wrong = wrong_without = 0
    highest = router.share
    while router.word == "running" and done < most_requests:
        for place in random.integers(len(right), size=min(1_000, most_requests - done)).tolist():
            highest = max(highest, router.share if router.word == "running" else 0.0)
            served = router.answer(str(done), place)
            router.feedback(str(done), right[place])
            done, seen = done + 1, seen + (served.version == "new")
            wrong, wrong_without = wrong + (served.answer != right[place]), wrong_without + (old[place] != right[place])
            if router.word != "running":
                break
    router.close()
    return Replay(name, router, done, seen, wrong, wrong_without, highest)
