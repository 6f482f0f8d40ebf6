# %% [markdown]
# # 08 · How many requests at once?
# *30 minutes · runs in about a minute on two CPU cores · needs nothing from earlier lessons*
#
# A model that answers one request at a time leaves the processor waiting, they say; put requests together, and it does more.
# But whoever waits for others waits. You will measure what a batch buys, why it buys much for one model and nothing for
# another, and then put a real server under real load, with a deadline to keep.

# %% tags=["parameters"]
PROFILE = "quick"         # smoke: seconds, for tests; quick: the default; full: more data
DATASET = "road_signs"    # or fashion_mnist, cifar10, folder:PATH with your own images
DEVICE = "auto"           # cpu, cuda, or auto: the GPU where there is one
SEED = 0
RAY = False               # True: the model behind Ray Serve as well, where that is installed (a minute, 2.4 GB)

# %%
from lessons_lib import batching, datasets, device, engines, models, plots, record, roofline, serving, wide
from lessons_lib.checkpoints import shipped
from lessons_lib.onnx_session import runner
from lessons_lib.profiles import choose
from lessons_lib.pruning import remove_channels
from lessons_lib.queueing import Policy, ServiceTimes
from lessons_lib.serving import ray_local, theory, told
from lessons_lib.tables import Table
from lessons_lib.training import accuracy
from lessons_lib.widgets.predict import predict, predicted

n_train = choose(PROFILE, smoke=300, quick=1_500, full=4_000)
n_test = choose(PROFILE, smoke=100, quick=500, full=2_000)
data = datasets.load(DATASET, train=n_train, validation=n_test, test=n_test, seed=SEED)
for note in data.notes:                                        # files that had to be passed over
    print(note)
where = device.pick(DEVICE)

# %% [markdown]
# Three networks that differ in what keeps them busy:
# - **thin**: a small convolutional network with three quarters of its channels removed, in PyTorch. Hardly any arithmetic,
#   layer after layer.
# - **wide**: two layers of thousands of neurons, in ONNX Runtime. Its weights are many, too many for the cache of most processors, like
#   those of large language models. To save you the training, its hidden weights are random; only the last layer is fitted.
# - **vgg**: six convolutions, in ONNX Runtime. Few weights, and each is used at every pixel.

# %%
classes, channels = len(data.classes), data.channels
signs = data.name == "road_signs"                              # the networks that ship know these classes
small, vgg = (shipped(name) if signs else models.build(name, channels=channels, classes=classes, seed=SEED)
              for name in ("small", "vgg"))
thin = remove_channels(small, fraction=0.75)

# %%
width = choose(PROFILE, smoke=1_024, quick=3_072, full=4_096)
broad = wide.fit(data.train, classes, width=width, images=n_train, seed=SEED)
correct = accuracy(broad, data.test)
graph = wide.to_onnx(broad)                                    # what the server will run, too
networks = {"thin": thin, "wide": broad, "vgg": vgg}
work = {name: roofline.work_of(net, data.image_shape) for name, net in networks.items()}
table = Table("The three networks", [
    {"network": name, "weights": f"{models.size_bytes(net) / 2**20:.2g} MiB",
     "multiply-accumulates an image": f"{models.macs(net, data.image_shape):,}"}
    for name, net in networks.items()])
del broad, networks                                            # the graph is enough, and memory is not endless
table

# %% [markdown]
# ## Predict
# **Throughput** is images a second, **latency** the time until the whole batch is done.

# %% tags=["nbval-ignore-output"]
predict("08.gain", "Which network gains most throughput from larger batches?",
        ["thin", "wide", "vgg", "they are all about equal"])

# %% [markdown]
# ## Measure
# Each network at rising batch sizes, on one thread, as far as they can be tried here. Where more images at once bring no more,
# the network is **saturated**.

# %%
x = models.to_input(data.test.images[:128])                    # (n, c, h, w) float32
runs = {"thin": engines.build(["eager, folded"], thin, data.image_shape, x, 1)["eager, folded"],
        "wide": runner(graph, threads=1),
        "vgg": engines.build(["ONNX Runtime"], vgg, data.image_shape, x, 1)["ONNX Runtime"]}
if where.type == "cuda":
    runs["vgg on the GPU"] = engines.build(["GPU eager"], vgg, data.image_shape, x, gpu=where)["GPU eager"]

# %% tags=["nbval-ignore-output"]
sizes = choose(PROFILE, smoke=(1, 8, 32), quick=(1, 2, 4, 8, 16, 32, 64, 128),
               full=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
seconds = choose(PROFILE, smoke=0.05, quick=0.25, full=1.0)
sweeps = {name: batching.sweep(run, x, sizes, seconds=seconds) for name, run in runs.items()}
plots.bands({name: batching.relative_rates(points) for name, points in sweeps.items()}, log=True,
            title="Throughput, as times that of batch 1", xlabel="batch size", ylabel="times",
            words="{:.1f}x".format)

# %% tags=["nbval-ignore-output"]
plots.bands({name: {p.batch: [p.measurement.median_ms] for p in batching.measured(points)}
             for name, points in sweeps.items()}, log=True, log_y=True,
            title="What everybody waits: latency of the batch", xlabel="batch size", ylabel="ms")

# %% tags=["nbval-ignore-output"]
gains = {name: batching.gain(points) for name, points in sweeps.items()}
Table("What batches buy", [batching.row(name, points) for name, points in sweeps.items()])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# **{max(gains, key=gains.get)}** gains most, {max(gains.values()):.1f} times; **{min(gains, key=gains.get)}** least,
# {min(gains.values()):.1f} times. You said: *{predicted("08.gain")}*. "Enough" is the smallest batch within 5 % of the highest
# throughput; with a larger one that brings no more the network is saturated. {batching.beyond(sweeps)}

# %% [markdown]
# A GPU is full much later. Where there is one, the next cell goes on until its memory is; elsewhere it shows a recorded machine.

# %% tags=["nbval-ignore-output"]
from lessons_lib.machine_record import show

show.beside("08.batching", where, PROFILE)

# %% [markdown]
# ## Explain
# A processor does two things: it moves bytes and it calculates. The **roofline** shows which of them holds a model up.
# To the right: how many operations the model makes with each byte that it moves, its **intensity**. Upwards: operations a second,
# in billions (**GFLOP/s**); a multiply-accumulate counts as two, a multiplication and an addition. The slope is as fast as memory
# delivers, the flat part as fast as this processor calculates. Both are measured now.

# %% tags=["nbval-ignore-output"]
machine = roofline.measure_machine(threads=1, seconds=choose(PROFILE, smoke=0.1, quick=1.2, full=4.0))
print(machine)
spots = [spot for name in work for spot in roofline.spots(name, work[name], sweeps[name], machine)]
plots.roofline(machine, spots)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {roofline.told(spots)}
#
# A batch reads each weight once and uses it for every image: it moves a model to the **right**, from the slope to the flat part.
# On the slope the weights have to come from memory anyway, for one image as for several. {batching.together("wide", sweeps["wide"])}
# A model far **below** the roof, here below {roofline.NEAR_THE_ROOF:.0%} of it, is held up by neither but by **overhead**: calling,
# dispatching each layer, layers too thin for the processor's wide units. Batches share the calling, and leave the rest. And who is
# at the flat roof already has nothing to gain. (A little more than 100 % is no miracle: the roof is a measurement too. Above the
# slope there can be much more: weights that fit into the cache come faster than memory delivers.)

# %% [markdown]
# ## Predict
# Now put the wide network behind a server, and let requests come at random, as from people who know nothing of each other.
# Half of the requests are answered within a time called **p50**, 95 of 100 within **p95**, and 99 of 100 within **p99**: what the
# slow answers take. One by one, the engine can do so many a second:

# %% tags=["nbval-ignore-output"]
alone = batching.measured(sweeps["wide"])[0].measurement       # batch 1
service = ServiceTimes.of({p.batch: p.measurement.median_ms for p in batching.measured(sweeps["wide"])})
print(f"{service(1):.3g} ms a request: {service.capacity(1):.0f} requests a second at best")
predict("08.wait", "At 90 % of that rate: how long do 99 of 100 requests take at most (p99)?",
        ["hardly longer than the engine's own time", "two to four times that", "five to nine times that",
         "ten times that or more"])

# %% [markdown]
# ## Measure
# The server is a process of its own ([lessons_lib/serving/](../lessons_lib/serving)): tornado speaks HTTP, a **batching queue** puts requests together,
# and one thread runs the engine. The queue has two settings: the **largest batch**, and how long the oldest request may **wait**
# for others while the engine is idle. While it is busy, requests gather by themselves.
#
# The load is **open-loop**: the times at which requests are due are drawn beforehand, and a latency counts from the time at which its
# request was due. A client that waits for each answer before it asks again would stop asking just when the server is slow, and
# miss what others suffer: **coordinated omission**.

# %% tags=["nbval-ignore-output"]
bodies = [image.numpy().tobytes() for image in data.test.images[:64]]    # each c x h x w bytes
spec = serving.onnx(graph, data.image_shape)
with serving.Server(spec) as server:
    load = serving.send_open_loop(server.target, bodies, [0.01 * i for i in range(len(bodies))])
    stats = server.stats()
same = serving.same_labels(load, runs["wide"](x[:64]))
print(f"{same} of {len(bodies)} answers are those of the engine called directly")
print({key: stats[key] for key in ("received", "answered", "refused", "dropped", "failed", "disconnected")})

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# The answers are right for {correct:.0%} of the test images (guessing: {1 / classes:.0%}): a network with random hidden layers is no
# good classifier. How long it takes does not depend on that.
#
# Now the loads, with and without batches, at the same arrivals. The **deadline** is set by the engine's own speed, so that it means
# the same on every machine: twelve times what one request takes, but 30 ms at least. **Never** means that too many had no answer
# for that percentile when the client gave up, two seconds after the last request was due, or were refused. A triangle shows it.

# %% tags=["nbval-ignore-output"]
deadline_ms = max(30.0, 12 * service(1))
fitting = [size for size in service.sizes if 1 < size <= 64 and 3 * service(size) <= deadline_ms]
largest = max(fitting, default=2)
one_by_one, batched = Policy(), Policy(largest, round(service(1) / 2, 1))
shares = choose(PROFILE, smoke=(0.4, 1.5), quick=(0.4, 0.7, 0.9, 1.2, 2.0),
                full=(0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.2, 1.6, 2.0))
rates = [round(share * min(service.capacity(1), 1_000)) for share in shares]
lasting = choose(PROFILE, smoke=0.3, quick=2.0, full=10.0)     # seconds, each load
with serving.Server(spec) as server:
    plan = {one_by_one: rates, batched: rates}
    points = serving.measure_loads(server, bodies, plan, lasting, seed=SEED)
print(serving.points.warning(points))

# %% tags=["nbval-ignore-output"]
plots.load(points, deadline_ms)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.deadline_told(points, deadline_ms)} {told.at_share_told(points, service)} You said: *{predicted("08.wait")}*.
# {told.price_told(points)} {told.all_accounted_for(points)}
#
# Mind how a queue gets worse: not in proportion, but all at once, near the engine's limit. Batches move that limit up, because
# a longer queue makes larger batches, and larger batches make a faster engine.

# %% [markdown]
# ### What is dropped
# Above its limit a server cannot keep everybody's deadline. If it answers in order, each answer comes too late, and it works for
# nobody. So a request that can no longer make it is **dropped** before it costs anything. Here one by one, at the highest load:

# %% tags=["nbval-ignore-output"]
dropping = Policy(deadline_ms=deadline_ms)
with serving.Server(spec) as server:
    plan = {one_by_one: rates[-1:], dropping: rates[-1:]}
    pair = serving.measure_loads(server, bodies, plan, lasting, seed=SEED)
Table("The same load, one by one", [
    {"dropped when late": "yes" if point.policy.deadline_ms else "no"} | point.row(deadline_ms) for point in pair])

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {told.dropping_told(pair[0], pair[-1], deadline_ms)}

# %% [markdown]
# ## Explain
# For requests one by one there is a formula, by Pollaczek and Khinchine. With arrivals at random and an engine that is busy a share
# $\rho$ of the time, the mean wait is $\lambda\,E[S^2] / 2(1-\rho)$: $\lambda$ is the requests a second, $S$ the engine's time for one,
# and $1-\rho$ the share of time that is left. That last part does the harm: at 90 % busy it is divided by 0.1, at 99 % by 0.01.
# The table's theory is this wait and the engine's own time together.

# %% tags=["nbval-ignore-output"]
alone_ms = [1000 * sample for sample in alone.samples_s]
found = theory.beside(points, service, alone_ms, lasting)
theory.table(found)

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {theory.where_they_part(found, service)}

# %% [markdown]
# ## Explore
# Move the load, the largest batch and the waiting time. The queue is simulated at once, with the engine's times from above; the
# squares are what was measured. The button puts the chosen load on a real server, for a few seconds. Above a setting's limit the
# queue grows all the time, so that what you see there depends on how long the run lasts.

# %% tags=["nbval-ignore-output"]
from lessons_lib.widgets.serving import serving_explorer

measure = serving.points.measurer(spec, bodies, min(2.0, lasting), seed=SEED)
serving_explorer(service, rates, deadline_ms, points=points, overhead_ms=theory.overhead_ms(found),
                 measure=measure)

# %% [markdown]
# ## Measure
# ### Scaling out
# One server has one queue and one engine. **Ray Serve** spreads **replicas** of a model over the cores of a machine, or over the machines of a
# cluster, brings batching of its own, and restarts what has died. The same network, the same load:

# %% tags=["nbval-ignore-output"]
wanted = RAY or PROFILE == "full"
scaled, sentence = ray_local.measure(spec, batched, rates, bodies, lasting, seed=SEED, wanted=wanted)
print(sentence)
if scaled:
    display(plots.load([*points, *scaled], deadline_ms, "The loads again, with all servers measured"))

# %% tags=["nbval-ignore-output"]
print("On a cluster:\n" + ray_local.command(data.image_shape, batched))

# %% [markdown] tags=["computed", "nbval-ignore-output"]
# {ray_local.told(points, scaled, device.cpu_limit())}

# %% tags=["nbval-ignore-output"]
bounds = {spot.name: spot.bound for spot in reversed(spots)}   # what rules at the smallest batch
found_out = [(name, gains[name], bounds[name]) for name in gains if name in bounds]
verdict = told.claim(found_out, told.rates_won(points, deadline_ms))
loads = [point.row(deadline_ms) for point in [*points, *scaled]]
kept = record.append(
    "measurement", name="08.batching", dataset=data.name, device=str(where), claim=verdict, gains=gains,
    bounds=bounds, flop_per_s=machine.flop_per_s, bytes_per_s=machine.bytes_per_s, deadline_ms=deadline_ms,
    loads=loads)
print("Batching maximises hardware use and throughput:", verdict)
print("Kept in your record." if kept else "Your record cannot be written; nothing was kept.")

# %% [markdown]
# ## Exercises
# In [exercises/08_batching.ipynb](../exercises/08_batching.ipynb) you write the parts of a load test: arrivals, honest latencies, a batch former, and
# the largest batch that a deadline allows. About 25 minutes.

# %% [markdown]
# ## Take home
# 1. A batch shares what is paid once: calls, dispatch, weights from memory. Where arithmetic rules already, it only adds waiting.
# 2. Judge a server by its slow answers under an open load, counted from when a request was due; near its limit it breaks all at once.
# 3. Two numbers tune a batching queue, and a deadline needs a third decision: whom to drop.
#
# Next: [09 · Which device, for which load?](09_cpu_vs_gpu.ipynb)
