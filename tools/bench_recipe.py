"""The fewest steps and seconds to 90, 91 and 92 % on Fashion-MNIST. Writes docs/benchmarks/recipe.md.

    python tools/bench_recipe.py search    # every change of tools/recipes/study.py, three seeds each: about half an hour
    python tools/bench_recipe.py final     # the steps that each accuracy takes
    python tools/bench_recipe.py seconds   # and the seconds, with all threads, one training at a time
    python tools/bench_recipe.py page      # writes the page from docs/benchmarks/recipe.json

Every finished training is kept in recipe.json at once; a command that is run again goes on where it stopped. Changes are
judged on 10,000 images kept back from training; the 10,000 test images are for the final figures.
"""

import argparse
import datetime
import json
import multiprocessing
import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from recipes.network import build
from recipes.page import fewest, page, timed_runs
from recipes.run import Run, run, training
from recipes.study import SEEDS, STAGES, TARGETS, TIMED
from recipes.variant import Variant, key

from lessons_lib import datasets
from lessons_lib.datasets.split import Dataset
from lessons_lib.device import fingerprint
from lessons_lib.resume import replace_file
from lessons_lib.timing import compare

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"
KEPT = FOLDER / "recipe.json"
Job = tuple[Variant, int, int]  # how, steps, seed


def load() -> Dataset:
    return datasets.load("fashion_mnist", train=50_000, validation=10_000)


def read() -> dict[str, Any]:
    """What is kept: runs by `key`, and seconds."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"runs": {}, "seconds": {}}


def keep(kept: dict[str, Any]) -> None:
    replace_file(KEPT, (json.dumps(kept, indent=0, sort_keys=True) + "\n").encode())


def prepare() -> None:
    """Each process works on one thread; with a core for each, that trains more images a second than sharing does."""
    global data
    torch.set_num_threads(1)
    data = load()


def work(job: Job) -> tuple[Job, Run]:
    return job, run(job[0], data, job[1], job[2])


def finish(jobs: Iterable[Job], processes: int) -> None:
    """Do the jobs that are not kept yet."""
    kept = read()
    todo = [job for job in dict.fromkeys(jobs) if key(*job) not in kept["runs"]]
    with multiprocessing.get_context("spawn").Pool(processes, prepare) as pool:
        for done, (job, found) in enumerate(pool.imap_unordered(work, todo), 1):
            kept["runs"][key(*job)] = asdict(found)
            keep(kept)
            print(f"{done} of {len(todo)}: {key(*job)} {found.validation:.2%} {found.test:.2%}", flush=True)


def search_jobs() -> list[Job]:
    """Every variant of every stage with every seed."""
    return [(v, s.steps_of(v), seed) for s in STAGES for v in s.variants().values() for seed in SEEDS]


def final_jobs() -> list[Job]:
    """The recipes of the targets at every number of steps, the shortest first."""
    return [(recipe, steps, seed) for recipe, tried in TARGETS.values() for steps in tried for seed in SEEDS]


def measure_seconds() -> None:
    """Train the recipe of each target as long as it takes, and time the steps of `TIMED`, on an otherwise idle machine."""
    kept, found = read(), load()
    for target, (recipe, _) in TARGETS.items():
        while (steps := fewest(kept, target)) is not None and not timed_runs(kept, target, steps):
            runs = [run(recipe, found, steps, seed) for seed in SEEDS]
            kept["seconds"].setdefault(f"{target:.0%}", []).extend(asdict(one) for one in runs)
            keep(kept)
            print(
                f"{target:.0%}: {steps} steps, {', '.join(f'{one.seconds:.1f} s {one.test:.2%}' for one in runs)}",
                flush=True,
            )
    kept["steps"] = step_times(found)
    kept["machine"] = fingerprint() | {"date": datetime.date.today().isoformat()}
    keep(kept)


def step_times(found: Dataset, seconds: float = 20.0) -> list[dict[str, str]]:
    """How long a step takes, in turns."""
    calls = {}
    for name, variant in TIMED.items():
        model = build(variant, found.train.images, len(found.classes), 0)
        calls[name] = partial(next, training(variant, model, found.train, 1_000_000, 0))
    compared = compare(calls, seconds=seconds)
    return [
        {
            "recipe": name,
            "ms": f"{compared.measurements[name].median_ms:.1f}",
            "verdict": str(compared.verdicts.get(name, "")),
        }
        for name in calls
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["search", "final", "seconds", "page"])
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.what == "search":
        finish(search_jobs(), options.processes)
    if options.what == "final":
        finish(final_jobs(), options.processes)
    if options.what == "seconds":
        measure_seconds()
    if options.what == "page":
        (FOLDER / "recipe.md").write_text(page(read()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
