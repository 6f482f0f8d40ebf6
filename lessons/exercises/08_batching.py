# %% [markdown]
# # Exercises 08 · How many requests at once?
# *25 minutes · goes with [lesson 08](../notebooks/08_batching.ipynb) · needs nothing from other exercises*
#
# The four pieces of a load test: when requests arrive, how long they really took, how a queue turns them into batches, and how
# large a batch a deadline allows. Replace `raise NotImplementedError` by your code, then run the `check` cell below it.
# `hint("08.1")` helps, and `solution("08.1")` shows an answer once you have tried.

# %%
import math
from itertools import accumulate

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 08.1 When requests arrive
# People who know nothing of each other send requests at random. The **gaps** between such arrivals are exponentially
# distributed: many short ones, a few long ones, so that requests come in bursts. `draws` holds exponential random numbers with
# the mean 1. With 10 requests a second the mean gap is 0.1 s, so each draw becomes a gap of a tenth of it, in seconds; a request
# arrives a gap after the one before, and the first a gap after 0. From `[0.5, 2.0]` at 10 a second come `[0.05, 0.25]`.
#
# **Return the arrival times in seconds.**


# %% tags=["exercise-08.1"]
def arrival_times(draws: list[float], per_second: float) -> list[float]:
    """Rising arrival times in seconds, one for each draw (exponential, mean 1)."""
    ### BEGIN SOLUTION
    return list(accumulate(draw / per_second for draw in draws))
    ### END SOLUTION


# %%
check("08.1", arrival_times)

# %% [markdown]
# ## 08.2 How long did it really take?
# A load generator fixes beforehand when each request is due. If the server stalls, the generator may run out of connections and
# send late: at `sent_s` instead of `due_s`. A person who clicked at `due_s` waits all the same. Counting only from `sent_s` is
# called **coordinated omission**: the stall keeps requests from being sent, and so hides itself.
#
# **Return the latency of each request in milliseconds, as the person sees it.** Where `finished_s` holds `None` there was never an
# answer: that latency is `math.inf`, not left out.


# %% tags=["exercise-08.2"]
def latencies_ms(due_s: list[float], sent_s: list[float], finished_s: list) -> list[float]:
    """Milliseconds from the time a request was due to its answer; infinite where there was none."""
    ### BEGIN SOLUTION
    return [math.inf if end is None else (end - due) * 1000 for due, end in zip(due_s, finished_s)]
    ### END SOLUTION


# %%
check("08.2", latencies_ms)

# %% [markdown]
# ## 08.3 A batch former
# Requests wait until the batch is full, or until its **oldest** request has waited `max_wait_ms`, whichever is first; then the
# batch leaves. A request that arrives exactly when that time is over still comes along. The engine is idle and fast here, so nothing
# else makes them wait. With `[0, 1, 9, 10]`, at most 3 in a batch and a wait of 5 ms, the batches are `[[0, 1], [9, 10]]`.
#
# **Return the batches, each as the list of its arrival times.** The times given are in rising order.


# %% tags=["exercise-08.3"]
def form_batches(arrivals_ms: list[float], max_batch: int, max_wait_ms: float) -> list[list[float]]:
    """The arrival times, batch by batch."""
    ### BEGIN SOLUTION
    batches: list[list[float]] = []
    for now in arrivals_ms:
        open_batch = batches and len(batches[-1]) < max_batch and now <= batches[-1][0] + max_wait_ms
        if open_batch:
            batches[-1].append(now)
        else:
            batches.append([now])
    return batches
    ### END SOLUTION


# %%
check("08.3", form_batches)

# %% [markdown]
# ## 08.4 The largest batch within a deadline
# `rows` holds measured sizes: `{"batch": 8, "ms": 12.0}` means that the engine takes 12 ms for a batch of 8. Think of the first
# request of a batch. It waits while the others come in, which takes `(batch - 1)` gaps of `1000 / per_second` ms each. In the worst
# case the engine has just begun with another batch of that size: that is `ms` more. Then its own batch takes `ms`.
#
# **Return the largest measured batch with which this request is answered within `deadline_ms`** (exactly on time is in time), **or
# `None` where there is none.**


# %% tags=["exercise-08.4"]
def largest_batch(rows: list[dict], per_second: float, deadline_ms: float) -> int | None:
    """The largest batch whose first request makes the deadline in the worst case."""
    ### BEGIN SOLUTION
    def worst_ms(row: dict) -> float:
        return (row["batch"] - 1) * 1000 / per_second + 2 * row["ms"]

    return max((row["batch"] for row in rows if worst_ms(row) <= deadline_ms), default=None)
    ### END SOLUTION


# %%
check("08.4", largest_batch)

# %% [markdown]
# ## Where you stand

# %%
progress("08")
