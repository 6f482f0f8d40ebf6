"""The page of the search: kept runs in, Markdown out."""

import statistics
from typing import Any

from lessons_lib.paired import effect
from recipes.study import SEEDS, STAGES, TARGETS, Stage
from recipes.variant import Variant, key

VALIDATION_IMAGES = 10_000


def page(kept: dict[str, Any]) -> str:
    """Everything that was tried, and how far it got."""
    machine = kept["machine"]
    lines = [
        "# The fewest steps to 90, 91 and 92 % on Fashion-MNIST",
        "",
        "Made by `python tools/bench_recipe.py`, which keeps every run in [recipe.json](recipe.json). The network is the course's",
        "small one (three convolutions of 32, 64 and 128 channels). It trains on 50,000 images; 10,000 others judge the",
        "changes, and the 10,000 test images are looked at for the final figures only. A step is a batch of 64.",
        "",
        f"{machine['date']}; {machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; Python {machine['python']},",
        f"torch {machine['packages']['torch']}.",
        "",
        "## How far it got",
        "",
        *reached(kept),
        "",
        "Reached means: on average over all these runs, three of the search (one thread each) and three timed ones.",
        "",
        "What a step takes, measured in turns:",
        "",
        "| recipe | median | against the first |",
        "| --- | --- | --- |",
        *(f"| {row['recipe']} | {row['ms']} ms | {row['verdict']} |" for row in kept.get("steps", [])),
        "",
        "## What was tried",
        "",
        "Each change alone, with the same three seeds (the same initial weights and order of images as the unchanged recipe).",
        "The difference is that of the validation accuracy in percentage points, with the 95 % t-interval of the paired",
        "differences; *helped* and *hurt* are said where the interval leaves 0 out. Kept for the next stage: a change that",
        "helped there or in an earlier stage, the pooling, which makes a step cheaper (above), and a shorter warm-up, which",
        "gained a little with every seed and costs nothing. Averaging takes the mean of every fifth step's weights.",
        "",
    ]
    for stage in STAGES:
        lines += [f"### {stage.title} ({stage.steps:,} steps)", "", *table(stage, kept["runs"]), ""]
    return "\n".join(lines).rstrip() + "\n"


def table(stage: Stage, runs: dict[str, Any]) -> list[str]:
    """One row for each change, the unchanged recipe first."""
    rows = ["| change | validation accuracy | difference | seed by seed | verdict |", "| --- | --- | --- | --- | --- |"]
    before: dict[int, float] = {}
    for name, variant in stage.variants().items():
        found = [runs.get(key(variant, stage.steps_of(variant), seed)) for seed in SEEDS]
        if None in found:
            rows.append(f"| {name} | not run | | | |")
            continue
        after = {seed: one["validation"] for seed, one in zip(SEEDS, found, strict=True)}
        shown = f"{statistics.mean(after.values()):.2%} ({min(after.values()):.2%} to {max(after.values()):.2%})"
        before = before or after
        told = effect(before, after, 1 / VALIDATION_IMAGES)
        each = ", ".join(f"{100 * value:+.2f}" for value in told.differences.values())
        rest = "| | |" if name == "unchanged" else f"{told.figures} | {each} | {told.word} |"
        rows.append(f"| {name} | {shown} | {rest}")
    return rows


def tried(kept: dict[str, Any], target: float) -> dict[int, list[float]]:
    """Test accuracies of the recipe for a target by number of steps: one for each seed, then those of the timed runs."""
    recipe, every = TARGETS[target]
    found = {steps: [kept["runs"].get(key(recipe, steps, seed)) for seed in SEEDS] for steps in every}
    return {
        steps: [one["test"] for one in ones + timed_runs(kept, target, steps)]
        for steps, ones in found.items()
        if None not in ones
    }


def timed_runs(kept: dict[str, Any], target: float, steps: int) -> list[dict[str, Any]]:
    """The runs for a target that were timed with so many steps."""
    return [one for one in kept["seconds"].get(f"{target:.0%}", []) if one["steps"] == steps]


def fewest(kept: dict[str, Any], target: float) -> int | None:
    """The fewest of the tried steps whose mean test accuracy, timed runs included, reaches the target."""
    return next((s for s, shares in tried(kept, target).items() if statistics.mean(shares) >= target), None)


def reached(kept: dict[str, Any]) -> list[str]:
    """Steps and seconds to each accuracy."""
    rows = [
        "| test accuracy | recipe | steps | epochs | seconds (median, lowest to highest) | test accuracy of each run |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for target, (recipe, _) in TARGETS.items():
        steps = fewest(kept, target)
        if steps is None or not (timed := timed_runs(kept, target, steps)):
            rows.append(f"| {target:.0%} | {words(recipe)} | not reached | | | {misses(kept, target)} |")
            continue
        seconds = sorted(one["seconds"] for one in timed)
        shares = ", ".join(f"{share:.2%}" for share in tried(kept, target)[steps])
        spread = f"{statistics.median(seconds):.1f} ({seconds[0]:.1f} to {seconds[-1]:.1f})"
        rows.append(f"| {target:.0%} | {words(recipe)} | {steps:,} | {steps * 64 / 50_000:.2f} | {spread} | {shares} |")
    return rows


def misses(kept: dict[str, Any], target: float) -> str:
    """How near the tried numbers of steps came."""
    found = tried(kept, target)
    return "; ".join(f"{statistics.mean(shares):.2%} after {steps:,} steps" for steps, shares in found.items())


def words(variant: Variant) -> str:
    """What differs from the course's recipe."""
    return ", ".join(f"{name} {value}" for name, value in variant.changed().items())
