"""Training on several processes: the same batches and weights as one, and nothing left behind whatever happens.

Each start of the processes takes some five seconds, so results are shared between tests.
"""

import _thread
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from samples import dataset, snapshot
from torch.nn import functional as F

from lessons_lib import models, resume, scaling, training
from lessons_lib.device import threads
from lessons_lib.explained import Explained, Mistake, NotHere
from lessons_lib.scaling import failure, launch, progress, result
from lessons_lib.training import Recipe

RECIPE = Recipe(steps=12, batch_size=16)
ENDLESS = replace(RECIPE, steps=10_000_000)
TESTS = Path(__file__).parent
here = pytest.mark.skipif(bool(scaling.available("cpu")), reason=scaling.available("cpu") or "available")


def eventually(holds, seconds=60.0):
    """Waits until something holds, and returns it."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, f"still not so after {seconds:.0f} s"
        time.sleep(0.05)
    return found


def started_for(folder):
    """The launchers and workers of jobs in a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(f"{folder}{os.sep}" in word for word in process.cmdline()):
                found.append(process)
    return found


def training_in(folder, processes=2):
    """Where the processes of a job in a folder stand, once all of them are training."""
    found = [standing for job in Path(folder).glob("lessons-scaling-*") for standing in progress.standings(job)]
    return found if len(found) == processes and all(s.step > 3 for s in found) else []


@contextlib.contextmanager
def own_temporary_files(folder):
    """Temporary files go to a folder; after the block nothing is there, and no process works on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder
    assert started_for(folder) == []
    assert list(folder.iterdir()) == []


@pytest.fixture
def temporary(tmp_path):
    (tmp_path / "temporary").mkdir()
    with own_temporary_files(tmp_path / "temporary") as folder:
        yield folder


def run(**settings):
    return scaling.run(dataset(), settings.pop("recipe", RECIPE), quiet=True, **settings)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    with own_temporary_files(tmp_path_factory.mktemp("two")):
        return run(processes=2)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    with own_temporary_files(tmp_path_factory.mktemp("one")):
        return run(processes=1)


@here
def test_one_process_has_the_weights_of_plain_training_bit_for_bit(one):
    model = models.build("small", classes=4, seed=0)
    with threads(1):
        history = training.train(model, dataset(), RECIPE, quiet=True)
    assert one.loss == tuple(history.loss)
    for name, value in snapshot(model).items():
        assert torch.equal(one.weights[name], value), name


@here
def test_two_processes_end_with_equal_weights_and_a_lower_loss(two):
    assert two.processes == 2
    assert len(two.weight_digests) == 2
    assert two.equal_weights
    assert len(two.loss) == two.steps == 12
    assert two.loss[-1] < two.loss[0]


def by_hand(processes):
    """The weights after data parallel training, simulated in one process: mean gradients, batch norm by slice."""
    data, model = dataset().train, models.build("small", classes=4, seed=0)
    optimiser = torch.optim.SGD(
        model.parameters(), 0.1, RECIPE.momentum, weight_decay=RECIPE.weight_decay, nesterov=True
    )
    for step in range(12):
        batch = training.batch_of_step(step, len(data), 16, seed=0)
        optimiser.zero_grad()
        for rank in range(processes):
            chosen = batch[rank::processes]
            logits = model(models.to_input(data.images[chosen]))
            (F.cross_entropy(logits, data.labels[chosen], label_smoothing=0.1) / processes).backward()
        optimiser.param_groups[0]["lr"] = RECIPE.rate_at(step, 12)
        optimiser.step()
    return dict(model.named_parameters())


@here
def test_the_weights_are_those_of_mean_gradients_computed_by_hand(two):
    for name, value in by_hand(processes=2).items():
        assert torch.allclose(two.weights[name], value, rtol=1e-2, atol=1e-3), name


def gradient_of_the_joined_batch():
    model, data = models.build("small", classes=4, seed=0).eval(), dataset().train
    batch = training.batch_of_step(0, len(data), 16, seed=0)
    F.cross_entropy(model(models.to_input(data.images[batch])), data.labels[batch], label_smoothing=0.1).backward()
    return dict(model.named_parameters())


@here
def test_after_the_exchange_every_process_holds_the_gradient_of_the_joined_batch(two):
    name, _, place = two.exchange[0]["weight"].partition("[")
    index = tuple(int(number) for number in place.rstrip("]").split(","))
    expected = gradient_of_the_joined_batch()[name].grad[index].item()
    before = [row["before"] for row in two.exchange]
    assert [row["rank"] for row in two.exchange] == [0, 1]
    assert abs(before[0] - before[1]) > 1e-4 * abs(expected)
    assert sum(before) / 2 == pytest.approx(expected, rel=1e-4)
    assert [row["after"] for row in two.exchange] == pytest.approx([expected] * 2, rel=1e-4)
    assert two.gradient_difference["fixed statistics"] < 1e-5


@here
def test_batch_norm_is_what_tells_two_processes_from_one(one, two):
    assert two.gradient_difference["each process its own images"] > 100 * two.gradient_difference["fixed statistics"]
    assert one.gradient_difference["each process its own images"] == 0


@here
def test_the_exchange_is_counted_and_told(one, two):
    parameters = models.parameters(models.build("small", classes=4))
    assert two.gradient_bytes == one.gradient_bytes == 4 * parameters
    assert two.bytes_per_step == 4 * parameters
    assert one.bytes_per_step == 0
    assert two.allreduce_ms_per_step > 0
    assert -3 < two.exchange_share < 1
    assert one.exchange_share == 0
    assert one.exchange_verdict is None
    table = two.exchange_table()
    assert len(table.rows) == 2
    assert "8" in table.cells()[0]
    assert "2 processes, 1 thread each" in repr(two)


@here
def test_figures_of_speed_and_memory_are_plausible(two):
    assert two.seconds > 0
    assert two.images_per_second == pytest.approx((12 - result.WARM_UP_STEPS) * 16 / two.seconds)
    assert 0.5 < two.start_up_s < 300
    assert all(100 * result.MIB < bytes_ < 4000 * result.MIB for bytes_ in two.peak_memory_bytes)


def test_efficiency_is_throughput_gained_over_processors_added():
    values = dict.fromkeys(scaling.ScalingResult.__dataclass_fields__)
    one = scaling.ScalingResult(**values | {"processes": 1, "threads_each": 1, "images_per_second": 100.0})
    assert scaling.efficiency(one, replace(one, processes=2, images_per_second=180.0)) == pytest.approx(0.9)
    assert scaling.efficiency(one, replace(one, threads_each=4, images_per_second=100.0)) == pytest.approx(0.25)


@here
def test_a_dead_process_is_named_and_the_next_call_goes_on(two, temporary, tmp_path):
    settings = {"checkpoint": tmp_path / "job.safetensors", "checkpoint_every": 3}
    with pytest.raises(scaling.Died, match=r"Process 1 .* at about step 8; .* it goes on from step 6\.") as caught:
        run(fail_at=(1, 8), **settings)
    assert caught.value.rank == 1
    if sys.platform != "win32":
        assert "SIGKILL" in str(caught.value)
    assert started_for(temporary) == []
    assert resume.step_of(settings["checkpoint"]) == 6
    resumed = run(**settings)
    assert resumed.started_at == 6
    assert resumed.weight_digests == two.weight_digests
    assert resumed.loss == two.loss
    assert not settings["checkpoint"].exists()


class Meanwhile(threading.Thread):
    """Does something to a job as soon as its processes are training; `standings` are theirs at that time."""

    def __init__(self, folder, action):
        super().__init__()
        self.folder, self.action, self.standings = folder, action, []
        self.start()

    def run(self):
        self.standings = eventually(lambda: training_in(self.folder), 120)
        self.action(self.standings)


def launcher_of(standing):
    return psutil.Process(standing.pid).parent()


@here
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_hangs_is_ended_and_told(temporary):
    thread = Meanwhile(temporary, lambda found: psutil.Process(found[1].pid).suspend())
    with pytest.raises(scaling.Died, match=r"did not answer for 2 s, at about step \d+; all were ended\. Run the cell"):
        run(recipe=ENDLESS, timeout_s=2)
    thread.join()


@here
def test_an_interrupt_ends_all_processes(temporary):
    thread = Meanwhile(temporary, lambda _: _thread.interrupt_main())
    with pytest.raises(Explained, match="Stopped; all processes have ended"):
        run(recipe=ENDLESS)
    thread.join()


@here
def test_the_death_of_the_launcher_is_told_and_leaves_no_orphan(temporary):
    thread = Meanwhile(temporary, lambda found: launcher_of(found[0]).kill())
    with pytest.raises(scaling.Died, match="its launcher "):
        run(recipe=ENDLESS)
    thread.join()
    assert not any(psutil.pid_exists(standing.pid) for standing in thread.standings)


NOTEBOOK = """
import sys, tempfile
from samples import dataset
from test_scaling import ENDLESS
from lessons_lib import scaling
tempfile.tempdir = sys.argv[1]
scaling.run(dataset(), ENDLESS, quiet=True)
"""


@here
def test_a_killed_notebook_leaves_no_orphan_and_no_file(temporary):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    notebook = subprocess.Popen([sys.executable, "-c", NOTEBOOK, str(temporary)], env=environment)
    found = eventually(lambda: training_in(temporary), 120)
    notebook.kill()
    notebook.wait()
    eventually(lambda: started_for(temporary) == [], 20)
    eventually(lambda: list(temporary.iterdir()) == [], 20)
    assert not any(psutil.pid_exists(standing.pid) for standing in found)


@here
def test_the_command_for_several_machines_works(two, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    jobs = [scaling.prepare(dataset(), RECIPE, folder, processes=2) for folder in folders]
    port = launch.free_port()
    launchers = []
    for job in jobs:
        words = shlex.split(scaling.command(1, 2, job.as_posix(), host="127.0.0.1", port=port))
        start = [sys.executable, "-m", "torch.distributed.run", "--local-addr=127.0.0.1", *words[1:]]
        environment = launch.environment(job.parent, 1)
        del environment[launch.NOTEBOOK]
        launchers.append(subprocess.Popen(start, env=environment, cwd=job.parent, stderr=subprocess.PIPE))
    outputs = [launcher.communicate(timeout=120)[1] for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0, 0], outputs
    done = [folder for folder in folders if (folder / "result.json").exists()]
    assert len(done) == 1
    assert scaling.read(done[0]).weight_digests == two.weight_digests


def test_the_command_says_machines_processes_and_meeting_point():
    words = scaling.command(4, 3, "here/job.json", "10.0.0.5", 1234).split()
    assert words[0] == "torchrun"
    assert {"--nnodes=3", "--nproc-per-node=4", "--rdzv-endpoint=10.0.0.5:1234"} <= set(words)
    assert words[-3:] == ["-m", "lessons_lib.scaling.worker", "here/job.json"]


@here
def test_layouts_are_compared_in_turns(temporary):
    found = scaling.compare_layouts(dataset(), RECIPE, processes=2, seconds=0.5)
    assert found.names == ["1 process x 1 thread", "1 process x 2 threads", "2 processes x 1 thread"]
    assert found.rounds >= 4
    assert found.rounds % 2 == 0
    assert {len(turns) for turns in found.seconds.values()} == {found.rounds}
    assert found.processes_against_threads.word in ("faster", "slower", "cannot tell")
    assert found.efficiency(found.names[0])[0] == pytest.approx(1)
    assert [row["layout"] for row in found.rows()] == found.names
    assert "<table>" in found._repr_html_()


def layouts_of(*seconds):
    names = ["1 process x 1 thread", "1 process x 2 threads", "2 processes x 1 thread"]
    return scaling.Layouts({n: (s, 1.02 * s) * 5 for n, s in zip(names, seconds, strict=True)}, 300, (1, 1))


def test_the_figures_of_layouts_follow_from_their_durations():
    found = layouts_of(1.0, 0.8, 0.5)
    assert found.images_per_second(found.names[0]) == pytest.approx(300 / 1.01)
    assert found.efficiency(found.names[2])[0] == pytest.approx(1.0, rel=0.01)
    assert found.efficiency(found.names[1])[0] == pytest.approx(1 / 1.6, rel=0.01)
    assert found.processes_against_threads.ratio == pytest.approx(1.6, rel=0.01)
    assert found.processes_against_threads.word == "faster"


SUMMARY = """
Failures:
[1]:
  time      : 2026-11-23_11:00:00
  host      : somewhere
  rank      : 0 (local_rank: 0)
  exitcode  : {others} (pid: 41)
  error_file: <N/A>
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-23_11:00:00
  host      : somewhere
  rank      : 2 (local_rank: 2)
  exitcode  : {first} (pid: 43)
  error_file: <N/A>
"""


@pytest.mark.parametrize(
    ("first", "others", "expected"),
    [(-9, 75, (2, -9)), (-9, -15, (2, -9)), (1, -15, (2, 1)), (75, -9, (0, -9)), (75, -15, None)],
)
def test_the_process_that_died_first_is_found_in_the_launchers_summary(first, others, expected):
    assert failure.first_failure(SUMMARY.format(first=first, others=others)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_every_end_of_a_process_has_its_sentence(tmp_path):
    assert failure.ended(-signal.SIGSEGV) == "was ended by signal SIGSEGV"
    assert failure.ended(-200) == "was ended by signal 200"
    assert failure.ended(3) == "ended with exit code 3"
    (tmp_path / "rank-2.error").write_text("the loss became nan")
    assert "Process 2 of the training ended at about step 0: the loss became nan" in str(
        failure.died(tmp_path, 1, SUMMARY.format(first=1, others=-15))
    )
    assert "MemoryError" in str(failure.died(tmp_path, 1, "Traceback\nMemoryError"))
    assert "had started" in str(failure.silent([], 120))
    behind = [progress.Standing(0, 1, 8, 0.0), progress.Standing(1, 2, 7, 0.0)]
    assert failure.silent(behind, 2).rank == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"processes": 3}, "multiple of 3"),
        ({"processes": 0}, "at least one of each"),
        ({"threads_each": 0}, "at least one of each"),
        ({"model": "huge"}, "no network 'huge'"),
    ],
)
def test_settings_that_do_not_fit_are_explained_before_anything_starts(settings, message, monkeypatch):
    monkeypatch.setattr(scaling, "follow_to_the_end", None)
    with pytest.raises(Mistake, match=message):
        run(**settings)


def test_a_build_without_torch_distributed_is_explained(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    assert "has no torch.distributed" in scaling.available("cpu")
    with pytest.raises(NotHere, match=r"has no torch\.distributed"):
        run()


def test_more_processes_than_gpus_are_explained(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert scaling.available("cuda", processes=1) == ""
    with pytest.raises(NotHere, match="2 processes need 2 GPUs, one each; PyTorch sees 1 here"):
        run(device="cuda")


def test_processes_inherit_nothing_that_concerns_only_the_notebook(tmp_path):
    inherited = {"PATH": "kept", "RANK": "7", "MASTER_ADDR": "far", "JPY_PARENT_PID": "1", "PYTHONPATH": "own"}
    given = launch.environment(tmp_path, 3, inherited)
    assert not {"RANK", "MASTER_ADDR", "JPY_PARENT_PID"} & given.keys()
    assert given["PATH"] == "kept"
    assert given["PYTHONPATH"].endswith(f"{os.pathsep}own")
    assert given["OMP_NUM_THREADS"] == "3"
    assert given["TMPDIR"] == str(tmp_path)


def test_a_job_travels_as_json_and_safetensors_only(tmp_path):
    data = dataset()
    path = scaling.prepare(data, RECIPE, tmp_path / "job")
    assert sorted(p.name for p in path.parent.iterdir()) == ["images.safetensors", "job.json"]
    assert json.loads(path.read_text())["recipe"]["steps"] == 12
    job, images = scaling.jobs.read(path)
    assert job.recipe == RECIPE
    assert torch.equal(images.images, data.train.images)
    assert torch.equal(images.labels, data.train.labels)
