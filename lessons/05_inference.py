# %% [markdown]
# # 05 · What changes when learning stops?
# *45 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# The training is over; now the model has to answer. The weights stay, so what could go wrong? More than you might think:
# a forgotten line changes the answers without any error, a prediction can damage the model, and most latencies that
# people report are measured wrongly. You will make each of these mistakes once, on purpose, and see what it does on
# your machine.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %%
import copy
from functools import partial

import torch
from torch import nn

from lessons_lib import checkpoints, datasets, device, models, modes, plots, record, training
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

# %% [markdown]
# ## Measure
# First a trained model. For the road signs one ships with the course; for other images it is your own small network
# from lesson 01, or one that is trained now.

# %%
name = "vgg" if data.name == "road_signs" else "small"
steps = choose(PROFILE, smoke=20, quick=350, full=1_500)
recipe = training.Recipe(steps=steps, peak_rate=0.3)
model, origin = checkpoints.trained(
    name, data, lambda new: training.train(new, data, recipe, device=where, seed=SEED))
print(origin)

# %% [markdown]
# ## Predict
# A PyTorch model has two modes. `model.train()` is what learning needs; `model.eval()` is for answers. Somebody forgets
# the second and asks about one image: alone, then together with others. The weights are the same all the time.

# %% tags=["nbval-ignore-output"]
predict("05.mode", "In training mode: does the answer about an image depend on the other images of the batch?",
        ["no, the weights are fixed", "a little, in the last digits", "yes, it may become another answer"])

# %% [markdown]
# ## Measure
# How sure is the model of the right class of **one and the same image**, in different company?

# %% tags=["nbval-ignore-output"]
first, label = data.test.images[:1], int(data.test.labels[0])
other = (label + 1) % len(data.classes)
strangers = data.test.images[data.test.labels == other][:31]
company = {"alone": first, "with a mixed batch": data.test.images[:32],
           f"with “{data.classes[other]}” only": torch.cat([first, strangers])}
rows = []
for who, images in company.items():
    x = models.to_input(images)                                # (n, c, h, w) float32; x[0] is the image in question
    ways = {"evaluation mode": model.eval(), "training mode": modes.in_training_mode(model)}
    rows.append({"the image": who} | {way: f"{modes.confidence(m, x, label):.1%}" for way, m in ways.items()})
Table(f"How sure the model is of “{data.classes[label]}”", rows)

# %% [markdown]
# **Batch norm** is why. While it learns, it subtracts the mean of *this batch* and divides by its spread, and keeps a
# **running mean** of what it has seen; in evaluation mode it uses what it kept. In training mode an image is judged
# relative to whoever happens to be asked about at the same moment.

# %% tags=["nbval-ignore-output"]
with device.threads(1):                                        # more would only wait for each other
    by_mode = modes.accuracies(model, data.test, (1, 8, 64))
modes.accuracy_table(by_mode, len(data.test))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {modes.modes_told(by_mode)} Nothing warns you: no error, no message.

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# You said: *{predicted("05.mode")}*.

# %% [markdown]
# **Dropout** is the other layer that has two modes: while it learns it hides a random part of the features. In this model
# it is switched off (it hides nothing), so let us give it one that hides half, and ask about the same image twice.

# %% tags=["nbval-ignore-output"]
dropping = copy.deepcopy(model)
dropping.drop = nn.Dropout(0.5).train()                        # everything else stays in evaluation mode
x = models.to_input(data.test.images)
torch.manual_seed(SEED)
with torch.no_grad():
    once, again = dropping(x), dropping(x)
changed = (once.argmax(1) != again.argmax(1)).float().mean().item()
moved = (once - again).abs().max().item()
print(f"asked twice: the logits differ by up to {moved:.2f}, and {changed:.1%} of the images get another answer")

# %% [markdown]
# ## Predict
# "At least nothing is learnt any more, since no gradient is computed." Is that so? A **fingerprint** (a hash) of all
# weights and running statistics tells whether any single bit has changed.

# %% tags=["nbval-ignore-output"]
predict("05.trace", "Predicting in training mode, inside torch.no_grad(): is the model the same afterwards?",
        ["yes: without gradients nothing can change", "no"])

# %% [markdown]
# ## Measure

# %% tags=["nbval-ignore-output"]
from lessons_lib import batching

before = modes.fingerprint(model)
training.predict(model, batching.take_batch(data.test.images, 1_000))  # in evaluation mode, as it should be
print(f"before {before}, after 1,000 predictions {modes.fingerprint(model)}")
used = modes.after_predicting(model, data.test.images[data.test.labels == label][:32], times=20)
print(f"after 20 batches in training mode, without gradients: {modes.fingerprint(used)}")

# %% tags=["nbval-ignore-output"]
sound, damaged = training.accuracy(model, data.test), training.accuracy(used, data.test)
print(f"accuracy, both in evaluation mode: {sound:.1%} before, {damaged:.1%} after")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {modes.damage_told(sound, damaged, data.classes[label])} The weights are the same; the running statistics are not, and
# putting the model back into evaluation mode does not repair them. Fixed weights are not enough: **evaluation mode is
# what makes a prediction leave no trace.**

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# You said: *{predicted("05.trace")}*.

# %% [markdown]
# And the gradients? PyTorch cannot know that nobody will ask for them, so it keeps what they would need, unless it is
# told not to: `torch.no_grad()` keeps nothing, and `torch.inference_mode()` also saves the book-keeping of who changed
# which tensor when.

# %% tags=["nbval-ignore-output"]
batch = models.to_input(data.test.images[:64])
kept = {what: modes.kept_bytes(model, batch, context) for what, context in modes.WITHOUT_GRADIENTS.items()}
for what, kept_bytes in kept.items():
    print(f"{what}: keeps {kept_bytes / 2**20:.1f} MiB for {len(batch)} images")
seconds = choose(PROFILE, smoke=0.2, quick=2.0, full=10.0)
with device.threads(1):
    contexts = modes.compare_contexts(model, batch[:1], seconds=seconds)
contexts

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# For a single image, against the same with gradients, no_grad is **{contexts.verdicts["no_grad"]}** and inference_mode is
# **{contexts.verdicts["inference_mode"]}**. Memory is the reason to use them; neither puts the model into evaluation
# mode.

# %% [markdown]
# ## Predict
# Now the price. A **training step** goes forward, back, and moves the weights. A **prediction** goes forward.

# %% tags=["nbval-ignore-output"]
size = 64
predict("05.cost", f"A training step of {size} images, against predicting the same {size}: how many times as long?",
        ["about as long", "about twice", "about three times", "ten times or more"])

# %% [markdown]
# ## Measure
# ### What does a step cost?
# Both in PyTorch, in turns, on one CPU thread or on the GPU. The memory is counted tensor by tensor as in lesson 02,
# the arithmetic by PyTorch's own counter.

# %% tags=["nbval-ignore-output"]
from lessons_lib import step_cost

seconds = choose(PROFILE, smoke=0.5, quick=5.0, full=20.0)
with device.threads(1):                                        # of the CPU; a GPU does as it likes
    costs = step_cost.measure(model, data.train, size, seconds=seconds, device=where)
costs.table()

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The arithmetic is {costs.times_the_arithmetic:.2f} times as much, and there is a rule behind it: for each
# multiplication on the way forward, the way back makes **two**, one for the gradient of the weight and one for that of
# the layer's input. (The first layer's input is the image; nobody needs its gradient, so it is a little less than
# three.) In time it is **{costs.interval} times** on {where.type.upper()}: the rest of a step, such as batch norm and
# the update, is not counted in multiplications. You said: *{predicted("05.cost")}*.

# %% tags=["nbval-ignore-output"]
from lessons_lib import inference_claims

run = inference_claims.training_run(name, data, steps)
claims = {"inference is always faster than training": inference_claims.always_faster(costs, run),
          "training needs far more memory": inference_claims.needs_far_more(costs, run)}

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# - "Inference is always faster than training"
#   {inference_claims.in_bold(claims["inference is always faster than training"])}.
# - "Training visits the data many times and needs far more memory than inference"
#   {inference_claims.in_bold(claims["training needs far more memory"])}.
#
# So one prediction is cheap, and a popular service is not: lesson 10 (to come) will do that account in money.

# %% [markdown]
# ## Predict
# Since nothing changes any more, much can be prepared. An **inference engine** takes the whole model as a **graph** of
# operators, and rewrites it before it runs anything.

# %% tags=["nbval-ignore-output"]
predict("05.graph", "What becomes of the batch norms on the way into the engine?",
        ["they run, only faster", "they run together with the ReLU", "they disappear", "they stay as they are"])

# %% [markdown]
# ## Measure
# Three lists of operators: as PyTorch runs the model, as it is **exported** to ONNX (a file format for such graphs),
# and as the engine ONNX Runtime runs it in the end, on this very machine.

# %%
from lessons_lib import engines, graph_view, onnx_graph

graph = onnx_graph.export(model, data.image_shape)
stages = dict(zip(graph_view.STAGES, (graph_view.pytorch_operators(model, data.image_shape),
                                      graph_view.graph_operators(graph),
                                      graph_view.graph_operators(graph_view.optimised(graph)))))

# %% tags=["nbval-ignore-output"]
graph_view.operator_table(stages)

# %% tags=["nbval-ignore-output"]
print(graph_view.chain(stages[graph_view.STAGES[-1]]))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {graph_view.told(stages)} You said: *{predicted("05.graph")}*.

# %% [markdown]
# ## Explain
# Three things happened, and none of them is magic:
# - **Folding**, done by the export already where the lists above say so; engines do it too where the export did not. A
#   batch norm that has stopped learning multiplies each channel by a fixed number and adds another. So does a
#   convolution. Two linear steps in a row are one: scale the weights of the convolution, shift its bias, and the batch
#   norm is gone. You will write these two lines in the exercises.
# - **Fusion.** ReLU right after a convolution: instead of writing all numbers to memory and reading them again, the
#   convolution applies it to each number while it has it at hand.
# - **Layout.** The layers pass the numbers on in the order in which this CPU's widest instructions take them; where
#   that order begins or ends, the engine puts in an operator that rearranges.
#
# All of it needs what learning forbids: that nothing changes from call to call. The answers must stay the same, so let
# us see:

# %% tags=["nbval-ignore-output"]
ways = {"PyTorch": engines.build(["eager"], model, data.image_shape, batch, threads=1)["eager"],
        "as exported": graph_view.engine(graph, optimise=False),
        "optimised": graph_view.engine(graph)}
answers = {way: engine(batch) for way, engine in ways.items()}
furthest = max((logits - answers["PyTorch"]).abs().max().item() for logits in answers.values())
print(f"logits reach {answers['PyTorch'].abs().max():.1f}; the largest difference from PyTorch is {furthest:.1e}")
with device.threads(1):
    speeds = compare({way: engine.on(batch[:1]) for way, engine in ways.items()},
                     seconds=choose(PROFILE, smoke=0.3, quick=3.0, full=10.0))
speeds

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# One image on one CPU thread: the graph as exported is **{speeds.verdicts["as exported"]}** than PyTorch, and the
# optimised graph **{speeds.verdicts["optimised"]}**. {graph_view.exported_told(stages)} The second adds what the engine
# itself rewrites.

# %% [markdown]
# ### On a GPU
# There the CPU **launches** every layer, and a small batch is computed before the next launch arrives: the GPU waits, it is
# **launch-bound**. Folding and fusing help, since they leave fewer launches; a **CUDA graph** replays all of them in one call. With a
# large batch the arithmetic takes longer than the launching, the GPU is **compute-bound**, and what helps is 16 bits. Where there is
# a GPU, the next cell measures that, which takes a minute or two; elsewhere it shows a recorded machine.

# %% tags=["nbval-ignore-output"]
from lessons_lib.machine_record import show

show.beside("05.precision", where, PROFILE)

# %% [markdown]
# ## Predict
# The figures above come from a tool that takes care of many things. What if you measure by hand, as everybody does at
# first: look at the clock, call, look again? There are five classic mistakes.

# %% tags=["nbval-ignore-output"]
predict("05.mistakes", "How many of the five lead to a wrong conclusion on this machine?",
        ["none", "one or two", "three or four", "all five"])

# %% [markdown]
# ## Measure
# Each mistake is made here with real calls, beside the honest way. Where something disturbs the measurement, it was
# started on purpose, and you are told. What is **asserted** is tested on the samples just taken. Chance has a say, so a
# mistake gets three tries to mislead you.
#
# **1 · No warm-up.** The first call allocates memory, fills the caches, and finishes what loading had put off.

# %% tags=["nbval-ignore-output"]
from lessons_lib import timing_mistakes

inputs = models.to_input(data.test.images[:size])                # (64, c, h, w) float32
engine = graph_view.engine(graph)

def load():
    """A freshly loaded engine, ready to predict one image."""
    return graph_view.engine(graph).on(inputs[:1])

cold = timing_mistakes.best_of(3, lambda: timing_mistakes.no_warm_up(load))
cold

# %% [markdown]
# **2 · No synchronisation.** A GPU takes orders: the call returns as soon as the work is queued. Whoever stops the
# clock then has timed the ordering. (On a CPU without a GPU, another thread takes the orders here.)

# %% tags=["nbval-ignore-output"]
ready = copy.deepcopy(model).to(where).to(memory_format=torch.channels_last).eval()
many = choose(PROFILE, smoke=32, quick=64, full=64) if where.type == "cpu" else 1_024
pixels = batching.take_batch(data.test.images, many).to(where)
one_image, all_images = (partial(step_cost.predict, ready, pixels[:n]) for n in (1, many))
hasty = timing_mistakes.best_of(3, lambda: timing_mistakes.no_synchronisation(
    one_image, all_images, images=(1, many), device=where))
hasty

# %% [markdown]
# **3 · One sample.** Two things that are nearly equal, each timed once.

# %% tags=["nbval-ignore-output"]
call = engine.on(inputs[:4])
rounds = choose(PROFILE, smoke=60, quick=300, full=1_000)
lucky = timing_mistakes.best_of(3, lambda: timing_mistakes.one_sample(call, rounds=rounds))
lucky

# %% [markdown]
# **4 · The mean instead of the median.** A few stalls, and the mean tells of the stalls.

# %% tags=["nbval-ignore-output"]
stalled = timing_mistakes.best_of(3, lambda: timing_mistakes.mean_instead_of_median(call))
stalled

# %% [markdown]
# **5 · First A, then B.** All samples of the one, then all of the other: tidy, and wrong as soon as the machine changes
# in between.

# %% tags=["nbval-ignore-output"]
drifted = timing_mistakes.best_of(3, lambda: timing_mistakes.a_then_b(call))
drifted

# %% tags=["nbval-ignore-output"]
findings = [cold, hasty, lucky, stalled, drifted]
Table("What each mistake led to", [{"mistake": f.mistake, "conclusion": f.outcome} for f in findings])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {timing_mistakes.conclusion(findings)} You said: *{predicted("05.mistakes")}*.

# %% [markdown]
# ## Explain
# The cure for each, and what `timing.compare` does in every lesson of this course: call untimed until the time settles;
# wait for the device before looking at the clock; take many samples; judge by what lies in the middle of them; and let
# the two take turns, so that whatever happens, happens to both. Then it says by how much the result may be off, and
# "cannot tell" if that is more than the difference.

# %% [markdown]
# ## Predict
# For a comparison the median is right. For a **promise** it is not: half of your users wait longer. A promise names a
# **percentile**: p99 is the time that 99 of 100 predictions do not exceed. A person notices a delay of about 100 ms.
# Control loops of vehicles and machines are often given 1 ms.
#
# Four engines compete: **eager** is PyTorch as you know it, **folded** the same without batch norms, then ONNX Runtime in
# float32 and in **int8**: weights and numbers between the layers in 8 bits (lesson 06).

# %% tags=["nbval-ignore-output"]
predict("05.deadline", "99 of 100 predictions of one image within 1 ms, on one CPU thread: who manages it?",
        ["no engine", "int8 only", "ONNX Runtime, float32 and int8", "all of them"])

# %% [markdown]
# ## Measure
# Every engine predicts single images, each timed on its own, another image each time. Nothing is left out: the stalls
# belong to it. (The int8 engine first looks at some images, to find out how large the numbers between its layers get: its
# **calibration**.)

# %% tags=["nbval-ignore-output"]
from lessons_lib import latencies

lined_up = ("eager", "eager, folded", "ONNX Runtime", "ONNX Runtime int8")
names = [name for name in engines.available("cpu")[0] if name in lined_up]
calibration = models.to_input(data.train.images[:256])
built = engines.build(names, model, data.image_shape, calibration, threads=1)
ready = {name.removeprefix("eager, "): engine for name, engine in built.items()}   # "folded", for short
found = latencies.collect(ready, inputs, seconds=choose(PROFILE, smoke=0.5, quick=10.0, full=60.0))
deadlines_ms = (1.0, 100.0)
plots.latencies(found, deadlines_ms, title="What share of the predictions takes longer?")

# %% tags=["nbval-ignore-output"]
latencies.percentile_table(found, deadlines_ms)

# %% tags=["nbval-ignore-output"]
medians = {engine_name: one.percentile_ms(50) for engine_name, one in found.items()}
claims["a single prediction takes milliseconds"] = inference_claims.takes_milliseconds(medians)
promises = [latencies.deadline_told(found, deadline, 99.0) for deadline in deadlines_ms]
claims["100 ms hurt, a vehicle wants less than 1 ms"] = inference_claims.delays_hurt(*promises)
fastest = found[min(medians, key=medians.get)]
calls = 100                                                    # predictions that one page needs
by_arithmetic = latencies.chance_of_a_slow_one(calls)
by_drawing = latencies.pages_with_a_slow_one(fastest, calls)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {" ".join(promises)} You said: *{predicted("05.deadline")}*. And this is the model alone: a camera, a network and a
# queue come on top of it.
#
# "A single prediction takes milliseconds" {inference_claims.in_bold(claims["a single prediction takes milliseconds"])}.
#
# Look at the mean, too. {latencies.mean_told(fastest)} And be careful with the far end:
# {latencies.few_samples_told(len(fastest.samples_ms))}.

# %% [markdown]
# ## Explain
# "One in a hundred is slow, so what?"

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# If a page needs {calls} predictions and waits for all of them, the chance that none is slower than p99 is 0.99
# multiplied {calls} times by itself. So **{by_arithmetic:.0%}** of the pages meet at least one slow prediction; drawn
# from the samples of {fastest.name}, it is {by_drawing:.0%}. The rare case of the model is the usual case of the page.

# %% [markdown]
# ## Explore
# Choose a deadline, and the promise: how many of a hundred predictions have to keep it. The sliders look up the samples
# from above (left and right arrows, once they have the focus).

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.deadlines import deadline_explorer

deadline_explorer(found)

# %% tags=["nbval-ignore-output"]
told = {claim: str(judgement) for claim, judgement in claims.items()}
mistakes = {finding.mistake: {"wrong conclusion": finding.fooled, **finding.figures} for finding in findings}
kept_in_record = record.append(
    "measurement", name="05.inference", dataset=data.name, device=str(where), claims=told, costs=costs.as_dict(),
    by_mode=by_mode, accuracy_before=sound, accuracy_after_training_mode=damaged, mistakes=mistakes,
    operators={stage: len(work) for stage, work in stages.items()}, optimised=str(speeds.verdicts["optimised"]),
    latencies=latencies.as_dict(found, deadlines_ms))
print("Kept in your record." if kept_in_record else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/05_inference.ipynb](../exercises/05_inference.ipynb) you predict without leaving a trace, fold a batch
# norm into a convolution, and write the percentile and the comparison yourself. About 25 minutes.

# %% [markdown]
# ## Take home
# 1. Evaluation mode, then no gradients: two switches. The first decides the answers, the second the memory.
# 2. A step costs about three predictions of the same batch, in arithmetic as in memory, and many times the memory of a
#    single image; but predictions go on for as long as the service does.
# 3. Warm up, wait for the device, take turns, many samples, the median to compare and a percentile to promise.
#
# Next: [06 · What do 8 bits cost and buy?](06_quantization.ipynb)
