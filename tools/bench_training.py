"""How much faster does the course train than the usual tutorial? Writes docs/benchmarks/training.md.

    python tools/bench_training.py                # about 8 minutes
    python tools/bench_training.py --steps 120 --seeds 1 --seconds 5 --output page.md

Three processes train the same small network with the same recipe; one works at a time, in turns of a few steps, so that
whatever else the machine does disturbs all alike. The allocator is chosen when a process starts, hence the processes.
Then: the time to 90 % on Fashion-MNIST, with PyTorch's quickstart model beside it.
Exit status 1 where the course's loop is less than 1.4 times as fast as the tutorial's, or less accurate.
"""

import argparse
import datetime
import itertools
import multiprocessing
import os
import statistics
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import loops
import torch
from torch import nn

from lessons_lib import datasets, models, training
from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.device import fingerprint
from lessons_lib.timing.verdict import Verdict, judge

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "training.md"
GOAL, TURN = 1.4, 20
KINDS = {
    "tutorial": "DataLoader, each image converted when asked for; default layout and allocator",
    "tutorial, converted beforehand": "DataLoader over float32 tensors; default layout and allocator",
    "course": "uint8 tensor, channels last, an allocator that keeps freed memory",
}


@dataclass(frozen=True)
class Trained:
    """One network trained by one loop: milliseconds a step of each turn, and the share of test images it gets right."""

    step_ms: list[float]
    accuracy: float


def work(kind: str, name: str, steps: int, seed: int, orders: Connection) -> None:
    """Train in a process of its own, a turn at each order; then send the accuracy."""
    data = load(name, steps)
    model = models.build("small", channels=data.channels, classes=len(data.classes), seed=seed)
    recipe = training.Recipe(steps=steps, peak_rate=0.3)
    losses = (
        loops.course(data.train, model, recipe, steps, seed)
        if kind == "course"
        else loops.tutorial(data.train, model, recipe, steps, seed, ready=kind != "tutorial")
    )
    orders.send("ready")
    for _ in range(steps // TURN):
        orders.recv()
        began = time.perf_counter()
        for _ in range(TURN):
            next(losses)
        orders.send((time.perf_counter() - began) / TURN * 1e3)
    orders.send(training.accuracy(model, data.test))


def load(name: str, steps: int) -> Dataset:
    return datasets.load(name, train=min(40_000, 64 * steps), validation=100, test=10_000)


def alternate(name: str, steps: int, seed: int) -> dict[str, Trained]:
    """Train one network with each loop, in turns; the order is reversed after each round."""
    context, workers = multiprocessing.get_context("spawn"), {}
    for kind in KINDS:
        ours, theirs = context.Pipe()
        os.environ["LESSONS_ALLOCATOR"] = "keep freed memory" if kind == "course" else "default"
        context.Process(target=work, args=(kind, name, steps, seed, theirs), daemon=True).start()
        workers[kind] = ours
        ours.recv()  # one after the other: preparing the data takes both cores
    turns: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(steps // TURN):
        for kind in list(KINDS)[:: 1 if turn % 2 else -1]:
            workers[kind].send("go")
            turns[kind].append(workers[kind].recv())
    return {kind: Trained(turns[kind][1:], workers[kind].recv()) for kind in KINDS}


def ratio_of(runs: list[dict[str, Trained]], kind: str) -> Verdict:
    """How many times faster than the tutorial's a loop is, turn by turn."""
    baseline, other = ([ms for run in runs for ms in run[name].step_ms] for name in ("tutorial", kind))
    return judge(baseline, other)


def rows(name: str, runs: list[dict[str, Trained]]) -> list[list[str]]:
    """One row a loop: images/s, ratio to the tutorial's with its interval, accuracy of every seed."""
    found = []
    pooled = {kind: [ms for run in runs for ms in run[kind].step_ms] for kind in KINDS}
    for kind, what in KINDS.items():
        rates = statistics.quantiles([64e3 / ms for ms in pooled[kind]], n=4)
        ratio = "the baseline" if kind == "tutorial" else str(ratio_of(runs, kind))
        accuracies = [run[kind].accuracy for run in runs]
        found.append(
            [name, f"**{kind}**: {what}", f"{rates[1]:,.0f} ({rates[0]:,.0f} to {rates[2]:,.0f})", ratio,
             f"{statistics.mean(accuracies):.2%} ({', '.join(f'{share:.2%}' for share in accuracies)})"]
        )  # fmt: skip
    return found


def quickstart(data: Dataset, seconds: float) -> tuple[int, float, float]:
    """PyTorch's quickstart model, a perceptron with two hidden layers, SGD 1e-3; steps, seconds and test accuracy.

    Source: https://docs.pytorch.org/tutorials/beginner/basics/quickstart_tutorial.html
    """
    torch.manual_seed(0)
    pixels, classes = data.channels * data.size**2, len(data.classes)
    hidden = nn.Linear(pixels, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, classes)
    model = nn.Sequential(nn.Flatten(), *hidden)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)
    split = Split(data.train.images, data.train.labels)
    loader = torch.utils.data.DataLoader(loops.Images(split), 64, shuffle=True)
    began, steps = time.perf_counter(), 0
    for x, labels in itertools.chain.from_iterable(itertools.repeat(loader)):
        if time.perf_counter() - began > seconds:
            break
        loss = nn.functional.cross_entropy(model((x + 2) / 4), labels)  # its images reach from 0 to 1
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        steps += 1
    taken = time.perf_counter() - began
    with torch.inference_mode():
        said = model((models.to_input(data.test.images) + 2) / 4).argmax(1)
    return steps, taken, (said == data.test.labels).float().mean().item()


def to_ninety(data: Dataset, recipe: training.Recipe, seed: int) -> tuple[int, float, float, float | None]:
    """Train the small network; steps, seconds, test accuracy, and the seconds after which the test accuracy was 90 %."""
    model = models.build("small", channels=data.channels, classes=len(data.classes), seed=seed)
    judged_by_test = Dataset(data.name, data.train, data.test, data.test, data.classes, data.provenance)
    history = training.train(model, judged_by_test, recipe, seed=seed, evaluate_every=100, quiet=True)
    return len(history.loss), history.seconds, history.accuracy[-1][1], history.seconds_to(0.9)


def ninety_rows(data: Dataset, seeds: int, seconds: float) -> list[list[str]]:
    """Time to 90 % with the course's loop, and what the quickstart model reaches in the time given."""
    found = []
    recipe = training.Recipe(epochs=2.0, peak_rate=0.3)
    for seed in range(seeds):
        steps, taken, share, reached = to_ninety(data, recipe, seed)
        when = f"after {reached:.0f} s" if reached is not None else "not reached"
        found.append(
            [f"small network, the course's loop, seed {seed}", f"{steps:,}", f"{taken:.0f} s", f"{share:.2%}", when]
        )
    steps, taken, share = quickstart(data, seconds)
    when = "not reached" if share < 0.9 else f"within {taken:.0f} s"
    found.append(["PyTorch's quickstart model, SGD 1e-3", f"{steps:,}", f"{taken:.0f} s", f"{share:.2%}", when])
    return found


def page(
    throughput: list[list[str]], ninety: list[list[str]], steps: int, machine: dict[str, Any], command: str
) -> str:
    """The page for docs/benchmarks."""
    versions = ", ".join(f"{name} {machine['packages'][name]}" for name in ("torch", "numpy"))
    lines = [
        "# How fast does the course train?",
        "",
        f"Made by `{command}`. Three processes train the same small network (three convolutions) from the",
        f"same start with the same recipe and the same {steps:,} batches of 64. They take turns of {TURN} steps, one working while the",
        "others wait. Images/s is the median of all turns (and the quartiles); the ratio is that of the times of a turn, with",
        "its 99.5 % interval. Accuracy is that on 10,000 test images after equal steps, for every seed.",
        "",
        f"{datetime.date.today().isoformat()}; {machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads;",
        f"{machine['system']}; Python {machine['python']}, {versions}.",
        "",
        *table("Data | Loop | Images/s | Against the tutorial's | Accuracy", throughput),
        "",
        "## Time to 90 % on Fashion-MNIST",
        "",
        "Seconds of training, evaluation left out. The test accuracy is looked at every 100 steps; with a rate that falls to 0",
        "at the end, most of it comes late. The quickstart model gets the time that stands beside it.",
        "",
        *table("Model | Steps | Time | Test accuracy at the end | 90 % reached", ninety),
    ]
    return "\n".join(lines) + "\n"


def table(header: str, rows: list[list[str]]) -> list[str]:
    return [f"| {header} |", "| " + " | ".join("---" for _ in header.split("|")) + " |"] + [
        "| " + " | ".join(row) + " |" for row in rows
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How much faster does the course train than the usual tutorial?")
    parser.add_argument("--steps", type=int, default=400, help="of each network in the comparison")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", nargs="+", default=["fashion_mnist", "road_signs"])
    parser.add_argument("--seconds", type=float, default=60.0, help="for the quickstart model")
    parser.add_argument("--output", type=Path, default=REPORT)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    steps = options.steps // TURN * TURN
    throughput, good = [], True
    for name in options.data:
        runs = [alternate(name, steps, seed) for seed in range(options.seeds)]
        throughput += rows(name, runs)
        lost = statistics.mean(run["tutorial"].accuracy - run["course"].accuracy for run in runs)
        good = good and ratio_of(runs, "course").ratio >= GOAL and lost < 0.01
        print("\n".join(", ".join(row) for row in throughput[-len(KINDS) :]), flush=True)
    ninety = ninety_rows(datasets.load("fashion_mnist"), options.seeds, options.seconds)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python tools/bench_training.py", *sys.argv[1:]])
    options.output.write_text(page(throughput, ninety, steps, fingerprint(), command), encoding="utf-8")
    print("\n".join(", ".join(row) for row in ninety), f"\nWritten to {options.output}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
