# %% [markdown]
# # Exercises 10 · What does it cost?
# *25 minutes · goes with [lesson 10](../notebooks/10_economics.ipynb) · needs nothing from other exercises*
#
# Four small models of cost, each with the trap that it is known for: units, sums against rates, machines that come whole, and
# what matters at all. Replace `raise NotImplementedError` by your code, then run the `check` cell below
# it. `hint("10.1")` helps, and `solution("10.1")` shows an answer once you have tried.

# %%
import math
from collections.abc import Callable

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 10.1 The price of a million
# A machine costs `usd_per_hour` and answers `batch` predictions every `latency_ms` milliseconds; but of the hours that you pay for, it
# works only a share, its `utilisation` (0.25 is a quarter).
#
# **Write a function that returns the price of a million predictions in dollars.** With 36 ms for a batch of 10, half a dollar an hour and
# a utilisation of 0.25: 3.6 ms a prediction, an hour for a million, four hours with the waiting: 2 dollars.


# %% tags=["exercise-10.1"]
def usd_per_million(latency_ms: float, batch: int, usd_per_hour: float, utilisation: float) -> float:
    """The price of a million predictions in dollars."""
    ### BEGIN SOLUTION
    hours = 1_000_000 * latency_ms / batch / 1_000 / 3_600
    return hours * usd_per_hour / utilisation
    ### END SOLUTION


# %%
check("10.1", usd_per_million)

# %% [markdown]
# ## 10.2 The month of the crossing
# Training cost `training_usd`, once. Serving costs `first_month_usd` in the first month, and each month `growth` times as much as the
# month before: 1.1 is 10 % more, 0.9 is 10 % less.
#
# **Write a function that returns the first month, counted from 1, at whose end serving has cost more in all than training**
# (more, not just as much), **or `None` where that never happens in 600 months.** With 100, 40 and 1.5, that is month 3: 40 + 60 is just as much, 40 + 60 + 90 is more.


# %% tags=["exercise-10.2"]
def month_of_crossing(training_usd: float, first_month_usd: float, growth: float) -> int | None:
    """The first month at whose end all serving so far has cost more than the training."""
    ### BEGIN SOLUTION
    served_usd, month_usd = 0.0, first_month_usd
    for month in range(1, 601):
        served_usd += month_usd
        if served_usd > training_usd:
            return month
        month_usd *= growth
    return None
    ### END SOLUTION


# %%
check("10.2", month_of_crossing)

# %% [markdown]
# ## 10.3 What a saving really saves
# The lesson counted machines in fractions, the average of a day. Here each is rented whole: traffic of `per_second` predictions, each of which takes `seconds`, keeps `per_second * seconds` machines busy, and
# you rent the next whole number. Now somebody makes the prediction faster.
#
# **Write a function that returns how many dollars an hour the faster version saves.** With 100 a second, from 0.025 to 0.02 seconds,
# at 0.50 dollars an hour: 2.5 machines busy, so 3 rented; then 2. That saves 0.50. From 0.019 to 0.015 seconds it saves nothing.


# %% tags=["exercise-10.3"]
def usd_saved_per_hour(per_second: float, seconds_before: float, seconds_after: float, usd_per_hour: float) -> float:
    """What the faster version saves in an hour, in whole machines."""

    ### BEGIN SOLUTION
    def machines(seconds: float) -> int:
        return math.ceil(per_second * seconds)

    return (machines(seconds_before) - machines(seconds_after)) * usd_per_hour
    ### END SOLUTION


# %%
check("10.3", usd_saved_per_hour)

# %% [markdown]
# ## 10.4 The tornado
# `cost` is a function of a dictionary of inputs. `usual` holds their usual values, `ranges` a low and a high end for some of
# them. Move **one input at a time**, all others at their usual values; its *swing* is the distance between the two costs.
#
# **Write a function that returns the names in `ranges`, the widest swing first.** No two swings are equal.


# %% tags=["exercise-10.4"]
def tornado(cost: Callable[[dict], float], usual: dict, ranges: dict) -> list[str]:
    """The names of the inputs, the one whose range moves the cost most first."""

    ### BEGIN SOLUTION
    def swing(name: str) -> float:
        low, high = (cost({**usual, name: end}) for end in ranges[name])
        return abs(high - low)

    return sorted(ranges, key=swing, reverse=True)
    ### END SOLUTION


# %%
check("10.4", tornado)

# %% [markdown]
# ## Where you stand

# %%
progress("10")
