# %% [markdown]
# # Exercises 07 · Can I throw weights away?
# *25 minutes · goes with [lesson 07](../notebooks/07_pruning.ipynb) · needs nothing from other exercises*
#
# Which weights go, in which pattern, what else has to go with them, and how a small network learns from a large one. Four
# functions of a few lines each. Replace `raise NotImplementedError` by your code, then run the `check` cell below it.
# `hint("07.1")` helps, and `solution("07.1")` shows an answer once you have tried.

# %%
import torch
from torch import Tensor
from torch.nn import functional as F

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 07.1 A mask by magnitude
# Magnitude pruning sets the weights to zero that are nearest to it. A **mask** says which: a tensor of the same shape as the
# weight, True where a weight stays and False where it goes.
#
# **Return the mask that lets exactly the share `sparsity` of all weights go**, rounded to a whole number of weights. Where
# several weights are equally near to zero, it does not matter which of them go, as long as their number is right.


# %% tags=["exercise-07.1"]
def magnitude_mask(weight: Tensor, sparsity: float) -> Tensor:
    """bool, of the shape of `weight`: False at round(sparsity * number of weights) places, those nearest to zero."""
    ### BEGIN SOLUTION
    gone = round(sparsity * weight.numel())
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[weight.abs().flatten().argsort()[:gone]] = False
    return mask.view(weight.shape)
    ### END SOLUTION


# %%
check("07.1", magnitude_mask)

# %% [markdown]
# ## 07.2 Two of four
# Recent NVIDIA GPUs multiply twice as fast by a matrix in which, of every four neighbours along a row, two are zero: columns
# 0 to 3, 4 to 7, and so on. To lose as little as possible, the two with the larger magnitude stay.
#
# **Return the mask of this pattern**, True where a weight stays. Of every four exactly two stay, also where magnitudes are
# equal; which of the equal ones does not matter.


# %% tags=["exercise-07.2"]
def two_of_four(weight: Tensor) -> Tensor:
    """bool (rows, columns): True at the two largest magnitudes of every four neighbours of a row of `weight`."""
    ### BEGIN SOLUTION
    fours = weight.abs().reshape(-1, 4)
    mask = torch.zeros_like(fours, dtype=torch.bool)
    mask.scatter_(1, fours.topk(2, dim=1).indices, True)
    return mask.reshape(weight.shape)
    ### END SOLUTION


# %%
check("07.2", two_of_four)

# %% [markdown]
# ## 07.3 Take channels out
# Two convolutions in a row, with a batch norm between them. The weight of a convolution is (outputs, inputs, height, width),
# and the batch norm has one scale and one shift for each output of the first. Only some channels of the first layer shall
# stay: their numbers are in `kept`.
#
# **Return the four tensors of the narrower network**, in the order of the arguments. Nothing of the removed channels is left
# in any of them, and the second layer still has all of its outputs.


# %% tags=["exercise-07.3"]
def take_channels_out(
    first: Tensor, scale: Tensor, shift: Tensor, second: Tensor, kept: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same four tensors, with the channels `kept` (int64) of the first layer alone."""
    ### BEGIN SOLUTION
    return first[kept], scale[kept], shift[kept], second[:, kept]
    ### END SOLUTION


# %%
check("07.3", take_channels_out)

# %% [markdown]
# ## 07.4 Learn from a teacher
# In **distillation** a small network learns from the answers of a large one. Both sets of logits are divided by a
# **temperature** T before softmax turns them into probabilities: above 1 it makes an answer less sure, so that the small
# shares of the wrong classes show. The loss of an image is then
#
# `soft_share` · T² · KL(teacher, student) + (1 - `soft_share`) · cross-entropy of the student's logits against the label
#
# where KL(teacher, student) is the sum over the classes of p_teacher · (log p_teacher - log p_student). The cross-entropy
# knows no temperature.
#
# **Return the mean of this loss over the images.**


# %% tags=["exercise-07.4"]
def distillation_loss(
    logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, soft_share: float
) -> Tensor:
    """The loss of a student, a scalar; both logits are (images, classes), labels (images,)."""
    ### BEGIN SOLUTION
    student = F.log_softmax(logits / temperature, dim=1)
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    soft = temperature**2 * F.kl_div(student, teacher, reduction="batchmean")
    return soft_share * soft + (1 - soft_share) * F.cross_entropy(logits, labels)
    ### END SOLUTION


# %%
check("07.4", distillation_loss)

# %% [markdown]
# ## Where you stand

# %%
progress("07")
