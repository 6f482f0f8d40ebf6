"""How fast is the fast training on this GPU? Writes docs/benchmarks/gpu_training.md.

    python tools/bench_gpu_training.py                                   # five minutes on a machine with an NVIDIA GPU
    python tools/bench_gpu_training.py --profile full                    # twenty; with torch.compile and more runs
    python tools/bench_gpu_training.py --device cpu --output page.md     # the same code on a CPU, somewhere else

It measures what `python run.py record` measures for lesson 02, shows all of it, and puts the published record beside it.
CIFAR-10 is trained on where its files are here: `datasets.load("cifar10")` fetches them, LESSONS_DATA names their folder.
Exit status 1 where a GPU trained on CIFAR-10 and none of its recipes reached 94 % in most runs; 2 where nothing was measured.
"""

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

import torch

from lessons_lib import device as devices
from lessons_lib import profiles
from lessons_lib.explained import Explained
from lessons_lib.gpu_training import ways
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.parts import steps, training
from lessons_lib.tables import Table

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "gpu_training.md"
NO_GPU = (
    "docs/benchmarks/gpu_training.md is about a GPU, and this would be measured on a CPU: nothing was done. "
    "Run it where an NVIDIA GPU is, or give --output FILE to write a page about this CPU somewhere else."
)


def page(device: torch.device, found: dict[str, Findings], machine: dict[str, Any], command: str) -> str:
    """The page for docs/benchmarks."""
    made, trained = found["02.steps"], found["02.training"]
    network = (
        f"{made.facts['parameters'] / 1e6:.2f} million parameters, widths {'-'.join(map(str, made.facts['widths']))}"
    )
    versions = ", ".join(f"{name} {machine['packages'][name]}" for name in ("torch", "numpy"))
    gpu = machine["gpu"] if device.type == "cuda" else None
    driver = f", driver {gpu.get('driver', 'not known')}, CUDA {gpu['cuda']}" if gpu else ""
    lines = [
        f"# Fast training on one {ways.name_of(device)}",
        "",
        f"Made by `{command}`. {datetime.date.today().isoformat()}; {ways.name_of(device)}{driver};",
        f"{machine['cpu']}, {machine['cores']} cores; Python {machine['python']}, {versions}.",
        "",
        "## One step",
        "",
        f"The network of [lessons_lib/gpu_training](../../lessons_lib/gpu_training): {network},",
        f"{made.facts['training_flop_per_image'] / 1e6:,.0f} million operations to train on an image of 32 pixels. The ways take turns.",
        "The peak is told twice: by the data sheet (dense), and by large matrix products on this device.",
        "",
        *(line for table in steps.tables(made) for line in [*markdown(table), ""]),
        "## Whole trainings",
        "",
        "Seconds run from the first use of the training images to the last answer about the test images, as the published record",
        "counts; loading, a rehearsal, and compiling or capturing come before, and are in the column beside. The schedule's length is",
        "chosen beforehand; whether a run reached its target is decided by the test images, looked at once.",
        "",
        *(line for table in training.tables(trained) for line in [*markdown(table), ""]),
    ]
    if trained.facts["against_the_record"]:
        lines += [trained.facts["against_the_record"], ""]
    notes = [f"- {note}" for part in found.values() for note in part.notes]
    return "\n".join([*lines, *(["## Not measured", "", *notes] if notes else [])]).rstrip() + "\n"


def markdown(table: Table) -> list[str]:
    """A table as lines of Markdown, its caption above it."""
    rows = [table.columns, ["---"] * len(table.columns), *table.cells()]
    return [f"{table.caption}:", "", *(f"| {' | '.join(cells)} |" for cells in rows)]


def status(device: torch.device, trained: Findings) -> int:
    """0, or 1 where a GPU missed 94 % on CIFAR-10 in half of the runs or more of each recipe."""
    cifar = [task for task in trained.facts["tasks"] if task["name"].startswith("CIFAR-10")]
    return int(device.type == "cuda" and bool(cifar) and all(task["seconds_reached"] is None for task in cifar))


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast is the fast training on this GPU?")
    parser.add_argument("--device", default="auto", help="auto, cuda, cuda:1 or cpu")
    parser.add_argument("--profile", default="quick", choices=profiles.NAMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help=f"instead of {REPORT.name} under docs/benchmarks")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    options = arguments(words)
    try:
        device = devices.pick(options.device)
    except Explained as reason:
        print(reason)
        return 2
    if device.type == "cpu" and options.output is None:
        print(NO_GPU)
        return 2
    context = Context(device, options.profile, options.seed, say=lambda line: print(line, flush=True))
    found = {}
    for part in (steps.PART, training.PART):
        found[part.name] = part.measure(context)
        print(*part.tables(found[part.name]), *found[part.name].notes, sep="\n\n", flush=True)
    given = sys.argv[1:] if words is None else words
    output = options.output or REPORT
    output.parent.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python tools/bench_gpu_training.py", *given])
    output.write_text(page(device, found, devices.fingerprint(), command), encoding="utf-8")
    print(f"Written to {output}.")
    return status(device, found["02.training"])


if __name__ == "__main__":
    sys.exit(main())
