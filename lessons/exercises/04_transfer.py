# %% [markdown]
# # Exercises 04 · Can I skip most of the training?
# *20 minutes · goes with [lesson 04](../notebooks/04_transfer.ipynb) · needs nothing from other exercises*
#
# Three small operations on a trained network, each with a trap that costs people days: nothing fails, the accuracy is just
# worse than it could be. Replace `raise NotImplementedError` by your code, then run the `check` cell below it.
# `hint("04.1")` helps, and `solution("04.1")` shows an answer once you have tried.
#
# Every network of the course has its last layer in `model.head`, an `nn.Linear`; all else comes before it.

# %%
import copy

from torch import nn

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 04.1 Freeze all but the head
# A parameter with `requires_grad` set to `False` gets no gradient, so no optimiser moves it. That freezes the weights, but
# not everything: in training mode a **batch norm** also updates its running mean and variance whenever images pass, gradient
# or not. In evaluation mode it leaves them alone. (A later `model.train()` would set the frozen batch norms back to training
# mode; this exercise is not concerned with that.)
#
# **Return a copy of the network in which the head alone is trained**, and whose frozen part stays exactly as it is when
# images pass through it. The network that was given stays as it was.


# %% tags=["exercise-04.1"]
def freeze(model: nn.Module) -> nn.Module:
    """A copy of which only `head` is trained; the rest keeps its weights and its batch-norm statistics."""
    ### BEGIN SOLUTION
    frozen = copy.deepcopy(model)
    frozen.requires_grad_(False)
    frozen.head.requires_grad_(True)
    return frozen.eval()
    ### END SOLUTION


# %%
check("04.1", freeze)

# %% [markdown]
# ## 04.2 Replace the head
# The old head has one output for each old class. The new task has other classes, so it needs a fresh `nn.Linear`; what comes
# before the head, and how many features it hands over, stays.
#
# **Return a copy of the network with a fresh head for so many classes.** It has to work for networks of any width.


# %% tags=["exercise-04.2"]
def replace_head(model: nn.Module, classes: int) -> nn.Module:
    """A copy whose head is new and has `classes` outputs; all other weights are those of `model`."""
    ### BEGIN SOLUTION
    renewed = copy.deepcopy(model)
    renewed.head = nn.Linear(model.head.in_features, classes)
    return renewed
    ### END SOLUTION


# %%
check("04.2", replace_head)

# %% [markdown]
# ## 04.3 A learning rate for each part
# In fine-tuning, the fresh head has everything to learn, and the layers below have something to lose: give them a smaller rate.
# An optimiser takes a list of **parameter groups**, each a dictionary with its parameters and its rate:
# `torch.optim.SGD([{"params": [...], "lr": 0.1}, {"params": [...], "lr": 0.01}])`.
#
# **Return the groups**: the head's parameters with `head_rate`, all others of the network with `body_rate`, each exactly once.


# %% tags=["exercise-04.3"]
def parameter_groups(model: nn.Module, head_rate: float, body_rate: float) -> list[dict]:
    """Groups for an optimiser: the head learns with `head_rate`, everything else with `body_rate`."""
    ### BEGIN SOLUTION
    head = list(model.head.parameters())
    body = [weight for name, weight in model.named_parameters() if not name.startswith("head.")]
    return [{"params": body, "lr": body_rate}, {"params": head, "lr": head_rate}]
    ### END SOLUTION


# %%
check("04.3", parameter_groups)

# %% [markdown]
# ## Where you stand

# %%
progress("04")
