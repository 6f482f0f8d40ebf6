"""What a training on several processes leaves behind, and what can be told from two of them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lessons_lib.scaling.running import WARM_UP_STEPS
from lessons_lib.tables import Table
from lessons_lib.timing.verdict import Verdict, judge

MIB = 2**20


@dataclass(frozen=True, repr=False)
class ScalingResult:
    """A training on one or several processes.

    batch_size: of the joined batch. steps: in all; started_at: the first of this call, above 0 after a resume. seconds,
    images_per_second: of the slowest process, start-up, the first steps, checkpoints and evaluation left out.
    start_up_s: from the call to the first step. loss: of each step, the mean over all processes.
    weight_digests: a fingerprint of the final weights of each rank. exchange: a row for each rank with the gradient of one
    weight before and after the exchange, and in one process with the joined batch. gradient_difference: how far all
    exchanged gradients are from those of one process, as a share of their length, by what batch norm looks at.
    gradient_bytes: what is averaged in each step. allreduce_ms_per_step: an exchange of so many bytes on its own.
    together_s, apart_s: steps with and without the exchange, in turns; of the slowest process.
    peak_memory_bytes: of each rank. weights: for `model.load_state_dict`.
    """

    processes: int
    threads_each: int
    device: str
    batch_size: int
    steps: int
    started_at: int
    seconds: float
    images_per_second: float
    start_up_s: float
    loss: tuple[float, ...]
    weight_digests: tuple[str, ...]
    exchange: tuple[dict[str, Any], ...]
    gradient_difference: dict[str, float]
    gradient_bytes: int
    allreduce_ms_per_step: float
    together_s: tuple[float, ...]
    apart_s: tuple[float, ...]
    peak_memory_bytes: tuple[int, ...]
    weights: dict[str, Tensor] = field(compare=False)

    @property
    def equal_weights(self) -> bool:
        """Do all processes end with the same weights, bit for bit?"""
        return len(set(self.weight_digests)) == 1

    @property
    def bytes_per_step(self) -> int:
        """What each process sends in a step: a ring all-reduce passes 2 (n - 1) / n of the gradients on.

        Source: Patarasuk and Yuan, Bandwidth optimal all-reduce algorithms for clusters of workstations, 2009.
        """
        return round(2 * (self.processes - 1) / self.processes * self.gradient_bytes)

    @property
    def exchange_verdict(self) -> Verdict | None:
        """How many times faster a step would be without the exchange; None with one process."""
        return judge(self.together_s, self.apart_s) if self.together_s else None

    @property
    def exchange_share(self) -> float:
        """The share of a step that the exchange takes, waiting included; noise can make it negative. 0 with one process."""
        if not self.together_s:
            return 0.0
        return 1 - statistics.median(a / t for t, a in zip(self.together_s, self.apart_s, strict=True))

    def exchange_table(self) -> Table:
        """The gradient of one weight in each process before and after the exchange."""
        weight = self.exchange[0]["weight"]
        rows = [
            {
                "process": row["rank"],
                "its images": row["images"],
                "before the exchange": f"{row['before']:+.6f}",
                "after it": f"{row['after']:+.6f}",
                "one process, all images": f"{row['joined']:+.6f}",
            }
            for row in self.exchange
        ]
        return Table(f"Gradient of {weight} in the first step (batch norm's statistics fixed)", rows)

    def __repr__(self) -> str:
        each = "" if self.processes == 1 else " each"
        threads = f"{self.threads_each} thread{'s' * (self.threads_each > 1)}{each}"
        count = f"{self.processes} process{'es' * (self.processes > 1)}"
        return f"{count}, {threads}: {self.steps - self.started_at} steps, {self.images_per_second:,.0f} images/s"


def from_reports(
    reports: Sequence[dict[str, Any]], job: Any, began: float, weights: dict[str, Tensor]
) -> ScalingResult:
    """Join the reports of all ranks.

    Args:
        reports: one a rank, in order. job: the job they had. began: time.time() when it was started.
    """
    first, costs = reports[0], [report["cost"] for report in reports]
    timed = [report["step_seconds"] for report in reports]
    warm_up = WARM_UP_STEPS if len(timed[0]) > WARM_UP_STEPS else 0
    seconds = max(math.fsum(steps[warm_up:]) for steps in timed)
    shown = [report["exchange"] | {"rank": report["rank"]} for report in reports]
    return ScalingResult(
        processes=len(reports),
        threads_each=job.threads_each,
        device=job.device,
        batch_size=job.recipe.batch_size,
        steps=first["steps"],
        started_at=first["start"],
        seconds=seconds,
        images_per_second=(len(timed[0]) - warm_up) * job.recipe.batch_size / seconds if seconds else 0.0,
        start_up_s=max(report["first_step_at"] for report in reports) - began,
        loss=tuple(first["loss"]),
        weight_digests=tuple(report["digest"] for report in reports),
        exchange=tuple(shown),
        gradient_difference={
            "fixed statistics": max(row["difference_fixed"] for row in shown),
            "each process its own images": max(row["difference_own"] for row in shown),
        },
        gradient_bytes=costs[0]["gradient_bytes"],
        allreduce_ms_per_step=1000 * max(cost["allreduce_s"] for cost in costs),
        together_s=tuple(map(max, zip(*(cost["together_s"] for cost in costs), strict=True))),
        apart_s=tuple(map(max, zip(*(cost["apart_s"] for cost in costs), strict=True))),
        peak_memory_bytes=tuple(report["peak_memory_bytes"] for report in reports),
        weights=weights,
    )


def efficiency(one: ScalingResult, many: ScalingResult) -> float:
    """How well more processes pay: throughput gained over processors added; 1 is perfect.

    Counts a process with two threads as two processors, as it uses two cores.
    """
    gained = many.images_per_second / one.images_per_second
    added = (many.processes * many.threads_each) / (one.processes * one.threads_each)
    return gained / added
