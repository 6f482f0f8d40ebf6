# %% [markdown]
# # Exercises 12 · Can you ship it under a budget?
# *30 minutes · goes with [lesson 12](../notebooks/12_capstone.ipynb) · needs nothing from other exercises*
#
# Which budgets are missed, and by how much? Which candidate is the cheapest that misses none? And then the real thing: a build of your own,
# measured on this machine. Replace `raise NotImplementedError` by your code, then run the `check` cell below it. `hint("12.1")` helps,
# and `solution("12.1")` shows an answer once you have tried.

# %%
from lessons_lib import distillation, pruning, training
from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# Some limits and what was measured, to try your functions on. The figures are made up. Accuracy is a floor: at least that much. All
# others are ceilings: at most that much.

# %%
limits = {"accuracy": 0.97, "p99_ms": 10.0, "size_kib": 500.0, "memory_mib": 100.0, "cost": 0.25}
rows = [
    {"name": "eager", "accuracy": 0.99, "p99_ms": 20.0, "size_kib": 1700.0, "memory_mib": 230.0, "cost": 1.0},
    {"name": "int8", "accuracy": 0.98, "p99_ms": 4.0, "size_kib": 460.0, "memory_mib": 80.0, "cost": 0.2},
    {"name": "tiny", "accuracy": 0.92, "p99_ms": 1.0, "size_kib": 60.0, "memory_mib": 80.0, "cost": 0.05},
]

# %% [markdown]
# ## 12.1 Which budgets are missed?
# **Write a function that returns the budgets that are missed, each with its distance from the limit**, as a number above 0 in the
# unit of the budget. Exactly at the limit is met. Above, `tiny` misses one budget, `{"accuracy": 0.05}`, and `int8` none, `{}`.


# %% tags=["exercise-12.1"]
def missed(limits: dict[str, float], measured: dict) -> dict[str, float]:
    """How far each budget that is missed lies from its limit, by name."""
    ### BEGIN SOLUTION
    over = {name: measured[name] - limit for name, limit in limits.items()}
    over["accuracy"] = -over["accuracy"]
    return {name: distance for name, distance in over.items() if distance > 0}
    ### END SOLUTION


# %%
check("12.1", missed)

# %% [markdown]
# ## 12.2 The cheapest that ships
# Limits are not goals: a candidate that stays far below its limits is not better for it. Once all budgets are met, the cheapest wins.
#
# **Write a function that returns the name of the cheapest row that meets every budget, or `None` where none does.** Above that is
# `"int8"`.


# %% tags=["exercise-12.2"]
def cheapest(limits: dict[str, float], rows: list[dict]) -> str | None:
    """The name of the row with the lowest cost of those that meet every budget."""

    ### BEGIN SOLUTION
    def meets(row: dict) -> bool:
        within = all(row[name] <= limits[name] for name in limits if name != "accuracy")
        return within and row["accuracy"] >= limits["accuracy"]

    fitting = [row for row in rows if meets(row)]
    return min(fitting, key=lambda row: row["cost"])["name"] if fitting else None
    ### END SOLUTION


# %%
check("12.2", cheapest)

# %% [markdown]
# ## 12.3 Ship it
# The phone app of the lesson: at most 3 points of accuracy lost, and at most 75 % of the base's p99 latency, 20 % of its size, 60 % of its
# memory and 75 % of its cost. You get `base`, the network that ships with the course, and `data` with 1,000 road signs to train on.
#
# **Write a function that returns what you ship: a network, the name of its engine, and how many images it answers at once.** It may prune,
# fine-tune or distil, or bring a network of its own. The check makes it ready, starts it in a fresh process and measures it beside the base,
# which takes some seconds. There are many right answers, and `solution("12.3")` shows one of them.


# %% tags=["exercise-12.3"]
def build(base, data):
    """The network, the name of its engine, and the batch size."""
    ### BEGIN SOLUTION
    slim = pruning.remove_channels(base, 0.3)
    gentle = training.Recipe(steps=20, batch_size=32, peak_rate=0.02)
    training.train(slim, data, gentle, quiet=True)
    return slim.eval(), "ONNX Runtime int8", 1
    ### END SOLUTION


# %%
check("12.3", build)

# %% [markdown]
# ## Where you stand

# %%
progress("12")
