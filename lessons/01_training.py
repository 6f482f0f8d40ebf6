# %% [markdown]
# # 01 · What happens when a model learns?
# *30 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# "The model learns" sounds like magic. It is four steps, repeated a few hundred times: guess, measure how wrong the
# guess was, find out which way each weight should move, move it a little. You will do them once by hand, check the
# mathematics against plain arithmetic, then let the loop run.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %%
import math

import torch
from torch.nn import functional as F

from lessons_lib import checkpoints, datasets, device, models, plots, record, training
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=600, quick=24_000, full=45_000)
n_test = choose(PROFILE, smoke=200, quick=5_000, full=5_000)
data = datasets.load(DATASET, train=n_train, validation=n_test, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)

# %% [markdown]
# ## Measure
# **Supervised** learning means that somebody has written the right answer, the **label**, beside each image. Here are
# eight of them. The model sees the pixels; the label is what it should have said.

# %%
images, labels = data.train.images[:8], data.train.labels[:8]  # (8, c, h, w) uint8, (8,) int64
names = [data.classes[y] for y in labels]
plots.contact_sheet(images, names, title="Eight training images and their labels")

# %% [markdown]
# ## Predict
# A fresh network has random weights. It is asked for the class of each image, and the **loss** says how wrong it is:
# minus the logarithm of the share that it gave to the right class. Sure and right costs 0.

# %% tags=["nbval-ignore-output"]
predict("01.first_loss", "What is the loss of a network that knows nothing yet?",
        ["about 0", "about 1", "the logarithm of the number of classes", "the number of classes"])

# %% [markdown]
# ## Measure
# **Step 1: guess** (the forward pass). **Step 2: how wrong?** (the loss).

# %%
model = models.build("small", channels=data.channels, classes=len(data.classes), seed=SEED)
model.eval()                                                      # keep batch norm still while we look
x = models.to_input(images)                                       # (8, c, h, w) float32
logits = model(x)                                                 # (8, classes)
loss = F.cross_entropy(logits, labels)
know_nothing = math.log(len(data.classes))
print(f"loss of the fresh network: {loss.item():.3f}; ln({len(data.classes)}) = {know_nothing:.3f}")

# %% [markdown] tags=["computed"]
# A network that spreads its bet over {len(data.classes)} classes gives each about 1/{len(data.classes)}, and minus the
# logarithm of that is {know_nothing:.2f}. Remember this number: a loss that starts far above it points to
# a bug, before you have spent a minute of training. You said: *{predicted("01.first_loss")}*.

# %% [markdown]
# **Step 3: which way?** The **gradient** of a weight is how much the loss changes when that weight grows a little. You
# can find it with no mathematics at all: nudge the weight up and down, and look at the loss.

# %%
weight = model.head.weight                                        # (classes, 128)
row, column, nudge = int(labels[0]), 5, 1e-2

def loss_with(change):
    """The loss when one single weight is moved by `change`."""
    with torch.no_grad():
        moved = weight.clone()
        moved[row, column] += change
        features = model.blocks(x).mean((2, 3))                   # (8, 128): what the last layer sees
        return F.cross_entropy(features @ moved.T + model.head.bias, labels).item()

by_nudging = (loss_with(nudge) - loss_with(-nudge)) / (2 * nudge)

# %% [markdown]
# **Backpropagation** finds the gradients of *all* weights in one sweep from the loss back to the first layer, by the
# chain rule. It has to agree with the nudge:

# %%
model.zero_grad()
F.cross_entropy(model(x), labels).backward()
by_autograd = weight.grad[row, column].item()
print(f"by nudging {by_nudging:.6f}, by backpropagation {by_autograd:.6f}")

# %% [markdown] tags=["computed"]
# Nudging costs two forward passes *per weight*: for this network's {models.parameters(model):,} weights that would be
# {2 * models.parameters(model):,} passes for a single step. Backpropagation needs one pass forward and one back. This is
# what made deep learning possible.

# %% [markdown]
# **Step 4: move.** Each weight takes a small step against its gradient. How small is the **learning rate**.

# %%
rate = 0.1
before, loss_before = weight[row, column].item(), F.cross_entropy(model(x), labels).item()
with torch.no_grad():
    for p in model.parameters():
        p -= rate * p.grad
loss_after = F.cross_entropy(model(x), labels).item()
print(f"one weight: {before:.5f} -> {weight[row, column].item():.5f}")
print(f"loss on these 8 images: {loss_before:.3f} -> {loss_after:.3f}")

# %% [markdown]
# These four steps are what learning is; the rest is repetition and refinement. The loop below refines three things:
# **momentum** lets a step go on in the direction of the last ones; the learning rate rises, then falls; and **label
# smoothing** asks for 90 % on the right class rather than 100 %, which keeps the network from being too sure of itself.
# With it the loss cannot reach 0: do not be surprised by a loss well above that beside a high accuracy.

# %% [markdown]
# ## Predict
# Now the same with all images, in **batches** of 64. One **epoch** is once through the training images.

# %% tags=["nbval-ignore-output"]
recipe = training.Recipe(epochs=choose(PROFILE, smoke=1, quick=3, full=8), peak_rate=0.3,
                         least_steps=choose(PROFILE, smoke=5, quick=200, full=1_000))
steps = recipe.total_steps(len(data.train))
predict("01.accuracy", f"What accuracy on new images will the small network reach after {steps} steps?",
        ["below 50 %", "50 to 80 %", "80 to 95 %", "above 95 %"])

# %% [markdown]
# ## Measure
# The loop is [lessons_lib/training.py](../lessons_lib/training.py), which you can read in a minute. You may interrupt it
# (the square button, or **I** twice) and run the cell again: it goes on where it stopped.

# %% tags=["nbval-ignore-output"]
fresh = models.build("small", channels=data.channels, classes=len(data.classes), seed=SEED)
start = {name: p.detach().clone() for name, p in fresh.named_parameters()}
history = training.train(fresh, data, recipe, device=where, seed=SEED,
                         checkpoint=record.home() / "running" / f"01-{PROFILE}.safetensors")

# %% tags=["nbval-ignore-output"]
plots.learning_curves(history, "Training the small network")

# %% tags=["nbval-ignore-output"]
test_accuracy = training.accuracy(fresh, data.test)
record.append("measurement", name="01.accuracy", model="small", dataset=data.name, device=str(where),
              accuracy=test_accuracy, images_per_second=history.images_per_second, steps=len(history.loss),
              seconds=history.seconds, visits=history.images / len(data.train))
if history.finished:
    checkpoints.save(checkpoints.own_path("small", data), fresh, data, accuracy=test_accuracy)
print(f"accuracy on {len(data.test):,} test images: {test_accuracy:.1%}")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The network saw {history.images:,} images in {history.seconds:.0f} seconds and now gets **{test_accuracy:.1%}** of the
# test images right; guessing would give {1 / len(data.classes):.1%}. You said: *{predicted("01.accuracy")}*. Training
# visited each image {history.images / len(data.train):.1f} times and kept, for every weight, a gradient and a momentum beside it; using the model will
# need one pass and the weights alone. That gap is the subject of this course.

# %% [markdown]
# ## Explain
# What has changed? Only the weights. Here is how far each layer has moved from where it started, as a share of its size.

# %% tags=["nbval-ignore-output"]
now = {name: p.detach().cpu() for name, p in fresh.named_parameters() if p.ndim > 1}
moved = [{"layer": name, "moved": ((p - start[name]).norm() / start[name].norm()).item()}
         for name, p in now.items()]
plots.bars(moved, name="layer", value="moved", title="How far the weights moved",
           xlabel="distance moved / size at the start")

# %% [markdown]
# And here they are, the first layer's **filters** before and after: each looks for one small pattern of 3 x 3 pixels. They
# began as noise; light is a large weight, dark a small one.

# %% tags=["nbval-ignore-output"]
before, after = (p["blocks.0.0.weight"][:8].mean(1, keepdim=True) for p in (start, now))  # (8, 1, 3, 3)
both = torch.cat([before, after])
both = ((both / both.abs().amax((1, 2, 3), keepdim=True) + 1) * 127.5).to(torch.uint8)
plots.contact_sheet(both, [f"{i + 1} {when}" for when in ("before", "after") for i in range(8)], title="Filters")

# %% [markdown]
# The mistakes tell more than the accuracy. These are the test images on which the model is most sure, and wrong.

# %% tags=["nbval-ignore-output"]
plots.mistakes(data.test, training.predict(fresh, data.test.images), data.classes, title="Sure and wrong")

# %% [markdown]
# ## Explore
# How large should a step be? Five networks start from the same weights and see the same images; only the learning rate
# differs. They are trained now, then the slider looks the finished runs up.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.rates import rate_explorer

steps = choose(PROFILE, smoke=5, quick=50, full=150)
runs = {}
for rate in (0.001, 0.01, 0.1, 1.0, 10.0):
    trial = models.build("small", channels=data.channels, classes=len(data.classes), seed=SEED).train()
    runs[rate] = training.plain_steps(trial, data.train, rate, steps)
rate_explorer(runs)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# Of these five, a rate of **{min(runs, key=lambda rate: plots.running_mean(runs[rate], 10)[-1]):g}** got furthest in
# {steps} steps. Too small, and little happens in the time you have. Too large, and a step jumps over the valley and may
# land higher on the other side. Finding the range that works is the first thing to do with any new problem.

# %% [markdown]
# ## Exercises
# Write the three pieces yourself in [exercises/01_training.ipynb](../exercises/01_training.ipynb): the loss, one step,
# and the accuracy. About 20 minutes, each piece is one to four lines.

# %% [markdown]
# ## Take home
# 1. Learning is four steps: forward, loss, gradient, update. Nothing else changes but the weights.
# 2. A fresh classifier's loss is the logarithm of the number of classes. Check that first.
# 3. The learning rate decides between nothing, learning and chaos; it costs seconds to try five.
#
# Next: [02 · What makes training fast, on CPU and on GPU?](02_fast_training.ipynb)
