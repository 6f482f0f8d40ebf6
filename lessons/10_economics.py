# %% [markdown]
# # 10 · What does it cost?
# *35 minutes, and 25 for the exercises · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# "Most of the budget goes to training." "Most of the cost is inference." You will hear both, each with 80 to 90 per cent, and both from
# people who know. Here you work out the bill of your own network, from what you measured and from prices that you can change, and
# find out when each of them is right, and which of the figures is worth your attention.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0
YOURS = {}                # your own figures, such as {"requests": 2_000_000, "latency": "3 ms"}
#   no unit: as in the table of inputs (USD/hour; growth in percent; utilisation a share: 0.3)

# %%
from lessons_lib import checkpoints, datasets, device, engines, models, plots, record, step_cost, training
from lessons_lib.economics import claims, crossing, ends, own, savings, sensitivity, shares, told, verdicts
from lessons_lib.economics.formulas import costs
from lessons_lib.economics.units import in_words, quantity, when
from lessons_lib.inference_claims import training_run
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=300, quick=2_000, full=8_000)
n_test, n_look = choose(PROFILE, smoke=(100, 50), quick=(500, 100), full=(2_000, 500))
data = datasets.load(DATASET, train=n_train, validation=n_look, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)
yours = own.checked(YOURS)                                     # refused here, before anything is measured

# %% [markdown]
# ## Measure
# The network is that of lesson 09. What you measured there is in your record: latency, batch and accuracy of every
# configuration. Where it is not, a few of them are measured now; the line that begins with "Training" is then about a network with
# half of the channels, which learns from the whole one, so that pruning can be paid for too.

# %%
name = "vgg" if data.name == "road_signs" else "small"
steps = choose(PROFILE, smoke=20, quick=250, full=1_500)
recipe = training.Recipe(steps=steps, peak_rate=0.3)
base, origin = checkpoints.trained(
    name, data, lambda new: training.train(new, data, recipe, device=where, seed=SEED))
print(origin)

# %% tags=["nbval-ignore-output"]
seconds, tune_steps = choose(PROFILE, smoke=(0.5, 4), quick=(3.0, 100), full=(10.0, 600))
figures = own.from_record(data.name)
if figures is None:
    with device.threads(1):
        figures = own.live(base, data, seconds=seconds, tune_steps=tune_steps, seed=SEED)
print(f"Latency, batch and accuracy: {figures.source}.")
figures.grid.table(1)

# %% [markdown]
# A training run is many steps, all alike. So a few of them are timed, and multiplied.

# %% tags=["nbval-ignore-output"]
batch = choose(PROFILE, smoke=16, quick=64, full=64)
step = step_cost.measure(base, data.train, batch, seconds=choose(PROFILE, smoke=0.5, quick=5.0, full=15.0), device=where)
run = training_run(name, data, steps)                          # as the shipped network was trained, or this one
print(f"A step of {batch} images takes {step.step.time.median_ms:.3g} ms; a run passes {run.images:,} images.")

# %% tags=["nbval-ignore-output"]
engine = engines.build(["ONNX Runtime"], base, data.image_shape, models.to_input(data.train.images[:8]), 1)["ONNX Runtime"]
power, sentence = own.of_power(engine, data.test.images[:16], seconds=choose(PROFILE, smoke=0.2, quick=1.0, full=5.0))
print(sentence)

# %% [markdown]
# Now everything that the bill depends on. Each input has a unit, a range and a **source**: measured here, or an
# assumption. The assumptions are public figures, and not yours: change them, in `YOURS` at the top or with the sliders below.
# All money is in US dollars (USD). Wages, data and labels are left out.

# %% tags=["nbval-ignore-output"]
serving = own.serving_row(figures.grid)                        # the whole network in float32, one image at a time
inputs = own.inputs(own.of_serving(serving, figures.source), own.of_machine(serving),
                    own.of_training(step, run, where.type), power, **yours)
inputs.table()

# %% tags=["nbval-ignore-output"]
inputs.sources()

# %% [markdown]
# A unit is more than a label. Money and hours cannot be added, and an input of the wrong kind is refused:

# %%
from lessons_lib.explained import Mistake

try:
    inputs.changed(serving_price="0.05 USD")                   # for how long?
except Mistake as mistake:
    print(mistake)
print(quantity(0.05, "USD/hour") * quantity(1, "month"), "=", (quantity(0.05, "USD/hour") * quantity(1, "month")).to("USD"))

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("10.overtakes", "After how long has serving this network cost as much as training it?",
        ["minutes or hours", "days or weeks", "months", "a year or more", "never: retraining costs more"])

# %% [markdown]
# ## Measure
# Every figure of the model, with the formula that it was calculated by; the text of the formula is what is calculated.
# `redundancy` are the copies of each machine, `busy_time` and `grown` add up traffic that grows by the same share each month.
#
# Machines are counted in fractions. That is right where they are paid by the minute and their number follows the traffic, or where
# others share them: 31.1 is then the average of a day. Where each is rented whole and for long, round up, as you do in exercise 10.3.

# %% tags=["nbval-ignore-output"]
bill = costs(inputs)
bill.folded()

# %% tags=["nbval-ignore-output"]
bill.why("price_life")                                         # one figure, and every step that leads to it

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The price of a million predictions comes in two kinds. {told.filled_or_not(inputs)} Over its whole life, training included,
# it is **{bill["price_life"].told}**.

# %% [markdown]
# Training is paid before launch, and a little with each retraining; serving is paid every hour. Where do the two meet?

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.costs import picture

even = crossing.overtakes(crossing.curves(inputs))
within = ends.within(inputs, lambda one: crossing.overtakes(crossing.curves(one)).months)
picture(inputs)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.crossing(even, spread=within)} You said: *{predicted("10.overtakes")}*.

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("10.matters", "Which of these moves the price of a prediction most, within its range?",
        ["how many requests come", "how fast the network is", "what the machine costs", "how often it is retrained"])

# %% [markdown]
# ## Measure
# Each input is moved from its low to its high end, all others stay. The bar at the top moves the price by most dollars, which stand
# beside its name: look at it first. This picture is called a **tornado chart**.

# %% tags=["nbval-ignore-output"]
unit = "USD/million_predictions"
swings = sensitivity.tornado(inputs)
plots.tornado(swings, bill.value("price_life"), title="Which input matters most?", xlabel="$ a million predictions",
              words=lambda value: in_words(value, "USD"), still=sensitivity.still(swings),
              table=sensitivity.table(swings, unit, "Every input, by how far it moves the price"))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.matters_most(swings, unit)} {told.latency_matters(swings, inputs, unit)}
#
# You said: *{predicted("10.matters")}*. Mind that a large amount may come from a wide
# range: it says what you should find out, or decide, before you make anything faster.

# %% [markdown]
# ### What do the optimisations save?
# Lessons 06 to 09 made predictions faster. In money, with your figures: once where the machines are filled, and once on the bill
# of your traffic. *Saves* or *costs more* is said only where the interval of the measurement is clear of "the same"; between
# configurations that were not measured in turns, less than a tenth is *cannot tell*. Batches and single images take turns now.

# %% tags=["nbval-ignore-output"]
with device.threads(1):
    batched = own.batching(engine, data.test.images, seconds=choose(PROFILE, smoke=0.3, quick=2.0, full=8.0))
changes = savings.savings(figures.grid, inputs, batched)
savings.table(changes)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.worth(changes, inputs)}
#
# {told.device(changes, inputs, own.GPU_PRICE.value)}

# %% [markdown]
# And on another machine: a GPU that was measured here, or one that was **recorded** for this course? Its price an hour is public, and an
# input like any other; the machine is taken to be full.

# %% tags=["nbval-ignore-output"]
from lessons_lib import recorded
from lessons_lib.economics import on_record

others, shown = recorded.load()
print(shown)
places = on_record.places(figures.grid.rows, figures.source, others, data.name)
on_record.table_of(places)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {on_record.told(places)}

# %% [markdown]
# ## Explain
# ### 80 to 90 per cent of what?
# A bill has a moment at which it is drawn up. On the day of launch all of it is training; each day after adds to serving, and only now
# and then a retraining to training. So every bill passes through both claims, if serving outgrows retraining and the service lives long
# enough: first one, then the other. Three bills: yours; yours where no machine always runs; and that of a company you will meet below.

# %% tags=["nbval-ignore-output"]
import numpy as np

bills = {"your network": inputs, "the same, paid by use": inputs.changed(fewest_machines=0),
         "$100,000 to train, $500,000 a year to serve": claims.company(inputs)}
months = np.geomspace(min(1e-4, (even.months or 1) / 20), max(36.0, inputs.numbers()["lifetime"]), 80)
plots.bill_shares({key: [shares.inference_share(one, month) for month in months] for key, one in bills.items()},
                  months, when, shares.CLAIMED)

# %% tags=["nbval-ignore-output"]
Table("When each claim holds", [{"bill": key} | row for key, one in bills.items() for row in shares.table(one).rows])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# So {verdicts.budget_shares(inputs).reason}.
#
# Who says "training" looks at a project before launch, or at research that is never launched; who says "inference" looks at a
# product in its third year. Ask whose bill, and of which day.

# %% [markdown]
# ### The other claims, worked out
# "A model trained for 100,000 dollars costs 500,000 a year to serve; a GPU-hour costs 2 to 8 dollars in training and 0.10 to 0.50 in serving."
# What follows from these figures?

# %% tags=["nbval-ignore-output"]
company = claims.half_million(inputs)
company.table("$100,000 to train, $500,000 a year to serve")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# At those prices serving has cost as much as training after **{company["even"].told}**, and is {company["first_year"].told} of the
# first year's bill: so "80 to 90 per cent is inference" follows from these two prices. It takes {company["traffic_least"].told} or more to
# fill its machines with your network.

# %% [markdown]
# "10 ms less latency, or 20 % less size, saves substantially over millions of predictions." Say *substantially* is 1,000 dollars a month.

# %% tags=["nbval-ignore-output"]
size_bytes = models.size_bytes(base)
claims.less_time(inputs, size_bytes).table("10 ms less, or 20 % less")

# %% [markdown]
# "Inference is about 90 % of the computing done in production; models train once and serve millions."

# %% tags=["nbval-ignore-output"]
claims.computing(inputs).table("When is inference 90 % of the computing?")

# %% [markdown]
# "GPUs for training cost 10,000 to 30,000 dollars each, the run of a large language model 5 to 10 million." One such bill is public:
# the last run of DeepSeek-V3 took 2.788 million GPU-hours, 5.6 million dollars at 2 dollars an hour, without the research before it
# (its authors, arXiv 2412.19437, December 2024). How far is your own machine from such a run?

# %% tags=["nbval-ignore-output"]
predict("10.gpus", "How long would this machine calculate at a large language model's run of 5 million dollars?",
        ["about 10 years", "about 1,000 years", "about 100,000 years", "10 million years or more"])

# %% [markdown]
# The bill and the price of an hour give the hours, and these the operations. What your machine calculates in a second follows from the
# training step that was timed above; a multiply-accumulate is two operations.

# %% tags=["nbval-ignore-output"]
own_flop_per_s = 2 * step.step.macs / (step.step.time.median_ms / 1e3)
large = claims.gpus(own_flop_per_s)
large.table("Large runs")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# This machine needs **{large["here_least"].told}** or more; a thousand GPUs need {when(large.value("months_least"))} or more.
# You said: *{predicted("10.gpus")}*.

# %% [markdown]
# Now all five with your figures. Each verdict was worked out again at both ends of everything that was measured here; where it would be
# another one there, it says *cannot tell*. Prices and traffic are yours to choose, and stay as they are.

# %% tags=["nbval-ignore-output"]
judged = verdicts.of_all(inputs, size_bytes, own_flop_per_s)
verdicts.table(judged)

# %% [markdown]
# ### Energy and carbon: another currency
# The same model counts kilowatt-hours and kilograms of CO2: hours times power, times what the building adds (**PUE**),
# times the carbon of the electricity. Do the curves cross at another time?

# %% tags=["nbval-ignore-output"]
told.currencies(inputs)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.other_currencies(inputs)} {told.energy(inputs)}

# %% [markdown]
# ## Explore
# Move the sliders (left and right arrows) and choose what to count in. All else stays as in the table of inputs; under the picture every
# figure with its formula can be opened.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.costs import cost_explorer

cost_explorer(inputs)

# %% tags=["nbval-ignore-output"]
kept = record.append(
    "measurement", name="10.costs", dataset=data.name, device=str(where), source=figures.source, inputs=inputs.as_dict(),
    figures={key: {"value": found.value, "unit": found.formula.unit} for key, found in bill.items()},
    overtakes_months=even.months, overtakes_between=[month if np.isfinite(month) else None for month in within],
    matters_most=[swing.name for swing in swings[:3]],
    savings=[change.row() for change in changes], claims=verdicts.for_record(judged))
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/10_economics.ipynb](../exercises/10_economics.ipynb) you write the price of a million predictions, the month in which
# serving overtakes training, the machines that a saving really saves, and the tornado. About 25 minutes.

# %% [markdown]
# ## Take home
# 1. A share of the cost means nothing without its bill: which machines, which months, which traffic.
# 2. A faster model saves money where it saves a machine. Until machines are filled, what you pay for is waiting.
# 3. Find the input that matters most before you improve any: it is seldom the one that is fun to improve.
#
# Next: [11 · What breaks after launch?](11_production.ipynb)
