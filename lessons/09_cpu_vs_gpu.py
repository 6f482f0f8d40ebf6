# %% [markdown]
# # 09 · Which device, for which load?
# *30 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# "You need a GPU." "int8 is four times faster." "Prune it, and it flies." Each of these is true somewhere. This lesson is
# a laboratory: the same model in four variants, on every engine this machine has, at several batch sizes, measured side
# by side. At the end you choose a configuration for a job, and know what it costs.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0
THREADS = 1               # CPU threads of every engine

# %%
from lessons_lib import checkpoints, compare, datasets, device, models, plots, pruning, training
from lessons_lib.batching import sweep
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=600, quick=8_000, full=40_000)
n_test = choose(PROFILE, smoke=200, quick=2_000, full=5_000)
data = datasets.load(DATASET, train=n_train, validation=n_test, test=n_test, seed=SEED)
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
accuracies = {"base": training.accuracy(base, data.test), "pruned": training.accuracy(slim, data.test)}
steps = choose(PROFILE, smoke=5, quick=200, full=1_500)
tune = training.Recipe(steps=steps, peak_rate=0.02, smoothing=0.0)
training.train(slim, data, tune, device=where, seed=SEED)
slim = slim.cpu().eval()
accuracies["pruned and fine-tuned"] = training.accuracy(slim, data.test)
Table("Accuracy on test images",
      [{"model": key, "accuracy": f"{value:.1%}"} for key, value in accuracies.items()])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# **{share_left:.0%}** of the multiplications are left: the work of a layer is inputs times outputs, and both were
# halved, except at the two ends of the network. You said: *{predicted("09.channels")}*.

# %% [markdown]
# Now the engines. **Eager** is PyTorch as you trained it. **Folded** merges each batch norm into its convolution and
# changes the memory layout. **ONNX Runtime** is an inference engine: it gets the whole graph, and optimises it.
# Its **int8** version stores weights and activations in 8 bits; up to 256 training images tell it which range each layer
# needs (**calibration**). "both" means half of the channels, and int8 as well.

# %%
variants = {"base": base, "channels -50 %": slim}
lined_up, absent = compare.line_up(variants, data, device=DEVICE, threads=THREADS)
on_cpu = [key for key, engine in lined_up.items() if engine.device == "cpu"]
print(*[f"{variant} on {engine}" for variant, engine in on_cpu], sep="\n")

# %% tags=["nbval-ignore-output"]
print(*(absent or [f"Nothing is missing for the device {DEVICE}."]), sep="\n")

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("09.fastest", "Which one answers a single image fastest on this machine's CPU?",
        ["base in int8", "half the channels in float32", "half the channels in int8",
         "they are all about equal"])

# %% [markdown]
# ## Measure
# At each batch size all of them take turns, call by call, so that whatever else this machine is doing disturbs all alike.
# A **verdict** compares each with the first, PyTorch as you know it: *faster*, *slower*, or *cannot tell* where the noise
# is larger than the difference. Behind it stand the ratio and the interval in which it lies. The accuracy has a spread too,
# since another draw of test images would give another figure: ± one standard error.

# %% tags=["nbval-ignore-output"]
batches = choose(PROFILE, smoke=(1, 8), quick=(1, 8, 32, 128), full=(1, 2, 4, 8, 16, 32, 64, 128))
seconds = choose(PROFILE, smoke=0.5, quick=3.0, full=10.0)     # for each batch size
with device.threads(THREADS):
    grid = compare.measure_grid(lined_up, data, batches, seconds=seconds)
grid.table(1)

# %% tags=["nbval-ignore-output"]
plots.pareto(grid.at(1), grid.pareto(1))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# At batch size 1 the fastest is **{min(grid.at(1), key=lambda row: row.latency_ms).name}**:
# {min(grid.at(1), key=lambda row: row.latency_ms).verdict}. You said: *{predicted("09.fastest")}*.
# In bold print, joined by a line where there are several: the configurations that nothing beats, the **Pareto front**.
# Whoever is not on it is slower than something at least as accurate. Mind the ±: a difference in accuracy smaller than
# twice that is no difference yet.

# %% [markdown]
# ## Explain
# Do two optimisations multiply? Each makes the work smaller, and what remains is overhead that neither removes: calling,
# copying, turning numbers into 8 bits and back.

# %% tags=["nbval-ignore-output"]
def speed(variant, engine):
    """Times faster than eager float32 at batch size 1."""
    return grid.find(variant, engine, 1).times_faster

engine_gain = speed("base", "ONNX Runtime")
parts = {"int8": speed("int8", "ONNX Runtime int8") / engine_gain,
         "half the channels": speed("channels -50 %", "ONNX Runtime") / engine_gain,
         "both, measured": speed("both", "ONNX Runtime int8") / engine_gain}
product = parts["int8"] * parts["half the channels"]
shown = parts | {"both, if they multiplied": product}
Table("Times faster than the base on ONNX Runtime, batch size 1",
      [{"what": key, "times": f"{value:.2f}x"} for key, value in shown.items()])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# If gains multiplied, both together would be {product:.1f} times as fast as the base on the same engine; measured, it is
# **{parts["both, measured"]:.1f} times**. Ask of every optimisation: what is left to gain once the others are in place?

# %% [markdown]
# ### How many images at once?
# **Throughput** is images a second, **latency** is the wait for the whole batch. Larger batches share the overhead, so
# throughput rises until little but arithmetic is left, while everybody waits longer. Here one engine runs alone, so that
# its weights stay in the CPU's cache: at batch 1 it can be faster than above, where eight took turns.

# %% tags=["nbval-ignore-output"]
sizes = choose(PROFILE, smoke=(1, 8), quick=(1, 2, 4, 8, 16, 32, 64, 128), full=(1, 4, 16, 64, 512))
seconds = choose(PROFILE, smoke=0.1, quick=0.3, full=1.0)
with device.threads(THREADS):
    x = models.to_input(data.test.images[:128])                # (128, c, h, w) float32
    points = sweep(lined_up["base", "eager"], x, sizes, seconds=seconds)
fits = [point for point in points if point.measurement]
most = max(point.images_per_second for point in fits)
enough = next(point for point in fits if point.images_per_second > 0.95 * most)
plots.bars([{"batch": f"batch {p.batch}", "rate": p.images_per_second} for p in fits],
           name="batch", value="rate", title="Throughput of the base model, eager", xlabel="images/s")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# A batch of **{enough.batch}** is enough: it comes within 5 % of the highest throughput seen, at
# {enough.images_per_second / fits[0].images_per_second:.1f} times that of batch 1, for a wait of
# {enough.measurement.median_ms:.3g} ms instead of {fits[0].measurement.median_ms:.3g}. Beyond it everybody waits longer for
# next to nothing.

# %% [markdown]
# ## Explore
# The laboratory. Choose a device, a variant, an engine and a batch size; the ring shows where your choice lies. Use Tab
# to get from button to button and the space bar to press. Results of other machines stand beside yours, under the
# name and date of their machine, as soon as somebody has recorded them.

# %% tags=["nbval-ignore-output"]
from lessons_lib import record, recorded
from lessons_lib.widgets.laboratory import laboratory

recordings, told = recorded.load()
print(told)
laboratory(grid, recordings)

# %% tags=["nbval-ignore-output"]
engine_of = {"base": "ONNX Runtime", "int8": "ONNX Runtime int8", "channels -50 %": "ONNX Runtime",
             "both": "ONNX Runtime int8"}
chosen = {variant: grid.find(variant, engine, 1) for variant, engine in engine_of.items()}
headline = grid.headline(chosen)
rows = [row.as_dict() for row in grid.rows]
record.append("measurement", name="09.grid", dataset=data.name, rows=rows)
record.append("measurement", name="09.headline", **headline)
Table(headline["sentence"], headline["rows"])

# %% [markdown]
# ## Exercises
# In [exercises/09_cpu_vs_gpu.ipynb](../exercises/09_cpu_vs_gpu.ipynb) you write the Pareto front, the choice under a
# deadline, and the batch size from which a GPU pays. About 20 minutes.

# %% [markdown]
# ## Take home
# 1. Ask for the whole configuration: model, engine, precision, batch size, device. "Faster" without these means nothing.
# 2. Gains need not multiply. Measure the combination, not the parts.
# 3. Choose from the Pareto front by the job: a deadline picks by latency, a nightly run by throughput, a phone by size.
#
# This is the end of the lessons so far. `python3 run.py course` puts your results on one page.
