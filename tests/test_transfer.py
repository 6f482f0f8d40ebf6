"""Transfer: small parts of a data set, three ways to learn them, and what the runs say about the time saved."""

import numpy as np
import pytest
import torch
from samples import Outline, dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import models, training, transfer
from lessons_lib.datasets import cache, official
from lessons_lib.datasets.split import Dataset, Split
from lessons_lib.explained import Mistake
from lessons_lib.history import History
from lessons_lib.tables import Table
from lessons_lib.transfer import Run, Stage, claim, methods, textures
from lessons_lib.transfer import runs as running
from lessons_lib.widgets.transfer import describe, transfer_explorer


def counts(data: Dataset) -> list[int]:
    return torch.bincount(data.train.labels, minlength=len(data.classes)).tolist()


def uneven() -> Dataset:
    """Ten images of class 0, three of class 1."""
    images = torch.arange(13, dtype=torch.uint8)[:, None, None, None].expand(13, 1, 16, 16).clone()
    part = Split(images, torch.tensor([0] * 10 + [1] * 3))
    return Dataset("uneven", part, part, part, ("many", "rare"), "made by hand")


@pytest.mark.parametrize("per_class", [1, 5, 24])
def test_few_holds_exactly_so_many_images_a_class_and_leaves_the_other_parts(per_class):
    data = dataset(train=96)
    small = transfer.few(data, per_class, seed=3)
    assert counts(small) == [per_class] * 4
    assert small.validation is data.validation
    assert small.test is data.test
    originals = {
        (image.numpy().tobytes(), int(y)) for image, y in zip(data.train.images, data.train.labels, strict=True)
    }
    chosen = {
        (image.numpy().tobytes(), int(y)) for image, y in zip(small.train.images, small.train.labels, strict=True)
    }
    assert chosen <= originals
    assert len(chosen) == 4 * per_class


def test_the_seed_chooses_the_images():
    first, again, other = (transfer.few(dataset(), 5, seed).train.images for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_class_with_fewer_images_gives_all_it_has():
    assert counts(transfer.few(uneven(), 5)) == [5, 3]


def test_a_class_without_images_and_a_number_below_one_are_refused():
    data = uneven()
    lacking = Dataset("gap", data.train, data.validation, data.test, ("many", "rare", "absent"), "")
    with pytest.raises(Mistake, match="no training image of 'absent' in gap"):
        transfer.few(lacking, 2)
    with pytest.raises(Mistake, match="per_class is 0"):
        transfer.few(data, 0)


def test_grey_images_get_three_equal_channels_and_colours_stay():
    grey = dataset(channels=1)
    coloured = transfer.in_colour(grey)
    assert coloured.image_shape == (3, 16, 16)
    for channel in range(3):
        assert torch.equal(coloured.test.images[:, channel], grey.test.images[:, 0])
    assert transfer.in_colour(coloured) is coloured


def test_stages_that_ask_for_too_much_become_one_with_all_there_is():
    stages = [Stage(2, 10, 3), Stage(5, 20, 2), Stage(50, 30, 2), Stage(200, 40, 1)]
    kept, notes = transfer.fitting(uneven(), stages)
    assert kept == [Stage(2, 10, 3), Stage(5, 20, 2), Stage(10, 30, 2)]
    assert notes == [
        "uneven has at most 10 training images a class; 50 and 200 a class were asked for.",
        "Fewer than 10 training images: rare (3); all of them are used.",
    ]
    assert transfer.fitting(dataset(train=96), stages[:2]) == (stages[:2], [])
    assert transfer.fitting(uneven(), [Stage(50, 5, 1)])[0] == [Stage(10, 5, 1)]


def test_a_new_head_keeps_every_other_weight_and_the_original():
    base = learnt("small")
    before, state = snapshot(base), torch.get_rng_state()
    renewed = transfer.with_new_head(base, 7, seed=1)
    assert same_weights(before, snapshot(base))
    assert torch.equal(state, torch.get_rng_state()), "the global random state stays as it was"
    assert renewed.head.weight.shape == (7, 128)
    now = snapshot(renewed)
    assert all(torch.equal(now[name], value) for name, value in before.items() if not name.startswith("head."))
    assert torch.equal(renewed.head.weight, transfer.with_new_head(base, 7, seed=1).head.weight)
    assert not torch.equal(renewed.head.weight, transfer.with_new_head(base, 7, seed=2).head.weight)


def test_each_method_trains_what_it_says_and_nothing_else():
    base, data = learnt("small"), dataset(classes=3, seed=5)
    before = snapshot(base)
    for method in transfer.METHODS:
        model, history = transfer.learn(method, base, data, 6, seed=2)
        assert same_weights(before, snapshot(base)), "the trained network stays as it is"
        assert history.finished
        assert not model.training
        assert model.head.out_features == 3
        body = [torch.equal(p, before[n]) for n, p in model.named_parameters() if not n.startswith("head.")]
        assert all(body) == (method == "frozen features")
        assert any(body) == (method == "frozen features")


def test_fine_tuning_starts_from_the_trained_network_and_scratch_does_not():
    base, data = learnt("small"), dataset(classes=3, seed=5)
    tuned, scratch = (transfer.learn(m, base, data, 1, peak_rate=1e-9)[0] for m in ("fine-tuning", "from scratch"))
    first = base.blocks[0][0].weight
    assert torch.allclose(tuned.blocks[0][0].weight, first, atol=1e-6)
    assert not torch.allclose(scratch.blocks[0][0].weight, first, atol=1e-2)


def test_an_unknown_method_is_refused_by_name():
    with pytest.raises(ValueError, match="no method 'magic'; choose one of from scratch, frozen features, fine-tuning"):
        transfer.learn("magic", learnt("small"), dataset(), 1)


def test_the_head_on_frozen_features_takes_them_as_the_network_gives_them():
    """The features are standardised for training; the head that comes out must work without that."""
    base, data = learnt("small"), dataset(seed=7)
    model, history = methods.train_head(transfer.with_new_head(base, 4), data)
    assert training.accuracy(model, data.validation) == pytest.approx(history.accuracy[-1][1], abs=1e-6)
    assert history.accuracy[-1][1] > 0.9, "the patterns are easy"
    assert len(history.loss) == len(history.step_seconds) == methods.HEAD_STEPS
    assert history.images == len(data.train), "each image went through the network once"


def test_features_are_what_the_last_layer_sees():
    base, data = learnt("small"), dataset()
    seen = transfer.features(base, data.test.images, batch_size=7)
    assert seen.shape == (40, 128)
    with torch.no_grad():
        assert torch.allclose(base.head(seen), training.predict(base, data.test.images), atol=1e-4)


def test_a_study_runs_every_method_on_the_same_images():
    runs = transfer.study(learnt("small"), dataset(), [Stage(2, 2, 2), Stage(5, 3, 1)], seed=4, quiet=True)
    done = [(run.per_class, run.seed, run.method) for run in runs]
    assert done == [(size, seed, method) for size, seed in ((2, 4), (5, 4), (2, 5)) for method in transfer.METHODS]
    found = transfer.accuracies(runs)
    assert {method: sorted(sizes) for method, sizes in found.items()} == {method: [2, 5] for method in transfer.METHODS}
    assert len(found["fine-tuning"][2]) == 2


def test_an_interrupt_keeps_whole_comparisons_only(monkeypatch):
    calls = []

    def learn(method, base, data, steps, **_):
        calls.append(method)
        return base, History(finished=len(calls) != 8, loss=[1.0])

    monkeypatch.setattr(running, "learn", learn)
    monkeypatch.setattr(running, "warm_up", lambda *_: None)
    runs = transfer.study(learnt("small"), dataset(), [Stage(2, 1, 1), Stage(3, 1, 1), Stage(4, 1, 1)], quiet=True)
    assert [run.per_class for run in runs] == [2, 2, 2, 3, 3, 3]


def test_an_interrupt_before_the_first_comparison_is_explained(monkeypatch):
    monkeypatch.setattr(running, "learn", lambda method, base, *_, **__: (base, History()))
    with pytest.raises(Mistake, match="run the cell again"):
        transfer.study(learnt("small"), dataset(), [Stage(2, 1, 1)], quiet=True)


def test_the_best_rate_is_the_one_with_the_highest_validation_accuracy():
    def learn(method, base, data, steps, *, peak_rate, **_):
        best = {"from scratch": 0.4, "fine-tuning": 0.1}[method]
        return base, History(accuracy=[(1, 1 - abs(peak_rate - best))], finished=True)

    rates = transfer.best_rates(learnt("small"), dataset(), Stage(2, 1, 1), (0.1, 0.2, 0.4), learn=learn)
    assert rates == {"from scratch": 0.4, "fine-tuning": 0.1}
    never = transfer.best_rates(learnt("small"), dataset(), Stage(2, 1, 1), (0.3,), learn=None)
    assert never == {"from scratch": 0.3, "fine-tuning": 0.3}


def run(
    method: str, accuracies: list[float], *, size: int = 5, seed: int = 0, second: float = 1.0, test: float = 0.5
) -> Run:
    """A run whose validation accuracy is looked at after each step of so many seconds."""
    told = [(step + 1, share) for step, share in enumerate(accuracies)]
    steps = len(accuracies)
    history = History([1.0] * steps, [0.1] * steps, told, [second] * steps, images=100 * steps, finished=True)
    return Run(method, size, seed, history, test, 1000)


SCRATCH = [0.1] * 9 + [0.5]


@pytest.mark.parametrize(
    ("accuracies", "second", "saved"),
    [
        ([0.6], 1.0, 0.9),
        ([0.1, 0.5], 1.0, 0.8),
        ([0.1, 0.5], 5.0, 0.0),
        ([0.5], 20.0, -1.0),
        ([0.1] * 50, 0.1, 0.0),
    ],
)
def test_time_saved_compares_when_each_first_reaches_what_scratch_ends_with(accuracies, second, saved):
    runs = [run("from scratch", SCRATCH), run("fine-tuning", accuracies, second=second)]
    assert transfer.time_saved(runs, "fine-tuning") == {5: [pytest.approx(saved)]}
    assert transfer.seconds_saved(runs, "fine-tuning", 5) == pytest.approx(10 * saved)


def test_scratch_is_timed_until_it_first_got_there_not_until_its_end():
    runs = [run("from scratch", [0.1, 0.5, 0.3, 0.5]), run("fine-tuning", [0.5])]
    assert transfer.time_saved(runs, "fine-tuning") == {5: [0.5]}


def test_only_runs_on_the_same_images_are_compared():
    runs = [run("from scratch", SCRATCH, seed=1), run("fine-tuning", [0.6], seed=2), run("fine-tuning", [0.6], size=9)]
    assert transfer.time_saved(runs, "fine-tuning") == {}


@pytest.mark.parametrize(
    ("saved", "word", "told"),
    [
        ({5: [0.95, 0.92], 50: [0.9]}, "holds", "90% or more at 5 and 50 images a class"),
        ({5: [0.95], 10: [0.93], 50: [0.6], 200: [0.0]}, "holds only if", "labels are few, at 5 and 10 images a class and no longer at 50 and 200"),
        ({5: [0.5], 50: [0.95]}, "holds only if", "you have 50 images a class"),
        ({5: [0.5, 0.7], 50: [0.2]}, "does not hold here", "at best 60% (50% to 70%) less training time, with 5 images a class"),
        ({5: [0.95, 0.5], 50: [0.2]}, "cannot tell", "with 5 images a class the seeds lie on both sides of 90%, and with 50 it does not hold"),
        ({5: [-0.5]}, "does not hold here", "at best -50% (one run) less"),
        ({5: [0.5, 0.5]}, "does not hold here", "at best 50% less"),
    ],
)  # fmt: skip
def test_the_claim_is_judged_by_every_seed(saved, word, told):
    judgement = transfer.judge(saved)
    assert judgement.word == word
    assert told in str(judgement)


def test_without_runs_there_is_no_judgement():
    with pytest.raises(ValueError, match="run the cell that trains them"):
        transfer.judge({})


def test_the_table_of_time_saved_has_a_row_for_each_size():
    table = transfer.saved_table({"fine-tuning": {5: [0.9, 0.7, 0.8], 50: [0.5]}, "frozen features": {5: [1.0]}})
    assert table.cells() == [["5", "80% (70% to 90%)", "100% (one run)"], ["50", "50% (one run)", ""]]


def test_the_cost_of_the_pre_training_follows_from_the_speed_of_scratch():
    """20,000 images, three times; the runs make 100 images a step of one second."""
    runs = [run("from scratch", SCRATCH), run("fine-tuning", [0.5], second=100.0)]
    assert transfer.pretraining_seconds(runs, pixels=32 * 32) == pytest.approx(600)
    assert transfer.pretraining_seconds(runs, pixels=16 * 16) == pytest.approx(2400)


@pytest.mark.parametrize(
    ("cost", "saved", "tasks"), [(60, 3, 20), (60, 7, 9), (60, 100, 1), (60, 0, None), (60, -2, None)]
)
def test_break_even_counts_whole_tasks(cost, saved, tasks):
    assert transfer.break_even(cost, saved) == tasks


@pytest.mark.parametrize(
    ("tasks", "told"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (112, "112th"), (1021, "1,021st")]
)
def test_the_payback_names_the_task(tasks, told):
    assert f"from the {told} new task on" in transfer.payback(tasks, 2.0, 50)
    assert "never pay" in transfer.payback(None, 0.0, 50)


def test_an_interrupt_among_the_learning_rates_is_explained():
    with pytest.raises(Mistake, match="run the cell again"):
        transfer.best_rates(
            learnt("small"), dataset(), Stage(2, 1, 1), (0.1, 0.2), learn=lambda *_, **__: (None, History())
        )


class Stubborn(nn.Module):
    """Sees one class in everything; it is surer the brighter the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        light = x.mean((1, 2, 3)) + 2
        return torch.stack([torch.zeros_like(light), light, torch.zeros_like(light)], 1)


def test_an_old_network_answers_with_the_classes_it_has():
    table = transfer.answers(Stubborn(), dataset(), ("stop", "parking", "danger"))
    assert [row["shown"] for row in table.rows] == ["class 0", "class 1", "class 2", "class 3"]
    assert {(row["it says most often"], row["how often"]) for row in table.rows} == {("parking", "100%")}
    assert all(34 <= int(row["how sure, on average"].rstrip("%")) <= 100 for row in table.rows)
    told = "Here class 0, class 1, class 2 and class 3 are called 'parking' most often"
    assert transfer.same_answer(table).startswith(told)


def test_classes_with_the_same_answer_are_named_and_so_is_it_when_there_are_none():
    rows = [{"shown": shown, "it says most often": said} for shown, said in ("ax", "by", "cy")]
    assert transfer.same_answer(Table("", rows)) == (
        "Here b and c are called 'y' most often: to the old network they have something in common."
    )
    assert transfer.same_answer(Table("", rows[:2])) == "Here every class gets an answer of its own."


def test_textures_are_balanced_grey_reproducible_and_share_no_image():
    first, again, other = (textures.textures(train=50, validation=20, test=30, seed=seed) for seed in (0, 0, 1))
    assert first.image_shape == (1, 32, 32)
    assert counts(first) == [5] * 10
    assert torch.equal(first.train.images, again.train.images)
    assert not torch.equal(first.train.images, other.train.images)
    parts = (first.train, first.validation, first.test)
    assert len({image.numpy().tobytes() for part in parts for image in part.images}) == 100


def test_textures_have_the_direction_and_the_length_that_their_class_names():
    """An oracle without learning: the strongest frequency of the picture."""
    data = textures.textures(train=400, validation=1, test=1)
    light = data.train.images[:, 0].double().numpy()
    power = np.abs(np.fft.fft2(light - light.mean((1, 2), keepdims=True)))[:, :, :17]
    peak = power.reshape(len(power), -1).argmax(1)
    down, across = np.divmod(peak, 17)
    down = np.where(down > 16, down - 32, down)
    length = np.hypot(down, across)
    short = (data.train.labels % 2).numpy().astype(bool)
    assert np.median(length[short]) > 1.5 * np.median(length[~short])
    degrees = np.degrees(np.arctan2(down, across)) % 180
    named = np.array(textures.DIRECTIONS_DEGREES)[(data.train.labels // 2).numpy()]
    off = np.abs((degrees - named + 90) % 180 - 90)
    assert np.median(off) < 12


@pytest.fixture
def no_files(tmp_path, monkeypatch):
    """No data on this machine, and whoever downloads something fails."""
    monkeypatch.setenv("LESSONS_DATA", str(tmp_path))
    monkeypatch.setenv("LESSONS_HOME", str(tmp_path / "home"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was downloaded")

    monkeypatch.setattr(official, "fetch", refuse, raising=False)
    monkeypatch.setattr("urllib.request.urlopen", refuse)


FEW = {"train": 20, "validation": 10, "test": 10}


def test_the_far_task_is_drawn_where_fashion_mnist_is_not_here(no_files):
    data, told = transfer.far_domain("auto", **FEW)
    assert data.name == "textures"
    assert "not on this machine" in told
    assert 'FAR = "fashion_mnist"' in told
    assert transfer.far_domain("textures", **FEW)[0].name == "textures"


def test_the_far_task_is_fashion_mnist_where_its_files_are_here(monkeypatch):
    monkeypatch.setattr(cache, "find", lambda file, layouts: (file.name, []))
    monkeypatch.setattr("lessons_lib.datasets.load", lambda name, **counts: (name, counts))
    assert transfer.far_domain("auto", **FEW)[0] == ("fashion_mnist", FEW | {"seed": 0})
    assert transfer.far_domain("auto", **FEW, other_than="fashion_mnist")[0].name == "textures"


def test_an_unknown_far_task_is_refused_by_name():
    with pytest.raises(Mistake, match="FAR is 'moon'; choose one of auto, fashion_mnist, textures"):
        transfer.far_domain("moon", **FEW)


def test_a_run_is_told_with_its_time_to_equal_accuracy():
    scratch, tuned, slow = run("from scratch", SCRATCH), run("fine-tuning", [0.6], test=0.75), run("fine-tuning", [0.1])
    told = describe(tuned, [tuned, scratch])
    assert told.startswith("Fine-tuning, 5 images a class: 75.0% of the test images right after 1 s of training.")
    assert told.endswith("It reaches in 1 s the 50.0% on validation images for which training from scratch needs 10 s.")
    assert "never reaches the 50.0%" in describe(slow, [scratch])
    assert "reaches" not in describe(scratch, [scratch, tuned])


def test_without_a_notebook_the_explorer_prints_every_run(capsys):
    transfer_explorer([run("from scratch", SCRATCH), run("fine-tuning", [0.6]), run("fine-tuning", [0.6], seed=1)])
    assert len(capsys.readouterr().out.splitlines()) == 2
    with pytest.raises(ValueError, match="no runs to look at"):
        transfer_explorer([])


def test_the_shipped_card_tells_what_the_pre_training_cost():
    assert claim.pretraining_seconds([run("from scratch", SCRATCH)], 1024) > 0
    assert models.parameters(transfer.with_new_head(learnt("small"), 10)) == 94_762


def test_the_table_of_answers_can_be_read_by_a_screen_reader():
    outline = Outline(transfer.answers(Stubborn(), dataset(), ("a", "b", "c"))._repr_html_())
    assert len(outline.all("th")) == 4 + 4
