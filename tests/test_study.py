"""Studies over seeds: wrong labels, confusion, paired differences, and what is said of them."""

import math
import os
import random
import signal
import statistics

import pytest
import torch
from samples import dataset, same_weights, snapshot

from lessons_lib import confusion, findings, study
from lessons_lib.augment import Augmentation
from lessons_lib.explained import NotHere
from lessons_lib.history import History
from lessons_lib.label_noise import with_wrong_labels
from lessons_lib.paired import Effect, effect
from lessons_lib.study import Run, Study, Trial, subset, train_once

DATA = dataset(train=96)


def run(training, validation, images=0):
    return Run(training, validation, History([2.0, 1.0], images=images, finished=True), torch.nn.Identity())


def runs(*pairs):
    return {seed: run(*pair) for seed, pair in enumerate(pairs)}


# wrong labels


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 1.0])
def test_so_many_labels_are_wrong_and_all_are_classes(share):
    labels = torch.arange(1000) % 7
    spoilt = with_wrong_labels(labels, share, 7)
    assert (spoilt != labels).sum() == round(1000 * share)
    assert set(spoilt.tolist()) <= set(range(7))
    assert torch.equal(labels, torch.arange(1000) % 7)


def test_every_other_class_is_equally_likely():
    spoilt = with_wrong_labels(torch.zeros(6000, dtype=torch.int64), 1.0, 4)
    assert torch.bincount(spoilt, minlength=4)[0] == 0
    assert (torch.bincount(spoilt, minlength=4)[1:] - 2000).abs().max() < 150


def test_more_noise_keeps_what_less_noise_changed():
    labels = torch.arange(500) % 5
    some, more = with_wrong_labels(labels, 0.2, 5, seed=3), with_wrong_labels(labels, 0.4, 5, seed=3)
    assert torch.equal(more[some != labels], some[some != labels])
    assert not torch.equal(some, with_wrong_labels(labels, 0.2, 5, seed=4))


@pytest.mark.parametrize(("share", "classes", "told"), [(1.5, 3, "share is 1.5"), (0.5, 1, "needs a second one")])
def test_noise_that_cannot_be_is_refused(share, classes, told):
    with pytest.raises(ValueError, match=told):
        with_wrong_labels(torch.zeros(4, dtype=torch.int64), share, classes)


# confusion


def test_the_confusion_matrix_counts_pairs():
    labels, said = torch.randint(5, (2, 200), generator=torch.Generator().manual_seed(0))
    counts = confusion.count(labels, said, 5)
    for truth in range(5):
        for answer in range(5):
            pairs = zip(labels.tolist(), said.tolist(), strict=True)
            assert counts[truth, answer] == sum(pair == (truth, answer) for pair in pairs)


def test_the_largest_confusions_come_first_and_right_answers_are_none():
    counts = torch.tensor([[9, 1, 0], [4, 9, 0], [0, 2, 9]])
    assert confusion.largest(counts, 2) == [(1, 0, 4), (2, 1, 2)]
    assert confusion.largest(torch.eye(3, dtype=torch.int64)) == []
    with pytest.raises(ValueError, match="3 labels against 2 predictions"):
        confusion.count(torch.zeros(3), torch.zeros(2), 3)


def test_the_worst_mistakes_are_wrong_and_the_surest_first():
    logits = torch.tensor([[5.0, 0, 0], [0, 2.0, 0], [0, 4.0, 0], [0, 0, 9.0], [1.0, 0, 0]])
    assert confusion.sure_and_wrong(logits, torch.tensor([0, 0, 0, 2, 1])).tolist() == [2, 1, 4]
    assert confusion.sure_and_wrong(logits, torch.tensor([0, 1, 1, 2, 0])).tolist() == []


# paired differences


def test_the_interval_is_that_of_a_paired_t_test():
    # Worked by hand: differences 2, 4 and 6 points, mean 4, standard deviation 2, t(2 degrees, 95 %) = 4.3027.
    one = effect({0: 0.50, 1: 0.60, 2: 0.70}, {0: 0.52, 1: 0.64, 2: 0.76})
    assert one.mean == pytest.approx(0.04)
    assert one.margin == pytest.approx(4.3027 * 0.02 / math.sqrt(3), rel=1e-4)
    assert one.word == "cannot tell"
    assert str(one) == "cannot tell, +4.0 points, -1.0 to +9.0"


def test_pairs_find_what_separate_means_would_not():
    before = {0: 0.50, 1: 0.60, 2: 0.70}
    after = {0: 0.531, 1: 0.629, 2: 0.730}
    assert effect(before, after).word == "helped"
    assert effect(after, before).word == "hurt"
    shuffled = {0: after[2], 1: after[0], 2: after[1]}
    assert effect(before, shuffled).word == "cannot tell"


def test_two_seeds_are_too_few_however_large_the_effect():
    assert effect({0: 0.1, 1: 0.1}, {0: 0.9, 1: 0.9}).word == "cannot tell"
    assert "too few seeds" in str(effect({0: 0.1}, {0: 0.9}))
    assert effect({0: 0.1}, {1: 0.9}).word == "cannot tell"


def test_a_difference_of_one_image_is_no_effect():
    assert Effect({0: 0.1, 1: 0.1, 2: 0.1}, grain=0.1).word == "cannot tell"
    assert Effect({0: 0.1, 1: 0.1, 2: 0.1}, grain=0.001).word == "helped"


@pytest.mark.parametrize("seeds", [3, 5])
def test_what_does_nothing_gets_a_verdict_in_about_one_of_twenty_studies(seeds):
    luck = random.Random(seeds)
    words = [Effect({s: luck.gauss(0, 0.02) for s in range(seeds)}).word for _ in range(2000)]
    assert 0.03 < 1 - words.count("cannot tell") / 2000 < 0.07


# studies


def test_a_seed_fixes_the_run_and_another_gives_another():
    trial = Trial(images=48, steps=4, augment=Augmentation(scale=0.1), dropout=0.3)
    one, again, other = (train_once(DATA, trial, seed) for seed in (1, 1, 2))
    assert same_weights(snapshot(one.model), snapshot(again.model))
    assert not same_weights(snapshot(one.model), snapshot(other.model))
    assert one.history.finished
    assert one.gap == one.training - one.validation


def test_trials_of_a_seed_start_from_the_same_weights_and_images():
    plain, changed = (study.thin_network(DATA, dropout, seed=5) for dropout in (0.0, 0.5))
    assert same_weights(snapshot(plain), snapshot(changed))
    small, large = subset(DATA.train, 20, seed=5), subset(DATA.train, 80, seed=5)
    assert torch.equal(small.images, large.images[:20])
    assert torch.bincount(small.labels).tolist() == [5, 5, 5, 5]
    assert not torch.equal(small.images, subset(DATA.train, 20, seed=6).images)


def test_wrong_labels_are_learned_from_and_the_validation_labels_stay_right(monkeypatch):
    seen = []

    def train(model, data, recipe, **_):
        seen.append(data)
        return History([1.0], accuracy=[(1, 0.5)], finished=True)

    monkeypatch.setattr(study.training, "train", train)
    train_once(DATA, Trial(images=40, steps=1, wrong_labels=0.5), seed=0)
    (given,) = seen
    assert (given.train.labels != subset(DATA.train, 40, 0).labels).sum() == 20
    assert torch.equal(given.validation.labels, DATA.validation.labels)


@pytest.fixture
def counted(monkeypatch):
    """Training that costs nothing, and the (trial, seed) of each."""
    done = []

    def once(data, trial, seed, device):
        done.append((trial, seed))
        return run(0.9, 0.5 + seed / 10)

    monkeypatch.setattr(study, "train_once", once)
    return done


def test_a_trial_is_run_once_under_whatever_name(counted, capsys):
    lab, trial = Study(DATA), Trial(images=8, steps=1)
    first = lab.run({"a": trial}, (0, 1))
    second = lab.run({"b": trial, "c": Trial(images=9, steps=1)}, iter((0, 1)))
    assert len(counted) == 4
    assert second["b"] == first["a"]
    assert list(second["c"]) == [0, 1]
    assert "Study: 4 runs" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send itself an interrupt that Python sees at once")
def test_an_interrupt_keeps_what_is_finished_and_the_next_call_goes_on(monkeypatch, capsys):
    lab, trials = Study(DATA), {n: Trial(images=n, steps=3) for n in (8, 16, 24)}
    original = study.train_once

    def interrupted(data, trial, seed, device):
        if trial.images == 16:
            monkeypatch.setattr(study, "train_once", original)
            os.kill(os.getpid(), signal.SIGINT)
        return original(data, trial, seed, device)

    monkeypatch.setattr(study, "train_once", interrupted)
    stopped = lab.run(trials, (0,))
    assert 1 <= sum(map(len, stopped.values())) < 3
    assert "stopped after" in capsys.readouterr().out
    assert findings.table(stopped, "so far").rows
    whole = lab.run(trials, (0,))
    assert [len(found) for found in whole.values()] == [1, 1, 1]
    assert whole[8][0] is stopped[8][0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_that_was_stopped_is_no_run(monkeypatch):
    stopped = Run(0.5, 0.5, History([1.0]), torch.nn.Identity())
    monkeypatch.setattr(study, "train_once", lambda *_: stopped)
    assert Study(DATA).run({"a": Trial(8, 3)}, (0, 1), quiet=True) == {"a": {}}


# findings


def test_findings_need_a_finished_run():
    for ask in (findings.finished, findings.accuracies, findings.gap_in_words):
        with pytest.raises(NotHere, match="run the cell above to its end"):
            ask({"a": {}})


def test_trials_without_runs_are_left_out():
    found = {100: runs((1.0, 0.6), (0.9, 0.7)), 400: {}}
    assert findings.accuracies(found) == {"training images": {100: [100, 90]}, "new images": {100: [60, 70]}}
    (row,) = findings.table(found, "t").rows
    assert row["new images"] == "65.0%"
    assert row["lowest to highest"] == "60.0% to 70.0%"
    assert row["gap, points"] == "30.0"


def test_effects_are_differences_from_the_baseline():
    found = {"nothing": runs((1, 0.5), (1, 0.6)), "a": runs((1, 0.6), (1, 0.65)), "b": {}}
    (name, one), *others = findings.effects(found, "nothing", images=50).items()
    assert not others
    assert name == "a"
    assert one.differences == pytest.approx({0: 0.1, 1: 0.05})
    assert one.grain == 1 / 50


def test_effects_need_a_pair():
    with pytest.raises(NotHere, match="No two runs of this study can be compared yet"):
        findings.effects({"nothing": runs((1, 0.5)), "a": {}}, "nothing", images=50)


def test_sentences_follow_the_result():
    shrinking = {100: runs((1.0, 0.6)), 1000: runs((0.9, 0.8))}
    assert findings.gap_in_words(shrinking).endswith("more data narrows it")
    assert findings.gap_in_words({1: shrinking[1000], 2: shrinking[100]}).endswith("here it widens")
    assert findings.gap_in_words({1: shrinking[100]}).endswith("here it hardly changes")
    hurt = Effect({s: d for s, d in enumerate((-0.2, -0.21, -0.19))})
    assert "it **holds** here" in findings.quality_in_words(hurt, 0.4)
    assert "**cannot tell** here" in findings.quality_in_words(Effect({0: -0.5}), 0.4)
    told = findings.remedies_in_words({"rest": Effect({0: 0.1}), "salt": hurt})
    assert told.startswith("**Hurt**: salt. **Cannot tell**: rest.")
    assert told.endswith("The largest mean gain is that of rest (+10.0 points).")
    assert findings.remedies_in_words({"salt": hurt}).endswith("In the mean, none gained.")
    found = {"nothing": runs((1.0, 0.6)), "rest": runs((0.8, 0.7)), "salt": {}}
    assert findings.gaps_in_words(found, "nothing", "rest") == "With rest the gap is 10.0 points, with nothing 40.0."
    assert findings.gaps_in_words(found, "nothing", "salt") == "The runs to compare are not finished."
    assert findings.confused_in_words(torch.eye(2, dtype=torch.int64), "ab") == "It makes no mistake."
    assert (
        findings.confused_in_words(torch.tensor([[3, 2], [0, 5]]), "ab") == 'Most often it takes "a" for "b": 2 of 5.'
    )


def sizes(*after):
    """Runs on 100 and on 400 images, 800 of them used in each training; the accuracies on new images of the larger set."""
    before = {seed: run(1.0, 0.5, images=800) for seed in range(len(after))}
    return {400: {seed: run(0.9, share, images=800) for seed, share in enumerate(after)}, 100: before, 1600: {}}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (
            (0.60, 0.61, 0.62),
            "changes by **+11.0 points** (95 % interval +8.3 to +13.7): the larger set is **better**.",
        ),
        ((0.60, 0.50, 0.40), "the larger set is **not clearly better** here."),
        ((0.40, 0.41, 0.39), "the larger set is **worse** here."),
        (
            (0.60,),
            "changes by **+10.0 points, too few seeds for an interval**: the larger set is **not clearly better**",
        ),
    ],
)
def test_the_larger_set_gets_the_verdict_of_the_pairs(after, told):
    text = findings.more_in_words(sizes(*after), images=500)
    assert text.startswith("From 100 to 400 images the accuracy on new images ")
    assert told in text
    assert ("each image is seen 2.0 times instead of 8.0." in text) == ("**better**" not in text)


def test_one_size_cannot_be_compared():
    assert "only one size is finished" in findings.more_in_words({100: runs((1.0, 0.6)), 400: {}}, images=500)


@pytest.mark.parametrize(
    ("agrees", "told"),
    [
        (0.37, "no sign that it learned the wrong ones by heart in 2 steps."),
        (0.62, "no sign that it learned the wrong ones by heart in 2 steps."),
        (0.99, "it has learned wrong ones **by heart** in 2 steps."),
    ],
)
def test_wrong_labels_are_learned_by_heart_where_right_ones_do_not_explain_the_accuracy(agrees, told):
    text = findings.by_heart_in_words(runs((agrees, 0.3), (agrees, 0.5)), 0.4)
    assert (
        text == f"The network agrees with {agrees:.1%} of the labels that it was given, of which 60% are right: {told}"
    )


def test_without_runs_nothing_is_said_of_learning_by_heart():
    assert findings.by_heart_in_words({}, 0.4).endswith("cannot be told yet.")


def test_a_change_is_told_by_what_it_does_to_new_images():
    up, down = Effect({0: 0.1, 1: 0.11, 2: 0.12}), Effect({0: -0.1, 1: -0.11, 2: -0.12})
    found = {"salt": up, "rest": down, "luck": Effect({0: -0.1, 1: 0.1, 2: 0.0}), "once": Effect({0: 0.1})}
    told = {name: findings.change_in_words(found, name) for name in (*found, "sugar")}
    assert told["salt"] == (
        "With salt the accuracy on new images **rose**: **+11.0 points** (95 % interval +8.5 to +13.5)."
    )
    assert told["rest"].startswith("With rest the accuracy on new images **fell**: **-11.0 points**")
    assert "these seeds **cannot tell**: **+0.0 points** (95 % interval -24.8 to +24.8)" in told["luck"]
    assert told["once"].endswith("**cannot tell**: **+10.0 points, too few seeds for an interval**.")
    assert told["sugar"] == "What sugar did to them is not measured yet."


def test_means_are_those_of_the_statistics_module():
    assert study.mean([0.5, 0.7, 0.9]) == pytest.approx(statistics.mean([0.5, 0.7, 0.9]))
    assert math.isnan(study.mean([]))
