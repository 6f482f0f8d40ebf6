"""Do rollouts end as they should? Writes docs/benchmarks/rollout.md.

    python tools/bench_rollout.py                 # about a minute
    python tools/bench_rollout.py --runs 200 --kills 50 --output page.md

1,000 simulated rollouts of each of several worse, equal and better versions; the same with an ordinary test that is repeated at
every look, for comparison; versions that fail; and a registry whose writer is killed at random moments. Exit status 1 where
a worse version is rolled back before 20 % of the traffic saw it, or an equal or better one promoted, in less than 95 %, or where
a kill leaves anything but one whole live version.
"""

import argparse
import datetime
import multiprocessing
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from lessons_lib.rollout import Outcomes, Policy, Registry, Router, simulate
from lessons_lib.rollout.told import WANTED, kind

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "rollout.md"
BEFORE = 0.20
# only the live version right, only the new one right: shares of the requests
VERSIONS = [
    (0.10, 0.00), (0.10, 0.05), (0.05, 0.02), (0.03, 0.01), (0.05, 0.03), (0.10, 0.08),
    (0.03, 0.02), (0.025, 0.02),
    (0.00, 0.00), (0.01, 0.01), (0.04, 0.04), (0.08, 0.08), (0.02, 0.03), (0.03, 0.08),
]  # fmt: skip
HARD = [(0.15, 0.15), (0.25, 0.25)]  # two good versions that disagree on many requests
MARGINS = (0.01, 0.02, 0.05)
FAILURES = (1.0, 0.5, 0.2, 0.05)


def share_told(count: int, runs: int) -> str:
    """A share with its 95 % interval (Clopper and Pearson)."""
    interval = stats.binomtest(count, runs).proportion_ci()
    return f"{count / runs:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def row_of(lost: float, won: float, policy: Policy, found: Outcomes) -> list[str]:
    runs = len(found.promoted)
    back = round(found.rolled_back_before(BEFORE) * runs)
    seen = 100 * found.compared / found.requests
    return [
        f"{100 * (lost - won):+.1f}", f"{lost + won:.1%}", kind(lost - won, policy.margin), share_told(back, runs),
        share_told(int(found.promoted.sum()), runs), f"{np.median(found.compared):,.0f}",
        f"{np.quantile(found.compared, 0.95):,.0f}", f"{np.median(found.requests):,.0f}", f"{np.median(seen):.1f}%",
    ]  # fmt: skip


def good(lost: float, won: float, policy: Policy, found: Outcomes) -> bool:
    """Whether it ended as it should often enough; in between either end is right."""
    what = kind(lost - won, policy.margin)
    ends = {"worse": found.rolled_back_before(BEFORE), "not worse": found.promoted_share, "in between": 1.0}
    return ends[what] >= WANTED


def repeated_test(lost: float, won: float, policy: Policy, runs: int, looks: int) -> float:
    """How often McNemar's test, one-sided and repeated at every look, calls the new version worse."""
    random = np.random.default_rng(1)
    losses = random.binomial(policy.look_every, lost, (runs, looks)).cumsum(1)
    wins = random.binomial(policy.look_every, won, (runs, looks)).cumsum(1)
    z = (losses - wins) / np.sqrt(np.maximum(1, losses + wins))
    return float((z >= stats.norm.isf(policy.level)).any(1).mean())


def failing_rows(policy: Policy, rollouts: int) -> tuple[list[list[str]], bool]:
    """Versions that raise in a share of the requests: when they are gone, and whether every user got an answer."""
    rows, all_answered = [], True
    for share in FAILURES:
        asked = []
        for seed in range(rollouts):
            random = np.random.default_rng(seed)

            def new(x: int, random: np.random.Generator = random, share: float = share) -> int:
                if random.random() < share:
                    raise RuntimeError("out of memory")
                return x

            router = Router(lambda x: x, new, policy, salt=str(seed))
            for number in range(50_000):
                all_answered &= router.answer(str(number), number).answer == number
                if router.word != "running":
                    break
            router.close()
            asked.append(router.tally.failures + router.tally.answered)
            all_answered &= router.word == "rolled back"
        rows.append([f"{share:.0%}", f"{np.median(asked):.0f}", f"{max(asked)}"])
    return rows, all_answered


def upgrade_for_ever(folder: str, start: int, done: Any) -> None:
    """Adds and promotes versions until it is killed; tells how many."""
    registry = Registry(Path(folder))
    for seed in range(start, start + 10_000):
        values = np.random.default_rng(seed).normal(size=(256, 64)).astype(np.float32)
        registry.promote(registry.add(f"version {seed}", {"weight": values}).id)
        done.value += 1


def killed(kills: int) -> tuple[int, int, int]:
    """Kill the writer again and again.

    Returns:
        How often one whole version was live, how often it was another than before, how often something half-written was left.
    """
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    random, whole, moved, halves = np.random.default_rng(2), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(Path(folder))
        registry.promote(registry.add("version 0", {"weight": np.zeros(4, dtype=np.float32)}).id)
        for kill in range(1, kills + 1):
            before, done = registry.live(), context.Value("i", 0, lock=False)
            child = context.Process(target=upgrade_for_ever, args=(folder, kill * 10_000, done))
            child.start()
            while not done.value:
                if not child.is_alive():
                    raise RuntimeError("the process that upgrades ended by itself")
                time.sleep(0.0005)
            time.sleep(random.uniform(0, 0.03))
            child.kill()
            child.join()
            live = registry.live()  # verified by its hashes
            whole += live is not None and bool(registry.load(live.id))
            moved += live != before
            halves += registry.tidy() > 0
    return whole, moved, halves


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in [header, ["---"] * len(header), *rows]]


def page(runs: int, kills: int) -> tuple[str, bool]:
    """The page for docs/benchmarks, and whether all is as it should be."""
    policy = Policy()
    heading = [
        "worse by, points", "disagreement", "kind", f"rolled back before {BEFORE:.0%}", "promoted", "compared, median",
        "compared, 95 %", "all requests, median", "saw it, median",
    ]  # fmt: skip
    found = {pair: simulate(*pair, policy, runs=runs) for pair in VERSIONS + HARD}
    fine = all(good(*pair, policy, found[pair]) for pair in VERSIONS)
    by_margin = []
    for margin in MARGINS:
        changed = replace(policy, margin=margin)
        for lost, won in ((0.02, 0.02), (0.02 + margin, 0.02)):
            by_margin.append(
                [f"{100 * margin:g}", *row_of(lost, won, changed, simulate(lost, won, changed, runs=runs))]
            )
    looks = 1_000
    peeking = [
        [f"{2 * share:.0%}", f"{repeated_test(share, share, policy, runs, looks):.1%}",
         f"{1 - simulate(share, share, policy, runs=runs).promoted_share:.1%}"]
        for share in (0.01, 0.04, 0.08)
    ]  # fmt: skip
    failing, answered = failing_rows(policy, 50)
    whole, moved, halves = killed(kills)
    lines = [
        "# Rollouts: do they end as they should?",
        "",
        f"Written by `python tools/bench_rollout.py` on {datetime.date.today().isoformat()}, with fixed seeds. The default policy: "
        f"shares of {', '.join(f'{share:.0%}' for share in policy.shares)}; {policy.least} compared requests a stage at least; margin "
        f"{100 * policy.margin:g} points; level {policy.level:.0%} for each test; a look every {policy.look_every} compared requests; "
        f"patience {policy.patience:,}.",
        "",
        f"## {runs:,} rollouts of each version",
        "",
        "Disagreement: the share of the requests that only one of the two versions gets right. Worse means by the margin or more. In between, "
        "either end is right. In brackets: the 95 % interval of the share.",
        "",
        *table(heading, [row_of(*pair, policy, found[pair]) for pair in VERSIONS]),
        "",
        f"Worse versions are to be rolled back before {BEFORE:.0%} of the traffic saw them in at least {WANTED:.0%}, equal and better "
        f"ones promoted in at least {WANTED:.0%}: {'all are' if fine else '**not all are**'}.",
        "",
        "Equally good versions that disagree on very many requests may need more patience than the policy has; they are then rolled back, unproven:",
        "",
        *table(heading, [row_of(*pair, policy, found[pair]) for pair in HARD]),
        "",
        "## What a smaller margin costs",
        "",
        *table(["margin, points", *heading], by_margin),
        "",
        "## Why not an ordinary test?",
        "",
        f"Versions that are exactly equal, and how often they are sent away. McNemar's test at {policy.level:.0%}, repeated at {looks:,} looks, "
        "against the gambler's capital (and running out of patience):",
        "",
        *table(["disagreement", "McNemar's test, repeated", "the rollouts of this course"], peeking),
        "",
        "## Versions that raise an error",
        "",
        f"50 rollouts each, {policy.tolerated:.0%} of failures tolerated. "
        f"{'Every request got an answer, and every version was taken out.' if answered else '**Not every one was caught.**'}",
        "",
        *table(["share of requests that fail", "asked until it was gone, median", "at most"], failing),
        "",
        "## Kills",
        "",
        f"A process adds and promotes versions without end, and is killed at a random moment. Of {kills} kills {whole} left exactly one whole "
        f"live version, verified by its hashes; {halves} came in the middle of writing one, and {moved} found another live version than "
        "the kill before.",
        "",
    ]
    return "\n".join(lines), fine and answered and whole == kills and halves > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--output", type=Path, default=REPORT)
    options = parser.parse_args()
    text, fine = page(options.runs, options.kills)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(text)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
