# %% [markdown]
# # 07 · Can I throw weights away?
# *30 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# Most weights of a trained network are close to zero. If they hardly matter, a network without them should be leaner and
# faster, and as good as before. That is **pruning**. You will prune in two ways, take the time and the bytes of both, and
# find out which half of that sentence is true.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %%
from lessons_lib import (
    checkpoints,
    datasets,
    device,
    distillation,
    engines,
    models,
    plots,
    pruning,
    record,
    timing,
    training,
)
from lessons_lib import pruning_study as study
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=400, quick=5_000, full=40_000)
n_look, n_test = choose(PROFILE, smoke=(100, 200), quick=(500, 2_000), full=(5_000, 5_000))
data = datasets.load(DATASET, train=n_train, validation=n_look, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)
seeds = [SEED + i for i in range(choose(PROFILE, smoke=1, quick=3, full=5))]

# %% [markdown]
# The network is the small one of lesson 01: three convolutions and a last layer.

# %% tags=["nbval-ignore-output"]
steps = choose(PROFILE, smoke=20, quick=350, full=1_500)
base, origin = checkpoints.trained("small", data, lambda new: training.train(
    new, data, training.Recipe(steps=steps, peak_rate=0.3), device=where, seed=SEED))
print(origin)
for layer, shape in models.shapes(base).items():
    print(f"{layer:18} {shape}")

# %% [markdown]
# ## Predict
# You are about to set nine of ten weights to zero: those that are nearest to it.

# %% tags=["nbval-ignore-output"]
predict("07.zeros", "How much faster is the network with 90 % zeros?",
        ["ten times", "twice", "hardly at all", "it gets slower"])

# %% [markdown]
# ## Measure
# **Magnitude pruning** ranks all weights by their absolute value and lets the smallest go. A **mask** of True and False says
# which stay; the network is multiplied by it.

# %% tags=["nbval-ignore-output"]
masks = pruning.magnitude_masks(base, sparsity=0.9)            # by layer: bool, True: it stays
thinned = pruning.masked(base, masks)                          # a copy; `base` stays as it was
Table("Weights that are left", [
    {"layer": name, "weights": f"{mask.numel():,}", "left": f"{mask.sum():,}",
     "zeros": f"{1 - mask.float().mean():.0%}"} for name, mask in masks.items()])

# %% [markdown]
# The clock, at one image on one thread: first PyTorch as you know it (**eager**), then **ONNX Runtime**, an inference engine.

# %% tags=["nbval-ignore-output"]
x = models.to_input(data.test.images[:1])                      # (1, c, h, w) float32
seconds = choose(PROFILE, smoke=0.3, quick=1.5, full=5.0)
names = [name for name in ("eager", "ONNX Runtime") if engines.missing(name) is None]
dense = engines.build(names, base, data.image_shape, x, threads=1)
sparse = engines.build(names, thinned, data.image_shape, x, threads=1)
zeros_timed = {name: timing.compare({"dense": dense[name].on(x), "90 % zeros": sparse[name].on(x)},
                                    seconds=seconds) for name in names}
zeros_timed[names[-1]]

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {study.mask_speed_in_words({name: compared.verdict for name, compared in zeros_timed.items()})} You said:
# *{predicted("07.zeros")}*.

# %% [markdown]
# ## Explain
# The convolution multiplies by every weight, also by zero: the *arrays* kept their shape, so the *work* kept its size. Zeros
# pay only where something skips them. Three things can:
# - a **file** that is compressed: a row of zeros is told in a few bytes;
# - a **kernel** that stores the places of the other weights and visits only those;
# - a **pattern** so regular that the hardware knows where the zeros are.
#
# First the file. The weights as they are loaded, and zipped:

# %% tags=["nbval-ignore-output"]
Table("Bytes of the weights", [
    {"network": name, "weights": study.kib(models.size_bytes(model)),
     "weights, zipped": study.kib(pruning.zipped_bytes(model))}
    for name, model in {"dense": base, "90 % zeros": thinned}.items()])

# %% [markdown]
# Then a kernel: the last convolution, dense, and with its weight as a **sparse** matrix (CSR: the values that are left, and
# their columns, row by row). Of each row it visits only what is there.

# %% tags=["nbval-ignore-output"]
from lessons_lib.pruning_study import gpu_sparsity, sparse_kernel

last_layer, _ = base.layers()[-1]                              # weight (128, 64, 3, 3)
with device.threads(1):
    kernels = sparse_kernel.compare_layer(last_layer.weight, size=data.size // 4, seconds=seconds)
kernels

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {sparse_kernel.in_words(kernels, names[-1], zeros_timed[names[-1]].measurements["dense"].median_ms)}

# %% [markdown]
# Last the pattern, **2:4**: of every four neighbours two are zero. NVIDIA's GPUs since 2020 skip them in half precision.

# %% tags=["nbval-ignore-output"]
sizes = choose(PROFILE, smoke=(512,), quick=(1024, 4096), full=(1024, 4096, 8192))
if reason := gpu_sparsity.missing(where):
    print(reason)
else:
    print(gpu_sparsity.table([gpu_sparsity.measure(width, seconds=seconds, device=where) for width in sizes]))

# %% [markdown]
# And the same pattern in more detail, from this machine's GPU, or else from a recorded one:

# %% tags=["nbval-ignore-output"]
from lessons_lib.machine_record import show

show.beside("07.sparsity", where, PROFILE)

# %% [markdown]
# ## Predict
# So zeros save bytes to send, at least. What do they cost in accuracy?

# %% tags=["nbval-ignore-output"]
predict("07.sparsity", "How many weights can go, after a little more training, for at most one point of accuracy?",
        ["half of them", "80 %", "90 %", "95 %"])

# %% [markdown]
# ## Measure
# Each row is pruned **at once**, and then trained a little more, **fine-tuned**, while the zeros are held.

# %% tags=["nbval-ignore-output"]
whole = training.accuracy(base, data.test)
steps = choose(PROFILE, smoke=4, quick=80, full=800)
recipe = training.Recipe(steps=steps, batch_size=32, peak_rate=0.02)
levels = (0.5, 0.8, 0.9, 0.95)
masks = {level: pruning.magnitude_masks(base, level) for level in levels}
before = {level: training.accuracy(pruning.masked(base, masks[level]), data.test) for level in levels}
zeros = study.repeat({f"{level:.0%} zeros": lambda seed, level=level: study.at_once(
    base, data, level, recipe, seed, device=where) for level in levels}, seeds[:1], "Fine-tuning with zeros")

# %% tags=["nbval-ignore-output"]
after = {level: runs[SEED].accuracy for level, runs in zip(levels, zeros.values()) if runs}
Table(f"Accuracy on test images; the dense network: {whole:.1%}", [
    {"zeros": f"{level:.0%}", "pruned": f"{before[level]:.1%}", "fine-tuned": f"{after[level]:.1%}"} for level in after])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {study.bearable_in_words(after, whole)} You said: *{predicted("07.sparsity")}*.

# %% [markdown]
# ### At once, or little by little?
# **Gradual** pruning lets weights go while it trains, many at first and ever fewer (a cubic schedule), so that the network can
# adapt in between. It makes as many steps, on the same images in the same order.

# %% tags=["nbval-ignore-output"]
high = 0.97                                                    # so much was lost that larger steps pay
bold = training.Recipe(steps=recipe.steps, batch_size=32, peak_rate=0.05)
ways = {"at once": lambda seed: study.at_once(base, data, high, bold, seed, device=where),
        "gradually": lambda seed: study.gradually(base, data, high, bold, seed, device=where)}
growing = study.repeat(ways, seeds, f"Pruning to {high:.0%}")
study.outcomes_table(growing, f"{high:.0%} zeros, {recipe.steps} steps, accuracy on test images")

# %% tags=["nbval-ignore-output"]
gradual_effect = study.compared(growing, "at once", len(data.test))["gradually"]

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# Gradually against at once, seed by seed: **{gradual_effect}**.

# %% [markdown]
# ## Predict
# Now the other way: whole **channels** go, so that the arrays themselves get smaller.

# %% tags=["nbval-ignore-output"]
predict("07.channels", "Half of the channels of every layer go. How much faster is the network?",
        ["it is not", "about 1.5 times", "two to three times", "four times or more"])

# %% [markdown]
# ## Measure
# A channel that says little is one whose filter has small weights (a small norm), after its batch norm. It goes out of three
# places: the convolution loses an output, its batch norm a channel, and the *next* layer an input
# ([lessons_lib/pruning/channels.py](../lessons_lib/pruning/channels.py), which takes two minutes to read).

# %%
halved, quarter = (pruning.remove_channels(base, fraction) for fraction in (0.5, 0.75))
full_macs = models.macs(base, data.image_shape)                # multiply-accumulates of one image
for layer, shape in models.shapes(base).items():
    print(f"{layer:18} {shape!s:18} -> {models.shapes(halved)[layer]!s:18} -> {models.shapes(quarter)[layer]}")
print(*[f"{models.macs(slim, data.image_shape) / full_macs:.1%} of the work" for slim in (halved, quarter)], sep="\n")

# %% [markdown]
# Which layer can spare them? Prune **one at a time**, and look at what is left of the accuracy, before any fine-tuning.

# %% tags=["nbval-ignore-output"]
looked_at = training.accuracy(base, data.validation)
sensitive = study.sensitivity(base, data.validation)
plots.bars([{"layer": one.layer, "left": 100 * one.without_channels} for one in sensitive], name="layer", value="left",
           title=f"Half of one layer's channels gone (unpruned: {looked_at:.1%})", xlabel="accuracy, %")

# %% tags=["nbval-ignore-output"]
guided = pruning.remove_channels(base, study.guided_fractions(base, sensitive, 0.75, data.image_shape))
print(f"work: {models.macs(guided, data.image_shape) / full_macs:.1%} guided, "
      f"{models.macs(quarter, data.image_shape) / full_macs:.1%} with the same share everywhere")
study.sensitivity_table(sensitive, looked_at)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {study.in_words(sensitive, looked_at)} That suggests to take less where it hurts, for about as much work: "guided", below.

# %% [markdown]
# ### Winning it back
# Three quarters of the channels are gone. Four ways to go on, with equally many steps:
# - **fine-tune** it on the labels;
# - **distil** it: it learns from the answers of the unpruned network, its **teacher**, which say how sure to be, and which
#   wrong class comes second;
# - distil the **guided** one;
# - start **from scratch**, with random weights in the same small shape. If this is as good, the old weights were of no use.

# %% tags=["nbval-ignore-output"]
steps = choose(PROFILE, smoke=4, quick=200, full=2_000)
slim_recipe = training.Recipe(steps=steps, batch_size=32, peak_rate=0.1)
taught = distillation.ask(base, data, temperature=1.0)         # one forward pass for every training image
ways = {
    "fine-tuned": lambda seed: study.tuned(quarter, data, slim_recipe, seed, device=where),
    "distilled": lambda seed: study.distilled(quarter, taught, data, slim_recipe, seed, device=where),
    "distilled, guided": lambda seed: study.distilled(guided, taught, data, slim_recipe, seed, device=where),
    "from scratch": lambda seed: study.tuned(study.restarted(quarter, seed), data, slim_recipe, seed,
                                             device=where)}
recovered = study.repeat(ways, seeds, "Winning it back")
study.outcomes_table(recovered, f"A quarter of the channels, accuracy on test images; dense: {whole:.1%}")

# %% tags=["nbval-ignore-output"]
recovery_effects = study.compared(recovered, "fine-tuned", len(data.test))
guided_effect = study.compared(recovered, "distilled", len(data.test))["distilled, guided"]
plots.effects(recovery_effects, title="Against fine-tuning on the labels", measured="test accuracy")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {study.recovery_in_words(recovery_effects)}
#
# {study.guided_in_words(guided_effect)}
#
# How much a teacher can add depends on how it was trained. Where this one adds little, a possible reason: it had label
# smoothing, which asks it to treat all wrong classes alike, and how they differ is just what a student would like to hear
# about (Müller et al., When Does Label Smoothing Help?, 2019). It is also why its answers are used as they are, at **temperature** 1: that is the number that
# logits are divided by before softmax, and above 1 it makes an answer less sure.

# %% [markdown]
# ### Across branches
# In a **residual** network the output of one layer is added to that of another. What is added has to have the same channels, so
# these layers shrink together or not at all. [torch-pruning](https://github.com/VainF/Torch-Pruning) follows the network's
# graph and finds such groups by itself.

# %%
resnet = models.build("resnet", channels=data.channels, classes=len(data.classes), seed=SEED)
if pruning.torch_pruning_missing() is None:
    print(pruning.groups_table(pruning.coupled(resnet, data.image_shape)))
    slim = pruning.remove_coupled(resnet, 0.5, data.image_shape)
    left = models.macs(slim, data.image_shape) / models.macs(resnet, data.image_shape)
    print(f"half of the channels of every group gone: {left:.0%} of the work is left")
else:
    print(pruning.torch_pruning_missing())

# %% [markdown]
# Without it, only the channels *inside* a block can go, since nothing is added there: that is what `remove_channels` does with
# a residual network. On a plain chain, such as ours, both do the same, and a test of the course holds them to it.

# %% [markdown]
# ## Measure
# ### Everything side by side
# In turns, on the fastest engine here, one image at a time. A quarter and a half of the channels gone
# are distilled too, so that there is something between all and little. **MMAC** is a million multiply-accumulates, and the
# **model file** is what the engine loads: more than the weights alone where it holds the graph as well.

# %% tags=["nbval-ignore-output"]
steps = choose(PROFILE, smoke=4, quick=150, full=2_000)
gentle = training.Recipe(steps=steps, batch_size=32, peak_rate=0.05)
milder = {"channels -25 %": pruning.remove_channels(base, 0.25), "channels -50 %": halved}
mild = study.repeat({name: lambda seed, slim=slim: study.distilled(slim, taught, data, gentle, seed, device=where)
                     for name, slim in milder.items()}, seeds[:1], "Fewer channels")

# %% tags=["nbval-ignore-output"]
finished = {"dense": ("dense", base)}
finished |= {name: ("zeros", study.first(runs)) for name, runs in zeros.items() if runs}
finished |= {name: ("channels", study.first(runs)) for name, runs in mild.items() if runs}
finished |= {f"channels -75 %, {way}": ("channels", study.first(recovered[way]))
             for way in ("fine-tuned", "distilled") if recovered[way]}
rows = study.measure(finished, data, engine=names[-1], seconds=2 * seconds)
study.rows_table(rows, f"One image on {names[-1]}, one thread")

# %% tags=["nbval-ignore-output"]
plots.trade_off(rows, "latency")

# %% tags=["nbval-ignore-output"]
verdicts = {kind: study.judge(rows, kind) for kind in ("zeros", "channels")}

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# "Pruning gives leaner models that run faster and keep their performance." Up to one point of accuracy counts as keeping it, and
# 5 % as faster, since two copies of the same file can differ by a per cent:
# - weights set to zero: **{verdicts["zeros"]}**
# - channels taken out: **{verdicts["channels"]}**
#
# You said of half the channels: *{predicted("07.channels")}*.

# %% [markdown]
# ## Explore
# Set budgets for the time and for the bytes to send, and see which variant is left. The buttons choose what the picture shows:
# the time, the file, or the file once it is zipped. Everything is looked up in the rows above.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.pruning import pareto_explorer

pareto_explorer(rows)

# %% tags=["nbval-ignore-output"]
told = {kind: {"word": verdict.word, "reason": verdict.reason} for kind, verdict in verdicts.items()}
told |= {f"90 % zeros, {name}": str(compared.verdict) for name, compared in zeros_timed.items()}
effects = {"gradually": str(gradual_effect), "guided against uniform, both distilled": str(guided_effect)}
effects |= {way: str(one) for way, one in recovery_effects.items()}
kept = record.append("measurement", name="07.pruning", dataset=data.name, device=str(where),
                     verdicts=told, effects=effects, rows=[row.as_dict() for row in rows])
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/07_pruning.ipynb](../exercises/07_pruning.ipynb) you write a mask, the 2:4 pattern, the narrower layers and the
# loss of distillation. About 25 minutes.

# %% [markdown]
# ## Take home
# 1. Zeros are not speed. Ask what skips them: a zip file does, a dense kernel does not.
# 2. Channels are speed: the arrays get smaller, and with half the inputs and half the outputs a layer has a quarter of
#    the work. Accuracy pays first, and training wins back most of it.
# 3. Whether gradual pruning, distillation or a fresh start is best is a question for your network: run them beside each other.
#
# Next: [08 · How many requests at once?](08_batching.ipynb)
