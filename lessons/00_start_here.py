# %% [markdown]
# # 00 · Is my machine ready, and what will I build?
# *10 minutes · runs in well under a minute on two CPU cores · needs nothing*
#
# In this course you train a model that reads road signs, make it several times smaller and faster, and find out what
# each trick costs. Nothing here asks you to believe a figure: every number below is measured on the machine in front
# of you, while you watch.
#
# Run the cells one after the other with **Shift + Enter**. If something fails, run `python3 run.py doctor` in a
# terminal: it says in plain sentences what is wrong and what to do.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %% [markdown]
# ## Measure
# First the machine itself. The **doctor** looks at everything the course needs, and says what to do where something is
# missing.

# %% tags=["nbval-ignore-output"]
from lessons_lib import checkpoints, datasets, doctor, models, plots, training
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.timing import measure
from lessons_lib.widgets.predict import predict, predicted

Table("Is this machine ready?",
      [{"verdict": f.word, "found": f.sentence, "what to do": f.remedy} for f in doctor.findings()])

# %% [markdown]
# Then some images that the model has never seen. `load` returns three groups: **training** images to learn from,
# **validation** images to check on while learning, and **test** images that nobody touches until the end.

# %%
n_train = choose(PROFILE, smoke=600, quick=3_000, full=3_000)
data = datasets.load(DATASET, train=n_train, validation=200, test=240, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
print(len(data.classes), "classes:", ", ".join(data.classes))
print("one image is (channels, height, width) =", data.image_shape)

# %% [markdown]
# ## Predict
# A small network will read some of the test images. For the road signs it was trained before you came. Before you look:
# how well will it do? Choosing takes a second and makes the answer stick; you can also go on without.

# %% tags=["nbval-ignore-output"]
shown = min(24, len(data.test))
predict("00.first", f"How many of {shown} images will the model get right?",
        ["fewer than half", "more than half", "all but a few", "all of them"])

# %% [markdown]
# ## Measure
# The model is a stack of three convolutions and one last layer. `trained` takes the one that ships with the course, which
# knows the road signs; for other images it takes your own from lesson 01, or trains one now in a few seconds.

# %%
steps = choose(PROFILE, smoke=20, quick=150, full=300)
recipe = training.Recipe(steps=steps, peak_rate=0.3)
model, origin = checkpoints.trained(
    "small", data, lambda new: training.train(new, data, recipe, seed=SEED), prefer_own=False)
print(origin)
print(f"{models.parameters(model):,} parameters, {models.size_bytes(model) / 1024:,.0f} KiB")

# %%
images, labels = data.test.images[:shown], data.test.labels[:shown]  # uint8 (24, c, h, w), int64 (24,)
answers = training.predict(model, images).argmax(1)                  # (24,): the largest output's class
right = int((answers == labels).sum())

# %% tags=["nbval-ignore-output"]
names = [data.classes[answer] for answer in answers]
captions = [name if a == y else f"{name}\n(is {data.classes[y]})"
            for name, a, y in zip(names, answers, labels)]
colours = ["black" if a == y else plots.COLOURS["GPU"] for a, y in zip(answers, labels)]
plots.contact_sheet(images, captions, title="What the model says", colours=colours)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The model got **{right} of {shown}** right. You said: *{predicted("00.first")}*. On all {len(data.test)} test images its
# **accuracy**, the share that it gets right, is **{training.accuracy(model, data.test):.1%}**.

# %% [markdown]
# And how long does one answer take? `measure` warms up first, calls the model again and again for half a second, and
# keeps every sample. It reports the **median**, half of the calls being faster, because a single call on a busy machine
# can take ten times as long as the next. **p95** is the 95th percentile: 19 of 20 calls are faster.

# %% tags=["nbval-ignore-output"]
one = images[:1]                                               # (1, c, h, w)
first = measure(lambda: training.predict(model, one), name="one prediction", seconds=0.5)
first

# %% [markdown]
# ## Explain
# The network turns an image into one number for each class, the **logits**. The largest one is its answer. **Softmax**
# turns the logits into shares that add up to one: what the model would bet on each class.

# %% tags=["nbval-ignore-output"]
logits = training.predict(model, one)[0]                       # (classes,)
bets = logits.softmax(0)
best = bets.argsort(descending=True)[:3]
Table("The largest bets on the first image",
      [{"class": data.classes[i], "logit": f"{logits[i]:.2f}", "bet": f"{bets[i]:.1%}"} for i in best])

# %% [markdown]
# ## Explore
# Now make it hard. Choose a road sign, then raise the fog, or let dusk fall. The image is drawn anew and read by the
# model at each move. By keyboard: Tab moves on (each slider has its handle, then its figure), the left and right arrows
# move a handle. Which effect breaks the
# model first?

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.signs import sign_explorer

sign_explorer(checkpoints.shipped("small"))

# %% [markdown]
# ## Exercises
# Two short ones in [exercises/00_start_here.ipynb](../exercises/00_start_here.ipynb) show how exercises work: you write
# a few lines, `check` looks at them at once, `hint` helps a step at a time. About ten minutes.

# %% [markdown]
# ## Take home
# 1. A trained model is a file of numbers; using it takes a moment and no training data.
# 2. Every lesson goes the same way: **predict**, **measure**, **explain**, **explore**. A wrong prediction is worth more
#    than a right one, since it shows you what to look at.
# 3. A figure without its machine, its spread and its conditions is a rumour.
#
# Next: [01 · What happens when a model learns?](01_training.ipynb)
