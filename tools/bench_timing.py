"""How often is a verdict of `compare` wrong? Runs hundreds of comparisons whose answer is known and writes a report.

    python tools/bench_timing.py                                   # about 17 minutes
    python tools/bench_timing.py --counts 20 10 10 --output timing.md

The known difference is repeated work on the same tensors: 20 forward passes against 20, 21 or 22. (One more image in a
batch would not do: kernels like round sizes, and one image more can cost far more than its share.)
Exit status 1 where a goal is missed.
"""

import argparse
import datetime
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

from lessons_lib.device import fingerprint, seed_everything, threads
from lessons_lib.timing import Verdict, compare

PASSES = 20
REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "timing.md"


@dataclass(frozen=True)
class Trial:
    """A comparison with a known answer: `extra` more passes than the baseline's 20, and the goal as a share."""

    title: str
    extra: int
    count: int
    seconds: float
    share: float

    @property
    def goal(self) -> str:
        return (
            f"at most {self.most_claims} claim a difference" if self.extra == 0 else f"at least {self.fewest} find it"
        )

    @property
    def most_claims(self) -> int:
        return max(1, int(self.share * self.count))

    @property
    def fewest(self) -> int:
        return int(np.ceil(self.share * self.count))


@dataclass(frozen=True)
class Outcome:
    """What the comparisons of one trial said, how long each took, and the load average at the end (own work included)."""

    trial: Trial
    thread_count: int
    verdicts: list[Verdict]
    seconds: list[float]
    load: float

    @property
    def hits(self) -> int:
        """False claims where there is no difference; claims in the right direction where there is one."""
        if self.trial.extra == 0:
            return sum(verdict.word != "cannot tell" for verdict in self.verdicts)
        return sum(verdict.word == "slower" for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        return self.hits <= self.trial.most_claims if self.trial.extra == 0 else self.hits >= self.trial.fewest

    @property
    def covered(self) -> int:
        """Intervals that contain the true ratio."""
        truth = PASSES / (PASSES + self.trial.extra)
        return sum(verdict.low <= truth <= verdict.high for verdict in self.verdicts)

    def row(self) -> list[str]:
        ratios = [verdict.ratio for verdict in self.verdicts]
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        return [
            str(self.thread_count),
            self.trial.title,
            f"{self.trial.seconds:g} s",
            self.trial.goal,
            f"{self.hits} of {len(self.verdicts)}",
            "passed" if self.passed else "MISSED",
            f"{PASSES / (PASSES + self.trial.extra):.4f}",
            f"{middle:.4f}",
            f"{100 * (high - low) / middle:.2f} %",
            f"{self.covered} of {len(self.verdicts)}",
            f"{np.median(self.seconds):.2f} s",
            f"{self.load:.1f}",
        ]


HEADER = "Threads | Trial | Time | Goal | Result | Verdict | True ratio | Median estimate | Spread of the estimate"
HEADER += " | Intervals with the true ratio | Time taken | Load"


def work(passes: int) -> Callable[[], None]:
    """A call of some 6 ms: a small convolutional model in eager mode, run `passes` times on the same images."""
    seed_everything(0)
    layers = nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
    model, images = nn.Sequential(*layers).eval(), torch.rand(4, 3, 32, 32)

    def call() -> None:
        with torch.inference_mode():
            for _ in range(passes):
                model(images)

    return call


def run(trial: Trial, thread_count: int) -> Outcome:
    """Run every comparison of a trial, with progress on the terminal."""
    verdicts, seconds = [], []
    candidates = {"baseline": work(PASSES), "candidate": work(PASSES + trial.extra)}
    with threads(thread_count):
        for done in range(1, trial.count + 1):
            start = time.perf_counter()
            verdicts.append(compare(candidates, seconds=trial.seconds).verdict)
            seconds.append(time.perf_counter() - start)
            outcome = Outcome(trial, thread_count, verdicts, seconds, psutil.getloadavg()[0])
            said = f"{thread_count} threads, {trial.title}: {outcome.hits} claims in {done} of {trial.count}"
            print(f"\r{said}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return outcome


def report(outcomes: list[Outcome], machine: dict[str, Any]) -> str:
    """The page for docs/benchmarks."""
    versions = ", ".join(f"{name} {machine['packages'][name]}" for name in ("torch", "numpy"))
    lines = [
        "# How often is a verdict wrong?",
        "",
        "Comparisons whose answer is known, made by `python tools/bench_timing.py`: a small convolutional model in eager",
        f"mode runs {PASSES} times on the same images, against {PASSES}, {PASSES + 1} or {PASSES + 2} times. A ratio below 1 means",
        "that the second is slower. The spread is the interquartile range over the median of all estimates.",
        "The load is the load average at the end of the trial, the benchmark's own threads included: what exceeds",
        "their number is other programs.",
        "",
        f"{datetime.date.today().isoformat()}; {machine['cpu']}, {machine['cores']} cores; {machine['system']};",
        f"Python {machine['python']}, {versions}.",
        "",
        f"| {HEADER} |",
        "| " + " | ".join("---" for _ in HEADER.split("|")) + " |",
        *("| " + " | ".join(outcome.row()) + " |" for outcome in outcomes),
    ]
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How often is a verdict of `compare` wrong?")
    kinds = ("SAME", "TEN", "FIVE")
    parser.add_argument(
        "--counts", type=int, nargs=3, metavar=kinds, default=[200, 100, 100], help="comparisons; 0 leaves out"
    )
    parser.add_argument(
        "--seconds", type=float, nargs=3, metavar=kinds, default=[1.0, 1.0, 2.0], help="for each of them"
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--output", type=Path, default=REPORT)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    (same, ten, five), (same_s, ten_s, five_s) = options.counts, options.seconds
    trials = [
        Trial("a thing with itself", 0, same, same_s, 0.005),
        Trial("10 % more work", 2, ten, ten_s, 0.95),
        Trial("5 % more work", 1, five, five_s, 0.90),
    ]
    outcomes = [run(trial, count) for count in options.threads for trial in trials if trial.count > 0]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(report(outcomes, fingerprint()), encoding="utf-8")
    print("\n".join(", ".join(outcome.row()[:6]) for outcome in outcomes))
    print(f"Written to {options.output}.")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
