"""From how many images at once does a GPU pay? The copies there and back are part of what it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lessons_lib import timing
from lessons_lib.configuration import Row
from lessons_lib.recorded import Recording
from lessons_lib.tables import Table
from lessons_lib.timing import Verdict

VARIANTS = ("base", "int8")  # one network, in whatever precision is fastest


@dataclass(frozen=True)
class Duel:
    """The fastest CPU configuration against the fastest GPU configuration at one batch size.

    verdict: of the GPU, with the CPU as its baseline.
    """

    cpu: Row
    gpu: Row
    verdict: Verdict

    @property
    def batch(self) -> int:
        """The batch size."""
        return self.cpu.batch


def duels(cpu_rows: Sequence[Row], gpu_rows: Sequence[Row], variants: Sequence[str] = VARIANTS) -> list[Duel]:
    """Set CPU against GPU at each batch size that both were measured at, in rising order.

    Args:
        cpu_rows: of one machine. gpu_rows: of the same run or, recorded, of another machine; what did not run on the
            device that is asked for is passed over. variants: which models take part.

    Within one run both were compared with the same baseline, in turns, and the interval follows from both intervals.
    Between machines nothing took turns: the interval then reaches from one's median against the other's 95th percentile
    to the reverse. Both are wider than they need be.
    """
    cpu, gpu = (_fastest(rows, kind, variants) for rows, kind in ((cpu_rows, "cpu"), (gpu_rows, "cuda")))
    same_run = cpu_rows is gpu_rows
    return [Duel(cpu[b], gpu[b], _judge(cpu[b], gpu[b], same_run)) for b in sorted(cpu.keys() & gpu.keys())]


def _fastest(rows: Sequence[Row], device: str, variants: Sequence[str]) -> dict[int, Row]:
    fit = [row for row in rows if row.device == device and row.variant in variants]
    slow_first = sorted(fit, key=lambda row: -row.latency_ms)
    return {row.batch: row for row in slow_first}


def _judge(cpu: Row, gpu: Row, same_run: bool) -> Verdict:
    if same_run:
        return Verdict(gpu.times_faster / cpu.times_faster, gpu.low / cpu.high, gpu.high / cpu.low)
    return Verdict(cpu.latency_ms / gpu.latency_ms, cpu.latency_ms / gpu.p95_ms, cpu.p95_ms / gpu.latency_ms)


def against_all(rows: Sequence[Row], recordings: Sequence[Recording]) -> dict[str, list[Duel]]:
    """This machine's CPU against its own GPU and that of every recording, by place; empty where there is no GPU.

    Args:
        rows: of this machine. recordings: of others.
    """
    found = {"this machine's GPU": duels(rows, rows)}
    found |= {f"the GPU {recording.label}": duels(rows, recording.rows) for recording in recordings}
    return {place: there for place, there in found.items() if there}


def batch(found: Sequence[Duel]) -> int | None:
    """The smallest measured batch from which on the GPU is faster, there and at every larger one; None without any."""
    smallest = None
    for duel in sorted(found, key=lambda duel: -duel.batch):
        if duel.verdict.word != "faster":
            break
        smallest = duel.batch
    return smallest


def table(found: Sequence[Duel], place: str = "this machine's GPU") -> Table:
    """What each side takes at each batch size, transfers included."""
    return Table(
        f"This machine's CPU against {place}, the fastest of each; copies to the GPU and back included",
        [
            {
                "batch": duel.batch,
                "CPU": f"{duel.cpu.latency_ms:.3g} ms ({duel.cpu.name})",
                "GPU": f"{duel.gpu.latency_ms:.3g} ms ({duel.gpu.name})",
                "the GPU is": str(duel.verdict),
            }
            for duel in found
        ],
    )


def sentence(found: Sequence[Duel], place: str = "this machine's GPU") -> str:
    """The break-even batch in words.

    Args:
        found: from `duels`. place: what to call the GPU.
    """
    if not found:
        return "Nothing to compare: no GPU was measured here, and no recording of one was loaded."
    pays, sizes = batch(found), [duel.batch for duel in found]
    if pays is None:
        return f"Up to a batch of {sizes[-1]}, the largest measured, {place} is not reliably faster than this CPU."
    if pays == sizes[0]:
        return f"{_capital(place)} is faster at every batch size that was measured, from {pays} on, copies included."
    below = found[sizes.index(pays) - 1]
    unclear = " (there it cannot be told)" if below.verdict.word == "cannot tell" else ""
    return (
        f"{_capital(place)} pays from a batch of {pays} on; at {below.batch} it does not yet{unclear}. "
        "The copies are part of its time."
    )


def sentences(found: Mapping[str, Sequence[Duel]]) -> str:
    """`sentence` for every place in `against_all`'s answer; one that says so where there is none."""
    return " ".join(sentence(there, place) for place, there in found.items()) or sentence([])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Transfer:
    """What it takes to bring one batch to the device and its answers back."""

    batch: int
    size_bytes: int
    there_ms: float
    back_ms: float


def transfers(
    image_shape: tuple[int, int, int],
    classes: int,
    batches: Sequence[int],
    *,
    device: str | torch.device,
    seconds: float = 0.1,
) -> list[Transfer]:
    """Measure the copies alone, as an engine makes them: float32 from ordinary memory, waited for.

    Args:
        image_shape: (c, h, w). classes: logits an image. device: "cuda", or "cuda:1". seconds: for each copy.
    """
    found = []
    for size in batches:
        x = torch.zeros(size, *image_shape)
        logits = torch.zeros(size, classes, device=device)
        there = timing.measure(lambda x=x: x.to(device, copy=True), seconds=seconds, device=device)  # type: ignore[misc]
        back = timing.measure(lambda y=logits: y.to("cpu", copy=True), seconds=seconds, device=device)  # type: ignore[misc]
        found.append(Transfer(size, x.numel() * x.element_size(), there.median_ms, back.median_ms))
    return found


def transfer_table(found: Sequence[Transfer], rows: Sequence[Row]) -> Table:
    """The copies, and which share of the fastest GPU configuration's time they are."""
    fastest = {b: row.latency_ms for b, row in _fastest(rows, "cuda", VARIANTS).items()}
    lines = []
    for copy in found:
        share = (copy.there_ms + copy.back_ms) / fastest[copy.batch] if copy.batch in fastest else None
        lines.append(
            {
                "batch": copy.batch,
                "size": f"{copy.size_bytes / 1024:,.0f} KiB",
                "to the GPU": f"{copy.there_ms:.3g} ms",
                "answers back": f"{copy.back_ms:.3g} ms",
                "of the fastest configuration's time": "" if share is None else f"{share:.0%}",
            }
        )
    return Table("The copies alone", lines)
