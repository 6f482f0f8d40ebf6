"""Runs in a process of its own: loads what is shipped, predicts a few times, and prints its peak memory in bytes.

    python -m lessons_lib.capstone.child ENGINE FOLDER THREADS BATCH C H W

Like a server with this engine it imports no more than it needs: ONNX Runtime and OpenVINO do without PyTorch.
"""

import sys
from pathlib import Path

from lessons_lib.cold_start import child as start
from lessons_lib.machine import peak_memory_bytes

CALLS = 5


def main(engine: str, folder: str, threads: str, batch: str, *shape: str) -> int:
    """Load and predict; the peak memory of this process in bytes."""
    import numpy as np

    where, count = Path(folder), int(threads)
    if engine.startswith("ONNX"):
        load, predict = start.onnx_runtime(where, count)
    elif engine.startswith("OpenVINO"):
        load, predict = start.openvino(where, count)
    else:
        load, predict = start.pytorch(where, count, "cpu")
    model, x = load(), np.zeros((int(batch), *map(int, shape)), np.float32)
    for _ in range(CALLS):
        predict(model, x)
    return peak_memory_bytes()


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
