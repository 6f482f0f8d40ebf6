"""Accuracy, latency and bytes of finished models, side by side on one engine."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from lessons_lib import engines, models, timing
from lessons_lib.batching import take_batch
from lessons_lib.datasets.split import Dataset
from lessons_lib.explained import NotHere
from lessons_lib.pruning import sparsity, zipped_bytes
from lessons_lib.tables import Table
from lessons_lib.training import accuracy

DENSE, ZEROS, CHANNELS = "dense", "zeros", "channels"


@dataclass(frozen=True)
class Variant:
    """A finished model as it was measured.

    kind: "dense", "zeros" or "channels". accuracy: 0 to 1, on so many test images. zeros: the share of the weights that is 0.
    file_bytes: what the engine loads. zipped_bytes: the same file compressed, as it may be sent. `times_faster` than the first
    variant, from `low` to `high`; `verdict` says it in words.
    """

    name: str
    kind: str
    accuracy: float
    test_images: int
    zeros: float
    macs: int
    latency_ms: float
    file_bytes: int
    zipped_bytes: int
    verdict: str
    times_faster: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        return asdict(self)


def measure(
    variants: Mapping[str, tuple[str, nn.Module]],
    data: Dataset,
    *,
    engine: str = "ONNX Runtime",
    batch: int = 1,
    seconds: float = 3.0,
    threads: int = 1,
) -> list[Variant]:
    """Measure all variants in turns on one engine.

    Args:
        variants: kind and model by name; the first is the baseline.
        engine: from `engines.CPU_NAMES`. batch: images at once. seconds: to spend on all together.
        threads: that each engine uses.

    Raises:
        NotHere: fewer than two variants.
    """
    if len(variants) < 2:
        raise NotHere("There is no pruned model to compare with the dense one: run the cells above to their end.")
    x = take_batch(models.to_input(data.test.images[:batch]), batch)
    ready, content = {}, {}
    for name, (_, model) in variants.items():
        source = engines.Source(model, data.image_shape, x, threads)
        ready[name] = engines.MAKERS[engine](source)
        content[name] = source.graph() if engine.startswith("ONNX") else model
    compared = timing.compare({name: built.on(x) for name, built in ready.items()}, seconds=seconds)
    found = []
    for name, (kind, model) in variants.items():
        verdict = compared.verdicts.get(name)
        told = (str(verdict), verdict.ratio, verdict.low, verdict.high) if verdict else ("the baseline", 1.0, 1.0, 1.0)
        found.append(
            Variant(
                name, kind, accuracy(model, data.test), len(data.test), sparsity(model),
                models.macs(model, data.image_shape), compared.measurements[name].median_ms,
                ready[name].size_bytes, zipped_bytes(content[name]), *told,
            )
        )  # fmt: skip
    return found


def rows_table(rows: Sequence[Variant], caption: str) -> Table:
    """A row for each variant, in a learner's words."""
    factor, unit = time_unit(rows)
    return Table(caption, [_in_words(row, factor, unit) for row in rows])


def time_unit(rows: Sequence[Variant]) -> tuple[float, str]:
    """One unit for the latencies of all rows: what to multiply milliseconds by, and its name; µs where all are below 1 ms."""
    return (1e3, "µs") if max((row.latency_ms for row in rows), default=0) < 1 else (1.0, "ms")


def _in_words(row: Variant, factor: float, unit: str) -> dict[str, str]:
    return {
        "variant": row.name,
        "accuracy": f"{row.accuracy:.1%}",
        "zeros": f"{row.zeros:.0%}",
        "MMAC": f"{row.macs / 1e6:.2f}",
        "latency": f"{float(f'{row.latency_ms * factor:.3g}'):g} {unit}",
        "against dense": row.verdict,
        "model file": kib(row.file_bytes),
        "model file, zipped": kib(row.zipped_bytes),
    }


def kib(size_bytes: float) -> str:
    """Bytes as KiB: "367 KiB", "9.5 KiB"."""
    size = size_bytes / 1024
    return f"{size:,.0f} KiB" if size >= 10 else f"{size:.1f} KiB"
