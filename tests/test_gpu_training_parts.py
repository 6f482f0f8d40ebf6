"""The parts 02.steps and 02.training of a machine record, measured on the CPU and shown from what a file holds."""

import json
from dataclasses import replace

import pytest
import torch
from samples import dataset

from lessons_lib import datasets
from lessons_lib.datasets import cifar10
from lessons_lib.explained import Mistake, NotHere
from lessons_lib.gpu_training import recipe, tasks
from lessons_lib.gpu_training.looking import Views
from lessons_lib.machine_record.context import Context
from lessons_lib.machine_record.findings import Findings
from lessons_lib.machine_record.parts import PARTS, steps, training

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def context():
    return Context(CPU, "smoke", say=lambda line: None)


@pytest.fixture(scope="module")
def measured(context):
    return {part.PART.name: part.PART.measure(context) for part in (steps, training)}


def from_file(found: Findings) -> Findings:
    told = json.loads(json.dumps([found.series, found.facts, found.notes]))
    return Findings(tuple(told[0]), told[1], tuple(told[2]))


def test_both_parts_are_registered():
    assert PARTS["02.steps"] is steps.PART
    assert PARTS["02.training"] is training.PART


@pytest.mark.parametrize("name", ["02.steps", "02.training"])
def test_the_tables_are_the_same_for_live_and_for_recorded_findings(measured, name):
    live, recorded = (PARTS[name].tables(found) for found in (measured[name], from_file(measured[name])))
    assert live
    assert [repr(table) for table in live] == [repr(table) for table in recorded]


def test_the_steps_have_series_and_figures_that_agree(measured):
    found = measured["02.steps"]
    assert {(one["knobs"], one["batch"]) for one in found.series} == {
        (row["knobs"], row["batch"]) for row in found.facts["rows"]
    }
    assert {row["batch"] for row in found.facts["rows"]} == {16, 64}
    for one, row in zip(found.series, found.facts["rows"], strict=True):
        assert row["images_per_second"] == pytest.approx(1000 * one["images"] / one["median_ms"], rel=0.01)
        assert row["flop_per_s"] == pytest.approx(
            row["images_per_second"] * found.facts["training_flop_per_image"], rel=0.01
        )
        assert row["share_of_data_sheet"] is None, "a CPU has none here"
        assert 0 < row["share_of_matrix_products"] < 3
    assert any("torch.compile is left out" in note for note in found.notes)


def test_the_trainings_tell_each_run(measured):
    found = measured["02.training"]
    assert [task["name"] for task in found.facts["tasks"]] == ["road signs, 32 pixels", "road signs, 64 pixels"]
    for task in found.facts["tasks"]:
        assert len(task["runs"]) == 1
        assert all(0 <= run["accuracy"] <= 1 and run["seconds"] > 0 for run in task["runs"])
    assert found.facts["against_the_record"] is None
    assert found.facts["published"][0]["seconds"] == 2.59
    assert any("CIFAR-10" in note for note in found.notes)


def test_cifar_is_only_trained_on_where_its_files_are_and_nothing_is_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path))
    assert not tasks.cifar_is_here()
    assert len(tasks.tasks("quick", gpu=True)) == 2
    folder = tmp_path / "cifar10" / cifar10.FOLDER
    folder.mkdir(parents=True)
    for name in cifar10.BATCHES[:-1]:
        (folder / name).touch()
    assert not tasks.cifar_is_here(), "one batch is missing"
    (folder / cifar10.BATCHES[-1]).touch()
    assert tasks.cifar_is_here()
    found = tasks.tasks("quick", gpu=True)[2]
    assert tasks.tasks("quick", gpu=True)[3].recipe == recipe.CIFAR10_MUON
    assert (found.name, found.target, found.views.count) == ("CIFAR-10", 0.94, 6)
    asked = {}
    monkeypatch.setattr(datasets, "load", lambda name, **given: asked.update(given))
    Context(CPU).data(found.dataset, size=found.size, train=found.train, test=found.test)
    assert asked["train"] + asked["validation"] == 50_000, "as many as the published record trains on, or nearly"
    assert len(tasks.tasks("quick", gpu=False)) == len(tasks.tasks("smoke", gpu=True)) == 2


def task(**given):
    plain = tasks.Task(
        "sample", "sample", 16, 96, 40, replace(recipe.ROAD_SIGNS, epochs=1, batch_size=96), Views(), 0.5, 4
    )
    return replace(plain, **given)


def test_where_a_batch_does_not_fit_half_of_it_is_tried(monkeypatch):
    whole = training.fit

    def small_memory(net, data, given, **how):
        if given.batch_size > 24:
            raise NotHere(f"Training with a batch of {given.batch_size} does not fit into the memory of this device.")
        return whole(net, data, given, **how)

    monkeypatch.setattr(training, "fit", small_memory)
    notes: list[str] = []
    net, run = training.smaller_until_it_fits((8, 8, 8), dataset(), task(), CPU, 0, notes)
    assert run.recipe.batch_size == 24
    assert len(notes) == 2
    assert "batch of 96 does not fit" in notes[0]
    assert net.head.in_features == 8


def test_another_reason_is_not_tried_again(monkeypatch):
    def never(*args, **how):
        raise NotHere("PyTorch sees no NVIDIA GPU here.")

    monkeypatch.setattr(training, "fit", never)
    with pytest.raises(NotHere, match="sees no NVIDIA GPU"):
        training.smaller_until_it_fits((8, 8, 8), dataset(), task(), CPU, 0, [])


def test_a_task_that_fails_with_a_sentence_leaves_the_others(context, monkeypatch):
    def fails(task, *given):
        if task.size == 32:
            raise Mistake("the loss became nan: the learning rate is too large for this network; try a third of it.")
        return {"name": task.name, "seconds_reached": None}

    monkeypatch.setattr(training, "run_all", fails)
    found = training.measure(context)
    assert [one["name"] for one in found.facts["tasks"]] == ["road signs, 64 pixels"]
    assert any(note.startswith("road signs, 32 pixels: the loss became nan") for note in found.notes)


def test_runs_end_where_the_time_does(context, monkeypatch):
    monkeypatch.setattr(Context, "data", lambda self, *args, **given: dataset())
    notes: list[str] = []
    facts = training.run_all(task(), context, 0.0, notes)
    assert len(facts["runs"]) == 1, "one is always made"
    assert notes == ["sample: 1 of 4 runs fitted into the time."]
    assert len(training.run_all(task(seeds=2), context, 60.0, [])["runs"]) == 2


def test_an_interrupt_ends_the_whole_part(context, monkeypatch):
    whole = training.fit

    def interrupted(*args, **how):
        result = whole(*args, **how)
        result.history.finished = False
        return result

    monkeypatch.setattr(Context, "data", lambda self, *args, **given: dataset())
    monkeypatch.setattr(training, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.run_all(task(), context, 60.0, [])


def test_a_record_of_a_gpu_is_shown_with_the_published_times_and_their_source():
    run = {"way": "bfloat16", "steps": 483, "batch": 1024, "seconds": 4.0, "seconds_with_preparation": 9.0}
    given = {"name": "CIFAR-10", "target": 0.94, "runs": [run], "mean_accuracy": 0.9405, "reached": 1, "seconds_reached": 4.0,
             "images_per_second": 123456.0, "share_of_data_sheet": 0.251, "memory_bytes": 2**31}  # fmt: skip
    facts = {"device": "NVIDIA A100-SXM4-40GB", "tasks": [given], "published": training.published.facts()}
    shown, record = training.tables(Findings((), facts))
    assert shown.rows[0]["share of the peak"] == "25.1%"
    assert shown.rows[0]["memory"] == "2 GiB"
    assert "not measured here" in record.caption
    assert {row["to 94 %"] for row in record.rows} == {"2.59 s", "3.09 s", "3.83 s"}
