# %% [markdown]
# # Exercises 11 · What breaks after launch?
# *40 minutes · goes with [lesson 11](../notebooks/11_production.ipynb) · needs nothing from other exercises*
#
# How far apart two histograms are, which threshold costs least, when a rollout is decided, and which version to serve. Replace `raise NotImplementedError` by your code, then run the
# `check` cell below it. `hint("11.1")` helps, and `solution("11.1")` shows an answer once you have tried.

# %%
import hashlib
import math

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 11.1 How far apart are two histograms?
# `reference` and `week` count how many images fell into each bin, before the launch and this week. The **population stability index** is the
# sum over the bins of $(p - q)\,\ln(p / q)$, where $p$ is the bin's share of the week and $q$ its share of the reference. An empty bin has no
# logarithm, so **add 0.5 to every count first**, then divide by the new total. From `[8, 8]` and `[1, 3]` come the shares
# `[0.5, 0.5]` and `[0.3, 0.7]`, and an index of 0.169.
#
# **Return the index.** The week may have fewer images than the reference.


# %% tags=["exercise-11.1"]
def stability_index(reference: list[int], week: list[int]) -> float:
    """The population stability index of two lists of counts, bin by bin."""

    ### BEGIN SOLUTION
    def shares(counts: list[int]) -> list[float]:
        total = sum(counts) + 0.5 * len(counts)
        return [(count + 0.5) / total for count in counts]

    return sum((p - q) * math.log(p / q) for p, q in zip(shares(week), shares(reference)))
    ### END SOLUTION


# %%
check("11.1", stability_index)

# %% [markdown]
# ## 11.2 The threshold that costs least
# An alarm sounds in a week whose score is **above** the threshold. `quiet` holds the scores of weeks in which nothing had changed, `drifted`
# those of weeks after a drift. A false alarm costs `false_alarm`; a week after a drift without an alarm costs `missed`. Of all weeks
# to come, the share `drift_share` (0 to 1) will be after a drift. So a week costs on average
#
# `(1 - drift_share) * (share of quiet above) * false_alarm + drift_share * (share of drifted not above) * missed`.
#
# **Return the threshold from `candidates` with the smallest cost; of several, the largest** (it rings least). With `[1, 2, 3, 4]` quiet,
# `[3, 5]` drifted, candidates `[2, 4]`, a false alarm at 10, a missed week at 100 and a share of 0.1, the costs are 4.5 and 5: return 2.


# %% tags=["exercise-11.2"]
def cheapest_threshold(
    quiet: list[float],
    drifted: list[float],
    candidates: list[float],
    false_alarm: float,
    missed: float,
    drift_share: float,
) -> float:
    """The candidate that makes a week cheapest on average."""

    ### BEGIN SOLUTION
    def cost(limit: float) -> float:
        rings = sum(score > limit for score in quiet) / len(quiet)
        silent = sum(score <= limit for score in drifted) / len(drifted)
        return (1 - drift_share) * rings * false_alarm + drift_share * silent * missed

    return min(sorted(candidates, reverse=True), key=cost)
    ### END SOLUTION


# %%
check("11.2", cheapest_threshold)

# %% [markdown]
# ## 11.3 Roll back, promote, or wait?
# A gambler bets that the new version is worse. It begins with a capital of 1. At each request it stakes the share `stake` of what it
# has: where only the live version was right, its capital is multiplied by `1 + stake`; where only the new one was right, by
# `1 - stake`; where both were right or both wrong, it stays. A second gambler, who begins with 1 as well, bets that the new version is
# *not* worse by the `margin` (0 to 1): the same game from the other side. Its capital is multiplied by `1 + stake * (margin - d)`, with
# `d` = 1 where only the live version was right, -1 where only the new one was, and 0 otherwise.
#
# Look after **every** request. The first one after which a capital is `1 / level` or more decides: the first gambler says
# `"roll back"`, the second one `"promote"`. If both get there at the same request, be careful: `"roll back"`. If nobody ever gets
# there: `"wait"`.
#
# **Return the decision, and after how many requests it was made:** `("roll back", 12)`; `("wait", n)` where all `n` requests did not
# suffice. `live_right` and `new_right` hold a bool for each request.


# %% tags=["exercise-11.3"]
def decision(live_right: list[bool], new_right: list[bool], margin: float, stake: float, level: float) -> tuple[str, int]:
    """Either "roll back", "promote" or "wait", and the number of requests that it took."""
    ### BEGIN SOLUTION
    worse = not_worse = 1.0
    for seen, (live, new) in enumerate(zip(live_right, new_right), 1):
        d = live - new
        worse *= 1 + stake * d
        not_worse *= 1 + stake * (margin - d)
        if worse >= 1 / level:
            return "roll back", seen
        if not_worse >= 1 / level:
            return "promote", seen
    return "wait", len(live_right)
    ### END SOLUTION


# %%
check("11.3", decision)

# %% [markdown]
# ## 11.4 The newest version that is whole
# Disks fail. A registry holds for each version its `content` (bytes), the `sha256` that it should have (hexadecimal, as
# `hashlib.sha256(content).hexdigest()` gives it), and the name of its `parent`, the version that it was made from (`None` for the
# first). A version is **whole** if its content has that hash.
#
# **Return the name of the version to serve:** the live one if it is whole; otherwise its parent if that is whole; otherwise the
# parent's parent, and so on. Where a version is not in the registry at all, its parents are unknown: nothing can be served. If
# nothing can be served, return `None`.


# %% tags=["exercise-11.4"]
def version_to_serve(versions: dict[str, dict], live: str) -> str | None:
    """The name of the live version, or of its nearest ancestor that is whole; None where there is none."""
    ### BEGIN SOLUTION
    name = live
    while name in versions:
        version = versions[name]
        if hashlib.sha256(version["content"]).hexdigest() == version["sha256"]:
            return name
        name = version["parent"]
    return None
    ### END SOLUTION


# %%
check("11.4", version_to_serve)

# %% [markdown]
# ## Where you stand

# %%
progress("11")
