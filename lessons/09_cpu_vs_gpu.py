# %% [markdown]
# # 09 · Which device, for which load?
# *40 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# "You need a GPU." "int8 is four times faster." "Prune it, and it flies." Each of these is true somewhere. This lesson is
# a laboratory: the same model in several variants, on every engine this machine has, at several batch sizes, measured side
# by side. At the end you choose a configuration for a job, and know what it costs.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0
THREADS = 1               # CPU threads of every engine
MAX_POINTS_LOST = 1.0     # what your choice may cost in accuracy
MIN_TIMES_SMALLER = 12.0  # and how much smaller it has to be
RECORDINGS = ""           # a folder with the files of other machines, to pool with yours
EXPORT = ""               # a folder for the table; empty: your own record
VARIANT, ENGINE, BATCH = "", "", 0   # what the laboratory shows first; empty and 0: the first measured

# %%
from lessons_lib import checkpoints, compare, datasets, device, distillation, models, plots, pruning, training
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=600, quick=8_000, full=40_000)
n_test, n_look = choose(PROFILE, smoke=(200, 60), quick=(2_000, 200), full=(5_000, 1_000))
data = datasets.load(DATASET, train=n_train, validation=n_look, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)

# %% [markdown]
# ## Measure
# First the model. For the road signs it is a larger one than you trained in lesson 01, with six convolutions and a last
# layer: it would take minutes to train, so it ships with the course. For other images it is your own small network from
# lesson 01, or one that is trained now.

# %%
name = "vgg" if data.name == "road_signs" else "small"
steps = choose(PROFILE, smoke=20, quick=350, full=1_500)
recipe = training.Recipe(steps=steps, peak_rate=0.3)
base, origin = checkpoints.trained(
    name, data, lambda new: training.train(new, data, recipe, device=where, seed=SEED))
base_macs = models.macs(base, data.image_shape)                # multiply-accumulates of one image
print(origin)
print(f"{models.parameters(base):,} parameters, {base_macs:,} multiply-accumulates an image")

# %% [markdown]
# ## Predict
# You are going to take half of the channels out of every layer: the half that says least.

# %% tags=["nbval-ignore-output"]
predict("09.channels", "What share of the multiplications is left, with half of the channels gone?",
        ["about half", "about a quarter", "about three quarters", "all of them"])

# %% [markdown]
# ## Measure
# Each layer loses outputs, and the layer after it loses inputs. The network forgets a lot in that moment; a little more
# training, **fine-tuning**, brings it back.

# %%
slim = pruning.remove_channels(base, fraction=0.5)
share_left = models.macs(slim, data.image_shape) / base_macs
for layer, shape in models.shapes(base).items():
    print(f"{layer:18} {shape!s:20} -> {models.shapes(slim)[layer]}")

# %% tags=["nbval-ignore-output"]
accuracies = {"base": training.accuracy(base, data.test), "channels -50 %": training.accuracy(slim, data.test)}
steps = choose(PROFILE, smoke=5, quick=120, full=1_500)
tune = training.Recipe(steps=steps, peak_rate=0.02, smoothing=0.0)
training.train(slim, data, tune, device=where, seed=SEED, evaluate_every=steps)
accuracies["channels -50 %, fine-tuned"] = training.accuracy(slim, data.test)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# **{share_left:.0%}** of the multiplications are left: the work of a layer is inputs times outputs, and both were
# halved, except at the two ends of the network. You said: *{predicted("09.channels")}*.

# %% [markdown]
# Can we take three quarters? What is left has more to learn back, so it gets a better teacher than the labels: the base
# model itself. Its answers say which wrong class comes second, and how sure it is (**distillation**, lesson 07).

# %% tags=["nbval-ignore-output"]
thin = pruning.remove_channels(base, fraction=0.75)
steps = choose(PROFILE, smoke=5, quick=600, full=3_000)
tune = training.Recipe(steps=steps, peak_rate=0.05, smoothing=0.0)
tuned = distillation.distil(thin, base, data, tune, device=where, seed=SEED, evaluate_every=steps)
accuracies["channels -75 %, distilled"] = training.accuracy(thin, data.test)
Table("Accuracy on test images",
      [{"model": key, "accuracy": f"{value:.1%}"} for key, value in accuracies.items()])

# %% [markdown]
# Now the engines. **Eager** is PyTorch as you trained it. **Folded** merges each batch norm into its convolution and
# changes the memory layout. **ONNX Runtime** is an inference engine: it gets the whole graph, and optimises it.
# Its **int8** version stores weights and activations in 8 bits; up to 256 training images tell it which range each layer
# needs (**calibration**). OpenVINO is another such engine, and takes part where it is installed.

# %%
base, slim, thin = (model.cpu().eval() for model in (base, slim, thin))
variants = {"base": base, "channels -50 %": slim, "channels -75 %": thin}
lined_up, absent = compare.line_up(variants, data, device=DEVICE, threads=THREADS)

# %% tags=["nbval-ignore-output"]
on_cpu = [key for key, engine in lined_up.items() if engine.device == "cpu"]
print(*[f"{variant} on {engine}" for variant, engine in on_cpu], sep="\n")
print(*(absent or [f"Nothing is missing for the device {DEVICE}."]), sep="\n")

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("09.fastest", "Which one answers a single image fastest on this machine's CPU?",
        ["base in int8", "channels -75 % in float32", "channels -75 % in int8",
         "they are all about equal"])

# %% [markdown]
# ## Measure
# At each batch size all of them take turns, call by call, so that whatever else this machine is doing disturbs all alike.
# A **verdict** compares each with the first, PyTorch as you know it: *faster*, *slower*, or *cannot tell* where the noise
# is larger than the difference. Behind it stand the ratio and the interval in which it lies. The accuracy has a spread too,
# since another draw of test images would give another figure: ± one standard error.
#
# Compare only figures from one table: here all take turns, so each finds the cache filled by the others; alone each can be faster.
# The ratio is the middle of the ratios turn by turn, not the quotient of the latencies.

# %% tags=["nbval-ignore-output"]
batches = choose(PROFILE, smoke=(1, 8), quick=(1, 8, 32), full=(1, 2, 4, 8, 16, 32, 64, 128))
seconds = choose(PROFILE, smoke=0.5, quick=3.0, full=10.0)     # for each batch size
with device.threads(THREADS):
    grid = compare.measure_grid(lined_up, data, batches, seconds=seconds)
grid.table(1)

# %% tags=["nbval-ignore-output"]
plots.pareto(grid.at(1), grid.pareto(1))

# %% tags=["nbval-ignore-output"]
fastest = min(grid.at(1), key=lambda row: row.latency_ms)
best = grid.best(1, max_points_lost=MAX_POINTS_LOST, min_times_smaller=MIN_TIMES_SMALLER)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# At batch size 1 the fastest is **{fastest.name}**: {fastest.verdict}. You said: *{predicted("09.fastest")}*.
# Named in the picture and joined by a line where there are several: the configurations that nothing beats, the **Pareto front**.
# Whoever is not on it is slower than something at least as accurate. Mind the ±: a difference in accuracy smaller than
# twice that is no difference yet.
#
# Now choose: a loss of accuracy of at most {MAX_POINTS_LOST:g} (in percentage points), at least {MIN_TIMES_SMALLER:g} times
# smaller, and of those the fastest: **{grid.bargain(best)}**.

# %% [markdown]
# ## Explain
# Do two optimisations multiply? Each makes the work smaller, and what remains is overhead that neither removes, such as calling
# and copying. int8 even adds some of its own: numbers are turned into 8 bits and back.

# %% tags=["nbval-ignore-output"]
def speed(variant, engine):
    """Times faster than eager float32 at batch size 1."""
    return grid.find(variant, engine, 1).times_faster

engine_gain = speed("base", "ONNX Runtime")
parts = {"int8": speed("int8", "ONNX Runtime int8") / engine_gain,
         "channels -75 %": speed("channels -75 %", "ONNX Runtime") / engine_gain,
         "both, measured": speed("channels -75 %, int8", "ONNX Runtime int8") / engine_gain}
product = parts["int8"] * parts["channels -75 %"]
shown = parts | {"both, if they multiplied": product}
Table("Times faster than the base on ONNX Runtime, batch size 1",
      [{"what": key, "times": f"{value:.2f}x"} for key, value in shown.items()])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# If gains multiplied, both together would be {product:.1f} times as fast as the base on the same engine; measured, it is
# **{parts["both, measured"]:.1f} times**.
# Ask of every optimisation: what is left to gain once the others are in place?
# {grid.added_overhead(("channels -75 %, int8", "ONNX Runtime int8"), ("channels -75 %", "ONNX Runtime"))}

# %% [markdown]
# ### How many images at once?
# **Throughput** is images a second, **latency** is the wait for the whole batch. Larger batches share the overhead, so
# throughput rises until little but arithmetic is left, while everybody waits longer. Here one engine runs alone, so that
# its weights stay in the CPU's cache: at batch 1 it can be faster than above, where all took turns. (In lesson 08 the network with
# six convolutions ran on ONNX Runtime, here the base model is eager: gains of different engines need not agree.)

# %% tags=["nbval-ignore-output"]
from lessons_lib import saturation
from lessons_lib.batching import sweep

sizes = choose(PROFILE, smoke=(1, 8), quick=(1, 2, 4, 8, 16, 32, 64), full=(1, 4, 16, 64, 512))
seconds = choose(PROFILE, smoke=0.1, quick=0.3, full=1.0)
with device.threads(THREADS):
    x = models.to_input(data.test.images[:128])                # (128, c, h, w) float32
    points = sweep(lined_up["base", "eager"], x, sizes, seconds=seconds)
fits = [point for point in points if point.measurement]
plots.bars([{"batch": f"batch {p.batch}", "rate": p.images_per_second} for p in fits],
           name="batch", value="rate", title="Throughput of the base model, eager", xlabel="images/s")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {saturation.sentence(points)}

# %% [markdown]
# ### From which batch does a GPU pay?
# A GPU has thousands of small cores, and a price for every visit: the images are copied to it, the answers are copied back,
# and each layer has to be started. The larger the batch, the more images share that price. Where there is no GPU, the
# recordings of other machines can stand in for it.

# %% tags=["nbval-ignore-output"]
from lessons_lib import break_even, exported, pooled, record, recorded

own = exported.of_this_machine(grid, data.name)
recordings, told = recorded.load(RECORDINGS or None, own=own)
print(told)
duels = break_even.against_all(grid.rows, recordings)          # by place, where there is a GPU
for place, found in duels.items():
    display(break_even.table(found, place))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {break_even.sentences(duels)}

# %% tags=["nbval-ignore-output"]
if where.type == "cuda":
    copies = break_even.transfers(data.image_shape, len(data.classes), batches, device=where)
    display(break_even.transfer_table(copies, grid.rows))
else:
    print("The copies alone are measured where the lesson runs on a GPU; here it runs on the CPU, which needs none.")

# %% [markdown]
# Copies can be made faster, or hidden: from **pinned** memory, which the system may not move, and on a **stream** of their own, so that
# one batch is copied while another is computed. Measured where there is a GPU, and else as recorded:

# %% tags=["nbval-ignore-output"]
from lessons_lib.machine_record import show

show.beside("09.transfers", where, PROFILE, folder=RECORDINGS or None)

# %% [markdown] tags=["computed"]
# ### Do more threads help?
# Everything above ran on {THREADS} thread{"s" * (THREADS > 1)} an engine. More threads share the work of a layer, and have to wait for each other
# after every one.

# %% tags=["nbval-ignore-output"]
from lessons_lib import thread_counts

seconds = choose(PROFILE, smoke=0.1, quick=0.7, full=3.0)      # for each engine and batch size
images = models.to_input(data.test.images[:32])
many = thread_counts.build(["eager", "ONNX Runtime"], base, data.image_shape, images, thread_counts.counts())
threads = thread_counts.measure(many, images, (1, 32), seconds=seconds)
thread_counts.table(threads)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {thread_counts.sentence(threads)}
#
# Before you give one request more threads, compare with as many processes of one thread each: they serve that many times the
# requests, each at the latency of one thread, as far as the memory of the machine keeps up.

# %% [markdown]
# ### From nothing to the first answer
# A server that is started by the first request, or a tool on the command line, pays for the **cold start**: the packages
# have to be imported and the model loaded. Each engine gets fresh processes, and imports only what it needs.

# %% tags=["nbval-ignore-output"]
from lessons_lib import cold_start

repeats = choose(PROFILE, smoke=1, quick=2, full=5)
starting = {engine: lined_up[variant, engine] for variant, engine in lined_up
            if variant in ("base", "int8") and engine in ("eager", "ONNX Runtime", "ONNX Runtime int8", "OpenVINO")}
starts = cold_start.measure(starting, base, data, threads=THREADS, repeats=repeats)
cold_start.table(starts)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {cold_start.sentence(starts)}
#
# In a process that lives for one answer the start decides: what a faster engine gains on each later answer is never collected.

# %% [markdown]
# ### What does an image cost in energy?
# Some machines count it: servers and laptops of one's own do, rented virtual machines mostly do not.

# %% tags=["nbval-ignore-output"]
from lessons_lib import energy

seconds = choose(PROFILE, smoke=0.2, quick=1.0, full=5.0)
loads = {" · ".join(key): engine for key, engine in lined_up.items() if engine.name != "eager, folded"}
used, reason = energy.of_engines(loads, images, seconds=seconds)
print(reason or "Everything asked for is counted here.")
energy.table(used) if used else None

# %% [markdown]
# A GPU of a data centre counts its energy. Measured where there is one, and else as recorded:

# %% tags=["nbval-ignore-output"]
show.beside("09.energy", where, PROFILE, folder=RECORDINGS or None)

# %% [markdown]
# ## Explore
# The laboratory. Choose a device, a variant, an engine and a batch size; the ring shows where your choice lies. Use Tab
# to get from button to button and the space bar to press. Results of other machines stand beside yours, under the
# name and date of their machine.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.laboratory import laboratory

laboratory(grid, recordings, variant=VARIANT or None, engine=ENGINE or None, batch=BATCH or None)

# %% [markdown]
# Your table is a file as well. In a class, put everybody's .json file into one folder and set RECORDINGS to it: one line a
# machine, each against its own baseline, because a ratio travels from machine to machine better than milliseconds do.

# %% tags=["nbval-ignore-output"]
print(exported.write(own, EXPORT or None))
pooled.table([own, *recordings], max_points_lost=MAX_POINTS_LOST)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {pooled.agreement([own, *recordings], ("int8", "ONNX Runtime int8"), ("base", "ONNX Runtime"))}

# %% [markdown]
# ### Two claims, judged
# "A delay of 100 ms already hurts, and autonomous systems want less than a millisecond." "Training wants high-end GPUs,
# inference often runs well on CPUs."

# %% tags=["nbval-ignore-output"]
from lessons_lib import device_claims

trained_per_second = len(tuned.loss) * tune.batch_size / tuned.seconds
claims = {"deadlines": device_claims.deadline_verdict(grid.rows),
          "devices": device_claims.device_verdict(grid.rows, trained_per_second, where.type)}
device_claims.deadlines(grid.rows)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# - Deadlines: **{claims["deadlines"]}**.
# - Devices: **{claims["devices"]}**.

# %% tags=["nbval-ignore-output"]
engine_of = {"base": "ONNX Runtime", "int8": "ONNX Runtime int8", "channels -75 %": "ONNX Runtime",
             "channels -75 %, int8": "ONNX Runtime int8"}
headline = grid.headline({variant: grid.find(variant, engine, 1) for variant, engine in engine_of.items()})
record.append("measurement", name="09.grid", dataset=data.name, rows=[row.as_dict() for row in grid.rows])
record.append("measurement", name="09.headline", best=grid.bargain(best), **headline)
record.append("measurement", name="09.claims", verdicts=claims, threads=thread_counts.sentence(threads),
              cold_start=cold_start.sentence(starts), energy=repr(energy.table(used)) if used else reason,
              break_even=break_even.sentences(duels))
Table(headline["sentence"], headline["rows"])

# %% [markdown]
# ## Exercises
# In [exercises/09_cpu_vs_gpu.ipynb](../exercises/09_cpu_vs_gpu.ipynb) you write the Pareto front, the choice under a
# deadline, the batch size from which a GPU pays, and the energy of an image. About 25 minutes.

# %% [markdown]
# ## Take home
# 1. Ask for the whole configuration: model, engine, precision, batch size, threads, device. "Faster" without these means nothing.
# 2. Gains need not multiply. Measure the combination, not the parts.
# 3. Choose from the Pareto front by the job: a deadline picks by latency, a nightly run by throughput, a phone by size.
#
# Next: [10 · What does it cost?](10_economics.ipynb)
