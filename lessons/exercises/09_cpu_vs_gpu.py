# %% [markdown]
# # Exercises 09 · Which device, for which load?
# *25 minutes · goes with [lesson 09](../notebooks/09_cpu_vs_gpu.ipynb) · needs nothing from other exercises*
#
# The laboratory leaves you with a table of configurations. Which ones are worth a thought, which one meets the
# deadline, when does a GPU pay, and what does an image cost in energy? Replace `raise NotImplementedError` by your code, then run the `check` cell below
# it. `hint("09.1")` helps, and `solution("09.1")` shows an answer once you have tried.

# %%
import math

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# A small table to try your functions on. The figures are made up, so that they are easy to follow: one row per
# configuration, with the median latency, its 95th percentile (19 of 20 answers are at least that fast) and the accuracy.

# %%
rows = [
    {"name": "base", "latency_ms": 8.0, "p95_ms": 9.0, "accuracy": 0.99},
    {"name": "int8", "latency_ms": 3.0, "p95_ms": 6.0, "accuracy": 0.98},
    {"name": "slow", "latency_ms": 9.0, "p95_ms": 9.5, "accuracy": 0.97},
    {"name": "tiny", "latency_ms": 1.0, "p95_ms": 1.5, "accuracy": 0.94},
]

# %% [markdown]
# ## 09.1 The Pareto front
# One row *beats* another if it is at least as fast (`latency_ms`) **and** at least as accurate, and better in one of
# the two. The rows that no other row beats are the *Pareto front*: a choice among them is a matter of taste, every
# other row is a waste. Above, `base` beats `slow`, and the front is `["base", "int8", "tiny"]`.
#
# **Write a function that returns the names of the rows on the front**, in any order.


# %% tags=["exercise-09.1"]
def pareto(rows: list[dict]) -> list[str]:
    """The names of the rows that no other row beats in latency_ms and accuracy."""

    ### BEGIN SOLUTION
    def beats(other: dict, row: dict) -> bool:
        no_worse = other["latency_ms"] <= row["latency_ms"] and other["accuracy"] >= row["accuracy"]
        better = other["latency_ms"] < row["latency_ms"] or other["accuracy"] > row["accuracy"]
        return no_worse and better

    return [row["name"] for row in rows if not any(beats(other, row) for other in rows)]
    ### END SOLUTION


# %%
check("09.1", pareto)

# %% [markdown]
# ## 09.2 The best within a deadline
# The answer must be there within `deadline_ms`, exactly on time included, and not only for the lucky half of the
# requests: compare `p95_ms`. Among the rows that make it, the most accurate wins. Above, with a deadline of 5 ms, that
# is `"tiny"`: half of the answers of `int8` take 3 ms or less, but some take 6.
#
# **Write a function that returns the name of the best row, or `None` where no row meets the deadline.**


# %% tags=["exercise-09.2"]
def best_within(rows: list[dict], deadline_ms: float) -> str | None:
    """The name of the most accurate row whose p95_ms meets the deadline."""
    ### BEGIN SOLUTION
    in_time = [row for row in rows if row["p95_ms"] <= deadline_ms]
    return max(in_time, key=lambda row: row["accuracy"])["name"] if in_time else None
    ### END SOLUTION


# %%
check("09.2", best_within)

# %% [markdown]
# ## 09.3 The break-even batch
# A GPU needs less time per image, but each batch pays an overhead first: copying the images there and starting the
# kernels. The CPU takes `cpu_ms_per_image` for each image; the GPU takes `gpu_overhead_ms` once and `gpu_ms_per_image`
# for each image.
#
# **Write a function that returns the smallest batch at which the GPU is faster** (not just equally fast), **or `None`
# where it never is.** With 2 ms, an overhead of 10 ms and 0.5 ms, that is a batch of 7: 14 ms against 13.5.


# %% tags=["exercise-09.3"]
def break_even_batch(cpu_ms_per_image: float, gpu_overhead_ms: float, gpu_ms_per_image: float) -> int | None:
    """The smallest batch, at least 1, that the GPU finishes before the CPU."""
    ### BEGIN SOLUTION
    saved_ms = cpu_ms_per_image - gpu_ms_per_image
    return math.floor(gpu_overhead_ms / saved_ms) + 1 if saved_ms > 0 else None
    ### END SOLUTION


# %%
check("09.3", break_even_batch)

# %% [markdown]
# ## 09.4 The energy of an image
# A CPU counts the energy it has used, in microjoules, like the meter of a house: read it before, read it after. Two traps.
# The counter starts again from 0 after its largest value, `range_uj`, as a clock does after 12 (once at most here;
# whether the step from `range_uj` to 0 counts 1 µJ does not matter). And the meter also counts what the machine uses when it
# does nothing, `idle_watts` (a watt is a joule a second; a joule is a million microjoules): that is not the images' doing.
# Where less than the idle energy was used, the result is negative: leave it so, since noise goes both ways.
#
# **Write a function that returns the joules that each image added to the idle energy.** From 2,000,000 to 8,000,000 µJ in
# 2 seconds with 1 W idle, for 10 images: 6 J used, 2 J of them idle, so 0.4 J an image.


# %% tags=["exercise-09.4"]
def joules_per_image(
    before_uj: int, after_uj: int, range_uj: int, seconds: float, idle_watts: float, images: int
) -> float:
    """The energy in joules that one image added to what the idle machine would have used."""
    ### BEGIN SOLUTION
    used_uj = (after_uj - before_uj) % (range_uj + 1)
    return (used_uj / 1e6 - idle_watts * seconds) / images
    ### END SOLUTION


# %%
check("09.4", joules_per_image)

# %% [markdown]
# ## Where you stand

# %%
progress("09")
