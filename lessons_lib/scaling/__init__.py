"""Scaling out: the same training on several processes, which average their gradients after every step.

`run` trains, `compare_layouts` measures whether several processes beat several threads, `command` tells how to start the same
on several machines. The processes are started by PyTorch's own launcher, torchrun, and run `worker`.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch

from lessons_lib import allocator, models, resume
from lessons_lib.datasets.split import Dataset
from lessons_lib.device import pick
from lessons_lib.explained import Explained, Mistake, NotHere
from lessons_lib.live import Live
from lessons_lib.scaling import job as jobs
from lessons_lib.scaling import layouts, result
from lessons_lib.scaling.failure import Died
from lessons_lib.scaling.job import Job
from lessons_lib.scaling.launch import follow_to_the_end, temporary_folder
from lessons_lib.scaling.layouts import Layouts
from lessons_lib.scaling.progress import Standing
from lessons_lib.scaling.result import ScalingResult, efficiency
from lessons_lib.training import Recipe

__all__ = [
    "Died", "Layouts", "ScalingResult", "available", "command", "compare_layouts", "efficiency", "prepare", "read", "run",
]  # fmt: skip


def available(device: str | torch.device = "cpu", processes: int = 2) -> str:
    """Why several processes cannot train together here, in one sentence; empty where they can.

    Args:
        device: "cpu", "cuda", or "auto" for the GPU where there is one. processes: how many.
    """
    kind = str(device).partition(":")[0]
    if not torch.distributed.is_available():
        return f"This build of PyTorch ({torch.__version__}) has no torch.distributed, which joins several processes."
    if kind == "cpu" or (kind == "auto" and not torch.cuda.is_available()):
        return "" if torch.distributed.is_gloo_available() else "This build of PyTorch has no gloo, which joins CPUs."
    if not torch.distributed.is_nccl_available():
        return "This build of PyTorch has no NCCL, which joins GPUs (it exists on Linux only); use the device 'cpu'."
    gpus = torch.cuda.device_count()
    return (
        "" if gpus >= processes else f"{processes} processes need {processes} GPUs, one each; PyTorch sees {gpus} here."
    )


def run(
    data: Dataset,
    recipe: Recipe,
    *,
    model: str = "small",
    processes: int = 2,
    threads_each: int = 1,
    device: str = "cpu",
    seed: int = 0,
    checkpoint: Path | None = None,
    checkpoint_every: int = 50,
    fail_at: tuple[int, int] | None = None,
    timeout_s: float = 300.0,
    quiet: bool = False,
) -> ScalingResult:
    """Train a network on several processes of this machine; the joined batches are those of `training.train`.

    Args:
        data: what to train on. recipe: its batch_size is that of all processes together.
        model: see `models.build`. seed: of the untrained weights and of the order of the images.
        processes, threads_each: how many, and CPU threads of each.
        device: "cpu", or "cuda" with one process a GPU ("auto": the GPUs where there are any).
        checkpoint: a file; if a process dies, the same call goes on from it and ends with the weights of an uninterrupted
            run (bit for bit with one or two processes; with more, sums may be rounded in another order).
        checkpoint_every: steps between two checkpoints.
        fail_at: (rank, step): there that process kills itself, to show what happens.
        timeout_s: how long the processes may go without finishing a step.
        quiet: show no progress.

    Raises:
        Mistake: settings that do not fit together. NotHere: the device cannot do it.
        Died: a process ended early or stopped answering; no process is left behind.
        Explained: interrupted; no process is left behind.
    """
    job = _job("train", data, recipe, model, processes, seed, str(device), threads_each, timeout_s)
    where = str(checkpoint.absolute()) if checkpoint else None
    job = Job(**vars(job) | {"checkpoint": where, "checkpoint_every": checkpoint_every, "fail_at": fail_at})
    live = Live(f"Training in {processes} processes", recipe.total_steps(len(data.train)), quiet=quiet)
    began = time.time()
    with temporary_folder() as name:
        _launch(job, data, Path(name), processes, checkpoint, lambda s: live.update(s.step, s.loss) if s.step else None)
        found = read(Path(name), began)
    live.close(f"{found.steps} steps, {found.images_per_second:,.0f} images/s")
    return found


def compare_layouts(
    data: Dataset,
    recipe: Recipe,
    *,
    model: str = "small",
    processes: int = 2,
    seconds: float = 6.0,
    seed: int = 0,
    timeout_s: float = 120.0,
) -> Layouts:
    """Measure on the CPU whether several processes train faster than one with as many threads, or with one thread.

    The processes are started once; the layouts then take turns of a few steps, in the opposite order each round.

    Args:
        data, recipe, model, processes, seed, timeout_s: as for `run`. seconds: to spend on measuring, besides starting.
    """
    if processes < 2:
        raise Mistake(f"processes is {processes}; a comparison needs 2 or more.")
    job = _job("compare", data, recipe, model, processes, seed, "cpu", 1, timeout_s)
    job = Job(**vars(job) | {"seconds": seconds})
    with temporary_folder() as name:
        _launch(job, data, Path(name), processes, None, lambda _: None)
        reports = json.loads((Path(name) / jobs.RESULT).read_text(encoding="utf-8"))
    return layouts.from_reports(reports, recipe.batch_size)


def prepare(
    data: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    model: str = "small",
    processes: int = 2,
    seed: int = 0,
    device: str = "cpu",
) -> Path:
    """Write a job into a folder that can be copied to several machines; returns the job file, for `command`.

    Args:
        processes: on all machines together. The other arguments: as for `run`.
    """
    job = _job("train", data, recipe, model, processes, seed, device, 1, 300.0, here=False)
    shutil.rmtree(folder, ignore_errors=True)
    return jobs.write(folder, job, data.train)


def command(
    processes: int, machines: int = 2, job: Path | str = "job/job.json", host: str = "HOST", port: int = 29500
) -> str:
    """What to type on each of several machines to train on all of them; the result appears on that of rank 0.

    Args:
        processes: on each machine. machines: how many. job: made by `prepare`, copied to every machine.
        host, port: of one of the machines, at which they all meet.
    """
    meet = f"--rdzv-backend=c10d --rdzv-endpoint={host}:{port} --rdzv-id=lessons"
    return f"torchrun --nnodes={machines} --nproc-per-node={processes} {meet} -m lessons_lib.scaling.worker {job}"


def read(folder: Path, began: float | None = None) -> ScalingResult:
    """The result that the processes left beside their job file, on the machine of rank 0.

    Args:
        began: time.time() when they were started, if known.
    """
    reports = json.loads((folder / jobs.RESULT).read_text(encoding="utf-8"))
    job = Job(**json.loads((folder / jobs.JOB).read_text(encoding="utf-8")))
    job = Job(**vars(job) | {"recipe": Recipe(**vars(job)["recipe"])})
    first = min(report["began"] for report in reports)
    return result.from_reports(reports, job, began or first, jobs.read_weights(folder))


def _job(
    task: str, data: Dataset, recipe: Recipe, model: str, processes: int, seed: int, device: str, threads: int,
    timeout_s: float, here: bool = True,
) -> Job:  # fmt: skip
    """A job whose settings fit together, or an error that says why they do not."""
    if processes < 1 or threads < 1:
        raise Mistake(f"{processes} processes with {threads} threads: at least one of each is needed.")
    if recipe.batch_size % processes:
        raise Mistake(
            f"A batch of {recipe.batch_size} images cannot be shared evenly by {processes} processes; "
            f"give a batch_size that is a multiple of {processes}."
        )
    if model not in models.NAMES:
        raise Mistake(f"there is no network {model!r}; choose one of {', '.join(models.NAMES)}.")
    if not len(data.train):
        raise Mistake("there is nothing to train on: data.train holds no images.")
    if here and (reason := available(device, processes)):
        raise NotHere(reason)
    if here:
        device = pick(device).type
    return Job(task, model, recipe, data.name, len(data.classes), seed, device, threads, timeout_s=timeout_s)


def _launch(
    job: Job, data: Dataset, folder: Path, processes: int, checkpoint: Path | None, tell: Callable[[Standing], None]
) -> None:
    """Run a job; what goes wrong tells how to go on."""
    allocator.return_freed_memory()  # the processes need it, and a small machine has no other
    try:
        follow_to_the_end(jobs.write(folder, job, data.train), processes, job.threads_each, job.timeout_s, tell)
    except Died as error:
        again = Died(f"{error} {_advice(checkpoint)}")
        again.rank = error.rank
        raise again from None
    except KeyboardInterrupt:
        raise Explained(f"Stopped; all processes have ended. {_advice(checkpoint)}") from None


def _advice(checkpoint: Path | None) -> str:
    step = resume.step_of(checkpoint) if checkpoint else 0
    return f"Run the cell again: it {f'goes on from step {step}' if step else 'starts anew'}."
