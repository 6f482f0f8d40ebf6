"""Training survives being killed: many times in one run, at any moment, also halfway through writing a checkpoint."""

import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import pytest
import torch
from samples import dataset, same_weights, snapshot

from lessons_lib import live, models, resume, training
from lessons_lib.device import threads
from lessons_lib.training import Recipe

RECIPE = Recipe(steps=160, batch_size=8)
KILLS, KILLS_WHILE_WRITING = 20, 8
CHECKPOINT_EVERY = 2
STEPS_BETWEEN = (2, 12)
TESTS = Path(__file__).parent
METHOD = "spawn" if sys.platform == "win32" else "forkserver"


def fresh():
    """With dropout, so that random numbers matter too."""
    return models.build("small", classes=4, dropout=0.2, seed=0)


def train(model, checkpoint):
    return training.train(
        model, dataset(train=64, test=8), RECIPE, checkpoint=checkpoint, checkpoint_every=CHECKPOINT_EVERY, quiet=True
    )


def train_until_killed(checkpoint, where, after_steps, reached):
    """Runs in a process of its own; tells when it has come to the point at which it is to be killed, then waits there.

    where: "writing": half a checkpoint is on disk, not yet in its place. "stepping": go on, and be killed at any moment.
    """
    torch.set_num_threads(1)  # as many as the uninterrupted run has: the order of sums depends on it
    done = 0

    def update(self, step, loss, note=""):
        nonlocal done
        done += 1
        if where == "stepping" and done == after_steps:
            reached.set()

    class HalfWritten:
        """What `resume` uses of `os`; from some step on, what is written loses its second half, and then time stands still."""

        def fsync(self, number):
            if done >= after_steps:
                os.ftruncate(number, os.fstat(number).st_size // 2)
                reached.set()
                time.sleep(60)

        def __getattr__(self, name):
            return getattr(os, name)

    live.Live.update = update
    if where == "writing":
        resume.os = HalfWritten()
    train(fresh(), checkpoint)


@pytest.fixture
def processes(monkeypatch):
    """Starts processes from a server that has PyTorch loaded, where the system can: a start takes a tenth of a second."""
    context = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
        context.set_forkserver_preload(
            [__name__, "torch._dynamo"]
        )  # every optimiser loads the latter, for a second or two
    return context


def killed_once(processes, checkpoint, where, random_numbers):
    """Starts or continues the training and kills it; the steps in the checkpoint that it leaves."""
    reached = processes.Event()
    steps = random_numbers.randint(*STEPS_BETWEEN)
    child = processes.Process(target=train_until_killed, args=(checkpoint, where, steps, reached))
    child.start()
    assert reached.wait(60), "the training ended before it could be killed"
    if where == "stepping":
        time.sleep(random_numbers.uniform(0, 0.02))
    child.kill()  # SIGKILL; TerminateProcess on Windows
    child.join()
    assert child.exitcode not in (0, None)
    return resume.step_of(checkpoint)


def test_a_training_killed_20_times_ends_with_the_weights_of_an_uninterrupted_one(processes, tmp_path):
    random_numbers = random.Random(3)
    places = ["writing"] * KILLS_WHILE_WRITING + ["stepping"] * (KILLS - KILLS_WHILE_WRITING)
    random_numbers.shuffle(places)
    checkpoint = tmp_path / "running" / "job.safetensors"
    steps, halves = [0], 0
    for where in places:
        before = set(checkpoint.parent.glob("*.part"))
        steps.append(killed_once(processes, checkpoint, where, random_numbers))
        halves += where == "writing" and len(set(checkpoint.parent.glob("*.part")) - before)
    assert halves == KILLS_WHILE_WRITING  # half a file was there each time
    assert steps == sorted(steps), "a kill may cost the steps since the last checkpoint, never that checkpoint"
    assert 0 < steps[-1] < RECIPE.steps, "all kills came before the end, and the run went on between them"
    assert len(set(steps)) > KILLS // 2
    with threads(1):
        expected, model = fresh(), fresh()
        untouched, resumed = train(expected, None), train(model, checkpoint)
    assert resumed.finished
    assert resumed.loss == untouched.loss
    assert resumed.accuracy == untouched.accuracy
    assert torch.isfinite(torch.tensor(resumed.loss)).all()
    assert same_weights(snapshot(model), snapshot(expected))
    assert list(checkpoint.parent.iterdir()) == []
