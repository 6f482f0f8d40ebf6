# %% [markdown]
# # 02 · What makes training fast, on CPU and on GPU?
# *45 minutes · runs in about a minute and a half on two CPU cores · needs nothing from earlier lessons*
#
# Training takes too long: everybody's first complaint. The advice is plentiful: larger batches, 16-bit numbers, another
# memory layout, a compiler, more machines. Each helps somewhere, and some of it will slow you down. Here you try each one
# on your own machine, find out where the time and the memory really go, and train on several processes at once.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %%
from functools import partial

import torch

from lessons_lib import datasets, device, models, plots, record, training, training_steps
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.timing import compare
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=600, quick=4_000, full=20_000)
n_test = choose(PROFILE, smoke=100, quick=500, full=2_000)
data = datasets.load(DATASET, train=n_train, validation=n_test, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)
model = models.build("small", channels=data.channels, classes=len(data.classes), seed=SEED)

# %% [markdown]
# ## Predict
# A **training step** fetches a batch of images, guesses (forward), works out the gradients (backward) and moves the weights.
# The usual tutorial does it with a `DataLoader`, which collects the batch image by image. You will change one thing after
# the other: keep all images in **one tensor** and pick a batch out of it at once; store the numbers so that the channels of
# a pixel lie side by side (**channels_last**); compute in 16 instead of 32 bits (**mixed precision**).

# %% tags=["nbval-ignore-output"]
predict("02.knob", "Which of these speeds a training step up most on this machine?",
        ["one tensor instead of a DataLoader", "channels_last", "16-bit arithmetic", "none of them does much"])

# %% [markdown]
# ## Measure
# Each candidate has its own copy of the network and makes real training steps, with the same images and the same 64 a
# batch. They take turns, step by step, so that whatever else this machine does disturbs all alike.

# %% tags=["nbval-ignore-output"]
batch_size, seconds = 64, choose(PROFILE, smoke=0.6, quick=6.0, full=20.0)
ways = training_steps.ladder(where)                            # by name: the knobs of each candidate
step_with = partial(training_steps.TrainingStep, model, data.train, batch_size, device=where, seed=SEED)
steps = {name: step_with(knobs) for name, knobs in ways.items()}
ladder = compare(steps, seconds=seconds, device=where)
ladder

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# One tensor instead of the DataLoader: **{training_steps.against(ladder, *list(ways)[:2])}**. Then channels_last as well:
# **{training_steps.against(ladder, *list(ways)[1:])}**. Both together: **{ladder.verdicts[list(ways)[-1]]}**. (The word says
# whether there is a difference; then comes how many times as fast, and between which bounds that is safe to say.)

# %% [markdown]
# Now 16 bits, on top of what stands there last. `torch.autocast` lets the convolutions compute with half as many bits, and
# keeps the weights in 32. **bfloat16** has the range of float32 with fewer digits; older GPUs only know **float16**, whose
# small numbers vanish unless the loss is scaled up first, which a `GradScaler` does.

# %% tags=["nbval-ignore-output"]
with_compiler = PROFILE == "full" or (PROFILE == "quick" and where.type == "cuda")
tried = training_steps.more(list(ways.values())[-1], where, compiled=with_compiler)
steps, left_out = training_steps.usable({name: step_with(knobs) for name, knobs in tried.items()})
if not with_compiler:
    left_out.append("torch.compile is left out here: compiling takes about half a minute, and a C++ compiler. "
                    "PROFILE = \"full\" measures it.")
print(*left_out, sep="\n")

# %% tags=["nbval-ignore-output"]
bits = compare(steps, seconds=choose(PROFILE, smoke=0.3, quick=2.5, full=15.0), device=where)
gains = {"the one tensor": training_steps.against(ladder, *list(ways)[:2]),
         "channels_last": training_steps.against(ladder, *list(ways)[1:])}
half = str(training_steps.half_precision(where)).removeprefix("torch.")
if half in bits.verdicts:
    gains["16-bit arithmetic"] = bits.verdicts[half]
bits

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {"; ".join(f"**{name}** against float32: **{verdict}**" for name, verdict in bits.verdicts.items())}.
# **{training_steps.most_helpful(gains)}** You said: *{predicted("02.knob")}*.

# %% [markdown]
# ### The same on a GPU
# A GPU has more knobs: **TF32** (float32 with fewer digits in its products), 16 bits, compiling, and a **CUDA graph**, which records
# the launches of a whole step and replays them in one call. Where there is a GPU, the next cell measures them, which takes a
# minute; elsewhere it shows a recorded machine. The last share compares with a large matrix product in the same precision: the most
# that a device can be brought to. Faster arithmetic raises that most, too, so the fastest step may well use the smallest share of it.

# %% tags=["nbval-ignore-output"]
from lessons_lib.machine_record import show

show.beside("02.steps", where, PROFILE)

# %% [markdown]
# ## Explain
# - **DataLoader or one tensor.** A DataLoader touches each image on its own, in Python; picking from one tensor is a single
#   call. It matters where a step is short: on a GPU, or with a tiny network. These images are ready-made bytes; where files
#   are decoded, or images changed, one by one, the DataLoader is where the time goes, and its worker processes pay.
# - **channels_last.** A convolution sums over all channels of a pixel. Side by side in memory, they arrive together.
# - **16 bits.** A gain only where the hardware multiplies 16-bit numbers faster than 32-bit ones: GPUs since 2017, CPUs
#   with AMX or AVX512-BF16. Elsewhere they are converted back and forth, and it is several times *slower*.
# - **The allocator.** A step frees and asks for the same large pieces of memory again and again. On Linux this course tells
#   the C library to keep them. It has to be said before PyTorch starts, so you cannot switch it here; what it buys stands in
#   [docs/benchmarks/training.md](../docs/benchmarks/training.md).

# %% [markdown]
# ## Predict
# Next, the batch size. Twice as many images make twice as much arithmetic.

# %% tags=["nbval-ignore-output"]
predict("02.batch", "From 8 to 256 images a batch: how does the number of images a second change?",
        ["it stays about the same", "up to twice as many", "2 to 10 times as many", "more than 10 times as many",
         "it gets lower"])

# %% [markdown]
# ## Measure

# %% tags=["nbval-ignore-output"]
from lessons_lib import training_batches

sizes = choose(PROFILE, smoke=(8, 32), quick=(8, 16, 32, 64, 128, 256), full=(8, 16, 32, 64, 128, 256, 512, 1024))
costs, told = training_batches.sweep_batches(model, data.train, sizes, knobs=list(ways.values())[-1], device=where,
                                             seconds=choose(PROFILE, smoke=0.5, quick=7.0, full=20.0))
print(told or "All of these batch sizes fit into the memory.")
plots.bands({"throughput": {cost.batch: cost.rates for cost in costs}}, log=True, words="{:,.0f}".format,
            title="Training throughput; the band is the middle half of the steps", xlabel="batch size", ylabel="images/s")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# A batch of **{training_batches.enough(costs).batch}** comes within 5 % of the highest throughput seen,
# {training_batches.enough(costs).images_per_second:,.0f} images/s; that is
# {training_batches.enough(costs).images_per_second / costs[0].images_per_second:.1f} times that of a batch of
# {costs[0].batch}. Every step has a price that does not depend on the batch: calls from Python, starting kernels, the update.
# A batch shares it out. Once the arithmetic fills the device, a larger one only waits longer; a CPU is full soon, a GPU late.
# You said: *{predicted("02.batch")}*.

# %% [markdown]
# ## Predict
# And the memory? While it trains, the device holds the **weights**, for each of them a **gradient**, the **optimiser
# state** (here the momentum, a running mean of past gradients), and the **activations**: what the layers put out on the
# way forward, kept until the backward pass needs it.

# %% tags=["nbval-ignore-output"]
predict("02.memory", f"A batch of {batch_size}: which part takes the most memory?",
        ["weights", "gradients", "optimiser state", "activations", "all about the same"])

# %% [markdown]
# ## Measure
# Count the bytes: make one step, then add up every tensor that is left. The activations are counted as autograd puts them
# aside. A count is exact, and the same on every device.

# %%
from lessons_lib import training_memory
from lessons_lib.training_memory import in_words

images, labels = data.train.images[:batch_size], data.train.labels[:batch_size]
momentum = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
counted = training_memory.count(model, momentum, images, labels)
with_adam = training_memory.count(model, torch.optim.Adam, images, labels)
arithmetic = training_memory.expected(models.parameters(model), slots=1, activations=counted.activations)
Table(f"Memory of training the small network, batch of {len(images)}",
      [{"part": part, "by arithmetic": in_words(arithmetic.parts[part]), "counted": in_words(counted.parts[part]),
        "with Adam": in_words(with_adam.parts[part])} for part in counted.parts])

# %%
plots.bars([{"part": part, "MiB": size / 2**20} for part, size in counted.parts.items()],
           name="part", value="MiB", title="What the memory of training is spent on", xlabel="MiB")

# %% [markdown] tags=["computed"]
# The arithmetic: {models.parameters(model):,} parameters of 4 bytes are {in_words(4 * models.parameters(model))}; once for
# the weights (and a little for batch norm's statistics), once for the gradients, once for the momentum, and **twice** for
# Adam, an optimiser that keeps two numbers for each weight: a mean of its gradients, and one of their squares.
# The activations do not care about the weights: every image takes {in_words(counted.activations / len(images))}, so a batch
# of {len(images)} takes **{in_words(counted.activations)}**, {counted.activations / counted.total:.0%} of the whole. In this
# network the largest part is: **{counted.largest}**. For a language model with billions of weights it is often the optimiser.

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# You said: *{predicted("02.memory")}*.

# %% [markdown]
# A prediction needs the weights and one layer's input and output at a time; what came before can go. "Training needs far
# more memory than inference", people say. How much more?

# %%
at_once = training_memory.inference_bytes(model, images)       # the same batch
just_one = training_memory.inference_bytes(model, images[:1])  # as a service would
same_batch, usual = counted.total / at_once, counted.total / just_one
print(f"training {in_words(counted.total)}; predicting {len(images)} images {in_words(at_once)}, one {in_words(just_one)}")
print(f"training needs {same_batch:.1f} times as much with the same batch, {usual:.0f} times as much as for one image")

# %% tags=["nbval-ignore-output"]
record.append("measurement", name="02.memory", dataset=data.name, batch=len(images), parts=counted.parts,
              inference_same_batch_bytes=at_once, inference_one_bytes=just_one, ratio_same_batch=same_batch,
              ratio_one=usual)
peak = training_memory.peak_bytes(steps["float32"], where)
if peak is None:
    print("A GPU could be asked for the peak; a CPU only knows that of the whole process, with Python and PyTorch: "
          f"{in_words(device.peak_memory_bytes())}.")
else:
    print(f"The GPU reports a peak of {in_words(peak)} for one step, on top of weights and momentum.")

# %% [markdown]
# ## Explore
# Move the batch size, and the memory of an imagined device. The sliders look up what was measured above (left and right
# arrows, once they have the focus).

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.batch_sizes import batch_explorer

batch_explorer(costs)

# %% [markdown]
# ## Predict
# Back to time. A step is a sequence of operations: convolutions, batch norm, ReLU, pooling, the loss, the update of the
# weights, and before all that, fetching the batch.

# %% tags=["nbval-ignore-output"]
predict("02.profile", "What share of a training step do the convolutions take, forward and backward together?",
        ["below 30 %", "30 to 60 %", "60 to 90 %", "above 90 %"])

# %% [markdown]
# ## Measure
# A **profiler** notes when each operation began and ended. The step is slower while it watches, so read the shares, not the
# milliseconds.

# %% tags=["nbval-ignore-output"]
from lessons_lib import step_profile

rows = step_profile.profile_steps(steps["float32"], choose(PROFILE, smoke=3, quick=10, full=30), device=where)
convolutions = sum(row["share"] for row in rows if row["work"].startswith("convolution"))
plots.bars([{"work": row["work"], "share": 100 * row["share"]} for row in rows], name="work", value="share",
           title=f"Where the time of a step goes, {where.type.upper()}", xlabel="% of the time")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The convolutions take **{convolutions:.0%}**; you said: *{predicted("02.profile")}*. The largest group is
# **{rows[0]["work"]}** with {rows[0]["share"]:.0%}. Batch norm, ReLU and pooling hardly compute, but each reads and writes all
# activations: they wait for the memory. Nothing that you do to fetching the batch can gain more than its
# {next((row["share"] for row in rows if row["work"] == "fetching the batch"), 0.0):.1%}. Profile first, then improve.

# %% [markdown]
# ## Predict
# Images a second are a means; a good model is the end. A larger batch makes fewer, larger steps. To make up for
# it, the learning rate is raised in proportion (the **linear scaling rule**): k times the images, k times the learning rate.

# %% tags=["nbval-ignore-output"]
contest = (16, 64, 256)
target = choose(PROFILE, smoke=0.3, quick=0.75, full=0.95)     # a share of the validation images
predict("02.race", f"All see the same number of images. Which is first to get {target:.0%} of the validation images right?",
        [f"batch {size}" for size in contest] + ["no difference"])

# %% [markdown]
# ## Measure

# %% tags=["nbval-ignore-output"]
from lessons_lib import time_to_accuracy

races = {}
for size in contest:
    rate = time_to_accuracy.scaled_rate(size, rate=0.1, at_batch=32)
    recipe = training.Recipe(epochs=choose(PROFILE, smoke=1, quick=3, full=4), batch_size=size, peak_rate=rate)
    often = max(1, recipe.total_steps(len(data.train)) // 12)
    fresh = models.build("small", channels=data.channels, classes=len(data.classes), seed=SEED)
    races[f"batch {size}"] = training.train(fresh, data, recipe, device=where, seed=SEED, evaluate_every=often, quiet=True)
    if not races[f"batch {size}"].finished:                    # you pressed stop
        break

# %% tags=["nbval-ignore-output"]
plots.race(races, target, title="The same images in batches of different sizes")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {time_to_accuracy.conclusion(races, target)} You said: *{predicted("02.race")}*.
#
# A step of a large batch points in a better direction, but a model needs *many* steps, and the rate cannot grow for ever.
# Large batches pay where the device would otherwise idle. These are single runs, one after the other, so what else the
# machine did counts in: for a decision, repeat them with other seeds, and in turns. (Images a second are lower here than
# above, since a real training also chooses its images and keeps its books between the steps.)

# %% [markdown]
# ### A good model in seconds
# Everything above at once, and a few more ideas: images as bytes on the device, whole batches shifted there, 16 bits, a CUDA
# graph, and an optimiser that gives every direction of a filter bank the same weight (Muon). The whole of it is one function,
# [lessons_lib/gpu_training](../lessons_lib/gpu_training/__init__.py). With a GPU the next cell trains with it on your data;
# elsewhere it shows a recorded machine.

# %% tags=["nbval-ignore-output"]
from lessons_lib.gpu_training import fit, network
from lessons_lib.gpu_training.recipe import ROAD_SIGNS  # mirrors nothing: a mirrored "turn left" is another sign

quick = None
if where.type == "cuda":
    quick = fit(network.build(data.channels, len(data.classes), seed=SEED), data, ROAD_SIGNS, device=where, seed=SEED)
print(quick or "No GPU is used here.")

# %% tags=["nbval-ignore-output"]
show.beside("02.training", torch.device("cpu") if quick else where, PROFILE)   # a record beside the live run

# %% [markdown]
# ## Predict
# ### Scaling out: several processes
# Companies train one model on thousands of GPUs. The idea fits into a sentence: every process has a copy of the network
# and takes its **share of each batch**; before the update, all average their gradients (the **all-reduce**); since all then
# make the same step, their copies stay equal. PyTorch calls it `DistributedDataParallel`, and its launcher is **torchrun**.

# %% tags=["nbval-ignore-output"]
predict("02.scaling", "Two processes on this machine, each with half of every batch: how fast, against one?",
        ["twice as fast", "between 1.5 and 2 times", "hardly faster", "slower"])

# %% [markdown]
# ## Measure
# The cell starts the processes with torchrun; on a CPU the gradients travel through **gloo**, between GPUs through
# **NCCL**. Three layouts take turns: one process with one thread, one with two threads, two with one each.

# %% tags=["nbval-ignore-output"]
from lessons_lib import resume, scaling
from lessons_lib.scaling_told import exchange_told, layouts_told, resumed_told

gpus = torch.cuda.device_count() if where.type == "cuda" else 0
kind, processes = ("cuda", gpus) if gpus > 1 else ("cpu", 2)   # one GPU cannot be shared: then the CPU shows it
missing = scaling.available(kind)
shared = training.Recipe(steps=choose(PROFILE, smoke=8, quick=30, full=200),
                         batch_size=choose(PROFILE, smoke=16, quick=16, full=32) * processes)
layouts = None if missing else scaling.compare_layouts(
    data, shared, seconds=choose(PROFILE, smoke=0.5, quick=4.0, full=20.0), seed=SEED)
layouts or missing

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {missing or layouts_told(layouts)}
# You said: *{predicted("02.scaling")}*.

# %% [markdown]
# ## Explain
# Now watch the exchange itself. For one weight: its gradient in each process before the all-reduce, after it, and in a
# single process that has the whole batch.

# %% tags=["nbval-ignore-output"]
train_together = partial(scaling.run, data, shared, processes=processes, device=kind, seed=SEED, quiet=True)
together = None if missing else train_together()
together.exchange_table() if together else missing

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {missing or exchange_told(together)}

# %% tags=["nbval-ignore-output"]
if together:
    print("fingerprints of the weights:", *together.weight_digests)
    print(f"starting the processes took {together.start_up_s:.1f} s: scaling out is for long trainings")
if together and kind == "cuda":
    alone = train_together(processes=1)
    print(f"scaling efficiency on {gpus} GPUs: {scaling.efficiency(alone, together):.0%}")

# %% [markdown]
# ### When a process dies
# With a thousand machines, some machine fails every day. So the training leaves **checkpoints**. The next cell has process 1
# kill itself in the middle. The others must not wait for it for ever, nothing may be left running, and the work done must
# not be lost.

# %% tags=["nbval-ignore-output"]
checkpoint = record.home() / "running" / f"02-{PROFILE}.safetensors"
saving = partial(train_together, checkpoint=checkpoint, checkpoint_every=max(1, shared.steps // 3))
resume.remove(checkpoint)                                      # of an earlier run of this lesson
try:
    missing or saving(fail_at=(1, shared.steps // 2))
except scaling.Died as error:
    print(error)

# %% [markdown]
# The same call again, without the accident:

# %% tags=["nbval-ignore-output"]
again = None if missing else saving()
print(missing or resumed_told(again, together))

# %% [markdown]
# On several machines only the start differs. `scaling.prepare` writes a job folder to copy to each of them; then
# this line, typed on every machine, starts all processes. `HOST` is the name of one of them, where they meet.

# %%
print(missing or scaling.command(processes=2, machines=2))

# %% tags=["nbval-ignore-output"]
record.append("measurement", name="02.fast_training", dataset=data.name, device=str(where), knobs=ladder.rows(),
              precision=bits.rows(), batches={cost.batch: cost.images_per_second for cost in costs},
              profile=rows, target=target, races=time_to_accuracy.rows(races, target))
if layouts:
    record.append("measurement", name="02.scaling", dataset=data.name, layouts=layouts.rows(),
                  efficiency=layouts.efficiency(layouts.names[2]), equal_weights=together.equal_weights)

# %% [markdown]
# ## Exercises
# In [exercises/02_fast_training.ipynb](../exercises/02_fast_training.ipynb) you predict the memory of training, join the
# gradients of several workers, find out who is first, and get a large batch's gradient in a small memory. About 30 minutes.

# %% [markdown]
# ## Take home
# 1. Profile before you improve, and measure every piece of advice on your own machine: each of them loses somewhere.
# 2. The activations fill the memory of a small network, and the batch size decides how many there are.
# 3. Judge by the time to a good model. Images a second, larger batches and more processes are only ways to get there.
#
# Next: [03 · Why does it fail on new images?](03_generalising.ipynb)
