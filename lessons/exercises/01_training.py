# %% [markdown]
# # Exercises 01 · What happens when a model learns?
# *20 minutes · goes with [lesson 01](../notebooks/01_training.ipynb) · needs nothing from other exercises*
#
# The three pieces of every training loop: a loss to make small, a step that makes it smaller, and a figure that tells
# whether it helped. Replace `raise NotImplementedError` by your code, then run the `check` cell below it.
# `hint("01.1")` helps, and `solution("01.1")` shows an answer once you have tried.

# %%
import torch
from torch import Tensor

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 01.1 Cross-entropy from scratch
# The loss of one image is $-\log p$, where $p$ is the probability that softmax gives to the **right** class: 0 for a
# model that is sure and right, large for one that is sure and wrong. The loss of a batch is the mean over its images.
#
# A sure and wrong model has $p$ so close to 0 that a float rounds it to 0, and the logarithm of that is $-\infty$. Stay
# with logarithms throughout: $\log p_i = z_i - \log(e^{z_1} + ... + e^{z_k})$, and `logits.logsumexp(dim=1)` computes
# the last term safely.
#
# **Write the cross-entropy of a batch.** `functional.cross_entropy` exists; this is your chance to see that it is short.


# %% tags=["exercise-01.1"]
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean loss, shape (), of logits (n, k) against labels (n,), each from 0 to k - 1."""
    ### BEGIN SOLUTION
    log_probabilities = logits - logits.logsumexp(dim=1, keepdim=True)
    return -log_probabilities[torch.arange(len(labels)), labels].mean()
    ### END SOLUTION


# %%
check("01.1", cross_entropy)

# %% [markdown]
# ## 01.2 One step of gradient descent
# The gradient of a weight says how fast the loss grows when the weight grows. Move each weight a little against its
# gradient, by the gradient times the *learning rate*.
#
# **Write a function that returns the new weights** as a list of new tensors; the old ones stay as they are, so that you
# can compare before and after.


# %% tags=["exercise-01.2"]
def sgd_step(weights: list[Tensor], gradients: list[Tensor], rate: float) -> list[Tensor]:
    """The weights after one step of gradient descent; each gradient has the shape of its weight."""
    ### BEGIN SOLUTION
    return [weight - rate * gradient for weight, gradient in zip(weights, gradients, strict=True)]
    ### END SOLUTION


# %%
check("01.2", sgd_step)

# %% [markdown]
# ## 01.3 Accuracy
# The loss is for the optimiser; people ask how many images are right. A prediction is right when the class with the
# largest logit is the label.
#
# **Write the accuracy of a batch** as a plain float from 0 to 1: three right out of four are 0.75.


# %% tags=["exercise-01.3"]
def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of the n images that logits (n, k) assign to their label, labels (n,)."""
    ### BEGIN SOLUTION
    return (logits.argmax(dim=1) == labels).float().mean().item()
    ### END SOLUTION


# %%
check("01.3", accuracy)

# %% [markdown]
# ## Where you stand

# %%
progress("01")
