"""Copies to a GPU and back, and copying one batch while another is calculated."""

from typing import Any

import torch

from lessons_lib.batching import take_batch
from lessons_lib.engines.resident import Form, Resident
from lessons_lib.gpu_inference import copies
from lessons_lib.gpu_inference.judged import judged, verdict
from lessons_lib.gpu_inference.streams import Queue, pinned
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings, rounded, series_of
from lessons_lib.machine_record.part import Part
from lessons_lib.models import to_input
from lessons_lib.profiles import choose
from lessons_lib.tables import Table
from lessons_lib.timing import compare

KIB, MIB = 2**10, 2**20
SIZES = (4 * KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB)
ONE, TWO = "one stream", "two streams"
NO_STREAMS = (
    "This record is of a CPU: its copies go from memory to memory, none is pinned, and nothing overlaps with them."
)


def measure(context: Context) -> Findings:
    """About 20 seconds."""
    device = context.device
    sizes = choose(context.profile, smoke=(4 * KIB, MIB), quick=SIZES, full=SIZES)
    context.say("copies by size")
    found = copies.measure(sizes, device, seconds=choose(context.profile, smoke=0.1, quick=1.5, full=4.0))
    series = [
        series_of(c.measurement, what="copy", size_bytes=c.size_bytes, there=c.there, pinned=c.pinned) for c in found
    ]
    if device.type == "cpu":
        return Findings(tuple(series), {"overlap": []}, (NO_STREAMS,))
    context.say("copying while calculating")
    overlap, facts = _overlap(context)
    return Findings((*series, *overlap), facts)


def _overlap(context: Context) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    device, images = context.device, to_input(context.data().test.images[:128])
    size, count = choose(context.profile, smoke=(8, 4), quick=(1024, 8), full=(1024, 16))
    batches = [pinned(take_batch(images.roll(i, 0), size), device) for i in range(count)]
    run = Resident(context.network("vgg"), Form(torch.float16), device)
    queues = {name: Queue(run, batches, device, overlapped=name == TWO) for name in (ONE, TWO)}
    difference = _difference(*(queue() for queue in queues.values()))
    seconds = choose(context.profile, smoke=0.2, quick=4.0, full=10.0)
    compared = compare(dict(queues), seconds=seconds, device=device)
    labels: dict[str, Any] = {"what": "queue", "batch": size, "batches": count}
    series = [series_of(m, way=way, **labels) for way, m in compared.measurements.items()]
    facts = {"overlap": judged(compared, "way", **labels), "largest_difference": difference}
    return series, facts


def _difference(one: list[torch.Tensor], two: list[torch.Tensor]) -> float:
    expected, found = torch.cat(one), torch.cat(two)
    difference = ((found - expected).abs().max() / expected.abs().max()).item()
    if not difference <= 1e-2:
        raise RuntimeError(
            f"Two streams gave other answers than one (by {difference:.1e}): a batch was used too early."
        )
    return rounded(difference)


def tables(findings: Findings) -> list[Table]:
    """The copies by size, and one stream against two."""
    lines: dict[int, dict[str, str]] = {}
    for one in [s for s in findings.series if s["what"] == "copy"]:
        name = f"{'to the device' if one['there'] else 'back'}, {'pinned' if one['pinned'] else 'ordinary'} memory"
        rate = one["size_bytes"] / one["median_ms"] / 1e6
        lines.setdefault(one["size_bytes"], {})[name] = f"{one['median_ms']:.3g} ms, {rate:.3g} GB/s"
    sizes = [{"size": f"{size / KIB:,.0f} KiB", **cells} for size, cells in sorted(lines.items())]
    found = [Table("Copies, each waited for", sizes), _queue_table(findings)]
    return [table for table in found if table.rows]


def _queue_table(findings: Findings) -> Table:
    told = {one["way"]: str(verdict(one)) for one in findings.facts["overlap"]}
    rows = [
        {
            "way": one["way"],
            f"{one['batches']} batches of {one['batch']:,}": f"{one['median_ms']:.3g} ms",
            "against one stream": told.get(one["way"], ""),
        }
        for one in findings.series
        if one["what"] == "queue"
    ]
    return Table("Copying the next batch while one is calculated", rows)


PART = Part("09.transfers", "Copies to the device and back", measure, tables)
