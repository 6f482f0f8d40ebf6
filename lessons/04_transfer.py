# %% [markdown]
# # 04 · Can I skip most of the training?
# *30 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# Somebody has trained a network; you have another task, and few labelled images. "Take theirs and fine-tune it," says
# everybody, "it cuts training time by up to 90 %." That is **transfer learning**. You will measure when it is true, how
# many images it takes, and what becomes of it on a task that has little in common with the old one.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # the new task: ten new signs; or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0
FAR = "auto"              # the far task: fashion_mnist, textures, or auto: whichever needs no download

# %%
from lessons_lib import checkpoints, datasets, device, models, plots, record, signs, training, transfer
from lessons_lib.profiles import choose
from lessons_lib.transfer import Stage
from lessons_lib.widgets.predict import predict, predicted

new_task = "new_signs" if DATASET == "road_signs" else DATASET
n_train = choose(PROFILE, smoke=300, quick=3_000, full=6_000)
n_look, n_test = choose(PROFILE, smoke=(60, 100), quick=(250, 1_000), full=(1_000, 4_000))
data = datasets.load(new_task, train=n_train, validation=n_look, test=n_test, seed=SEED)
data = transfer.in_colour(data)                                # grey images get three equal channels
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)

# %% [markdown]
# The network at hand is the small one that ships with the course. It was trained on 20,000 images of twelve road signs,
# this is its **pre-training**, and it has never seen the images below.

# %%
base = checkpoints.shipped("small")                            # 12 road signs, three convolutions
first = [int((data.train.labels == k).nonzero()[0, 0]) for k in data.train.labels.unique()[:16]]
names = [data.classes[data.train.labels[i]] for i in first]
plots.contact_sheet(data.train.images[first], names, title="The new task: one image a class", columns=5)

# %% [markdown]
# Three ways to learn it:
# 1. **From scratch**: random weights, as in lesson 01. What the old network knows is thrown away.
# 2. **Frozen features**: all layers of the old network stay as they are, only the last one, the **head**, is replaced and
#    trained. It sees 128 numbers an image, the **features**.
# 3. **Fine-tuning**: the head is replaced, then everything is trained on, the old layers with a smaller learning rate.

# %% [markdown]
# ## Predict
# The new task comes with few labels, because labels are what costs.

# %% tags=["nbval-ignore-output"]
predict("04.few", "Five labelled images a class. Which way gets most test images right?",
        ["from scratch", "frozen features", "fine-tuning", "they are all about equal"])
predict("04.saved", "How much training time does fine-tuning save, at equal accuracy?",
        ["hardly any", "about half", "90 % or more", "it depends on how many images there are"])

# %% [markdown]
# ## Measure
# A new head first. `with_new_head` copies the network and replaces one layer; all other weights are kept.

# %%
renewed = transfer.with_new_head(base, classes=len(data.classes), seed=SEED)
print("old head:", base.head)
print("new head:", renewed.head)
print(f"{models.parameters(renewed.head):,} of {models.parameters(renewed):,} parameters are new")

# %% [markdown]
# Now every way, at several numbers of training images a class. From scratch and fine-tuning make the same number of steps,
# on the same images in the same order; each is repeated with other images and other random weights where that is
# cheap, because with five images a class luck counts for a lot. You may interrupt it: what is finished is kept.

# %% tags=["nbval-ignore-output"]
stages = choose(PROFILE, smoke=[Stage(5, 6, 2), Stage(20, 8, 1)],
                quick=[Stage(5, 64, 3), Stage(10, 80, 3), Stage(50, 200, 2), Stage(200, 400, 1)],
                full=[Stage(5, 96, 5), Stage(10, 160, 5), Stage(50, 400, 5), Stage(200, 1_200, 5)])
stages, notes = transfer.fitting(data, stages)
for note in notes:                                             # fewer images than were asked for
    print(note)
candidates = choose(PROFILE, smoke=(0.2,), quick=(0.2,), full=(0.05, 0.1, 0.2, 0.4))
rates = transfer.best_rates(base, data, stages[len(stages) // 2], candidates, device=where, seed=SEED)
runs = transfer.study(base, data, stages, rates=rates, device=where, seed=SEED)

# %% tags=["nbval-ignore-output"]
plots.bands(transfer.accuracies(runs), title="Accuracy on test images: middle, lowest and highest of the seeds",
            xlabel="training images a class", ylabel="accuracy", log=True, words="{:.1%}".format)

# %% tags=["nbval-ignore-output"]
fewest, most = min(run.per_class for run in runs), max(run.per_class for run in runs)
best_with_few, best_with_many = transfer.winner(runs, fewest), transfer.winner(runs, most)
peaks = " and ".join(f"{rate:g} ({method})" for method, rate in rates.items())

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# Best with {fewest} images a class: **{best_with_few}**. Best with {most}: **{best_with_many}**. You said:
# *{predicted("04.few")}*. Guessing would give {1 / len(data.classes):.0%}. {transfer.one_run_note(runs)}
#
# A fair comparison lets each way use a learning rate that suits it. During a training the rate rises to a peak, then
# falls; where we speak of the **largest rate**, this peak is meant. Here it is {peaks}. In the quick profile both were
# chosen beforehand, on validation images of the new signs; the full profile chooses anew, on yours. In fine-tuning that
# is the rate of the head: the old layers, the **body**, always learn at {transfer.BODY_SHARE:g} times the head's rate.

# %% [markdown]
# ### How much time does it save?
# Take the accuracy on validation images that training from scratch ends with. When did it first get there, and when did the
# others? The share of the time that is left over is what they **save**: 0 % where they are no faster, or never get there.

# %% tags=["nbval-ignore-output"]
saved = {method: transfer.time_saved(runs, method) for method in transfer.METHODS[1:]}
transfer.saved_table(saved)

# %% tags=["nbval-ignore-output"]
verdicts = {method: transfer.judge(shares) for method, shares in saved.items()}
cost = transfer.pretraining_seconds(runs, pixels=data.size**2)
gained = transfer.seconds_saved(runs, "fine-tuning", most)
tasks = transfer.break_even(cost, gained)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# "Up to 90 % less training time at equal accuracy":
# - fine-tuning: **{verdicts["fine-tuning"]}**
# - frozen features: **{verdicts["frozen features"]}**
#
# You said: *{predicted("04.saved")}*. Mind the words "up to": one case is enough to make them true. And mind what was
# compared: with few images training from scratch ends at a low accuracy, which is soon reached.
#
# Nor is the pre-training free: at the speed of this machine it would take about {cost:.0f} s. Somebody else paid that,
# once. {transfer.payback(tasks, gained, most)}

# %% [markdown]
# ## Explain
# What is it that transfers? Ask the old network, with its old head, about images of the new task. It has to choose one
# of its twelve signs; "none of these" is not among them.

# %% tags=["nbval-ignore-output"]
answered = transfer.answers(base, data, signs.CLASSES)
answered

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# It answers by what it knows of old signs: outlines, colours, strokes. These features are there already, and only the
# differences that the old task never asked for are left to learn. {transfer.same_answer(answered)}
#
# Look at how **sure** it is, too, where the answer is wrong. That figure comes from **softmax**, which turns the network's
# numbers, one a class, into shares that add up to 100 %. The old classes get all of it, so a confident answer is no
# proof that the image belongs to any of them.

# %% [markdown]
# The mechanism of frozen features is a saving in itself. The layers do not change, so each image has to go through them
# **once**; what is trained afterwards is a single matrix.

# %%
part = transfer.few(data, fewest, seed=SEED)
seen = transfer.features(base, part.train.images)              # (n, 128): computed once
print(f"{tuple(part.train.images.shape)} pixels -> {tuple(seen.shape)} features, "
      f"then {seen.shape[1]} x {len(data.classes)} weights to train")

# %% [markdown]
# The price: what the old network threw away is gone. If two new classes differ in something that did not matter for the old
# ones, no head can tell them apart; fine-tuning can, since it changes the layers below. And images that are shown
# once cannot be varied, as lesson 03 does: each variation would have to go through the layers again.

# %% [markdown]
# ### Does it help on a far task?
# The further the new task is from the old one, the less of what was learnt should be of use. This one has no signs at all.
# Steps and learning rates are those from above, so that you can compare.

# %% tags=["nbval-ignore-output"]
n_far = choose(PROFILE, smoke=100, quick=600, full=3_000)
far, told = transfer.far_domain(FAR, train=n_far, validation=n_look, test=n_test, seed=SEED, other_than=data.name)
print(told)
plots.contact_sheet(far.train.images[:8], [far.classes[y] for y in far.train.labels[:8]], title="The far task")

# %% tags=["nbval-ignore-output"]
far = transfer.in_colour(far)
stages = choose(PROFILE, smoke=[Stage(5, 6, 1)], quick=[Stage(10, 80, 2), Stage(50, 200, 1)],
                full=[Stage(10, 160, 5), Stage(50, 400, 5), Stage(200, 1_200, 5)])
far_runs = transfer.study(base, far, transfer.fitting(far, stages)[0], rates=rates, device=where, seed=SEED)
plots.bands(transfer.accuracies(far_runs), title=f"The far task, {far.name}: accuracy on test images",
            xlabel="training images a class", ylabel="accuracy", log=True, words="{:.1%}".format)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {transfer.near_and_far(runs, data.name, far_runs, far.name)}
#
# Transfer is a bet that the two tasks need the same features. To find out, train from scratch beside it before you build
# on it.

# %% [markdown]
# ## Explore
# Choose how many images a class, and how to learn from them. The curves are the runs from above, with the first seed.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.transfer import transfer_explorer

transfer_explorer(runs)

# %% tags=["nbval-ignore-output"]
headline = {method: str(verdict) for method, verdict in verdicts.items()}
kept = record.append("measurement", name="04.transfer", dataset=data.name, device=str(where), saved=saved,
                     accuracy=transfer.accuracies(runs), far={far.name: transfer.accuracies(far_runs)},
                     verdicts=headline, pretraining_seconds=cost, break_even_tasks=tasks)
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/04_transfer.ipynb](../exercises/04_transfer.ipynb) you freeze the right parameters, replace a head without
# hurting the rest, and give each part its learning rate. About 20 minutes.

# %% [markdown]
# ## Take home
# 1. With few labels, try a trained network first; the more labels you have, the less it tends to save.
# 2. Frozen features are nearly free; fine-tuning costs a training, and can go further as labels grow.
# 3. Training was not skipped, it was paid by somebody else, on another task. Whether that is near enough to yours is not
#    told by looking; only a training from scratch beside it tells.
#
# Next: [05 · What changes when learning stops?](05_inference.ipynb)
