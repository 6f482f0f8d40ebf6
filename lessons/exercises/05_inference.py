# %% [markdown]
# # Exercises 05 · What changes when learning stops?
# *25 minutes · goes with [lesson 05](../notebooks/05_inference.ipynb) · needs nothing from other exercises*
#
# Four small functions that everybody who serves a model needs, and that are often written slightly wrong: the answers look
# plausible either way. Replace `raise NotImplementedError` by your code, then run the `check` cell below it.
# `hint("05.1")` helps, and `solution("05.1")` shows an answer once you have tried.

# %%
import math

import torch
from torch import Tensor, nn

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 05.1 Predict without a trace
# A prediction should answer in evaluation mode, keep nothing for gradients, and leave the model exactly as it was found: the
# same weights, the same running statistics, and **each module in the mode it had**. A model in the middle of fine-tuning
# may have frozen parts in evaluation mode while the rest is training.
#
# **Return the logits** of the images `x`, a float32 tensor (n, c, h, w).


# %% tags=["exercise-05.1"]
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Logits float32 (n, classes) in evaluation mode, without gradients; the model stays as it was, modes included."""
    ### BEGIN SOLUTION
    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.inference_mode():
        logits = model(x)
    for module, was_training in modes.items():
        module.training = was_training
    return logits
    ### END SOLUTION


# %%
check("05.1", predict)

# %% [markdown]
# ## 05.2 Fold a batch norm into a convolution
# In evaluation mode a batch norm computes, for each output channel, `(y - mean) / sqrt(variance + eps) * gamma + beta`, with
# fixed numbers. What goes in, `y`, is what the convolution puts out: `weight * x + bias`. Two linear steps in a row are one.
#
# **Return the weight and the bias** of a single convolution that does both. `weight` is (outputs, inputs, 3, 3); `bias`,
# `gamma`, `beta`, `mean` and `variance` are (outputs,). This is the first thing that an inference engine does to your model.


# %% tags=["exercise-05.2"]
def fold(weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, eps: float):
    """The weight (outputs, inputs, 3, 3) and bias (outputs,) of the convolution with the batch norm folded in."""
    ### BEGIN SOLUTION
    scale = gamma / torch.sqrt(variance + eps)  # (outputs,)
    return weight * scale[:, None, None, None], (bias - mean) * scale + beta
    ### END SOLUTION


# %%
check("05.2", fold)

# %% [markdown]
# ## 05.3 A percentile that somebody really waited for
# p99 is the latency that 99 of 100 predictions do not exceed. By **nearest rank**: sort the samples, and take the one at
# rank `percent * n / 100`, rounded up, counting from 1 (multiply first: `28 / 100 * 100` is a little more than 28). So it is always
# a latency that was measured, never something in between.
#
# **Return that sample.** The samples come in the order in which they were measured.


# %% tags=["exercise-05.3"]
def percentile(samples_ms: list[float], percent: float) -> float:
    """The smallest sample that at least `percent` (above 0, up to 100) of the samples do not exceed."""
    ### BEGIN SOLUTION
    rank = math.ceil(percent * len(samples_ms) / 100)
    return sorted(samples_ms)[rank - 1]
    ### END SOLUTION


# %%
check("05.3", percentile)

# %% [markdown]
# ## 05.4 How many times faster?
# Two models took turns: `a_ms[i]` and `b_ms[i]` are their latencies in round i. Now and then something stalled one of them,
# and after a while another program started and slowed **both** down. So compare within each round, where both met the same
# machine, and do not let the stalled rounds decide.
#
# **Return how many times faster B is than A**: the median of the ratios of the rounds. Below 1 means that B is slower.


# %% tags=["exercise-05.4"]
def times_faster(a_ms: list[float], b_ms: list[float]) -> float:
    """The median over the rounds of how many times faster B was than A."""
    ### BEGIN SOLUTION
    ratios = torch.tensor([a / b for a, b in zip(a_ms, b_ms)], dtype=torch.float64)
    return ratios.quantile(0.5).item()
    ### END SOLUTION


# %%
check("05.4", times_faster)

# %% [markdown]
# ## Where you stand

# %%
progress("05")
