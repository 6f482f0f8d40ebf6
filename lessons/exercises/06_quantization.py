# %% [markdown]
# # Exercises 06 · What do 8 bits cost and buy?
# *20 minutes · goes with [lesson 06](../notebooks/06_quantization.ipynb) · needs nothing from other exercises*
#
# Four pieces of every int8 engine, each three to five lines, each with a trap that fails without an error: the network just
# gets worse. Replace `raise NotImplementedError` by your code, then run the `check` cell below it. `hint("06.1")` helps, and
# `solution("06.1")` shows an answer once you have tried.
#
# One formula is behind all of them: **real number = scale x (whole number - zero point)**.

# %%
import torch
from torch import Tensor

from lessons_lib.checks import check, hint, progress, solution

# %% [markdown]
# ## 06.1 Scale and zero point
# An activation was seen to lie between `low` and `high`. It is to be stored in uint8: whole numbers from 0 to 255. The **scale**
# is the distance between two neighbours, the **zero point** the whole number that stands for 0.
#
# Zero has to be among the numbers that can be stored, since padding and half of what a ReLU gives is 0: where the range does not
# reach it, widen the range until it does.
#
# **Return the scale, a float, and the zero point, an int.** Where everything is 0, return a scale of 1.0 and a zero point of 0.


# %% tags=["exercise-06.1"]
def scale_and_zero_point(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point with which uint8 covers the numbers from `low` to `high`, and 0."""
    ### BEGIN SOLUTION
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return 1.0, 0
    scale = (high - low) / 255
    return scale, round(-low / scale)
    ### END SOLUTION


# %%
check("06.1", scale_and_zero_point)

# %% [markdown]
# ## 06.2 There and back
# To **quantize** a number, divide it by the scale, round to the nearest whole number, add the zero point, and **clip** the result
# to 0 ... 255. To come back, turn the formula around.
#
# **Return what is left of a tensor after it went to uint8 and back**, as float32.


# %% tags=["exercise-06.2"]
def there_and_back(x: Tensor, scale: float, zero_point: int) -> Tensor:
    """The values of `x`, float32, as they are after uint8."""
    ### BEGIN SOLUTION
    whole = (torch.round(x / scale) + zero_point).clamp(0, 255)
    return (whole - zero_point) * scale
    ### END SOLUTION


# %%
check("06.2", there_and_back)

# %% [markdown]
# ## 06.3 A scale for each channel
# The weight of a convolution has the shape (out, in, height, width): one filter for each **output channel**. Filters differ in
# size, so each gets a scale of its own. Weights are stored **symmetrically** in int8: the largest absolute value of the filter
# becomes 127, and the zero point is 0.
#
# **Return the whole numbers**, int8 in the shape of the weight, **and the scales**, float32 of shape (out,). A filter may hold
# zeros only; its scale shall be 1.


# %% tags=["exercise-06.3"]
def per_channel(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The weight (out, in, h, w) in int8, and the scale of each output channel (out,)."""
    ### BEGIN SOLUTION
    scales = weight.abs().amax(dim=(1, 2, 3)) / 127
    scales[scales == 0] = 1.0
    whole = torch.round(weight / scales[:, None, None, None])
    return whole.to(torch.int8), scales
    ### END SOLUTION


# %%
check("06.3", per_channel)

# %% [markdown]
# ## 06.4 A sum of products in whole numbers
# At the heart of an int8 engine is a sum of products, sum(x * w). Put the formula in for each x and w, with a zero point of 0 for
# the weights, and take the scales out of the sum. What is left inside are whole numbers.
#
# **Return the real number that the sum stands for**, a float. `x` is uint8, `w` is int8: mind what a uint8 does below 0.


# %% tags=["exercise-06.4"]
def integer_dot(x: Tensor, w: Tensor, zero_x: int, scale_x: float, scale_w: float) -> float:
    """sum(x * w) of the real numbers that x, uint8 (k,), and w, int8 (k,), stand for."""
    ### BEGIN SOLUTION
    products = (x.to(torch.int32) - zero_x) * w.to(torch.int32)
    return products.sum().item() * scale_x * scale_w
    ### END SOLUTION


# %%
check("06.4", integer_dot)

# %% [markdown]
# ## Where you stand

# %%
progress("06")
