"""What one process does in a training on several: resume, train, and report what it saw."""

import hashlib
import time
from pathlib import Path
from typing import Any

import psutil
import torch
import torch.distributed as dist
from torch import nn

from lessons_lib import resume
from lessons_lib.datasets.split import Split
from lessons_lib.device import peak_memory_bytes, synchronise
from lessons_lib.history import History
from lessons_lib.scaling import exchange
from lessons_lib.scaling.job import Job, write_weights
from lessons_lib.scaling.progress import Progress
from lessons_lib.scaling.trainer import Trainer, everyone, identity

WARM_UP_STEPS = 3


def train(job: Job, data: Split, folder: Path, progress: Progress) -> dict[str, Any]:
    """Train together with the other processes; rank 0 leaves checkpoints, and the weights in `folder`.

    Returns:
        This process's report: figures that JSON can hold.
    """
    rank, processes = dist.get_rank(), dist.get_world_size()
    trainer, history = Trainer(job, data, (rank, processes)), History()
    checkpoint = Path(job.checkpoint) if job.checkpoint and rank == 0 else None
    told = identity(job, data, processes)
    if checkpoint:
        told["fingerprint"] = resume.fingerprint(data.images.cpu(), data.labels.cpu())
    start = resume.load(checkpoint, told, trainer.model, trainer.optimiser, history) if checkpoint else 0
    start = from_rank_0(start, trainer)
    began, losses, first_step_at = time.perf_counter(), [], time.time()
    for step in range(start, trainer.total):
        if job.fail_at == (rank, step):
            psutil.Process().kill()
        losses.append(trainer.step(step))
        progress.tell(step + 1, losses[-1])
        history.step_seconds.append(time.perf_counter() - began)
        due = job.checkpoint is not None and (step + 1) % job.checkpoint_every == 0
        if due or step + 1 == trainer.total:
            history.loss, losses = history.loss + everyone(losses, trainer.device), []
        if checkpoint and due:
            resume.save(checkpoint, told, step + 1, trainer.model, trainer.optimiser, history)
        began = time.perf_counter()
    settle(trainer.model)
    if rank == 0:
        write_weights(folder, {name: value.detach() for name, value in trainer.model.state_dict().items()})
    report = {
        "rank": rank,
        "start": start,
        "first_step_at": first_step_at,
        "steps": trainer.total,
        "loss": history.loss,
        "step_seconds": history.step_seconds[-(trainer.total - start) :] if start < trainer.total else [],
        "digest": digest(trainer.model),
        "peak_memory_bytes": peak_memory_bytes(),
        "exchange": exchange.show(job, data),  # after the memory: it takes the joined batch in each process
        "cost": exchange.cost(trainer),
    }
    if checkpoint:
        resume.remove(checkpoint)
    return report


def from_rank_0(start: int, trainer: Trainer) -> int:
    """Bring every process to the step, the weights and the momentum that rank 0 found in its checkpoint."""
    number = torch.tensor([start], device=trainer.device)
    dist.broadcast(number, 0)
    if number.item():
        settle(trainer.model)
        for parameter in trainer.model.parameters():
            state = trainer.optimiser.state[parameter]
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = torch.zeros_like(parameter)
            dist.broadcast(state["momentum_buffer"], 0)
    return int(number.item())


def settle(model: nn.Module) -> None:
    """Give every process the weights and running statistics of rank 0."""
    with torch.no_grad():
        for value in model.state_dict().values():
            dist.broadcast(value, 0)
    synchronise(next(model.parameters()).device)


def digest(model: nn.Module) -> str:
    """A fingerprint of all weights: equal where every bit is."""
    content = hashlib.sha256()
    for value in model.state_dict().values():
        content.update(value.detach().cpu().contiguous().numpy().tobytes())
    return content.hexdigest()[:16]
