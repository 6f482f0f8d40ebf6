import _thread
import os
import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from samples import dataset, same_weights, snapshot
from torch import nn

from lessons_lib import live, models, resume, training
from lessons_lib.training import Recipe

RECIPE = Recipe(steps=9, batch_size=16)
TESTS = Path(__file__).parent


def fresh(name="small"):
    """With dropout, so that random numbers matter too."""
    return nn.Sequential(models.build(name, classes=4, seed=0), nn.Dropout(0.2))


def run(model, checkpoint, *, data=None, recipe=RECIPE, seed=0, every=2):
    data = data or dataset()
    return training.train(model, data, recipe, seed=seed, checkpoint=checkpoint, checkpoint_every=every, quiet=True)


@pytest.fixture(scope="module")
def uninterrupted():
    model = fresh()
    return model, training.train(model, dataset(), RECIPE, quiet=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "running" / "job.safetensors"


def assert_same_run(model, history, uninterrupted):
    expected_model, expected = uninterrupted
    assert same_weights(snapshot(model), snapshot(expected_model))
    for field in ("loss", "rate", "accuracy", "images", "finished"):
        assert getattr(history, field) == getattr(expected, field), field


def at_step(monkeypatch, wanted, action):
    """Do something right after a step, while the loop is running."""
    original = live.Live.update

    def update(self, done, value, note=""):
        original(self, done, value, note)
        if done == wanted:
            action()

    monkeypatch.setattr(live.Live, "update", update)


@pytest.mark.parametrize("step", [1, 4, 6, 9])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(path, uninterrupted, monkeypatch, step):
    handler = signal.getsignal(signal.SIGINT)
    model = fresh()
    with monkeypatch.context() as patch:
        at_step(patch, step, lambda: signal.raise_signal(signal.SIGINT))
        history = run(model, path)
    assert len(history.loss) == step
    assert history.finished is (step == 9)
    assert path.exists() is (step != 9)
    assert signal.getsignal(signal.SIGINT) is handler
    assert torch.isfinite(training.predict(model, dataset().test.images)).all()
    if step != 9:
        model = fresh()
        history = run(model, path)
    assert_same_run(model, history, uninterrupted)
    assert not path.exists()


def test_the_same_model_may_be_passed_again(path, uninterrupted, monkeypatch):
    model = fresh()
    with monkeypatch.context() as patch:
        at_step(patch, 3, lambda: signal.raise_signal(signal.SIGINT))
        run(model, path)
    assert_same_run(model, run(model, path), uninterrupted)


def test_an_interrupt_out_of_the_blue_is_survived(path):
    long = replace(RECIPE, steps=2000)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    stopped = run(fresh(), path, recipe=long, every=50)
    timer.join()
    done = len(stopped.loss)
    assert 0 < done < 2000
    ended = done + 2
    model = fresh()
    resumed = fresh()
    job = replace(long, steps=2000)
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, ended, lambda: signal.raise_signal(signal.SIGINT))
        assert run(resumed, path, recipe=job).loss == run(model, path.with_name("other"), recipe=job).loss
    assert same_weights(snapshot(resumed), snapshot(model))


@pytest.mark.parametrize("step", [1, 2, 5])
def test_an_error_inside_costs_no_more_than_the_steps_since_the_checkpoint(path, uninterrupted, monkeypatch, step):
    def fail():
        raise OSError("the kernel lost its screen")

    with monkeypatch.context() as patch:
        at_step(patch, step, fail)
        with pytest.raises(OSError, match="lost its screen"):
            run(fresh(), path)
    assert path.exists() is (step > 2)
    model = fresh()
    assert_same_run(model, run(model, path), uninterrupted)


KILLED = """
import os, signal, sys
import pathlib
import test_resume
from lessons_lib import live, resume

def die(*_):
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

checkpoint, where = pathlib.Path(sys.argv[1]), sys.argv[2]
if where == "training":
    original = live.Live.update
    live.Live.update = lambda self, done, value: die() if done == 6 else original(self, done, value)
else:
    class Half:
        writes = 0
        def fsync(self, number):
            Half.writes += 1
            if Half.writes == 3:
                os.ftruncate(number, 1000)
                die()
        def __getattr__(self, name):
            return getattr(os, name)
    resume.os = Half()
test_resume.run(test_resume.fresh(), checkpoint)
"""


@pytest.mark.parametrize("where", ["training", "writing"])
def test_a_killed_process_is_survived(path, uninterrupted, where):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path), where], env=environment, capture_output=True)
    assert ended.returncode != 0
    assert not ended.stderr, ended.stderr.decode()
    assert path.exists()
    model = fresh()
    history = run(model, path)
    assert_same_run(model, history, uninterrupted)
    assert list(path.parent.iterdir()) == []


def stop_after(path, steps, **job):
    with pytest.MonkeyPatch.context() as patch:
        at_step(patch, steps, lambda: signal.raise_signal(signal.SIGINT))
        run(fresh(), path, **job)
    assert path.exists()


def noisy_labels():
    data = dataset()
    labels = data.train.labels.clone()
    labels[0] = 3
    return replace(data, train=replace(data.train, labels=labels))


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": replace(RECIPE, peak_rate=0.05)},
        {"recipe": replace(RECIPE, steps=8)},
        {"seed": 1},
        {"data": dataset(name="another")},
        {"data": dataset(seed=1)},
        {"data": dataset(train=64)},
        {"data": noisy_labels()},
    ],
    ids=["rate", "steps", "seed", "name", "images", "fewer images", "one label"],
)
def test_the_checkpoint_of_another_job_is_not_taken(path, other):
    stop_after(path, 3)
    expected, model = fresh(), fresh()
    untouched = run(expected, None, **other)
    history = run(model, path, **other)
    assert history.loss == untouched.loss
    assert same_weights(snapshot(model), snapshot(expected))


def test_the_checkpoint_of_another_network_is_not_taken(path):
    stop_after(path, 3)
    model = models.build("resnet", classes=4, seed=0)
    before = snapshot(model)
    history = training.History()
    optimiser = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    assert resume.load(path, job_of(path), model, optimiser, history) == 0
    assert same_weights(snapshot(model), before)
    assert history == training.History()


def job_of(path):
    return resume._read(path)[0]["job"]


def truncated(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def foreign(path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path)


def from_elsewhere(path):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, path, {"state": '{"step": 3}'})


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: truncated(path, 0.5),
    "last bytes": lambda path: truncated(path, 0.999),
    "noise": lambda path: path.write_bytes(os.urandom(5000)),
    "no state": foreign,
    "half a state": from_elsewhere,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_checkpoint_is_told_and_training_starts_anew(path, uninterrupted, damage):
    stop_after(path, 3)
    damage(path)
    model = fresh()
    with pytest.warns(UserWarning, match="cannot be read .*training starts anew"):
        history = run(model, path)
    assert_same_run(model, history, uninterrupted)


def test_a_folder_that_cannot_be_written_does_not_end_training(tmp_path, uninterrupted):
    (tmp_path / "file").write_text("in the way")
    model = fresh()
    with pytest.warns(UserWarning, match="cannot be written .*goes on without it"):
        history = run(model, tmp_path / "file" / "job.safetensors")
    assert_same_run(model, history, uninterrupted)


def test_a_whole_run_warns_of_nothing_and_leaves_nothing_behind(path, uninterrupted):
    model = fresh()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = run(model, path)
    assert_same_run(model, history, uninterrupted)
    assert list(path.parent.iterdir()) == []


def test_a_second_interrupt_is_immediate(monkeypatch):
    handler = signal.getsignal(signal.SIGINT)

    def impatient():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("still running")

    at_step(monkeypatch, 2, impatient)
    with pytest.raises(KeyboardInterrupt):
        run(fresh(), None)
    assert signal.getsignal(signal.SIGINT) is handler


def test_the_handler_of_the_caller_comes_back_after_an_error():
    handler = signal.getsignal(signal.SIGINT)
    inside = []

    def fail():
        with resume.stop_requested():
            inside.append(signal.getsignal(signal.SIGINT))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside[0] is not handler
    assert signal.getsignal(signal.SIGINT) is handler


def test_training_works_in_another_thread_too(uninterrupted):
    model, histories = fresh(), []
    thread = threading.Thread(target=lambda: histories.append(run(model, None)))
    thread.start()
    thread.join()
    assert_same_run(model, histories[0], uninterrupted)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "sub" / "file"
    resume.replace_file(target, b"first")

    def fail(_number):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(resume.os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            resume.replace_file(target, b"second")
    assert target.read_bytes() == b"first"
    assert list(target.parent.iterdir()) == [target]
    with monkeypatch.context() as patch:
        patch.setattr(resume.os, "replace", lambda old, new: fail(0))
        with pytest.raises(OSError, match="disk full"):
            resume.replace_file(target, b"second")
    assert target.read_bytes() == b"first"
    assert list(target.parent.iterdir()) == [target]
    resume.replace_file(target, b"third")
    assert target.read_bytes() == b"third"


def test_a_fingerprint_sees_one_pixel_and_one_label():
    data = dataset()
    images, labels = data.train.images, data.train.labels
    changed = images.clone()
    changed[3, 1, 2, 2] ^= 1
    marks = {
        resume.fingerprint(images, labels),
        resume.fingerprint(changed, labels),
        resume.fingerprint(images, labels + 1),
    }
    assert len(marks) == 3
    assert resume.fingerprint(images, labels) == resume.fingerprint(images.clone(), labels.clone())
