# %% [markdown]
# # Exercises 00 · Is my machine ready, and what will I build?
# *10 minutes · goes with [lesson 00](../notebooks/00_start_here.ipynb) · needs nothing from earlier lessons*
#
# Two small exercises, to see how all of them work:
#
# - In a code cell, replace `raise NotImplementedError` by your code and run the cell.
# - Run the `check` cell below it. It tries your function on several inputs and says **passed**, **not yet**, **error**,
#   **stopped** (it ran too long) or **not attempted**, and what to look at. Try as often as you like.
# - Stuck? Run `hint("00.1")` in a new cell; each call tells a little more. `solution("00.1")` shows an answer once you
#   have tried.
#
# What you print inside a function appears below the verdict. If `check` is not known, run the cells above it first.

# %%
import torch
from torch import Tensor

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 00.1 From scores to names
# A network gives each image one score per class, a *logit*, in one row: the shape is (images, classes). The larger the
# score, the better the class fits. Run the `check` cell once before you start, to see what it says.
#
# **Write a function that names the predicted class of each image.** For the two images below: `["give way", "stop"]`.

# %%
classes = ["stop", "give way", "no entry"]
logits = torch.tensor([[0.2, 2.1, -1.0], [1.5, -0.3, 0.9]])  # (2 images, 3 classes)


# %% tags=["exercise-00.1"]
def predicted_names(logits: Tensor, classes: list[str]) -> list[str]:
    """Name the class with the largest score, for each row of `logits`, shape (n, k)."""
    ### BEGIN SOLUTION
    return [classes[index] for index in logits.argmax(dim=1).tolist()]
    ### END SOLUTION


# %%
check("00.1", predicted_names)

# %% [markdown]
# ## 00.2 How sure is it?
# *Softmax* turns a row of scores $z_1, ..., z_k$ into probabilities: $p_i = e^{z_i} / (e^{z_1} + ... + e^{z_k})$. The
# largest one is the model's *confidence* in its prediction.
#
# Large scores need care: $e^{1000}$ is too large for any float. Subtracting the same number from every score of a row
# changes none of the probabilities; which number makes sure that nothing overflows?
#
# **Write a function that returns the confidence in each image's prediction**, from `torch.exp` and sums if you like.


# %% tags=["exercise-00.2"]
def confidence(logits: Tensor) -> Tensor:
    """The probability of the predicted class, shape (n,), from logits of shape (n, k)."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values  # the largest score becomes 0, so its exp is 1
    return 1 / shifted.exp().sum(dim=1)
    ### END SOLUTION


# %%
check("00.2", confidence)

# %% [markdown]
# ## Where you stand

# %%
progress("00")
