"""Small machine records to test with, made by the recorder's own functions and by no measurement."""

import copy

from samples import row

from lessons_lib import machine_file

SERIES = {"precision": "float32", "batch": 1, "samples_ms": [1.0, 2.0], "median_ms": 1.5, "p25_ms": 1.2, "p75_ms": 1.8, "count": 2}  # fmt: skip
ROWS = [
    row(engine="ONNX Runtime").as_dict(),
    row(device="cuda", threads=None, engine="GPU half", latency_ms=0.5, p95_ms=0.6, times_faster=8.0).as_dict(),
]
GPU = {
    "kind": "cuda", "name": "A GPU", "compute_capability": "8.0", "memory_bytes": 40 * 2**30, "multiprocessors": 108,
    "driver": "580.1", "cuda": "13.0", "mig": False, "index": 0, "count": 1,
}  # fmt: skip
CPU = {
    "kind": "cpu", "name": "A CPU", "compute_capability": None, "memory_bytes": 2**34, "multiprocessors": None,
    "driver": None, "cuda": None, "mig": None, "index": None, "count": 1,
}  # fmt: skip


def part(**changed):
    return {"seconds": 1.0, "series": [SERIES], "facts": {"answer": 42}, "notes": []} | changed


def content(device=None, parts=None, **changed):
    """What the recorder hands to `machine_file.as_text`: no checksum yet."""
    return copy.deepcopy(
        {
            "format": "machine record",
            "schema": 1,
            "date": "2026-11-20T10:00:00Z",
            "device": GPU | (device or {}),
            "machine": {"cpu": "A CPU", "cores": 2, "python": "3.11.4", "gpu": None},
            "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
            "clocks": {"before": None, "after": None, "note": "unreadable"},
            "profile": "quick",
            "seed": 0,
            "threads": 2,
            "seconds": 1.0,
            "parts": parts or {"05.fake": part(), "09.devices": part(facts={"rows": ROWS})},
        }
        | changed
    )


def write(folder, name="gpu.json", **changed):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(machine_file.as_text(content(**changed)), encoding="utf-8")
    return folder


def record(**changed):
    return machine_file.parse(machine_file.as_text(content(**changed)), "gpu.json")
