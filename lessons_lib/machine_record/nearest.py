"""Which record to show where this machine cannot measure for itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from lessons_lib.machine_file import MachineRecord


def nearest(records: Sequence[MachineRecord], gpu: Mapping[str, Any] | None = None) -> MachineRecord | None:
    """The record that says most about this machine; None without any.

    Args:
        records: to choose from; of equally near ones the newest is taken. gpu: the device block of the GPU that is here, None
            without one.

    With a GPU: one of the same name, else of the same compute capability, else of the nearest memory size. Without: the
    GPU with the least memory, which is the one that a learner is most likely to meet (rented by the hour, or lent for
    nothing), and a CPU only where no GPU was recorded.
    """
    gpus = [record for record in records if record.is_gpu]
    ranked = sorted(gpus or records, key=lambda record: record.content["date"], reverse=True)
    if not ranked:
        return None
    if not gpus:
        return ranked[0]
    if gpu is None:
        return min(ranked, key=lambda record: record.device["memory_bytes"])
    return min(ranked, key=lambda record: _distance(record.device, gpu))


def _distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[bool, bool, float]:
    same_name = one["name"] == other["name"]
    same_capability = one["compute_capability"] == other["compute_capability"]
    return not same_name, not same_capability, abs(one["memory_bytes"] - other["memory_bytes"])
