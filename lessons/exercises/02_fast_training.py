# %% [markdown]
# # Exercises 02 · What makes training fast, on CPU and on GPU?
# *30 minutes · goes with [lesson 02](../notebooks/02_fast_training.ipynb) · needs nothing from other exercises*
#
# Will it fit, will it scale, will it get there sooner? Four small functions that answer such questions before the machine
# has to. Replace `raise NotImplementedError` by your code, then run the `check` cell below it.
# `hint("02.1")` helps, and `solution("02.1")` shows an answer once you have tried.

# %%
from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 02.1 Will it fit?
# Training in float32 keeps, for every parameter, the weight, its gradient and a few numbers of the optimiser, its **slots**:
# 0 for plain gradient descent, 1 for momentum, 2 for Adam, 3 for AMSGrad. Each of these numbers takes 4 bytes. Beside them lie the
# activations of every image in the batch.
#
# **Write the memory that a step of training holds, in bytes.**


# %% tags=["exercise-02.1"]
def memory_of_training(parameters: int, slots: int, activation_bytes_per_image: int, batch: int) -> int:
    """Bytes of weights, gradients, optimiser slots and activations together."""
    ### BEGIN SOLUTION
    return 4 * parameters * (1 + 1 + slots) + activation_bytes_per_image * batch
    ### END SOLUTION


# %%
check("02.1", memory_of_training)

# %% [markdown]
# ## 02.2 One gradient out of several
# Workers that train together each compute the gradient of the **mean** loss over their own images, then join their gradients
# into one (the *all-reduce*). The result must be what one worker would have found with all the images in a single batch.
# The shares need not be of equal size: at the end of an epoch one worker may hold 64 images and another 16.
#
# **Write the gradient of the joined batch.**


# %% tags=["exercise-02.2"]
def joined_gradient(gradients: list[Tensor], batch_sizes: list[int]) -> Tensor:
    """The gradient of the mean loss over all images; gradients[i] is that over the batch_sizes[i] images of worker i."""
    ### BEGIN SOLUTION
    weighted = [size * gradient for size, gradient in zip(batch_sizes, gradients)]
    return sum(weighted) / sum(batch_sizes)
    ### END SOLUTION


# %%
check("02.2", joined_gradient)

# %% [markdown]
# ## 02.3 Who gets there first?
# Each run is a list of pairs: seconds of training so far, and the validation accuracy then (0 to 1), in the order of time.
# A run reaches the target where its accuracy is first equal to it, or above.
#
# **Write a function that returns the name of the run that reaches the target first**, or None where none does.


# %% tags=["exercise-02.3"]
def first_to_reach(runs: dict[str, list[tuple[float, float]]], target: float) -> str | None:
    """The name of the run whose accuracy reaches the target after the fewest seconds; None where no run does."""
    ### BEGIN SOLUTION
    reached = {}
    for name, looks in runs.items():
        times = [seconds for seconds, accuracy in looks if accuracy >= target]
        if times:
            reached[name] = min(times)
    return min(reached, key=reached.get, default=None)
    ### END SOLUTION


# %%
check("02.3", first_to_reach)

# %% [markdown]
# ## 02.4 A large batch in a small memory
# A batch of 512 does not fit, but you want its gradient? Take it in pieces, and let the gradients add up: **gradient
# accumulation**. Your function is given `gradient`, a function too: `gradient(some_x, some_y)` returns the gradient of the
# **mean** loss over the images that it gets. Here it is that of a linear model, small enough to look at:


# %%
def gradient(x: Tensor, y: Tensor) -> Tensor:
    """The gradient (d,) of the mean over n images of (x @ weights - y) squared; x is (n, d), y is (n,)."""
    weights = torch.ones(x.shape[1])
    return 2 * (x @ weights - y) @ x / len(x)


# %% [markdown]
# **Write the gradient of the whole batch, computed from pieces of at most `size` images.** Hand `gradient` one piece at a
# time, never the whole: the check looks at how many images it got. The last piece may be smaller than the others.


# %% tags=["exercise-02.4"]
def accumulated_gradient(gradient: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, size: int) -> Tensor:
    """What gradient(x, y) is, computed in pieces of at most `size` images."""
    ### BEGIN SOLUTION
    total = torch.tensor(0.0)
    for start in range(0, len(x), size):
        some_x, some_y = x[start : start + size], y[start : start + size]
        total = total + gradient(some_x, some_y) * len(some_x) / len(x)
    return total
    ### END SOLUTION


# %%
check("02.4", accumulated_gradient)

# %% [markdown]
# ## Where you stand

# %%
progress("02")
