# %% [markdown]
# # 11 · What breaks after launch?
# *45 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# The model is live, and nobody complains. Then winter comes, the lens gets dirty, a new kind of sign is put up. Nothing crashes; the
# answers only get worse. Labels that would show it arrive weeks later, if at all. How would you notice, how often would you cry wolf,
# and when do you train anew?

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0
WEEK = 100                # production images that are looked at in a week
FALSE_ALARMS = 1.0        # a year, that you are willing to bear from one detector
# what things cost, in dollars: assumptions, change them
LOOK = 200.0              # somebody looks after an alarm
POINT_WEEK = 100.0        # a week with one percentage point of accuracy less
LABEL, RELEASE = 0.10, 1_000.0   # one label; testing and releasing a new model
MACHINE_HOUR = None       # this machine; None: as in your record of lesson 10, else 0.10
DRIFTS = 2.0              # how many drifts begin in a year

# %%
import numpy as np

from lessons_lib import checkpoints, datasets, device, plots, record, training
from lessons_lib.drift import parameters, weeks
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.widgets.predict import predict, predicted

inputs = parameters.checked(WEEK=WEEK, FALSE_ALARMS=FALSE_ALARMS, LOOK=LOOK, POINT_WEEK=POINT_WEEK, LABEL=LABEL,
                            RELEASE=RELEASE, MACHINE_HOUR=MACHINE_HOUR, DRIFTS=DRIFTS)
n_train = choose(PROFILE, smoke=300, quick=4_000, full=20_000)
n_reference, n_quiet = choose(PROFILE, smoke=(600, 400), quick=(5_000, 4_000), full=(11_000, 10_000))
data = datasets.load(DATASET, train=n_train, validation=n_reference, test=n_quiet, seed=SEED)
n_known = min(1_000, len(data.validation) // 2)                # the reference; the others are for thresholds
few = weeks.few_told(WEEK, len(data.validation) - n_known, len(data.test))
for note in filter(None, [*data.notes, few]):                  # files that had to be passed over; too few images
    print(note)
where = device.pick(DEVICE)

# %%
name = "vgg" if data.name == "road_signs" else "small"
steps = choose(PROFILE, smoke=20, quick=350, full=1_500)
recipe = training.Recipe(steps=steps, peak_rate=0.3)
model, origin = checkpoints.trained(
    name, data, lambda new: training.train(new, data, recipe, device=where, seed=SEED))
print(origin)

# %% [markdown]
# **Drift** is any change in what a model sees after its launch. For the road signs the renderer can make it: the same scenes at
# dusk, in fog, in snow, through a dirty lens, or with signs that nobody had when the model was trained. Other images get noise, blur,
# low contrast, overexposure or the blocks of strong compression. One more kind shows the same classes in another mix, and is no harm
# in itself. The strength says how strong each is; of new signs, it says how often they are met, in up to half of the images, so that
# their pictures below look alike.

# %%
from lessons_lib.drift import kinds

ways = kinds.kinds(data, SEED)
strengths = choose(PROFILE, smoke=(0.25, 1.0), quick=(0.125, 0.25, 0.5, 1.0), full=(0.125, 0.25, 0.375, 0.5, 0.75, 1.0))
harms = [way for way in ways if way != kinds.OTHER_MIX]
images, captions = kinds.examples({way: ways[way] for way in harms}, (0.0, strengths[-2], 1.0))
plots.contact_sheet(images, captions, title="One scene as the drift gets stronger", columns=6)

# %% [markdown]
# ## Predict

# %% tags=["nbval-ignore-output"]
predict("11.worst", "Which drift costs your model most accuracy at full strength?", harms)
predict("11.signal", "Nobody has labels yet. What rings first, over all kinds that do harm?",
        ["statistics of the images, such as brightness", "the features inside the model",
         "the mix of its answers", "its own confidence"])

# %% [markdown]
# ## Measure
# The model looks once at every image, and everything that can be watched without labels is kept: statistics of the images
# (**inputs**), what its last layer sees (**features**), and what it says (**answers**), with how sure it says it is (**confidence**).
# Validation images are the **reference**. Training images would not do: a model knows them too well.

# %%
from lessons_lib.drift import signals

count = choose(PROFILE, smoke=100, quick=1_000, full=2_000)     # images of each drift and strength
before = signals.look(model, data.validation, where)
quiet = signals.look(model, data.test, where)                  # images as they were before the launch
drifted = {(way, s): signals.look(model, ways[way].images("test", s, count), where) for way in ways for s in strengths}
reference, calibration = before.part(slice(n_known)), before.part(slice(n_known, None))

# %% [markdown]
# Which images a week brings is luck. So weeks are drawn again and again from these: quiet ones, in which nothing has changed, and
# weeks after each drift.

# %%
from lessons_lib.drift import detectors

found = detectors.detectors(reference, len(data.classes))
size = weeks.week_size(WEEK, len(calibration), len(quiet))
n_calibration, n_weeks = choose(PROFILE, smoke=(400, 200), quick=(1_000, 400), full=(4_000, 2_000))
watched = weeks.watch(found, calibration, quiet, drifted, size=size, calibration_weeks=n_calibration,
                      weeks=n_weeks, seed=SEED)
print(f"{size} images a week; {n_calibration:,} quiet weeks to set thresholds with, {n_weeks:,} others to try them on")

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import told, told_costs

plots.bands(told.accuracy_series(watched), title="What drift does to the accuracy", xlabel="strength", ylabel="right, %")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.falls_told(watched)} You said: *{predicted("11.worst")}*.
#
# This picture needs labels. In production you would not have it for weeks.

# %% [markdown]
# ## Explain
# Without labels one can only ask whether a week looks different. Three ways to measure "different":
#
# - **PSI**, the population stability index, compares two histograms with the shares $p_i$ and $q_i$: the sum of $(p_i-q_i)\ln(p_i/q_i)$.
# - **Kolmogorov-Smirnov** (KS) takes the largest gap between two cumulative distributions, and knows how large chance makes it: the
#   **p-value** is the probability of such a gap where nothing has changed.
# - **MMD**, the maximum mean discrepancy, takes all features together: are the images of the week as like each other as they are like the
#   reference? The estimate lies around 0 without drift, at times below.
#
# Here for one quiet week, and for one in the strongest drift:

# %% tags=["nbval-ignore-output"]
from scipy.stats import ks_2samp

from lessons_lib.drift import mmd, psi

worst = told.worst(watched)
rows = []
for label, pool in (("quiet", quiet), (worst[0], drifted[worst])):
    week = pool.part(slice(size))
    edges = psi.edges(reference.inputs[:, 0])                  # ten bins of brightness, equally full
    histograms = [np.bincount(np.searchsorted(edges, one.inputs[:, 0]), minlength=10) for one in (reference, week)]
    ks = ks_2samp(reference.inputs[:, 0], week.inputs[:, 0])
    width = mmd.median_distance(reference.features[:500])
    rows.append({"week": label, "PSI of brightness": f"{psi.psi(*histograms):.3f}",
                 "KS of brightness": f"{ks.statistic:.3f}, p = {ks.pvalue:.2g}",
                 "MMD² of the features": f"{mmd.mmd_squared(reference.features, week.features, width):.4f}",
                 "mean confidence": f"{week.confidence.mean():.1%}"})
Table("One week of each", rows)

# %% [markdown]
# ### From which value on is it an alarm?
# Books have rules: a PSI above 0.1 is a minor shift and above 0.25 a major one; a p-value below 0.05 is significant. Try them on
# weeks in which **nothing** has changed:

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import textbook

rules = textbook.rules(reference, quiet, weeks.draw(len(quiet), n_weeks, size, SEED), len(data.classes))
told.rules_table(rules)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.rules_told(rules)}
#
# Two things go wrong. A PSI without drift is not 0: {told.psi_told(size, len(reference))},
# and the rule knows nothing of that. And who tests {reference.features.shape[1]} features at 5 % each, tests
# until something rings: with 20 independent tests at least one does in {told.chance_of_any(0.05, 20):.0%} of all quiet weeks (**multiple testing**).
#
# ### Ask quiet weeks instead
# So choose each threshold such that quiet weeks exceed it as seldom as you can bear, and try it on **other** quiet weeks.

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import alarms

limits = alarms.thresholds(watched, FALSE_ALARMS)
shared = alarms.thresholds(watched, FALSE_ALARMS, together=len(watched.without_labels))
told.false_alarm_table(watched, limits)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.stated_told(watched, limits, FALSE_ALARMS)} {told.together_told(watched, limits, shared)}
#
# The maximum over all features, or over all statistics of the images, counts as one detector: its threshold was chosen for the maximum.

# %% [markdown]
# ### What do they find?
# A detector that never rings makes no false alarms either. Its **power** is the share of the weeks after a drift in which it rings.

# %% tags=["nbval-ignore-output"]
plots.alarm_map(told.alarm_shares(watched, limits, strengths[-2]), title=f"Alarms at strength {strengths[-2]:g}")

# %% tags=["nbval-ignore-output"]
told.delay_table(watched, limits)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.noticed_told(watched, limits)} You said: *{predicted("11.signal")}*.
#
# No detector of this kind sees it when the **meaning** of images changes, since the images look the same: only labels show that.

# %% [markdown] tags=["computed"]
# ### What is an alarm worth?
# A low threshold rings early and often, a high one late. Which is right follows from two prices: a false alarm costs {told_costs.money(LOOK)},
# for somebody looks; a week with one percentage point less costs {told_costs.money(POINT_WEEK)}. Let {DRIFTS:g} drifts begin in a year, each a small one.

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import cost

stakes = cost.Stakes(LOOK, POINT_WEEK, DRIFTS)
small = cost.creeping(watched, points=2.0)                     # the drift that costs about two points
told_costs.choice_table(watched, small, stakes)

# %% tags=["nbval-ignore-output"]
guard, best = told_costs.cheapest_detector(watched, small, stakes)
other = "MMD of features" if guard != "MMD of features" else "KS of features"
plots.alarm_costs(cost.choices(watched, other, small, stakes),
                  title=f"{other}: what each threshold costs ({small[0]}, strength {small[1]:g})")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told_costs.choice_told(watched, small, stakes)} {told_costs.blind_told(watched, guard, best.limit)}
# Change LOOK and POINT_WEEK above, and the best threshold moves.

# %% [markdown]
# ## Explore
# Choose a drift and a detector; the sliders set its strength, and the threshold. Nothing is measured anew: the weeks are those of
# above.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.drift import drift_explorer

drift_explorer(watched, stakes)

# %% [markdown]
# ## Measure
# ### Training anew
# What does it bring back? A copy of your model goes on training, on labelled images of today and as many from before (without those it
# would forget them).

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import retraining
from lessons_lib.economics import handed_on

curable = small[0]                                             # the kind that the detector was chosen for
labelled, steps = choose(PROFILE, smoke=(100, 5), quick=(1_000, 50), full=(10_000, 600))
tuned = retraining.retrain(model, data, ways[curable], labelled=labelled, tested=count, steps=steps, device=where, seed=SEED)
machine = handed_on.machine(where.type, MACHINE_HOUR)
parts = retraining.retraining_price(
    tuned, price_per_hour=machine.price_per_hour, price_of_a_label=LABEL, release=RELEASE,
    runs=machine.runs, failed_share=machine.failed_share)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told_costs.retrained_told(tuned, parts)} {machine.told}
#
# ### A year of it
# Now a year of **{curable}** is simulated with what you measured: how much accuracy is lost at which distance between the world and what
# the model was trained on, how often **{guard}** rings there, which was chosen for this kind, and how far a retraining brings the model
# to where the world is. The world moves from no drift to full strength and back, or jumps there in week 20.
#
# {told_costs.look_told()}

# %% tags=["nbval-ignore-output"]
predict("11.rhythm", "The world moves from no drift to full strength in a quarter, and back in the next. What is cheapest?",
        ["never to train anew", "a fixed calendar", "to train after an alarm", "a calendar and alarms"])

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import year

measured = year.measured(watched, curable, guard, best.limit, tuned.recovered)
prices = year.Prices(LOOK, sum(parts.values()), POINT_WEEK)
policies = [*year.CALENDARS, year.Policy(on_alarm=True), year.Policy(13, on_alarm=True)]
years = {world.name: [year.simulate(policy, world, measured, prices, seed=SEED) for policy in policies]
         for world in year.WORLDS}
for world, lived in years.items():
    display(told_costs.year_table(lived, world))

# %% tags=["nbval-ignore-output"]
fast = year.SPEEDS[-1].name
plots.policy_years(years[fast], title=f"A year in a world that {fast}")

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {" ".join(told_costs.years_told(lived, world) for world, lived in years.items())} You said: *{predicted("11.rhythm")}*.
#
# {told_costs.looks_told(years[fast], fast)}
# A calendar is paid for also when there is nothing to learn, and makes a model wait when there is. An alarm follows the world, as far as
# its detector sees it, and pays for looks instead. Which is cheaper depends on what an error costs against a retraining: change POINT_WEEK
# and RELEASE.

# %% tags=["nbval-ignore-output"]
from lessons_lib.drift import claims

verdicts = {"drift_decays": claims.decays(watched, limits), "retraining_rhythm": claims.rhythm(measured, prices)}
record.append("measurement", name="11.drift", dataset=data.name, device=str(where), week=size, claims=verdicts, inputs=inputs,
              points_lost={f"{way}, {s:g}": watched.points_lost((way, s)) for way, s in drifted},
              false_alarms={one: rate.share for one, rate in alarms.false_alarms(watched, limits).items()},
              recovered=tuned.recovered, prices=parts)
Table("Two claims", [{"claim": claim, "verdict": verdicts[key]["word"], "why": verdicts[key]["said"]} for key, claim in (
    ("drift_decays", "accuracy decays as production data drifts; monitoring detects it"),
    ("retraining_rhythm", "data drift decides how often to retrain"))])

# %% tags=["nbval-ignore-output"]
claims.rhythm_table(measured, prices)

# %% [markdown]
# ## Measure
# ### Versions and rollout
# So you trained anew, and there is a second version. Your test images say something about it; the road may say something else, as
# you just saw. Nobody has to guess: keep both versions, give the new one a small share of the traffic, and let the evidence decide.
#
# A colleague brings two candidates. One is your model with its weights rounded to what fits **in 8 bits** (lesson 06). The other was
# trained a little more on this week's images, **retrained**, but of their labels many were wrong (lesson 03). The test images will tell
# how good both are. The rollout is not told: it has to find out from its users' requests, and you see whether it does.

# %% tags=["nbval-ignore-output"]
from copy import deepcopy
from dataclasses import replace

from lessons_lib import quantization
from lessons_lib.label_noise import with_wrong_labels

wrong_labels = with_wrong_labels(data.train.labels, 0.4, len(data.classes), seed=SEED)
this_week = replace(data, train=replace(data.train, labels=wrong_labels))
retrained = deepcopy(model)
training.train(retrained, this_week, training.Recipe(steps=15, peak_rate=0.0045), device=where, seed=SEED, quiet=True)
candidates = {"retrained": retrained.cpu().eval(),
              "in 8 bits": quantization.quantize_weights(model, quantization.weight_type(8))}

# %% [markdown]
# ### A registry
# A version is a folder: the weights, what is known of them (**metrics**, and the **lineage**: from which version, which data, which
# random numbers), and a **model card** that says the same to people. Its name is a **hash**, a checksum of all of it, so that nobody
# can change a version and keep its name. One small file names the **live** version.

# %% tags=["nbval-ignore-output"]
import tempfile
from pathlib import Path

from lessons_lib import rollout
from lessons_lib.rollout import networks
from lessons_lib.rollout import told as in_words

n_rollout = choose(PROFILE, smoke=300, quick=2_000, full=10_000)
held_back, labels = data.test.images[:n_rollout], data.test.labels[:n_rollout].tolist()
answers = {key: networks.answers(net, held_back) for key, net in {"first": model, **candidates}.items()}
right = {key: sum(a == b for a, b in zip(row, labels)) / len(labels) for key, row in answers.items()}

# %% tags=["nbval-ignore-output"]
shelf = tempfile.TemporaryDirectory(prefix="registry-")        # gone with this notebook; yours would stay
registry = rollout.Registry(Path(shelf.name))
first = registry.add("first", networks.arrays(model), metrics={"accuracy": right["first"]}, data=data.name, seed=SEED)
registry.promote(first.id)
versions = {key: registry.add(key, networks.arrays(net), metrics={"accuracy": right[key]}, parent=first.id,
                              data=data.name, seed=SEED) for key, net in candidates.items()}
Table("The registry", [
    {"version": version.name, "id": version.id, "parent": version.parent or "none",
     "accuracy": f"{version.facts['metrics']['accuracy']:.2%}", "bytes": f"{version.facts['size_bytes']:,}",
     "live": "yes" if version == registry.live() else ""} for version in registry.versions()])

# %% tags=["nbval-ignore-output"]
print(registry.card(versions["retrained"].id))

# %% [markdown]
# The version in 8 bits takes as many bytes as the others: its weights are rounded to what 8 bits can say, and kept as float32 all the
# same. Lesson 06 stores them small; here only their answers matter.
#
# Everything is written under another name first, brought to the disk, and then renamed: a rename happens or does not. So whenever a
# process is killed, the live file names the old version or the new one, whole. (The course's tests kill 50 upgrades at random
# moments, and cut the power after each single step of one.) And if the disk lies? One bit of a version is turned round here, and then
# it should go live:

# %% tags=["nbval-ignore-output"]
victim = registry.folder / "versions" / versions["in 8 bits"].id / "weights.safetensors"
content = bytearray(victim.read_bytes())
content[-1] ^= 1                                               # one bit of some weight
victim.write_bytes(content)
try:
    registry.promote(versions["in 8 bits"].id)
except rollout.Damaged as problem:
    print(problem)
print("Live:", registry.live())
content[-1] ^= 1
_ = victim.write_bytes(content)                                # mended

# %% [markdown]
# ## Predict
# A version that is wrong in three more requests of a hundred answers a small share of your users.

# %% tags=["nbval-ignore-output"]
predict("11.requests", "How many requests does it answer before you can be sure that it is worse?",
        ["fewer than 30", "30 to 300", "300 to 3,000", "more than 3,000"])

# %% [markdown]
# ## Measure
# ### In the shadow
# First without any risk: in **shadow mode** a candidate gets the requests too, but nobody gets its answers. No labels are needed. Where
# both versions agree, both are right or both are wrong; so their accuracies differ by no more than the share of answers that differ.

# %% tags=["nbval-ignore-output"]
serve = networks.predictor(model)
shadows = {}
for key, net in candidates.items():
    shadows[key] = rollout.Shadow(serve, networks.predictor(net), most_waiting=1_000)
    for image in held_back[:choose(PROFILE, smoke=60, quick=300, full=1_000)]:
        shadows[key].answer(image)
    shadows[key].close()
    print(f"{key}: {shadows[key]}")

# %% [markdown]
# ### On the road
# Now with users. A **router** sends a share of the requests to the new version: 1 %, then 5, 20, 50 and 100. Who gets it is decided by a
# hash of the user's number, so that the same user always meets the same version. On these requests the live version is asked as
# well, to compare both on the **same** images once the right answer is known. Three things can follow:
# - **roll back** when the evidence shows that it is wrong more often,
# - **promote** at the end, if before the 20 % it was shown to be *not worse by two points or more*: the **margin**. (That two
#   versions are exactly equal cannot be shown by any number of requests.)
# - roll back as well if neither could be shown in 20,000 compared requests.

# %% tags=["nbval-ignore-output"]
rules = rollout.Policy(shares=(0.01, 0.05, 0.20, 0.50, 1.00), margin=0.02, level=0.02)
gaps = {key: networks.lost_and_won(answers["first"], answers[key], labels) for key in candidates}
replays = {key: rollout.replay(key, answers["first"], answers[key], labels, rules, seed=SEED,
                               most_requests=choose(PROFILE, smoke=60_000, quick=500_000, full=2_000_000))
           for key in candidates}
Table("Rollouts on real predictions", [done.row() for done in replays.values()])

# %% tags=["nbval-ignore-output"]
plots.evidence(replays["retrained"])

# %% tags=["nbval-ignore-output"]
plots.evidence(replays["in 8 bits"])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# On the {len(labels):,} images:
# - {in_words.difference_told("retrained", *gaps["retrained"], rules.margin)}
# - {in_words.difference_told("in 8 bits", *gaps["in 8 bits"], rules.margin)}
#
# {in_words.differing_told(answers["first"], {key: answers[key] for key in candidates}, labels)}
#
# And on the road, where nobody knew that: {in_words.replay_told(replays["retrained"])} {in_words.replay_told(replays["in 8 bits"])}

# %% tags=["nbval-ignore-output"]
for key, done in replays.items():
    if done.router.word == "promoted":
        registry.promote(versions[key].id)
print("Live:", registry.live())
if registry.live() != first:
    print("And back with one call, whenever it is needed:", registry.back())

# %% [markdown]
# ### What if it raises, or hangs?
# Two versions that no test of accuracy would find: one raises an error, the other never answers. The router gives each a **time limit**;
# who does not answer in time is replaced by the live version, for this very request. The models and images are real now.

# %% tags=["nbval-ignore-output"]
import threading


def raises(image):
    raise RuntimeError("out of memory")


def hangs(image):
    threading.Event().wait(20)

# %% tags=["nbval-ignore-output"]
fallbacks, served, users = {}, {}, choose(PROFILE, smoke=100, quick=300, full=1_000)
asked = [held_back[user % len(held_back)] for user in range(users)]
for key, broken in {"raises": raises, "hangs": hangs}.items():
    router = rollout.Router(serve, broken, rollout.Policy(shares=(0.1, 1.0)), time_limit_s=0.2)
    served[key] = [router.answer(str(user), image).answer for user, image in enumerate(asked)]
    fallbacks[key] = router
    print(f"{key}: {router}")
right_answers = [serve(image) for image in asked]
all_served = all(found == right_answers for found in served.values())

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {in_words.fallback_told(2 * users, all_served, fallbacks)}

# %% [markdown]
# ## Explain
# Looking at a rollout after every request is dangerous: an ordinary test with a level of 2 %, repeated until it says yes, says yes far
# more often than that. Here a **gambler** collects the evidence. Who believes that the new version is worse bets on it with a share
# $\lambda$ of the money, the stake, and all of the money is multiplied by
#
# $$1 + \lambda d, \quad d = +1 \text{ where only the live version was right}, -1 \text{ where only the new one was, else } 0.$$
#
# If the new version is not worse, this game is not favourable, and nobody multiplies their money by 50 in such a game with a
# probability of more than 1 in 50, *however long they play and whenever they stop* (Ville, 1939). So a capital of 50 is evidence at a level
# of 2 %, at any time. A second gambler bets against "worse by the margin or more". Twelve stakes are played at once, since
# nobody knows the best beforehand ([evidence.py](../lessons_lib/rollout/evidence.py)).
#
# Only requests on which the versions differ move the first capital: comparing both on the same request is what makes it fast.

# %% tags=["nbval-ignore-output"]
runs = choose(PROFILE, smoke=100, quick=1_000, full=5_000)
cases = gaps | {"three points worse": (0.04, 0.01), "exactly as good": (0.02, 0.02)}    # shares lost, won
simulated = {key: rollout.simulate(*case, rules, runs=runs, seed=SEED) for key, case in cases.items()}
compared = sorted(simulated["three points worse"].compared)
Table("Simulated rollouts", [
    {"version": key, "promoted": f"{found.promoted_share:.1%}",
     "rolled back before 20 %": f"{found.rolled_back_before(0.20):.1%}",
     "compared requests, median": f"{sorted(found.compared)[runs // 2]:,}"} for key, found in simulated.items()])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# One rollout can be luck. So here are {runs:,} of each; the first two with the differences that were measured above:
# - {in_words.simulated_told("retrained", *gaps["retrained"], simulated["retrained"], rules)}
# - {in_words.simulated_told("in 8 bits", *gaps["in 8 bits"], simulated["in 8 bits"], rules)}
#
# The version that is wrong in three more requests of a hundred: half of its rollouts took {compared[runs // 2]:,} compared requests or
# fewer. You said: *{predicted("11.requests")}*.
#
# What it needs are labels, at least of the requests that are compared. Without any, the shadow's agreement is what is left, and the
# alarms from the first half of this lesson. And a thread that hangs cannot be stopped in Python: a version that has to be
# stopped for sure belongs in a process of its own, as the server of [lesson 08](08_batching.ipynb) is.

# %% [markdown]
# ## Explore
# How exact should a rollout be? Move how much worse the new version is, and the margin. A smaller margin finds smaller harm, and takes
# more requests. The rollouts are simulated now, for versions that disagree as often as your two did; the sliders look them up.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.rollout import rollout_explorer, rollout_grid

disagreement = max(0.02, *(min(0.2, lost + won) for lost, won in gaps.values()))
grid = rollout_grid(disagreement, rules, runs=choose(PROFILE, smoke=20, quick=100, full=400), seed=SEED)
rollout_explorer(grid)

# %% tags=["nbval-ignore-output"]
ended = {key: (*case, simulated[key]) for key, case in cases.items()}
verdict = in_words.claim(list(replays.values()), ended, fallbacks, all_served, len(labels), rules)
kept = record.append(
    "measurement", name="11.versions", dataset=data.name, device=str(where), images=len(labels), gaps=gaps,
    rollouts={key: done.row() for key, done in replays.items()}, simulated=runs, claims={"versions_roll_out": verdict})
print("Several versions run at once, rolled out gradually, with a fallback:", verdict["word"])
print(verdict["said"])
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/11_production.ipynb](../exercises/11_production.ipynb) you compare histograms, choose the threshold that costs least,
# decide a rollout, and find the version to serve when a disk has failed. About 40 minutes.

# %% [markdown]
# ## Take home
# 1. Nothing fails loudly: accuracy falls, and no error is raised. Keep a reference, and watch inputs, features and confidence every week;
#    each is deaf to something, and labels come too late to be the alarm.
# 2. An alarm says "different", not "worse". Set its threshold by what a false alarm and an unseen week cost, and count how many alarms
#    you run at once.
# 3. Keep every version whole and by its hash, show a new one to few, compare it with the live one on the same requests, and write down
#    beforehand what promotes it and what sends it away. It costs a second prediction for a few per cent of the requests.
#
# Next: [12 · Ship it under a budget](12_capstone.ipynb)
