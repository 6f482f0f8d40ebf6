"""Is there a build for every scenario of lesson 12, and is the verdict the same each time? Writes docs/benchmarks/capstone.md.

    python tools/bench_capstone.py                 # four minutes on an otherwise idle machine
    python tools/bench_capstone.py --runs 2 --output page.md

The base and the lesson's pool, made and measured as in the lesson, several times over. Exit status 1 where a reference misses a budget in
most runs, or the base meets all budgets of a scenario in any.
"""

import argparse
import datetime
import statistics
import sys
from pathlib import Path
from typing import Any

from torch import nn

from lessons_lib import checkpoints, datasets, device, distillation, pruning, training
from lessons_lib.capstone import candidates, choosing, judging, measuring
from lessons_lib.capstone.judging import Judged
from lessons_lib.capstone.measuring import Measured
from lessons_lib.datasets.split import Dataset

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "capstone.md"
STEPS = {"channels -50 %": (0.5, 200), "channels -75 %": (0.75, 300)}  # as in the lesson's quick profile

Run = dict[str, list[Judged]]


def networks(data: Dataset) -> dict[str, nn.Module]:
    """The base that ships, and both narrower networks, distilled."""
    base = checkpoints.shipped("vgg")
    taught = distillation.ask(base, data, temperature=1.0)
    made = {"base": base}
    for name, (gone, steps) in STEPS.items():
        slim = pruning.remove_channels(base, gone)
        with device.threads(1):
            distillation.distil(slim, taught, data, training.Recipe(steps=steps, peak_rate=0.05), quiet=True)
        made[name] = slim.cpu().eval()
    return made


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]]


def of_candidate(run: list[Judged], candidate: candidates.Candidate) -> Judged:
    return next(one for one in run if one.measured.candidate == candidate)


def reference_rows(runs: list[Run]) -> list[list[str]]:
    """Each scenario's reference: how often it meets everything, and how much of each budget it uses, lowest to highest."""
    rows = []
    for name, candidate in candidates.REFERENCES.items():
        found = [of_candidate(run[name], candidate) for run in runs]
        used = [
            f"{judging.used_in_words(min(shares))} to {judging.used_in_words(max(shares))}"
            for shares in zip(*([line.used for line in one.lines] for one in found), strict=True)
        ]
        base = sum(run[name][0].meets for run in runs)
        met = sum(one.meets for one in found)
        rows.append([name, candidate.name, f"{met} of {len(runs)}", f"{base} of {len(runs)}", *used])
    return rows


def pool_rows(runs: list[Run], measured: list[list[Measured]]) -> list[list[str]]:
    """Each candidate: medians over the runs, and in how many of them it meets every budget of each scenario."""
    rows = []
    for place, one in enumerate(measured[0]):
        same = [found[place] for found in measured]
        rows.append(
            [
                one.name,
                f"{one.accuracy:.2%}",
                f"{statistics.median(m.p99_ms / found[0].p99_ms for m, found in zip(same, measured, strict=True)):.2f}",
                judging.kib(one.size_bytes),
                judging.mib(one.memory_bytes or 0),
                f"{statistics.median(m.cost_per_million / f[0].cost_per_million for m, f in zip(same, measured, strict=True)):.3f}",
                *(str(sum(run[name][place].meets for run in runs)) for name in candidates.REFERENCES),
            ]
        )
    return rows


def page(runs: list[Run], measured: list[list[Measured]], machine: dict[str, Any]) -> str:
    """The page for docs/benchmarks."""
    stalls = statistics.median(found[0].p99_ms / found[0].median_ms for found in measured)
    lines = [
        "# A build for every scenario",
        "",
        f"Written by `python tools/bench_capstone.py` on {datetime.date.today().isoformat()}: {machine['cpu']}, {machine['cpu_limit']:g} cores, "
        f"{', '.join(machine['vector_instructions'])}; torch {machine['packages']['torch']}, onnxruntime {machine['packages']['onnxruntime']}. "
        f"{len(runs)} runs of lesson 12's pool, road signs, quick profile. The p99 of the base was {stalls:.1f} times its median (median of the "
        "runs): that tells how calm the machine was.",
        "",
        "## The references",
        "",
        "How often each meets every budget, how often the base does, and which share of each budget the reference uses, lowest to highest:",
        "",
        *table(
            ["scenario", "reference", "meets all", "the base meets all", "accuracy", "p99", "size", "memory", "cost"],
            reference_rows(runs),
        ),
        "",
        "## The pool",
        "",
        "p99 and cost as times of the base's, medians over the runs; size and memory as measured; then the number of runs in which all budgets "
        "of a scenario are met:",
        "",
        *table(
            ["candidate", "accuracy", "p99", "size", "memory", "cost", *candidates.REFERENCES],
            pool_rows(runs, measured),
        ),
        "",
    ]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=8.0, help="for the latencies of each run")
    parser.add_argument("--output", type=Path, default=REPORT)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    data = datasets.load("road_signs", train=6_000, validation=200, test=2_000)
    variants = networks(data)
    pool = candidates.pool(variants)
    measured = [measuring.measure(pool, variants, data, seconds=options.seconds) for _ in range(options.runs)]
    runs = [choosing.every(found) for found in measured]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(page(runs, measured, device.fingerprint()), encoding="utf-8")
    print(options.output.read_text(encoding="utf-8"))
    kept = all(
        2 * sum(of_candidate(run[name], candidate).meets for run in runs) > len(runs)
        for name, candidate in candidates.REFERENCES.items()
    )
    return 0 if kept and not any(run[name][0].meets for run in runs for name in run) else 1


if __name__ == "__main__":
    sys.exit(main())
