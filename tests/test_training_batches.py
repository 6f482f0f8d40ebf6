"""What a batch size costs and buys."""

import pytest
import torch
from samples import dataset, same_weights, snapshot

from lessons_lib import models, training_batches
from lessons_lib.timing import Measurement
from lessons_lib.training_batches import BatchCost, enough, sweep_batches
from lessons_lib.training_memory import activation_bytes
from lessons_lib.training_steps import Knobs, TrainingStep

LAST = Knobs(indexed=True, channels_last=True)


def cost(batch: int, step_ms: float, per_image: int = 1000, the_rest: int = 5000) -> BatchCost:
    return BatchCost(batch, Measurement("", (step_ms / 1000,) * 4), batch * per_image, the_rest)


def test_every_size_is_measured_in_rising_order_and_the_model_stays():
    model, data = models.build("small", classes=4, seed=0), dataset()
    before = snapshot(model)
    costs, told = sweep_batches(model, data.train, (16, 4, 16), knobs=LAST, seconds=0.2)
    assert [c.batch for c in costs] == [4, 16]
    assert told == ""
    assert all(c.images_per_second > 0 for c in costs)
    assert same_weights(snapshot(model), before)


def test_one_size_alone_and_more_images_than_there_are_can_be_measured():
    (only,), _ = sweep_batches(models.build("small", classes=4), dataset(train=8).train, (12,), knobs=LAST, seconds=0.1)
    assert only.batch == 12


@pytest.mark.parametrize("batch", [3, 8, 20])
def test_activations_counted_on_few_images_are_those_of_the_whole_batch(batch):
    model, data = models.build("small", classes=4, seed=0), dataset(train=20).train
    told = training_batches._activations(model, data, batch)
    assert told == pytest.approx(activation_bytes(model, data.images[:batch]), rel=0.001)


def test_what_does_not_fit_into_the_memory_is_told_and_the_rest_is_measured(monkeypatch):
    def starved(self):
        if next(self.batches)[0].shape[0] > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(TrainingStep, "__call__", starved)
    model, data = models.build("small", classes=4), dataset()
    costs, told = sweep_batches(model, data.train, (4, 8, 16, 32), knobs=LAST, seconds=0.1)
    assert [c.batch for c in costs] == [4, 8]
    assert told == "A batch of 16 does not fit into the memory; larger ones were not tried."
    with pytest.raises(MemoryError, match="Not even a batch of 16"):
        sweep_batches(model, data.train, (16, 32), knobs=LAST, seconds=0.1)


def test_other_errors_are_not_taken_for_a_full_memory(monkeypatch):
    def broken(self):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(TrainingStep, "__call__", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        sweep_batches(models.build("small", classes=4), dataset().train, (4,), knobs=LAST)


def test_the_largest_batch_fills_the_memory_and_not_more():
    one = cost(8, 1.0)
    assert one.total_bytes == 13_000
    assert one.largest_batch(13_000) == 8
    assert one.largest_batch(15_999) == 10
    assert one.largest_batch(5_500) == 0
    assert one.largest_batch(100) == 0


def test_rates_are_in_rising_order_around_the_median():
    one = BatchCost(10, Measurement("", (0.010, 0.020, 0.040)), 1, 1)
    assert one.rates == sorted(one.rates)
    assert one.rates[1] == one.images_per_second == pytest.approx(500)


def test_enough_is_the_smallest_batch_near_the_best():
    costs = [cost(8, 8.0), cost(16, 10.0), cost(32, 19.5), cost(64, 45.0)]
    assert enough(costs).batch == 16
    assert enough(costs, share=1.0).batch == 32
