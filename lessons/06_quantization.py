# %% [markdown]
# # 06 · What do 8 bits cost and buy?
# *40 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# A weight takes 32 bits. "Store it in 8," says everybody, "and the model is a quarter of the size, faster, and as good as
# before." That is **quantization**. You will build it from four lines of arithmetic, find out where it breaks, look into a real
# int8 engine to see whether it does what it says, and get your own verdict on that sentence.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0

# %%
import torch

from lessons_lib import checkpoints, datasets, device, engines, machine, models, plots, quantization, record, training
from lessons_lib import quantization_told as told
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.timing import compare
from lessons_lib.widgets.predict import predict, predicted

n_train, n_test = choose(PROFILE, smoke=(400, 120), quick=(8_000, 1_500), full=(20_000, 5_000))
data = datasets.load(DATASET, train=n_train, validation=n_test // 5, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)

# %% [markdown]
# Two networks: a **small** one for everything that has to be tried many times, and the one that is to be shipped. Batch norm is
# **folded** into the convolution before it, as every engine does: the same function with fewer layers.

# %% tags=["nbval-ignore-output"]
plan = training.Recipe(steps=choose(PROFILE, smoke=20, quick=300, full=1_500), peak_rate=0.3)

def trained(name):
    model, origin = checkpoints.trained(
        name, data, lambda new: training.train(new, data, plan, device=where, seed=SEED))
    print(origin)
    return engines.fold_batch_norm(model)

small = trained("small")
large = trained("vgg" if data.name == "road_signs" else "small")

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("06.bits", "With the best scheme: with how few bits a weight does the small network answer as well as with 32?",
        ["8", "6", "5", "4", "3"])
predict("06.int8", "And the other one in a real int8 engine, against float32 in the same engine?",
        ["about four times faster", "two to three times faster", "up to twice as fast", "about as fast", "slower"])

# %% [markdown]
# ## Measure
# Nine weights of one filter, to be stored as whole numbers from 0 to 255. A whole number q stands for the real number
# **scale x (q - zero point)**: the **scale** is the distance between two neighbours, the **zero point** is the whole number that
# stands for 0. Four steps: divide, round, shift, clip.

# %% tags=["nbval-ignore-output"]
layer = list(quantization.layers(small))[1]                       # the second convolution
weight = quantization.layers(small)[layer].weight.detach()        # (64, 32, 3, 3)
nine = weight[0, 0].flatten()
low, high = min(nine.min().item(), 0), max(nine.max().item(), 0)  # 0 has to be among the numbers
scale = (high - low) / 255                                        # 256 numbers have 255 steps between them
zero_point = round(-low / scale)
whole = ((nine / scale).round() + zero_point).clamp(0, 255)       # what is stored
back = (whole - zero_point) * scale                               # what it stands for
Table(f"scale {scale:.6f}, zero point {zero_point}",
      [{"weight": f"{w:+.6f}", "stored": int(q), "stands for": f"{b:+.6f}", "error / scale": f"{(b - w) / scale:+.2f}"}
       for w, q, b in zip(nine, whole, back)])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# No error is larger than half a step, {scale / 2:.6f}: that is all that rounding can do. The largest here is
# {(back - nine).abs().max():.6f}. With 4 bits there are 15 steps where 255 were, so each is 17 times as wide.
#
# The course's own functions do the same for tensors of any shape ([lessons_lib/quantization](../lessons_lib/quantization)). They are
# tested bit for bit against the reference that comes with ONNX.

# %%
def levels_left(qtype):
    """How many different values are left, and how far the weight moves."""
    affine = quantization.choose(weight, qtype)
    left = quantization.fake_quantize(weight, affine)             # float32, but only values that can be stored
    return {"stored as": str(qtype), "different values": len(left.unique()),
            "moved by": f"{quantization.error(weight, affine):.2%}"}

# %% [markdown]
# Three choices are left. **Symmetric**: the zero point is 0 and drops out of the arithmetic; with an even number of values there
# is one more below 0 than above. **Asymmetric** wastes no number on values that do not occur. One scale **per tensor**, or one
# **per channel**, for each filter its own. And the number of bits.

# %% tags=["nbval-ignore-output"]
Table("The second convolution", [levels_left(quantization.weight_type(bits, scheme))
                                 for bits in (8, 4, 2) for scheme in quantization.SCHEMES])

# %% [markdown]
# ### How few bits?
# Every number of bits with every scheme, for the weights of all layers; each network is judged on the same test images.

# %% tags=["nbval-ignore-output"]
def judge(model):
    """Which test images it gets right, and its mean loss."""
    return quantization.score(training.predict(model, data.test.images[:n_judge]), data.test.labels[:n_judge])

n_judge = choose(PROFILE, smoke=60, quick=1_000, full=5_000)
float32 = judge(small)
trials = quantization.sweep(small, judge, bits=choose(PROFILE, smoke=(8, 4, 2), quick=range(8, 1, -1), full=range(8, 1, -1)))
plots.bands(told.accuracies(trials), title=f"Accuracy of the small network; float32: {float32.accuracy:.1%}",
            xlabel="bits a weight", ylabel="accuracy, %", words="{:.1f}".format)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.sweep_told(trials, float32)} You said: *{predicted("06.bits")}*.
#
# "Beyond chance" is a test on the same images: only those count on which two networks differ (McNemar's test).

# %% [markdown]
# ## Explore
# What is left of the weights. The marks under the histogram are the values that can be stored; with a scale per channel they
# differ from filter to filter. Nothing is computed when you move the slider: the accuracies are those from above.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.quantization import bits_explorer

bits_explorer(small, trials, float32.accuracy, quantization.size_bytes(small))

# %% [markdown]
# ## Measure
# ### Calibration: which range?
# Weights are known; what flows between the layers, the **activations**, depends on the image. Their range has to be found
# beforehand on some images: **calibration**. Take everything (**min-max**), clip the outermost 0.1 % (**percentile**), or clip
# where the histogram loses least information (**entropy**)?

# %% tags=["nbval-ignore-output"]
sets = quantization.calibration_sets(data.train.images, data.train.labels)
good, *_ = sets.values()
calibration = models.to_input(good)                                  # (256, c, h, w) float32
values = quantization.inputs_of(small, calibration.split(64))        # what enters each layer
int8 = quantization.weight_type(8)
by_method = {f"{bits} bits, {method}": quantization.with_inputs(
                 small, judge, int8, quantization.calibrate(values, bits, method))
             for bits in (8, 4, 3) for method in quantization.METHODS}
told.scores_table(by_method, float32, "Weights 8 bits; activations:", "calibration")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# With 8 bits, {told.best_and_worst({name: by_method[name] for name in by_method if name[0] == "8"})}. With 3 bits,
# {told.best_and_worst({name: by_method[name] for name in by_method if name[0] == "3"})}. Clipping gives up a few large
# values for finer steps everywhere else; the fewer the steps, the better that bargain tends to be.

# %% [markdown]
# And which images? The same network and min-max, calibrated with sets that people really use by mistake. The table compares
# each with float32; the text below it compares each with the first set, the good one.

# %% tags=["nbval-ignore-output"]
def calibrated_with(images, bits):
    """The score with activations in few bits, their ranges found on these images."""
    seen = quantization.inputs_of(small, models.to_input(images).split(64))
    return quantization.with_inputs(small, judge, int8, quantization.calibrate(seen, bits))

by_set = {bits: {f"{name}, {bits} bits": calibrated_with(images, bits) for name, images in sets.items()}
          for bits in (8, 4)}
told.scores_table(by_set[8] | by_set[4], float32, "Weights 8 bits; activations:", "calibrated with")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# With 8 bits: {told.harmful(by_set[8])} With 4 bits: {told.harmful(by_set[4])} {told.sufficed(*by_set.values())}
#
# What a set never shows is clipped later; what it shows and use does not makes every step coarser. No error is
# raised, the model is just worse. So take images as they come in use, a hundred or more, and check the accuracy afterwards.

# %% [markdown]
# ### The real engine
# ONNX Runtime with its own quantizer: weights and activations 8 bits, per channel, calibrated by min-max on the good set.

# %% tags=["nbval-ignore-output"]
from lessons_lib import onnx_graph, onnx_session

graph32 = onnx_graph.export(large, data.image_shape)
graph8 = onnx_graph.quantize(graph32, calibration)
run32, run8 = onnx_session.runner(graph32), onnx_session.runner(graph8)      # one thread each
test = models.to_input(data.test.images)                                     # (n, c, h, w) float32
answers = {name: torch.cat([run(part) for part in test.split(256)])
           for name, run in (("float32", run32), ("int8", run8))}            # logits (n, classes)
right = {name: quantization.score(logits, data.test.labels) for name, logits in answers.items()}

# %% [markdown]
# Speed is measured in turns, at one image and at 64; accuracy on the same test images, so that only those count on which the two
# differ.

# %% tags=["nbval-ignore-output"]
from lessons_lib.int8_claim import Claim
from lessons_lib.paired_answers import change

accuracy = change(right["float32"].right, right["int8"].right)
seconds = choose(PROFILE, smoke=0.2, quick=2.0, full=8.0)
speed = {batch: compare({"float32": lambda x=test[:batch]: run32(x), "int8": lambda x=test[:batch]: run8(x)},
                        seconds=seconds) for batch in (1, min(64, len(test)))}
claim = Claim(len(graph32) / len(graph8), {batch: found.verdict for batch, found in speed.items()}, accuracy)
Table(f"32 bits to 8: {claim.word}", [{"the claim": part, "measured here": verdict}
                                      for part, verdict in claim.parts().items()])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# Float32 gets {right["float32"].accuracy:.2%} of {len(test):,} test images right, int8 {right["int8"].accuracy:.2%}; the file shrinks from
# {told.kib(len(graph32))} to {told.kib(len(graph8))}, not by exactly four: scales, names and biases stay. One image takes
# {speed[1].measurements["float32"].median_ms:.2f} ms in float32 and {speed[1].measurements["int8"].median_ms:.2f} ms in int8: **{claim.speed[1]}**. Both
# run in the same engine on one thread, so this is what the bits do, and not what the engine does. You said:
# *{predicted("06.int8")}*.

# %% [markdown]
# ### Did it really compute in 8 bits?
# A graph that is called int8 may be run by float32 kernels, converted back and forth. The engine's own **profile** tells.

# %% tags=["nbval-ignore-output"]
from lessons_lib import engine_profile

ran = engine_profile.kernels(graph8, test[:16])
engine_profile.table(ran, "What ran on 16 images, on one thread")

# %% tags=["nbval-ignore-output"]
before, after = (engine_profile.operations(graph8, rearranged=ready) for ready in (False, True))
print("in the file:  ", before)
print("as it is run: ", after)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {engine_profile.proof(ran)} In the file, float32 operations stand between pairs of DequantizeLinear and QuantizeLinear; before the
# first call the engine fuses each group into one integer kernel, QLinearConv.

# %% [markdown]
# ## Explain
# ### One convolution, by hand
# Put the formula in for x and for w, and take the scales out of the sum:
#
# sum of x w = scale x · scale w · **sum of (qx - zero) qw**
#
# The sum in bold has only whole numbers in it. It is kept in 32 bits, multiplied once by a float32 for the scale of the output,
# rounded and clipped. Here it is for the first convolution of the engine's own graph, one output number first.

# %% tags=["nbval-ignore-output"]
from lessons_lib import engine_conv

first = engine_conv.first_conv(graph8)
conv = first.conv
x, y = onnx_session.values_of(graph8, [first.input, first.output], test[:8])    # what the engine holds, uint8
seen = x[0, :, :3, :3].to(torch.int32) - conv.zero_x               # under the filter at row 1, column 1
total = int((seen * conv.weight[0].to(torch.int32)).sum()) + int(conv.bias[0])
factor = conv.scale_x * conv.scale_w[0] / conv.scale_y
by_hand = round(total * float(factor)) + conv.zero_y
by_hand = min(max(by_hand, 0), 255)                                # the clipping at 0 is the ReLU
print(f"{seen.numel()} products add up to {total:,}; times {factor:.3g} is {by_hand}; the engine has {int(y[0, 0, 1, 1])}")

# %% tags=["nbval-ignore-output"]
mine = quantization.integer_conv(x, conv)                          # all of it, in whole numbers
print(f"8 images, {told.agreement(mine, y)}")

# %% [markdown]
# ### Where 8 bits overflow
# Speed comes from doing many products at once. Processors with **VNNI** add four products in 32 bits. Older ones add *two*
# products in **16 bits**, and what does not fit is cut off: 255 · 127 + 255 · 127 is twice too much. No error, just wrong sums. The
# usual cure gives up a bit: weights from -64 to 64 always fit (`reduce_range`, the course's setting). What would happen to
# the small network, computed here pair by pair as such a processor does:

# %% tags=["nbval-ignore-output"]
inputs = quantization.calibrate(values, 8)
n_pairs = choose(PROFILE, smoke=4, quick=50, full=400)
cut, logits = {}, {"float32": training.predict(small, data.test.images[:n_pairs])}
for setting, reduce_range in (("8 bits", False), ("7 bits", True)):
    old = quantization.as_without_vnni(small, inputs, reduce_range)
    logits[setting] = training.predict(old, data.test.images[:n_pairs])
    cut[setting] = quantization.cut_off(old)
told.saturation_table(cut, small)

# %% tags=["nbval-ignore-output"]
exact = logits.pop("float32")                                        # (n_pairs, classes)
moved = {setting: ((seen - exact).norm() / exact.norm()).item() for setting, seen in logits.items()}
changed = {setting: int((seen.argmax(1) != exact.argmax(1)).sum()) for setting, seen in logits.items()}

# %% [markdown]
# And this is what the real engine makes of both settings, on the machine in front of you.

# %% tags=["nbval-ignore-output"]
options = onnx_graph.Int8Options(reduce_range=False)
run_8 = onnx_session.runner(onnx_graph.quantize(graph32, calibration, options=options))
right["all 8 bits"] = quantization.score(torch.cat([run_8(part) for part in test.split(256)]), data.test.labels)
told.scores_table({"7 of 8 bits (reduce_range)": right["int8"], "all 8 bits": right["all 8 bits"]},
                  right["float32"], "The real engine, on this machine", "weights")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# Without VNNI, the logits of the small network would move by {moved["8 bits"]:.1%} with 8 bits and by {moved["7 bits"]:.1%} with 7,
# and the answers to {changed["8 bits"]} and {changed["7 bits"]} of {len(exact)} images would change. What remains with 7 bits is
# rounding alone; on so few images the answers may show no difference yet while the logits do.
# {quantization.told_of_cpu(machine.vector_instructions())} A file that is right here can be wrong on another machine: test where it will run.

# %% [markdown]
# ## Measure
# ### Which layer minds most?
# One layer at a time in few bits, all others in float32. The loss tells more than the accuracy: it moves before an answer changes.

# %% tags=["nbval-ignore-output"]
few, many = quantization.weight_type(choose(PROFILE, smoke=2, quick=3, full=3)), quantization.weight_type(8)
sensitive = quantization.sensitivity(small, judge, few)
told.sensitivity_table(sensitive, float32, small, f"One layer in {few}")

# %% [markdown]
# **Mixed precision**: the layers that mind most keep 8 bits, the rest get few.

# %% tags=["nbval-ignore-output"]
mixed = quantization.mixtures(small, judge, list(sensitive), many, few)
told.mixture_table(mixed, float32, small, f"8 bits or {few.bits}")

# %% tags=["nbval-ignore-output"]
plots.bands({"mixed": {one.size_bytes / 1024: [100 * one.score.accuracy] for one in mixed}},
            title="From few bits everywhere, left, to 8 bits everywhere", xlabel="KiB", ylabel="accuracy, %",
            words="{:.1f}".format)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.smallest_as_good(mixed, float32, small)} {told.mixing_told(mixed, trials, float32)} In float32 the
# network takes {told.kib(quantization.size_bytes(small))}.

# %% [markdown]
# ### Winning it back: training with few bits
# With weights and activations in few bits, something is lost. Can training repair it? The gradient of rounding is 0 almost
# everywhere: a small change of a weight changes nothing, until it jumps. So one cheats. Forward, it rounds; backward, it
# pretends that it did not (the **straight-through estimator**).

# %%
line = torch.linspace(-1.2, 1.2, 7, requires_grad=True)
affine = quantization.between(torch.tensor(-1.0), torch.tensor(1.0), quantization.QType(bits=3))
quantization.fake_quantize(line.detach(), affine), torch.autograd.grad(
    quantization.straight_through(line, affine).sum(), line)[0]

# %% [markdown]
# The gradient is 1 where the value can be stored, and 0 where it was clipped. 3 bits have four values below 0 and three above: so
# the first, -1.2, is only rounded, to the fourth below, while 1.2 has no fourth above and is clipped to the third.
#
# With that, train a little: once with few bits, and, as a **control**, once without them and quantized afterwards. Same steps,
# same images. Otherwise you would praise the method for what any training on would have done.

# %% tags=["nbval-ignore-output"]
from lessons_lib import few_bits_training

weights = quantization.weight_type(choose(PROFILE, smoke=2, quick=4, full=4), "symmetric, per tensor")
bits = few_bits_training.FewBits(weights, input_bits=4)
short = few_bits_training.recipe(choose(PROFILE, smoke=4, quick=150, full=400))
seeds = range(choose(PROFILE, smoke=1, quick=1, full=3))
found = few_bits_training.compare_ways(small, data, bits, calibration, judge, short, seeds=seeds, device=where)
few_bits_training.table(found, float32, str(bits))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {few_bits_training.told(found, float32)}

# %% [markdown]
# ### On a GPU
# GPUs have units for products in 16 bits, and newer ones for int8 and fp8, through **torchao**. They multiply matrices, so what is
# measured is a stack of linear layers, as in a transformer.

# %% tags=["nbval-ignore-output"]
from lessons_lib import gpu_low_precision

precisions, reasons = gpu_low_precision.available(gpu_low_precision.machine(where))
for reason in reasons:
    print(reason)
if precisions:
    width = choose(PROFILE, smoke=512, quick=4096, full=8192)
    layers = gpu_low_precision.measure(precisions, width=width, device=where)
    display(gpu_low_precision.table(*layers, f"Linear layers of {width}"))

# %% tags=["nbval-ignore-output"]
if where.type == "cuda":
    built = engines.build(["GPU eager", "GPU half"], large, data.image_shape, calibration, gpu=where)
    print(compare({name: engine.on(test[:256]) for name, engine in built.items()}, seconds=seconds, device=where))

# %% [markdown]
# Linear layers alone are no network, so here is a small **vision transformer**: measured where there is a GPU, which takes a minute, and
# else as recorded. Here int8 is not an engine's but torchao's, made for GPUs: on a CPU it may be slower than float32.

# %% tags=["nbval-ignore-output"]
from lessons_lib.machine_record import show

show.beside("06.low_precision", where, PROFILE)

# %% tags=["nbval-ignore-output"]
kept = record.append("measurement", name="06.int8", dataset=data.name, verdict=claim.word, parts=claim.parts(),
                     times_smaller=claim.smaller, points=100 * accuracy.difference,
                     faster={str(batch): verdict.ratio for batch, verdict in claim.speed.items()},
                     fewest_bits=told.fewest_bits(trials, float32), eight_bits=engine_profile.proof(ran),
                     few_bits_training={str(seed): {way: one.accuracy for way, one in ways.items()}
                                        for seed, ways in found.items()})
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/06_quantization.ipynb](../exercises/06_quantization.ipynb) you write the four pieces of an int8 engine: scale and zero
# point, there and back, a scale for each channel, and a sum of products in whole numbers. About 20 minutes.

# %% [markdown]
# ## Take home
# 1. Quantization is divide, round, shift, clip; a scale for each channel costs next to nothing and is what makes few bits work.
# 2. Calibrate with images as they come in use, check the accuracy afterwards, and look into the profile: int8 in the file's
#    name proves nothing.
# 3. Below the bits where rounding is harmless, mix precisions or train with few bits, and always run the control.
#
# Next: [07 · Can I throw weights away?](07_pruning.ipynb)
