"""What training mode does to answers and statistics, what predictions leave behind, and how it is told."""

import copy

import pytest
import torch
from samples import dataset, learnt, same_weights, snapshot
from torch import nn

from lessons_lib import modes, training

DATA = dataset()


def test_a_fingerprint_changes_with_a_single_bit_and_with_a_running_statistic():
    model = copy.deepcopy(learnt("small"))
    before = modes.fingerprint(model)
    assert modes.fingerprint(copy.deepcopy(model)) == before
    assert len(before) == 12
    with torch.no_grad():
        weight = model.head.weight
        weight[0, 0] = torch.nextafter(weight[0, 0], torch.tensor(9.0))
    changed = modes.fingerprint(model)
    model.blocks[0][1].num_batches_tracked += 1
    assert len({before, changed, modes.fingerprint(model)}) == 3


def test_in_evaluation_mode_company_makes_no_difference_and_in_training_mode_it_does():
    model = learnt("small")
    x = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 4 - 2
    still = [modes.confidence(model, batch, 1) for batch in (x[:1], x)]
    assert still[0] == pytest.approx(still[1], abs=1e-5)
    learning = [modes.confidence(modes.in_training_mode(model), batch, 1) for batch in (x[:1], x)]
    assert abs(learning[0] - learning[1]) > 1e-3


def test_accuracies_leave_the_model_as_it_was_and_name_the_rows():
    model = learnt("small")
    before = snapshot(model)
    rows = modes.accuracies(model, DATA.test, (1, 8))
    assert same_weights(before, snapshot(model))
    assert not model.training
    assert [row["images"] for row in rows] == ["1 at a time", "8 at a time", "8 at a time, sorted by class"]
    steady = training.accuracy(model, DATA.test)
    assert all(row["evaluation mode"] == pytest.approx(steady) for row in rows)
    assert modes.accuracy_table(rows, 40).rows[0]["evaluation mode"] == f"{steady:.1%}"


def test_sorted_images_keep_their_labels():
    parts = modes.sorted_by_class(DATA.test)
    assert parts.labels.tolist() == sorted(DATA.test.labels.tolist())
    pairs = {(int(y), image.sum().item()) for image, y in zip(DATA.test.images, DATA.test.labels, strict=True)}
    assert {(int(y), image.sum().item()) for image, y in zip(parts.images, parts.labels, strict=True)} == pairs


def test_predicting_in_training_mode_moves_the_statistics_and_no_weight():
    model = learnt("small")
    used = modes.after_predicting(model, DATA.test.images[:8], times=5)
    assert not used.training
    changed = {name for name, value in used.state_dict().items() if not torch.equal(value, model.state_dict()[name])}
    assert changed
    assert all("running" in name or "tracked" in name for name in changed)


def test_no_grad_keeps_nothing_and_nothing_around_it_keeps_the_activations():
    model, x = learnt("small"), torch.zeros(4, 3, 16, 16)
    kept = {name: modes.kept_bytes(model, x, context) for name, context in modes.WITHOUT_GRADIENTS.items()}
    assert kept["no_grad"] == kept["inference_mode"] == 0
    first_convolution = 4 * 32 * 16 * 16 * 4  # images, channels, height, width, bytes
    assert kept["with gradients"] > first_convolution


def test_contexts_are_compared_with_nothing_around():
    found = modes.compare_contexts(nn.Linear(4, 2), torch.zeros(1, 4), seconds=0.05)
    assert set(found.verdicts) == {"no_grad", "inference_mode"}


def test_what_training_mode_costs_is_told_and_also_where_it_costs_nothing():
    rows = [
        {"images": "1 at a time", "evaluation mode": 0.99, "training mode": 0.40},
        {"images": "8 at a time", "evaluation mode": 0.99, "training mode": 0.98},
    ]
    told = modes.modes_told(rows)
    assert told.startswith("In evaluation mode the company makes no difference: 99.0% right.")
    assert "**40.0%** with images 1 at a time: 59 points" in told
    assert "hardly lower" in modes.modes_told([rows[1] | {"training mode": 0.985}])
    assert "from 99.0% to **50.0%**" in modes.damage_told(0.99, 0.5, "stop")
    assert "did little harm: 99.0% right before" in modes.damage_told(0.99, 0.99, "stop")
