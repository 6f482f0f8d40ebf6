"""The tools that train for the benchmark pages: the same loop as the course, and mechanisms that do what they say."""

import dataclasses

import pytest
import sample_course  # noqa: F401  (puts tools/ on the path)
import torch
from bench_training import Trained, ratio_of
from loops import course, tutorial
from recipes import network, page, study
from recipes.run import run, share_at
from recipes.variant import Variant, key
from samples import dataset
from torch import nn

from lessons_lib import models, training
from lessons_lib.gpu_training.muon import Muon, orthogonal

SHORT = training.Recipe(steps=4, batch_size=16)


def test_the_courses_loop_of_the_benchmark_is_that_of_the_course():
    data = dataset()
    by_loop, by_course = (models.build("small", classes=4, seed=0) for _ in range(2))
    losses = list(course(data.train, by_loop, SHORT, 4, seed=0))
    assert losses == training.train(by_course, data, SHORT, quiet=True).loss
    assert torch.equal(by_loop.head.weight, by_course.head.weight)


def test_all_loops_train_on_the_same_batches_with_the_same_result():
    data = dataset()
    networks = [models.build("small", classes=4, seed=0) for _ in range(3)]
    losses = [
        list(tutorial(data.train, networks[0], SHORT, 4, seed=0)),
        list(tutorial(data.train, networks[1], SHORT, 4, seed=0, ready=True)),
        list(course(data.train, networks[2], SHORT, 4, seed=0)),
    ]
    assert losses[0] == pytest.approx(losses[1])
    assert losses[0] == pytest.approx(losses[2], rel=1e-4)
    assert losses[0][-1] < losses[0][0]


def test_a_ratio_of_the_benchmark_is_judged_turn_by_turn():
    turns = [10.0, 11.0, 30.0, 12.0, 10.5, 11.5]
    kinds = {"tutorial": turns, "course": [ms / 2 for ms in turns]}
    runs = [{kind: Trained(step_ms, 0.9) for kind, step_ms in kinds.items()}]
    assert ratio_of(runs, "course").ratio == pytest.approx(2.0, rel=1e-6)


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (16, 16)])
def test_an_orthogonal_update_counts_every_direction_alike(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape), rounds=6))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_muon_makes_a_loss_smaller_and_keeps_the_length_of_the_weights():
    torch.manual_seed(0)
    layer, x = nn.Conv2d(3, 8, 3), torch.randn(16, 3, 8, 8)
    optimiser, losses = Muon([layer.weight], rate=0.05), []
    for _ in range(30):
        loss = (layer(x) - x[:, :1, 1:-1, 1:-1]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[1]
    assert layer.weight.norm().item() == pytest.approx(8**0.5, rel=0.3)


def test_pooling_first_changes_nothing_once_trained_where_the_norm_keeps_the_order():
    block = models.conv_block(3, 4, pool=True).eval()
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(network.pool_first(block)(x), block(x))


def test_whitened_filters_answer_with_equal_variance_and_apart():
    torch.manual_seed(0)
    x, weight = torch.randn(64, 1, 12, 12).cumsum(3).cumsum(2) * 0.1, torch.zeros(9, 1, 3, 3)
    network.whiten(weight, x)
    answers = torch.nn.functional.conv2d(x, weight).transpose(0, 1).reshape(9, -1)
    covariance = torch.cov(answers)
    apart = covariance - covariance.diagonal().diag()
    assert apart.abs().max() < 0.05
    assert covariance.diagonal().max() < 1.05


def test_the_schedule_of_the_search_is_that_of_the_course_unless_it_says_otherwise():
    recipe = training.Recipe(peak_rate=1.0)
    for step in range(50):
        assert share_at(Variant(), step, 50) == pytest.approx(recipe.rate_at(step, 50))
    cosine = [share_at(Variant(schedule="cosine"), step, 50) for step in range(50)]
    assert max(cosine) <= 1
    assert cosine[-1] < 0.01


@pytest.mark.parametrize(
    "change",
    [{}, {"optimiser": "muon"}, {"average": 0.5}, {"flips": True, "test_flips": True}, {"shift": 1}, {"network": "pool first"},
     {"initialise": "dirac"}, {"initialise": "kaiming"}, {"initialise": "whiten"}, {"zero_head": True}, {"width": 0.5}],
    ids=str,
)  # fmt: skip
def test_every_variant_of_the_search_learns_and_does_so_again_with_the_same_seed(change):
    data = dataset(channels=1)
    variant = dataclasses.replace(Variant(batch_size=16), **change)
    first, again = (run(variant, data, 12, seed=3) for _ in range(2))
    assert first.validation == again.validation
    assert first.validation > 0.3


def test_the_page_tells_what_was_reached_what_helped_and_what_was_not_run():
    kept = {"runs": {}, "seconds": {}, "machine": {"date": "2026-01-01", "cpu": "c", "cores": 2, "threads": 2}}
    kept["machine"] |= {"python": "3.11", "packages": {"torch": "2.13"}}
    first = study.STAGES[0]
    for name, variant in list(first.variants().items())[:2]:
        for seed in study.SEEDS:
            share = 0.8 + 0.01 * seed + 0.05 * (name != "unchanged")
            kept["runs"][key(variant, first.steps, seed)] = {"validation": share, "test": share}
    recipe, (steps, *_) = study.TARGETS[0.90]
    for seed in study.SEEDS:
        kept["runs"][key(recipe, steps, seed)] = {"validation": 0.91, "test": 0.905}
    kept["seconds"]["90%"] = [{"seconds": 5.0 + seed, "test": 0.905, "steps": steps} for seed in study.SEEDS]
    text = page.page(kept)
    assert "+5.0 points, +5.0 to +5.0 | +5.00, +5.00, +5.00 | helped" in text
    assert f"| {steps:,} | {steps * 64 / 50_000:.2f} | 6.0 (5.0 to 7.0) |" in text
    assert "not reached" in text
    assert "not run" in text


def test_timed_runs_count_when_it_is_judged_whether_a_target_was_reached():
    recipe, (fewer, more, *_) = study.TARGETS[0.90]
    runs = {key(recipe, steps, seed): {"test": 0.901} for steps in (fewer, more) for seed in study.SEEDS}
    kept = {"runs": runs, "seconds": {}}
    assert page.fewest(kept, 0.90) == fewer
    kept["seconds"]["90%"] = [{"steps": fewer, "test": 0.898, "seconds": 1.0}] * 3
    assert page.fewest(kept, 0.90) == more
    assert page.timed_runs(kept, 0.90, more) == []
