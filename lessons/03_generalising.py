# %% [markdown]
# # 03 · Why does it fail on new images?
# *35 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# It had 100 % in training, and then it met the customers' images. A model that has learned its training images by heart
# has learned little else: it
# **overfits**. This lesson measures how far the two accuracies lie apart, what wrong labels do, and which of the
# well-known remedies help **here**, on several seeds, so that luck is not taken for a result.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %%
from dataclasses import replace

from lessons_lib import confusion, datasets, device, findings, plots, record, training
from lessons_lib.augment import Augmentation
from lessons_lib.profiles import choose
from lessons_lib.study import Study, Trial
from lessons_lib.widgets.augmentation import augmentation_explorer
from lessons_lib.widgets.predict import predict, predicted
from lessons_lib.widgets.runs import runs_explorer

n_train = choose(PROFILE, smoke=320, quick=4_000, full=16_000)
n_test = choose(PROFILE, smoke=100, quick=1_000, full=4_000)
data = datasets.load(DATASET, train=n_train, validation=n_test, test=n_test, size=24, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)

# %% [markdown]
# You are going to train dozens of networks, so they have to be small: three thin layers (24,000 weights or so), images
# of 24 x 24 pixels, a few hundred steps. Each trial is repeated with several
# **seeds**. A seed decides on the initial weights and on which images are used, in which order. The same seed
# gives every trial the same start, so that trials can be compared in **pairs**.

# %%
seeds = range(SEED, SEED + choose(PROFILE, smoke=2, quick=3, full=5))
steps = choose(PROFILE, smoke=6, quick=300, full=1_500)
few, some, many = (max(len(data.classes), len(data.train) // part) for part in (16, 4, 1))
study = Study(data, device.pick(DEVICE))                       # keeps every run; none is run twice
print(f"{few:,}, {some:,} or {many:,} training images, {steps} steps, {len(seeds)} seeds")

# %% [markdown]
# ## Predict
# All networks make equally many steps. Some see few images often, others many images seldom. How far the accuracy on
# new images lies below that on the training images is the **gap**. It is counted in percentage **points**: from 90 %
# down to 75 % is 15 points.

# %% tags=["nbval-ignore-output"]
predict("03.gap", f"With {few:,} training images, how far is accuracy on new images below that on the training images?",
        ["hardly at all", "5 to 15 points", "15 to 30 points", "more than 30 points"])

# %% [markdown]
# ## Measure
# "New" images are the validation images: the network never learns from them. If you stop the cell (the square button,
# or **I** twice), what is finished is kept and shown; run it again for the rest.

# %% tags=["nbval-ignore-output"]
by_size = study.run({count: Trial(images=count, steps=steps) for count in (few, some, many)}, seeds)
plots.bands(findings.accuracies(by_size),
            title="More data, less of a gap? (line: median seed, band: lowest to highest)",
            xlabel="training images", ylabel="right, %", log=True)

# %% [markdown]
# Is a difference real, or luck of the seeds? Take it seed by seed, then take the mean. The **95 % interval** says where
# that mean would settle with ever more seeds: of twenty intervals found in this way, about nineteen hold it. It takes
# three seeds or more. (Lines in pictures go through the **median**, the seed in the middle; text and tables give
# **means**.)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {findings.gap_in_words(by_size)}. You said: *{predicted("03.gap")}*. The accuracy on the training images says little
# about the accuracy that counts: the fewer images there are, the easier they are to learn by heart.
#
# {findings.more_in_words(by_size, len(data.validation))}

# %% [markdown]
# ## Predict
# Labels are written by people, who are tired at times. Now a share of the training labels gets replaced by *another*
# class at random. The validation labels stay right.

# %% tags=["nbval-ignore-output"]
predict("03.noise", f"{some:,} images, 40 % of the labels wrong: how many points does the accuracy on new images lose?",
        ["less than 3 points: the right labels outvote the wrong ones", "3 to 15 points", "15 to 35 points",
         "more than 35 points"])

# %% [markdown]
# ## Measure
# ### What do wrong labels cost?
# The training images are judged by the labels that the network was given, wrong ones included; the new images by
# right ones.

# %% tags=["nbval-ignore-output"]
by_noise = study.run(
    {share: Trial(images=some, steps=steps, wrong_labels=share) for share in (0.0, 0.2, 0.4)}, seeds)
in_percent = {100 * share: runs for share, runs in by_noise.items()}
plots.bands(findings.accuracies(in_percent),
            title="Garbage in, garbage out? (line: median seed, band: lowest to highest)",
            xlabel="wrong labels, %", ylabel="right, %")

# %% tags=["nbval-ignore-output"]
noise = findings.effects(by_noise, 0.0, len(data.validation))
findings.table({f"{share:.0%} wrong labels": runs for share, runs in by_noise.items()},
               "What wrong labels cost, means over the seeds")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {findings.quality_in_words(noise[0.4], 0.4) if 0.4 in noise else "The runs with 40 % wrong labels are not finished."}
# You said: *{predicted("03.noise")}*.
#
# {findings.by_heart_in_words(by_noise[0.4], 0.4)} The network cannot know which labels are wrong: learned by heart or
# not, each of them pulls the weights the wrong way whenever it is used. Going through the labels is dull work, and
# often the best remedy there is.

# %% [markdown]
# ## Explore
# More images are dear. **Augmentation** makes new ones out of those you have: a sign that is turned a little is still
# the same sign. Every time an image is used it is turned, resized, moved, made noisy or partly hidden anew. Which of
# these changes keep the label true is something *you* have to know. Try the sliders, then flip.

# %% tags=["nbval-ignore-output"]
first = [int((data.train.labels == label).nonzero()[0]) for label in data.train.labels.unique()]
shown = first[-8:]                                              # one image for each of up to eight classes
augmentation_explorer(data.train.images[shown], [data.classes[data.train.labels[i]] for i in shown])

# %% [markdown]
# ## Explain
# A whole batch is changed at once: a 2 x 3 matrix for each image says where every output pixel comes from, and one call
# resamples all of them. So it costs little beside the training step
# ([lessons_lib/augment.py](../lessons_lib/augment.py)). The other well-known remedies work elsewhere:
#
# - **Dropout** hides a random half of the features from the last layer in every step, so that it cannot rely on a single one.
# - **Weight decay** pulls every weight towards 0 in every step; only what the data insist on stays large.
# - **Label smoothing** asks for 90 % on the right class rather than 100 %.

# %% tags=["nbval-ignore-output"]
base = Trial(images=few, steps=steps)
gently = Augmentation(rotation_degrees=10, scale=0.15, shift=0.08, noise=0.03)
remedies = {
    "nothing": base,
    f"more data ({some:,})": replace(base, images=some),
    "augmentation": replace(base, augment=gently),
    "erasing": replace(base, augment=Augmentation(erase=0.1)),
    "dropout 0.5": replace(base, dropout=0.5),
    "weight decay 0.0005": replace(base, weight_decay=5e-4),
    "weight decay 0.01": replace(base, weight_decay=1e-2),
    "label smoothing": replace(base, smoothing=0.1),
}

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("03.remedy", f"Which remedy gains most, starting from {few:,} images and nothing?", list(remedies)[1:])

# %% [markdown]
# ## Measure
# ### Which remedy helps?
# How to read the picture: a hollow ring is the difference for one seed, the filled mark is the mean of the rings, and
# the bar is its 95 % interval. To the right of the line at 0 the network got better. **Helped** or **hurt** is said
# only where the bar leaves 0 out.

# %% tags=["nbval-ignore-output"]
by_remedy = study.run(remedies, seeds)
effects = findings.effects(by_remedy, "nothing", len(data.validation))
plots.effects(effects, title=f"What helped, from {few:,} images on?")

# %% tags=["nbval-ignore-output"]
findings.table(by_remedy, f"Accuracy with each remedy, means over the seeds; {few:,} images unless it says more")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {findings.remedies_in_words(effects)} You said: *{predicted("03.remedy")}*.
#
# With {len(seeds)} seeds, a verdict takes an effect well above its own spread. So *cannot tell* does not mean *no
# effect*: it means that more seeds are needed. And of twenty remedies that do nothing, about one gets a verdict by
# chance.

# %% [markdown]
# ## Explain
# Is it true, then?

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# "Augmentation prevents overfitting." {findings.gaps_in_words(by_remedy, "nothing", "augmentation")} But the gap alone
# does not say which model is better: it narrows when the accuracy on new images rises, and just as well when the
# accuracy on the training images falls. So look at the new images. {findings.change_in_words(effects, "augmentation")}
#
# Augmentation makes the task harder, so it tends to pay off with a network that is large enough and with steps enough;
# in a short training it can cost more than it brings. (The full profile takes five times as many steps as the default
# one.) Remedies also overlap: batch norm, small batches and the averaging at the end of this network restrain it
# already.

# %% [markdown]
# ## Measure
# What does it still get wrong? Take the run that did best on the validation images. It was *chosen* by them, so it is
# judged on the **test** images, which had no part in anything so far. For each image it gives one number for each
# class, the **logits**; the largest of them is its answer.

# %% tags=["nbval-ignore-output"]
tried = [run for runs in (*by_size.values(), *by_remedy.values()) for run in runs.values()]
best = max(tried, key=lambda run: run.validation)
logits = training.predict(best.model, data.test.images)         # (n, classes)
counts = confusion.count(data.test.labels, logits.argmax(1), len(data.classes))
plots.confusion(counts, data.classes)

# %% tags=["nbval-ignore-output"]
plots.mistakes(data.test, logits, data.classes, title="Sure and wrong: what it says, how sure it is, and what it is")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The best run has **{counts.diagonal().sum() / counts.sum():.1%}** of the test images right.
# {findings.confused_in_words(counts, data.classes)} Look at the worst mistakes: is the label wrong, is the image
# hopeless, or should the network have known? Each of the three asks for another remedy.

# %% [markdown]
# ## Explore
# All runs of the study. Watch the left picture where labels are wrong: an image does not show that its label is wrong,
# so the loss can come near 0 only if the wrong labels are learned by heart. Does it, in so many steps?

# %% tags=["nbval-ignore-output"]
everything = {f"{n:,} images": runs for n, runs in by_size.items()}
everything |= {f"{share:.0%} wrong labels": runs for share, runs in by_noise.items() if share}
runs_explorer(everything | {name: runs for name, runs in by_remedy.items() if name not in list(remedies)[:2]})

# %% tags=["nbval-ignore-output"]
for name, one in {"40 % wrong labels": noise.get(0.4), **effects}.items():
    if one:
        record.append("measurement", name="03.effect", change=name, dataset=data.name, word=one.word,
                      points=100 * one.mean, figures=one.figures, seeds=len(one.differences))
gaps = {name: findings.mean(run.gap for run in runs.values()) for name, runs in by_remedy.items() if runs}
record.append("measurement", name="03.gaps", dataset=data.name, points={name: 100 * gap for name, gap in gaps.items()})
print("Kept in your record.")

# %% [markdown]
# ## Exercises
# Write four tools of this lesson yourself in [exercises/03_generalising.ipynb](../exercises/03_generalising.ipynb):
# wrong labels, erasing, the confusion matrix, and the number that tells an effect from luck. About 25 minutes.

# %% [markdown]
# ## Take home
# 1. Accuracy on the training images says little about new ones: more data narrows the gap between the two, and wrong
#    labels lower the accuracy on new images.
# 2. Augmentation must keep the label true, and it needs steps enough to pay off. Every remedy is a guess until you measure it.
# 3. One run is an anecdote. Compare in pairs over several seeds, and say "cannot tell" when you cannot.
#
# Next: [04 · Can I skip most of the training?](04_transfer.ipynb)
