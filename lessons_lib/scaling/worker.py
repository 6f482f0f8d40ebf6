"""One of several processes of a job, started by torchrun: `torchrun ... -m lessons_lib.scaling.worker JOBFILE`."""

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from lessons_lib.datasets.split import Split
from lessons_lib.scaling import running, turns
from lessons_lib.scaling.failure import LOST_A_PROCESS
from lessons_lib.scaling.job import RESULT, Job, read
from lessons_lib.scaling.progress import Progress
from lessons_lib.scaling.trainer import backend_of, device_of
from lessons_lib.scaling.watch import end_with_parents

GRACE_S = 1.0


def main(job_file: Path) -> int:
    """Take part in a job; returns the exit code."""
    end_with_parents(job_file.parent)
    progress = Progress(job_file.parent, int(os.environ["RANK"]))
    job, data = read(job_file)
    torch.set_num_threads(job.threads_each)
    device = device_of(job)
    data = Split(data.images.to(device), data.labels.to(device))
    dist.init_process_group(
        backend_of(job),
        timeout=timedelta(seconds=job.timeout_s + 60),
        device_id=device if device.type == "cuda" else None,
    )
    try:
        began = time.time()
        report = work(job, data, job_file.parent, progress) | {"began": began}
        reports = gathered(report, device)
        if report["rank"] == 0:
            (job_file.parent / RESULT).write_text(json.dumps(reports), encoding="utf-8")
        dist.barrier()
        dist.destroy_process_group()
        return 0
    except ValueError as error:  # such as a loss that is not finite
        (job_file.parent / f"rank-{os.environ['RANK']}.error").write_text(str(error), encoding="utf-8")
        return 1
    except RuntimeError as error:
        print(f"rank {os.environ['RANK']}: {error}", file=sys.stderr, flush=True)
        time.sleep(GRACE_S)  # so that the launcher sees first which process ended first
        return LOST_A_PROCESS


def work(job: Job, data: Split, folder: Path, progress: Progress) -> dict[str, Any]:
    """Do what the job says; this process's report."""
    if job.task == "compare":
        return turns.compare(job, data, progress)
    return running.train(job, data, folder, progress)


def gathered(report: dict[str, Any], device: torch.device) -> list[dict[str, Any]]:
    """The reports of all processes, also those on other machines, by rank. They travel as JSON: pickle runs code."""
    content = torch.frombuffer(bytearray(json.dumps(report).encode()), dtype=torch.uint8).to(device)
    sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, torch.tensor([len(content)], device=device))
    longest = max(int(size.item()) for size in sizes)
    padded = torch.zeros(longest, dtype=torch.uint8, device=device)
    padded[: len(content)] = content
    parts = [torch.zeros_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    texts = [bytes(part[: int(size)].cpu().numpy()) for part, size in zip(parts, sizes, strict=True)]
    return [json.loads(text) for text in texts]


if __name__ == "__main__":
    os._exit(main(Path(sys.argv[1])))
