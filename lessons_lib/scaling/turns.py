"""One process's part in comparing layouts: one process with one thread or several, and several processes with one each.

All layouts take turns inside one start of the processes, a few steps each: a start costs seconds, and a machine that is
slower for a while is so for all of them.
"""

import time
from typing import Any

import torch
import torch.distributed as dist

from lessons_lib.datasets.split import Split
from lessons_lib.device import peak_memory_bytes, synchronise
from lessons_lib.scaling.job import Job
from lessons_lib.scaling.progress import Progress
from lessons_lib.scaling.trainer import Trainer

STEPS_A_TURN = 3
FEWEST_ROUNDS, USEFUL_ROUNDS = 4, 8  # even, so that each layout comes first as often as last
PATIENCE = 3  # times the time to spend, where the machine is so slow that this takes fewer rounds than are useful


def layouts(processes: int) -> list[tuple[int, int]]:
    """The layouts to compare, as (processes, threads of each)."""
    return [(1, 1), (1, processes), (processes, 1)]


def compare(job: Job, data: Split, progress: Progress) -> dict[str, Any]:
    """Train in every layout by turns until the time is spent.

    Returns:
        seconds: for each layout, how long each of its turns took, from all starting to the last one ready.
    """
    rank, processes = dist.get_rank(), dist.get_world_size()
    order = layouts(processes)
    trainers = {layout: Trainer(job, data, (rank if layout[0] > 1 else 0, layout[0])) for layout in order}
    taken: dict[tuple[int, int], list[float]] = {layout: [] for layout in order}
    turn(trainers, order[2], rank, 0)
    began, rounds = time.perf_counter(), 0
    while more(rounds, (time.perf_counter() - began) / job.seconds, trainers[order[0]].device):
        for layout in order if rounds % 2 == 0 else order[::-1]:
            taken[layout].append(turn(trainers, layout, rank, rounds))
        rounds += 1
        progress.tell(rounds, 0.0)
    return {
        "rank": rank,
        "seconds": [[*layout, taken[layout]] for layout in order],
        "steps_a_turn": STEPS_A_TURN,
        "peak_memory_bytes": peak_memory_bytes(),
    }


def turn(trainers: dict[tuple[int, int], Trainer], layout: tuple[int, int], rank: int, rounds: int) -> float:
    """Some steps in one layout, after one that does not count; processes that have no part in it sleep."""
    trainer, first = trainers[layout], rounds * (STEPS_A_TURN + 1)
    working = rank < layout[0]
    torch.set_num_threads(layout[1])
    dist.barrier()
    if working:
        trainer.step(first)
        synchronise(trainer.device)
    began = time.perf_counter()
    for step in range(first + 1, first + 1 + STEPS_A_TURN) if working else ():
        trainer.step(step)
    synchronise(trainer.device)
    taken = time.perf_counter() - began
    dist.barrier()
    return taken


def more(rounds: int, spent: float, device: torch.device) -> bool:
    """Whether to go on, which rank 0 decides for all. spent: the share of the time that is over."""
    wanted = spent < 1 or (rounds < USEFUL_ROUNDS and spent < PATIENCE) or rounds < FEWEST_ROUNDS or rounds % 2
    answer = torch.tensor([int(wanted)], device=device)
    dist.broadcast(answer, 0)
    return bool(answer.item())
