"""What a lesson says about its rollouts, in words that fit whatever came out."""

from collections.abc import Mapping, Sequence

from lessons_lib.rollout.policy import Policy
from lessons_lib.rollout.replay import Replay
from lessons_lib.rollout.router import Router
from lessons_lib.rollout.simulation import Outcomes

WANTED = 0.95  # of the simulated rollouts
ROUNDING = 1e-9  # 0.03 - 0.01 is a little less than 0.02
LEAST_IMAGES = 100  # with fewer, a version is not known well enough to say what should become of it


def kind(difference: float, margin: float) -> str:
    """Whether a version that is wrong more often by `difference` (0 to 1) is worse by the margin, not worse, or in between."""
    if difference >= margin - ROUNDING:
        return "worse"
    return "not worse" if difference <= ROUNDING else "in between"


def difference_told(name: str, lost: float, won: float, margin: float) -> str:
    """What the test images say about a version, and what should therefore become of it.

    Args:
        lost, won: shares of the images that only the live version gets right, and only the new one.
    """
    fates = {
        "worse": "worse by the margin or more, so it has to be rolled back",
        "not worse": "not worse, so it should be promoted",
        "in between": "worse by less than the margin, so that either end is right",
    }
    points = 100 * (lost - won)
    return (
        f"**{name}** gets {lost:.1%} of the images wrong that the live version gets right, and {won:.1%} right that it gets wrong: "
        f"{points:+.1f} points of error. It is {fates[kind(lost - won, margin)]}."
    )


def differing_told(live: Sequence[int], candidates: Mapping[str, Sequence[int]], labels: Sequence[int]) -> str:
    """How many answers differ, and on how many of these images both versions are wrong, each in its own way."""
    parts = []
    for name, new in candidates.items():
        wrong = [right not in (old, young) for old, young, right in zip(live, new, labels, strict=True) if old != young]
        both = f"{sum(wrong):,} of these {'is' if sum(wrong) == 1 else 'are'} wrong in both"
        parts.append(f"**{name}** answers {len(wrong):,} of them differently from the live version, and {both}")
    return f"{'; '.join(parts)}. What is wrong in both, though differently, counts in the shadow, and is neither lost nor won."


def replay_told(done: Replay) -> str:
    """How a rollout on real predictions ended."""
    end = {
        "promoted": "was promoted",
        "rolled back": "was rolled back",
        "running": "was still running when the requests ended",
    }
    more = done.wrong - done.wrong_without
    plural = "s" if abs(more) != 1 else ""
    cost = (
        f"{abs(more)} wrong answer{plural} {'more' if more > 0 else 'fewer'} than"
        if more
        else "as many wrong answers as"
    )
    return (
        f"**{done.name}** {end[done.router.word]} after {done.requests:,} requests, of which it answered {done.seen:,}; its highest "
        f"share was {done.highest_share:.0%}. Users got {cost} without the rollout."
    )


def simulated_told(name: str, lost: float, won: float, outcomes: Outcomes, policy: Policy) -> str:
    """How many of the simulated rollouts of a version ended as they should."""
    what = kind(lost - won, policy.margin)
    runs = len(outcomes.promoted)
    back = f"rolled back before {policy.prove_before:.0%} of the traffic saw it in {outcomes.rolled_back_before(policy.prove_before):.1%}"
    up = f"promoted in {outcomes.promoted_share:.1%}"
    told = {"worse": back, "not worse": up, "in between": f"{up} and {back}"}[what]
    return f"**{name}** ({what}) is {told} of {runs:,} simulated rollouts."


def fallback_told(requests: int, all_served: bool, routers: dict[str, Router]) -> str:
    """What the routers did with versions that fail, and whether every user got the live version's answer."""
    parts = []
    for name, router in routers.items():
        failures = sum(router.fallbacks.values())
        parts.append(
            f"The version that **{name}**: {router.word}, with {failures} answer{'s' if failures != 1 else ''} missing."
        )
    users = (
        f"All {requests:,} users got the answer of the live version."
        if all_served
        else f"Not all of the {requests:,} users got the answer of the live version."
    )
    return f"{users} {' '.join(parts)}"


def claim(
    replays: Sequence[Replay], outcomes: dict[str, tuple[float, float, Outcomes]], routers: dict[str, Router], served: bool,
    images: int, policy: Policy,
) -> dict[str, str]:  # fmt: skip
    """The verdict on "several versions run at once, rolled out gradually, with a fallback".

    Args:
        outcomes: lost, won and simulated rollouts by version. routers: of versions that fail. served: every user got the live
            version's answer meanwhile.
        images: test images on which the versions were compared.
    """
    caught = all(router.word == "rolled back" for router in routers.values())
    shares = {name: _as_it_should(*found, policy) for name, found in outcomes.items()}
    told = "; ".join(f"{name} ended as it should in {share:.1%}" for name, share in shares.items() if share is not None)
    ends = ", ".join(f"{done.name} {done.router.word} at {done.highest_share:.0%}" for done in replays)
    said = f"On real predictions: {ends}. Simulated: {told or 'nothing that has to end one way'}. "
    if not caught:
        said += "A failing version was not caught."
    elif not served:
        said += "Failing versions were taken out, but not every user got the live version's answer meanwhile."
    else:
        said += "Failing versions were taken out, and every request was answered."
    judged = [share for share in shares.values() if share is not None]
    if not (caught and served) or any(share < WANTED for share in judged):
        return {"word": "does not hold here", "said": said}
    if images < LEAST_IMAGES:
        said += f" Only {images} test images: too few to know which version is better."
        return {"word": "cannot be tested here", "said": said}
    if not judged:
        return {"word": "cannot be tested here", "said": f"{said} No version was clearly worse or clearly not."}
    return {"word": "holds", "said": said}


def _as_it_should(lost: float, won: float, outcomes: Outcomes, policy: Policy) -> float | None:
    what = kind(lost - won, policy.margin)
    if what == "in between":
        return None
    return outcomes.rolled_back_before(policy.prove_before) if what == "worse" else outcomes.promoted_share
