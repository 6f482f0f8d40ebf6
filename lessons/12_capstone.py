# %% [markdown]
# # 12 · Can you ship it under a budget?
# *40 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# "It works on my machine" ships nothing. What ships is a network, an engine, a precision and a batch size that together stay within what
# a job allows: so much accuracy, so many milliseconds, bytes and cents. You choose the job, put together what the course has taught, and
# a checker measures it for real: which budgets are met, which are missed, and by how much. At the end stands your **claims ledger**,
# everything that was said about training and inference beside what you measured.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # where to fine-tune: cpu, cuda, or auto; what is shipped runs on the CPU
SEED = 0
SCENARIO = "vehicle"      # vehicle, phone, nightly or web service
VARIANT = "channels -50 %"      # your build: base, channels -50 %, channels -75 %, or one of your own
ENGINE = "ONNX Runtime int8"    # ONNX Runtime; ONNX Runtime int8; eager; eager, folded; OpenVINO; OpenVINO int8
BATCH, THREADS = 1, 1           # how many images at once, on how many threads
PRICE_PER_HOUR = 0.04     # of one core of a rented machine, in dollars
SHOWN = ""                # what the explorer shows first; empty: the cheapest that meets all budgets

# %%
from lessons_lib import checkpoints, datasets, device, distillation, models, plots, pruning, record, training
from lessons_lib.capstone import candidates, choosing, judging, measuring, scenarios, trial
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=600, quick=6_000, full=40_000)
n_test, n_look = choose(PROFILE, smoke=(200, 60), quick=(2_000, 200), full=(5_000, 1_000))
data = datasets.load(DATASET, train=n_train, validation=n_look, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where, job = device.pick(DEVICE), scenarios.find(SCENARIO)

# %%
own = {}                        # trained networks of your own, by name; "Your build" below tells how
mine, known = candidates.Candidate(VARIANT, ENGINE, BATCH, THREADS), [*candidates.VARIANTS, *own]
candidates.check(mine, known)   # a slip in the first cell is told now, before anything is measured
candidates.check_shown(SHOWN, known)
candidates.check_price(PRICE_PER_HOUR)
trial.check_networks(own, data)

# %% [markdown]
# ## The jobs
# A budget in milliseconds would be easy on a fast machine and out of reach on a slow one, so each budget here is a share of what the
# **base** needs in the same run: the network as it was trained, in eager PyTorch, one image at a time, on one thread. A real job states them
# in milliseconds, bytes and cents, for the machine it runs on.
#
# - **accuracy**: how many percentage points may be lost;
# - **p99 latency**: 99 of 100 calls take no longer, and a call answers a whole batch (of fewer than 100 calls it is the slowest);
# - **size**: the bytes on disk that have to be sent;
# - **memory**: the most that a fresh process holds which loads and runs it;
# - **cost per million** predictions, on a core that is rented by the hour and never waits (lesson 10).

# %%
scenarios.table()

# %% [markdown] tags=["computed"]
# Chosen: **{job.title}**. {job.story} (`SCENARIO` in the first cell chooses another.)

# %% [markdown]
# ## Measure
# First the base. For the road signs it ships with the course; for other images it is your own small network, or one that is trained now.

# %%
name = "vgg" if data.name == "road_signs" else "small"
steps = choose(PROFILE, smoke=20, quick=350, full=1_500)
recipe = training.Recipe(steps=steps, peak_rate=0.3)

def learn(new):
    print(f"There is no trained {name} network for these images yet: the base is trained now.")
    return training.train(new, data, recipe, device=where, seed=SEED)

base, origin = checkpoints.trained(name, data, learn)
print(origin)

# %% tags=["nbval-ignore-output"]
base = base.cpu().eval()
seconds = choose(PROFILE, smoke=0.5, quick=1.5, full=5.0)
alone = measuring.measure(
    [candidates.BASE], {"base": base}, data, seconds=seconds, price_per_hour=PRICE_PER_HOUR)
untouched = judging.judge(job, alone[0], alone[0])
plots.budgets(untouched)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {untouched.sentence()}

# %% [markdown]
# ## Predict
# Two narrower networks, two precisions and two batch sizes are about to be combined, and held against all four jobs.

# %% tags=["nbval-ignore-output"]
predict("12.builds", "How many different builds does it take to serve all four jobs?",
        ["one is enough for all", "two", "three", "four, each job its own",
         "some job cannot be served at all"])

# %% [markdown]
# ## Measure
# Fewer channels (lesson 07), learnt back from the base's own answers (distillation).

# %% tags=["nbval-ignore-output"]
taught = distillation.ask(base, data, temperature=1.0)         # one forward pass for every training image
variants = {"base": base}
for gone, steps in ((0.5, choose(PROFILE, smoke=5, quick=200, full=2_000)),
                    (0.75, choose(PROFILE, smoke=5, quick=300, full=3_000))):
    slim = pruning.remove_channels(base, gone)
    tune = training.Recipe(steps=steps, peak_rate=0.05)
    print(f"Taught by the base: the network without {gone:.0%} of its channels.")
    with device.threads(1):                                    # a second one helps so thin a network little
        distillation.distil(slim, taught, data, tune, device=where, seed=SEED, evaluate_every=steps)
    variants[f"channels -{gone:.0%}".replace("%", " %")] = slim.cpu().eval()
variants |= own
Table("The networks", [{"variant": key, "parameters": f"{models.parameters(net):,}",
                        "multiply-accumulates": f"{models.macs(net, data.image_shape):,}"}
                       for key, net in variants.items()])

# %% [markdown]
# Now every combination, for real. The calls take turns, so that what disturbs this machine meets all alike, and each call is timed on its own:
# p99 is about the slow ones. The files are written and their bytes counted, and each candidate gets a fresh process whose memory is
# watched. That takes a while.

# %% tags=["nbval-ignore-output"]
pool = candidates.pool(variants)
seconds = choose(PROFILE, smoke=1.0, quick=8.0, full=60.0)     # for the latencies of all together
measured = measuring.measure(pool, variants, data, seconds=seconds, price_per_hour=PRICE_PER_HOUR)
for one in measured:
    if one.problem:
        print(one.problem)
choosing.measured_table(measured)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {judging.disturbance(measured)} {judging.accuracy_spread(measured[0])}

# %% tags=["nbval-ignore-output"]
found = choosing.every(measured)
choosing.matrix(found)

# %% [markdown]
# Of those that meet every budget, the cheapest is taken: a budget is a limit and not a goal, so that nothing is won by staying far below it.

# %% tags=["nbval-ignore-output"]
choosing.chosen_table(found)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {choosing.one_for_all(found)} You said: *{predicted("12.builds")}*.

# %% [markdown]
# ### Your build
# Put together your own in the first cell: `VARIANT`, `ENGINE`, `BATCH` and `THREADS`. Or make a network of your own: any `nn.Module` that takes
# the images and answers with a logit for each class. In the third cell, train it with `training.train(network, data)`, put it into
# `own = {"mine": network}`, and set `VARIANT` to `"mine"`; then run all cells. Your build is measured beside the base once more, so that it
# cannot profit from a lucky moment.

# %% tags=["nbval-ignore-output"]
seconds = choose(PROFILE, smoke=0.5, quick=2.0, full=10.0)
again = measuring.measure([mine], variants, data, seconds=seconds, price_per_hour=PRICE_PER_HOUR)
yours = judging.judge(job, again[-1], again[0])
yours.table()

# %% tags=["nbval-ignore-output"]
plots.budgets(yours)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {yours.sentence()}

# %% [markdown]
# ## Explain
# Which tool moves which quantity? Each row changes one thing alone: below 1x it got smaller.

# %% tags=["nbval-ignore-output"]
choosing.steps_table(measured)

# %% [markdown]
# - An **engine** that is not PyTorch saves time and memory, and not a byte on disk: the same weights are stored.
# - **8 bits** store a weight in a quarter of the bytes. Whether they save time too depends on what the CPU can do with bytes (lesson 06).
# - **Fewer channels** save everything at once, and are paid for in accuracy and in training (lesson 07).
# - A **batch** divides what a call costs besides arithmetic, and everybody in it waits for all of it (lesson 08).
#
# So read a missed budget as the name of a tool, and begin with the one that costs no accuracy. The checker itself is a comparison and
# a division:

# %%
def used(measured_value, base_value, share):
    """How much of a budget is used: above 1 it is missed."""
    return measured_value / (share * base_value)

print(f"{used(50, base_value=100, share=0.75):.0%} used, {used(90, base_value=100, share=0.75):.0%} used")

# %% [markdown]
# ## Explore
# Choose a job and a candidate. Everything is looked up in what was measured above.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.capstone import budget_explorer

budget_explorer(found, SCENARIO, SHOWN or None)

# %% tags=["nbval-ignore-output"]
taken = {key: choosing.cheapest(judged) for key, judged in found.items()}
kept = record.append(
    "measurement", name="12.capstone", dataset=data.name, profile=PROFILE, scenario=SCENARIO,
    shipped={key: one.measured.name if one else None for key, one in taken.items()},
    yours={"name": yours.measured.name, "meets": yours.meets, "said": yours.sentence(), "budgets": yours.table().rows},
    builds=choosing.one_for_all(found), rows=[one.as_dict() for one in measured], claims={})
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Your claims ledger
# What texts on this subject say, what you predicted, and what you measured. Each row names its lesson; where you have not been yet, it says so.

# %% tags=["nbval-ignore-output"]
from lessons_lib.ledger import ledger_table

ledger_table()

# %% [markdown]
# And the questions that everybody asks, with your answers; then both sides at a glance.

# %% tags=["nbval-ignore-output"]
from lessons_lib.ledger import at_a_glance, usual_questions

usual_questions()

# %% tags=["nbval-ignore-output"]
at_a_glance()

# %% [markdown]
# Your **report** holds all of it in one page that opens without a server, and one file of plain figures: predictions, measurements, attempts, and the
# machine they were made on. `python3 run.py report` writes it as well.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.report_button import report_button

report_button()

# %% [markdown]
# ## Exercises
# In [exercises/12_capstone.ipynb](../exercises/12_capstone.ipynb) you write the checker, the choice, and a build of your own that is measured for
# real. About 30 minutes.

# %% [markdown]
# ## Take home
# 1. State the budgets before you optimise: they say what is worth doing, and when you are done.
# 2. Each tool moves some quantities and not others. Measure the combination that you ship, on the machine that it ships to.
# 3. Of what meets all budgets take the cheapest; of what misses one, say which and by how much.
#
# This was the last lesson. `python3 run.py report` writes down what you found.
