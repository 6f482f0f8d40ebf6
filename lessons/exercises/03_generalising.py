# %% [markdown]
# # Exercises 03 · Why does it fail on new images?
# *25 minutes · goes with [lesson 03](../notebooks/03_generalising.ipynb) · needs nothing from other exercises*
#
# Four tools of anyone who wants to know why a model fails: spoil labels on purpose, change images at random, count
# which class is taken for which, and tell an effect from luck. Replace `raise NotImplementedError` by your code, then
# run the `check` cell below it. `hint("03.1")` helps, and `solution("03.1")` shows an answer once you have tried.

# %%
import torch
from torch import Tensor

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 03.1 Wrong labels on purpose
# To learn how much wrong labels hurt, you need to make some. `places` says which labels are to become wrong, and
# `steps` by how many classes each of them moves on, from 1 to `classes` - 1; after the last class comes class 0 again.
# Since no step is 0 and none goes all the way round, every one of them ends wrong.
#
# **Write a function that returns the spoilt labels** as a new tensor; the true ones are still needed.


# %% tags=["exercise-03.1"]
def spoil(labels: Tensor, places: Tensor, steps: Tensor, classes: int) -> Tensor:
    """A copy of labels (n,) in which those at `places` (m,) have moved on by `steps` (m,) classes."""
    ### BEGIN SOLUTION
    spoilt = labels.clone()
    spoilt[places] = (labels[places] + steps) % classes
    return spoilt
    ### END SOLUTION


# %%
check("03.1", spoil)

# %% [markdown]
# ## 03.2 Hide a part of each image
# Erasing hides a square of every image, so that the network cannot rely on one detail. Each image has its own place:
# were it the same for the whole batch, the network could learn to live with it. `tops` and `lefts` hold the row and the
# column of the upper left corner of each image's square.
#
# **Write a function that returns the batch with the squares set to 0**, as a new tensor. A loop over the images is
# fine.


# %% tags=["exercise-03.2"]
def erase_squares(x: Tensor, tops: Tensor, lefts: Tensor, side: int) -> Tensor:
    """A copy of images (n, c, h, w), each with its own square of side x side pixels set to 0."""
    ### BEGIN SOLUTION
    erased = x.clone()
    for image, top, left in zip(erased, tops.tolist(), lefts.tolist()):
        image[:, top : top + side, left : left + side] = 0
    return erased
    ### END SOLUTION


# %%
check("03.2", erase_squares)

# %% [markdown]
# ## 03.3 Confusion matrix
# Accuracy says how often a model is wrong, not where. A confusion matrix counts for every pair of classes how many
# images of the first were taken for the second: one **row for each true class**, one **column for each answer**.
#
# **Write a function that counts** into a tensor of whole numbers (int64).


# %% tags=["exercise-03.3"]
def confusion_matrix(labels: Tensor, predictions: Tensor, classes: int) -> Tensor:
    """How many images of each true class (row) got each answer (column): int64 (classes, classes)."""
    ### BEGIN SOLUTION
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for label, prediction in zip(labels.tolist(), predictions.tolist()):
        counts[label, prediction] += 1
    return counts
    ### END SOLUTION


# %%
check("03.3", confusion_matrix)

# %% [markdown]
# ## 03.4 Helped, or luck?
# Two lists hold the accuracies of two ways of training; the same place in both lists had the same seed, so the same
# initial weights and the same images. A lucky seed lifts both. So look at the **differences, pair by pair**, and see
# whether their mean stands out from their own spread:
#
# $$t = \frac{\text{mean of the differences}}{\text{standard deviation of the differences} / \sqrt{n}}$$
#
# where the standard deviation divides by $n - 1$, as `torch.std` does. What stands below the line is the **standard
# error** of the mean: how far luck alone moves the mean of $n$ differences. So $t$ counts standard errors. With three
# seeds, $|t|$ must exceed 4.3 before an effect can be claimed at 95 %; with five, 2.8.
#
# **Write the function that returns t** as a plain float, positive where the change helped. The differences are never
# all equal here.


# %% tags=["exercise-03.4"]
def paired_t(before: list[float], after: list[float]) -> float:
    """How many standard errors the mean difference `after` minus `before` lies above 0."""
    ### BEGIN SOLUTION
    differences = torch.tensor(after, dtype=torch.float64) - torch.tensor(before, dtype=torch.float64)
    standard_error = differences.std() / len(differences) ** 0.5
    return (differences.mean() / standard_error).item()
    ### END SOLUTION


# %%
check("03.4", paired_t)

# %% [markdown]
# ## Where you stand

# %%
progress("03")
